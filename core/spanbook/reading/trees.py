"""Trees: the spans of a trace in the order of a page, each with its depth and its place in time."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from spanbook.reading import lanes
from spanbook.reading.rows import SpanRow
from spanbook.spans import Status


class Node(NamedTuple):
    """A span in a tree: a tuple, since ten thousand are made at once.

    `children` counts the spans right below, `descendants` all below, `errors` the failed ones of
    these. `offset` and `width` are fractions of the tree's axis. `orphan`: the way up ends at a
    parent that is not there.
    """

    span: SpanRow
    depth: int
    orphan: bool
    children: int
    descendants: int
    errors: int
    offset: float
    width: float


@dataclass(frozen=True, slots=True)
class Tree:
    """All spans of a trace, each exactly once: parents before children, siblings by start.

    The orphans and what is below them stand after everything else. The axis, from `start_ns` to
    `end_ns`, holds every span, also one that outlives its root; while one runs it ends now.
    """

    nodes: tuple[Node, ...]
    start_ns: int
    end_ns: int
    roots: tuple[Node, ...] = field(init=False)
    orphans: tuple[Node, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Find the heads."""
        heads = [node for node in self.nodes if node.depth == 0]
        object.__setattr__(self, "roots", tuple(node for node in heads if not node.orphan))
        object.__setattr__(self, "orphans", tuple(node for node in heads if node.orphan))

    def lanes(self) -> list[int]:
        """Return the lane of each node in a timeline that draws several spans on a line."""
        return lanes.assign([node.span for node in self.nodes], self.end_ns)


@dataclass(slots=True)
class _Place:
    """Where a span stands in the order: the index of the span, its depth, its parent's place."""

    index: int
    depth: int
    parent: int
    orphan: bool
    children: int = 0
    descendants: int = 0
    errors: int = 0


def build(spans: Sequence[SpanRow], now: int | None = None) -> Tree:
    """Return the tree of `spans`, which may lack parents or go in circles.

    `now`, in nanoseconds since 1970, is where running spans end; None: the clock says.
    """
    below, roots, orphans = _families(spans)
    places = list(_walk(spans, below, roots, orphan=False))
    places += _walk(spans, below, orphans, orphan=True, before=len(places))
    if len(places) < len(spans):
        places += _circles(spans, below, places)
    _count(spans, places)
    start, end = _axis(spans, time.time_ns() if now is None else now)
    return Tree(tuple(_node(spans[place.index], place, start, end) for place in places), start, end)


def _families(spans: Sequence[SpanRow]) -> tuple[list[list[int]], list[int], list[int]]:
    """Return for each span its children by start, then the roots, then the orphans."""
    known = {span.span_id: i for i, span in enumerate(spans)}
    below: list[list[int]] = [[] for _ in spans]
    roots: list[int] = []
    orphans: list[int] = []
    for i in sorted(range(len(spans)), key=lambda i: spans[i].start_ns):
        parent_id = spans[i].parent_id
        parent = None if parent_id is None else known.get(parent_id)
        if parent_id is None:
            roots.append(i)
        elif parent is None:
            orphans.append(i)
        else:
            below[parent].append(i)
    return below, roots, orphans


def _walk(
    spans: Sequence[SpanRow],
    below: list[list[int]],
    heads: list[int],
    *,
    orphan: bool,
    before: int = 0,
    seen: set[int] | None = None,
) -> Iterator[_Place]:
    """Yield `heads` and all below them in order; `before` places stand already."""
    pending = [(head, 0, -1) for head in reversed(heads)]
    while pending:
        index, depth, parent = pending.pop()
        if seen is not None:
            if index in seen:
                continue
            seen.add(index)
        yield _Place(index, depth, parent, orphan)
        pending += [(child, depth + 1, before) for child in reversed(below[index])]
        before += 1


def _circles(
    spans: Sequence[SpanRow], below: list[list[int]], places: list[_Place]
) -> Iterator[_Place]:
    """Yield the spans that no head leads to: each circle is opened at its earliest span."""
    seen = {place.index for place in places}
    parents = {child: parent for parent, children in enumerate(below) for child in children}
    before = len(places)
    for index in sorted(range(len(spans)), key=lambda i: spans[i].start_ns):
        if index in seen:
            continue
        head = min(_circle(index, parents), key=lambda i: (spans[i].start_ns, i))
        opened = list(_walk(spans, below, [head], orphan=True, before=before, seen=seen))
        before += len(opened)
        yield from opened


def _circle(index: int, parents: dict[int, int]) -> list[int]:
    """Return the circle that the way up from `index` ends in."""
    way: dict[int, None] = {}
    while index not in way:
        way[index] = None
        index = parents[index]
    steps = list(way)
    return steps[steps.index(index) :]


def _count(spans: Sequence[SpanRow], places: list[_Place]) -> None:
    for place in reversed(places):
        if place.parent >= 0:
            parent = places[place.parent]
            parent.children += 1
            parent.descendants += place.descendants + 1
            parent.errors += place.errors + (spans[place.index].status is Status.ERROR)


def _axis(spans: Sequence[SpanRow], now: int) -> tuple[int, int]:
    if not spans:
        return now, now
    start = min(span.start_ns for span in spans)
    known = [span.start_ns for span in spans]
    known += [span.end_ns for span in spans if span.end_ns is not None]
    if any(span.status is Status.RUNNING for span in spans):
        known.append(now)
    return start, max(known)


def _node(span: SpanRow, place: _Place, start: int, end: int) -> Node:
    offset, width = 0.0, 1.0
    if end > start:
        length = end - start
        until = end if span.end_ns is None else max(span.end_ns, span.start_ns)
        offset = (span.start_ns - start) / length
        width = (until - span.start_ns) / length
    return Node(
        span, place.depth, place.orphan, place.children, place.descendants, place.errors,
        offset, width,
    )  # fmt: skip
