"""Changes: what tells one architecture from another, in words, made here and always the same."""

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from spanbook.architecture.component import Component

_SHORT = 60  # characters of a value that is quoted whole
_LINES = 4_000  # of one text that are compared line by line
_NUMBER = re.compile(r"\[\d+\]")

State = Literal["same", "changed", "added", "removed"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: at which path, of which component, of which parameter, and in words.

    `parameter` is "" where a whole component was added or removed.
    """

    path: str
    name: str
    parameter: str
    words: str
    before: Any = None
    after: Any = None


@dataclass(frozen=True, slots=True)
class Pair:
    """A component of either tree, or of one of them: what became of it, but not of its parts."""

    path: str
    before: Component | None
    after: Component | None
    changes: tuple[Change, ...]

    @property
    def component(self) -> Component:
        """The component as it is now, or as it was when it is gone."""
        found = self.after or self.before
        assert found is not None
        return found

    @property
    def state(self) -> State:
        """What became of it."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "removed"
        return "changed" if self.changes else "same"


def pairs(before: Component, after: Component) -> list[Pair]:
    """Return the components of both trees, those that stand for each other as one.

    Parts are matched by role, class and name in their order, what is left by its place; so a step
    that is put in front of others is one that was added, and not a change of them all.
    """
    found: list[Pair] = []
    pending: list[tuple[str, Component | None, Component | None]] = [("", before, after)]
    while pending:
        path, old, new = pending.pop()
        pair = Pair(path, old, new, tuple(_changes(path, old, new)))
        found.append(pair)
        inner = _matched(old.parts if old else (), new.parts if new else ())
        pending += [(_path(path, one, other), one, other) for one, other in reversed(inner)]
    return found


def changes(before: Component, after: Component) -> list[Change]:
    """Return what changed from `before` to `after`, by component in the order of the trees."""
    return [change for pair in pairs(before, after) for change in pair.changes]


def headline(found: Sequence[Change]) -> str:
    """Return in one line how many changes of which sort there are."""
    if not found:
        return "No change."
    sorts = Counter(
        "changed" if change.parameter else "removed" if change.after is None else "added"
        for change in found
    )
    nouns = {"changed": "parameter", "added": "component", "removed": "component"}
    told = [
        f"{sorts[sort]:,} {noun}{'' if sorts[sort] == 1 else 's'} {sort}"
        for sort, noun in nouns.items()
        if sorts[sort]
    ]
    return f"{', '.join(told)}."


def _path(above: str, old: Component | None, new: Component | None) -> str:
    found = new or old
    place = "" if found is None else found.place
    return f"{above}.{place}" if above else place


Parts = Sequence[Component]
Matched = tuple[Component | None, Component | None]


def _matched(old: Parts, new: Parts) -> list[Matched]:
    """Return parts of two components in common slots."""
    matcher = difflib.SequenceMatcher(None, [*map(_key, old)], [*map(_key, new)], autojunk=False)
    found: list[Matched] = []
    for tag, first, last, start, end in matcher.get_opcodes():
        if tag == "equal":
            found += zip(old[first:last], new[start:end], strict=True)
        else:
            found += _by_place(old[first:last], new[start:end])
    return found


def _key(part: Component) -> tuple[str, str, str, str]:
    return (_NUMBER.sub("[]", part.place), part.role, part.cls, part.name)


def _by_place(old: Parts, new: Parts) -> Iterator[Matched]:
    left: dict[str, list[Component]] = {}
    for part in old:
        left.setdefault(part.place, []).append(part)
    partner: dict[int, Component] = {}
    for number, part in enumerate(new):
        if left.get(part.place):
            partner[number] = left[part.place].pop(0)
    kept = {id(part) for part in partner.values()}
    yield from ((part, None) for part in old if id(part) not in kept)
    yield from ((partner.get(number), part) for number, part in enumerate(new))


def _changes(path: str, old: Component | None, new: Component | None) -> Iterator[Change]:
    if old is None or new is None:
        found = new or old
        assert found is not None
        word = "added" if old is None else "removed"
        words = f"{found.role} {found.name} {word}"
        yield Change(path, found.name, "", words, old and old.name, new and new.name)
        return
    one, other = settings(old), settings(new)
    for key in dict.fromkeys([*other, *one]):
        before, after = one.get(key), other.get(key)
        if before != after:
            yield Change(path, new.name, key, _words(key, before, after), before, after)


def settings(component: Component) -> Mapping[str, Any]:
    """Return what can change of a component: role, class, name, parameters, edges as text."""
    own = {"role": component.role, "class": component.cls, "name": component.name}
    own |= component.parameters
    if component.edges:
        own["edges"] = "\n".join(
            f"{edge.source} → {edge.target}{f' ({edge.label})' if edge.label else ''}"
            for edge in component.edges
        )
    return own


def _words(key: str, before: Any, after: Any) -> str:
    if key == "class":
        before, after = _last(before), _last(after)
    return f"{key} {_difference(before, after)}"


def _difference(one: Any, other: Any) -> str:
    if isinstance(one, str) and isinstance(other, str):
        old, new = one.splitlines(), other.splitlines()
        if max(len(one), len(other)) > _SHORT or len(old) > 1 or len(new) > 1:
            return _line_count(old, new)
    return f"{_short(one)} → {_short(other)}"


def _line_count(old: Sequence[str], new: Sequence[str]) -> str:
    if max(len(old), len(new)) > _LINES:
        return f"{len(old):,} → {len(new):,} lines"
    codes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    gone = sum(last - first for tag, first, last, _, _ in codes if tag != "equal")
    added = sum(end - start for tag, _, _, start, end in codes if tag != "equal")
    return f"+{added:,} −{gone:,} lines"


def _short(value: Any) -> str:
    if value is None:
        return "not set"
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= _SHORT else text[:_SHORT] + "…"


def _last(cls: Any) -> str:
    return str(cls).rpartition(".")[2] or "?"
