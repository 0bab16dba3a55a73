"""The rows of a trace's tree that a page shows: all of a small trace, a fair part of a big one."""

from collections import deque
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from spanbook.reading.trees import Node, Tree
from spanbook.spans import Status
from spanbook_viewer.choice import Choice

SMALL = 500  # traces up to this many spans are shown whole
CHILDREN = 50  # of one span at first, in a trace that is not small
PAGE = 500  # children of a span that was opened

ROOTS, ORPHANS = "roots", "orphans"  # stand as ids where no span is the parent


@dataclass(slots=True)
class Row:
    """One line of the tree: a span, the heading of the orphans, or what is not shown.

    `closes` is the number of lists that end after this line; `opens` says that one begins.
    `inside` is the number of children of a span of which none is shown.
    """

    depth: int
    node: Node | None = None
    opens: bool = False
    closes: int = 0
    inside: int = 0
    orphans: int = 0
    hidden: str = ""  # the words for spans that this line stands for, such as "and 213 more"
    opener: str = ""  # whose children they are
    first: int = 0  # number of the first child that following the line shows


@dataclass(frozen=True, slots=True)
class Outline:
    """The rows shown, and how many spans that is."""

    rows: list[Row]
    shown: int
    depth: int


def outline(tree: Tree, choice: Choice, selected: str, small: int = SMALL) -> Outline:
    """Return the rows of `tree` that `choice` asks for; the selected span is among them if kept.

    Up to `small` spans are all shown.
    """
    kept = kept_spans(tree, choice)
    if len(kept.nodes) <= small:
        rows = _all_rows(kept)
    else:
        rows = _some_rows(kept, _windows(kept, choice.opened, selected))
    for row, following in pairwise([*rows, Row(depth=0)]):
        row.opens = following.depth > row.depth
        row.closes = max(0, row.depth - following.depth)
    shown = sum(1 for row in rows if row.node)
    return Outline(rows, shown, max((row.depth for row in rows), default=0))


@dataclass(slots=True)
class Kept:
    """The spans that pass the filters, parents before children, with their depths among these.

    `below` counts the spans below each, so that siblings are found without visiting what lies
    between them.
    """

    nodes: Sequence[Node]
    depths: Sequence[int]
    below: Sequence[int]
    places: dict[str, int] = field(default_factory=dict[str, int])

    def children(self, key: str) -> list[int]:
        """Return the places of the spans right below the span `key`, or of the heads."""
        if key in (ROOTS, ORPHANS):
            heads = self._siblings(0, len(self.nodes))
            return [place for place in heads if self.nodes[place].orphan == (key == ORPHANS)]
        place = self.places[key]
        return self._siblings(place + 1, place + 1 + self.below[place])

    def _siblings(self, first: int, end: int) -> list[int]:
        found: list[int] = []
        while first < end:
            found.append(first)
            first += self.below[first] + 1
        return found

    def parents(self) -> dict[str, str]:
        """Return for each span the key of the one above it."""
        above: dict[str, str] = {}
        way: list[str] = []
        for node, depth in zip(self.nodes, self.depths, strict=True):
            del way[depth:]
            above[node.span.span_id] = way[-1] if way else ORPHANS if node.orphan else ROOTS
            way.append(node.span.span_id)
        return above


def kept_spans(tree: Tree, choice: Choice) -> Kept:
    """Return what the filters keep; the children of a hidden span move up to its parent."""
    nodes: Sequence[Node] = tree.nodes
    depths = [node.depth for node in nodes]
    below = [node.descendants for node in nodes]
    if choice.only_errors or choice.hidden:
        nodes, depths = _filtered(tree, choice)
        below = _below(depths)
    places = {node.span.span_id: i for i, node in enumerate(nodes)} if len(nodes) > SMALL else {}
    return Kept(nodes, depths, below, places)


def _filtered(tree: Tree, choice: Choice) -> tuple[list[Node], list[int]]:
    nodes: list[Node] = []
    depths: list[int] = []
    above = [0]  # for each depth in the whole tree, how many spans of the way there are kept
    for node in tree.nodes:
        del above[node.depth + 1 :]
        keep = node.span.kind not in choice.hidden and (
            not choice.only_errors or node.span.status is Status.ERROR or node.errors > 0
        )
        if keep:
            nodes.append(node)
            depths.append(above[-1])
        above.append(above[-1] + keep)
    return nodes, depths


def _below(depths: Sequence[int]) -> list[int]:
    below = [0] * len(depths)
    way: list[int] = []
    for place, depth in enumerate([*depths, 0]):
        for upper in way[depth:]:
            below[upper] = place - upper - 1
        del way[depth:]
        way.append(place)
    return below


def _all_rows(kept: Kept) -> list[Row]:
    rows = [
        Row(depth + node.orphan, node) for node, depth in zip(kept.nodes, kept.depths, strict=True)
    ]
    heads = [place for place, row in enumerate(rows) if _is_orphan_head(row)]
    if heads:  # the orphans stand after everything else
        rows.insert(heads[0], Row(0, orphans=len(heads)))
    return rows


def _is_orphan_head(row: Row) -> bool:
    return row.node is not None and row.node.orphan and row.depth == 1


def _windows(
    kept: Kept, opened: Mapping[str, int], selected: str
) -> dict[str, tuple[list[int], int, int]]:
    """Return which children of which spans are shown: all their places, the first, the end.

    They are chosen breadth first, so that no part of the tree uses up the space; the ways to the
    selected span and to opened ones are shown in any case.
    """
    needed = _ways(kept, [*opened, selected])
    forced = {ROOTS, ORPHANS, *opened, *needed.values()}
    budget = SMALL * (1 + len(opened))
    windows: dict[str, tuple[list[int], int, int]] = {}
    queue = deque([ROOTS, ORPHANS])
    while queue:
        key = queue.popleft()
        children = kept.children(key)
        first, end = _window(kept, children, opened.get(key), needed)
        windows[key] = (children, 0, 0)
        if end - first <= budget or key in forced:
            budget -= end - first
            windows[key] = (children, first, end)
            inner = (kept.nodes[child].span.span_id for child in children[first:end])
            queue.extend(inner)
    return windows


def _ways(kept: Kept, wanted: Iterable[str]) -> dict[str, str]:
    """Return each span on the way down to the `wanted` ones, with the key of the one above it."""
    above = kept.parents()
    ways: dict[str, str] = {}
    for key in wanted:
        while key in above and key not in ways:
            ways[key] = above[key]
            key = above[key]
    return ways


def _window(
    kept: Kept, children: Sequence[int], opened: int | None, needed: Mapping[str, str]
) -> tuple[int, int]:
    """Return the numbers of the first child shown and of the first after it that is not."""
    length = CHILDREN if opened is None else PAGE
    first = opened if opened and opened < len(children) else 0
    if len(children) > length:
        wanted = [
            number
            for number, place in enumerate(children)
            if kept.nodes[place].span.span_id in needed
        ]
        if wanted and not any(first <= number < first + length for number in wanted):
            first = wanted[0] // length * length
    return first, min(len(children), first + length)


def _some_rows(kept: Kept, windows: Mapping[str, tuple[list[int], int, int]]) -> list[Row]:
    """Return the rows in the order of the page, without recursion: chains may be very deep."""
    rows: list[Row] = []
    top = _section(kept, windows, ROOTS, 0)
    orphans = len(windows[ORPHANS][0])
    if orphans:
        top.append(Row(0, orphans=orphans, opener=ORPHANS))
    stack = top[::-1]
    while stack:
        row = stack.pop()
        rows.append(row)
        key = row.node.span.span_id if row.node else ORPHANS if row.orphans else ""
        if key in windows:
            stack.extend(reversed(_section(kept, windows, key, row.depth + 1)))
    return rows


def _section(
    kept: Kept, windows: Mapping[str, tuple[list[int], int, int]], key: str, depth: int
) -> list[Row]:
    """Return the rows right below one span, with lines for the children that are not shown."""
    children, first, end = windows[key]
    rows = [_row(kept, windows, place, depth) for place in children[first:end]]
    if first:
        before = Row(depth, hidden=f"{first:,} before", opener=key, first=max(0, first - PAGE))
        rows.insert(0, before)
    rest = len(children) - end
    if rows and rest:
        following = end if end >= PAGE else 0
        rows.append(Row(depth, hidden=f"and {rest:,} more", opener=key, first=following))
    return rows


def _row(
    kept: Kept, windows: Mapping[str, tuple[list[int], int, int]], place: int, depth: int
) -> Row:
    node = kept.nodes[place]
    children, _, end = windows[node.span.span_id]
    return Row(depth, node, inside=0 if end else len(children))


def neighbours(tree: Tree, selected: str, wanted: Container[str]) -> tuple[str | None, str | None]:
    """Return the `wanted` spans before and after the selected one, going around the end."""
    ids = [node.span.span_id for node in tree.nodes]
    here = ids.index(selected)
    around = [span for span in (*ids[here + 1 :], *ids[:here]) if span in wanted]
    return (around[-1], around[0]) if around else (None, None)


def indent(depth: int) -> int:
    """Return how far a row stands in, in pixels: 16 a level, less from where chains get deep."""
    return 16 * min(depth, 8) + 4 * min(max(depth - 8, 0), 16) + max(depth - 24, 0)
