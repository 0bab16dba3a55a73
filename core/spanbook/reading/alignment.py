"""Alignment: the trees of several traces side by side, spans matched by kind, name and position."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from spanbook.reading import trees
from spanbook.reading.rows import SpanRow


@dataclass(frozen=True, slots=True)
class AlignedRow:
    """Spans of several traces that stand in the same place; None where a trace has none there.

    `moved`: a trace without it has such a span among the same siblings, but in another order.
    """

    depth: int
    spans: tuple[SpanRow | None, ...]
    moved: bool

    @property
    def span(self) -> SpanRow:
        """The first of the spans."""
        return next(span for span in self.spans if span is not None)

    @property
    def is_whole(self) -> bool:
        """Whether every trace has such a span there."""
        return None not in self.spans


@dataclass(slots=True)
class _Branch:
    """A span with those below it."""

    span: SpanRow
    below: "list[_Branch]" = field(default_factory=list["_Branch"])

    @property
    def key(self) -> tuple[str, str]:
        return (str(self.span.kind), self.span.name)


_Slot = list[_Branch | None]


def align(traces: Sequence[Sequence[SpanRow]], now: int | None = None) -> list[AlignedRow]:
    """Return a row for each place of the trees, parents before what is below them.

    Roots are matched by their place: two traces are compared even if they are called differently.
    """
    roots = [_branches(spans, now) for spans in traces]
    first: _Slot = [found[0] if found else None for found in roots]
    slots = [first] if any(first) else []
    slots += _matched([found[1:] for found in roots])
    pending = [(slot, 0, moved) for slot, moved in reversed(_marked(slots))]
    rows: list[AlignedRow] = []
    while pending:
        slot, depth, moved = pending.pop()
        rows.append(AlignedRow(depth, tuple(one and one.span for one in slot), moved))
        inner = _marked(_matched([one.below if one else [] for one in slot]))
        pending += [(below, depth + 1, is_moved) for below, is_moved in reversed(inner)]
    return rows


def _branches(spans: Sequence[SpanRow], now: int | None) -> list[_Branch]:
    heads: list[_Branch] = []
    way: list[_Branch] = []
    for node in trees.build(spans, now).nodes:
        branch = _Branch(node.span)
        del way[node.depth :]
        (way[-1].below if way else heads).append(branch)
        way.append(branch)
    return heads


def _matched(families: Sequence[list[_Branch]]) -> list[_Slot]:
    """Return siblings of all traces in common slots, each trace in its own order."""
    slots: list[_Slot] = []
    for number, family in enumerate(families):
        slots = list(_merged(slots, family, number))
    for slot in slots:
        slot += [None] * (len(families) - len(slot))
    return slots


def _merged(slots: list[_Slot], family: list[_Branch], number: int) -> Iterator[_Slot]:
    keys = [next(one.key for one in slot if one is not None) for slot in slots]
    matcher = SequenceMatcher(None, keys, [branch.key for branch in family], autojunk=False)
    for tag, first, last, start, end in matcher.get_opcodes():
        if tag == "equal":
            for slot, branch in zip(slots[first:last], family[start:end], strict=True):
                yield [*slot, branch]
            continue
        for slot in slots[first:last]:
            yield [*slot, None]
        for branch in family[start:end]:
            yield [*[None] * number, branch]


def _marked(slots: list[_Slot]) -> list[tuple[_Slot, bool]]:
    """Return the slots, each with whether a trace that lacks it has the same elsewhere."""
    lone: dict[tuple[str, str], list[set[int]]] = {}
    keys = [next(one.key for one in slot if one is not None) for slot in slots]
    held = [{n for n, one in enumerate(slot) if one is not None} for slot in slots]
    for key, slot, there in zip(keys, slots, held, strict=True):
        if len(there) < len(slot):
            lone.setdefault(key, []).append(there)
    return [
        (slot, len(there) < len(slot) and any(not (there & o) for o in lone.get(key, [])))
        for key, slot, there in zip(keys, slots, held, strict=True)
    ]
