"""The execution graph: what called what and whose output went where, spans of one name as one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from spanbook.reading.trees import Tree
from spanbook.spans import SpanKind, Status

_MOST = 200  # nodes; what goes beyond is gathered below its parent
_GATHERED = "others"

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class GraphNode:
    """The spans of one name and kind that one node above called: how many, how long together."""

    number: int
    parent: int | None
    depth: int
    kind: SpanKind
    name: str
    count: int
    errors: int
    total: timedelta


@dataclass(frozen=True, slots=True)
class Flow:
    """Outputs of `source` that became inputs of `target`, nodes by number, so many times."""

    source: int
    target: int
    count: int


@dataclass(frozen=True, slots=True)
class Graph:
    """The nodes, parents before children and in order of their starts, and the flows of data."""

    nodes: tuple[GraphNode, ...]
    flows: tuple[Flow, ...]


@dataclass(slots=True)
class _Group:
    parent: int | None
    depth: int
    kind: SpanKind
    name: str
    count: int = 0
    errors: int = 0
    total_ns: int = 0


def build(tree: Tree, flows: Iterable[Pair] = ()) -> Graph:
    """Return the graph of a trace; `flows` are pairs of span ids, from an output to an input.

    A flow whose ends are not both in the trace is left out.
    """
    groups: list[_Group] = []
    numbers: dict[tuple[int | None, str, str], int] = {}
    number_of: dict[str, int] = {}
    way: list[int] = []  # the groups of the spans above
    for node in tree.nodes:
        del way[node.depth :]
        parent = way[-1] if way else None
        number = _group(groups, numbers, parent, node.span.kind, node.span.name)
        group = groups[number]
        group.count += 1
        group.errors += node.span.status is Status.ERROR
        group.total_ns += node.span.duration_ns or 0
        number_of[node.span.span_id] = number
        way.append(number)
    return Graph(tuple(_nodes(groups)), tuple(_flows(flows, number_of)))


def _group(
    groups: list[_Group],
    numbers: dict[tuple[int | None, str, str], int],
    parent: int | None,
    kind: SpanKind,
    name: str,
) -> int:
    key = (parent, kind, name)
    if key not in numbers and len(groups) >= _MOST:
        if parent is not None and groups[parent].name == _GATHERED:
            return parent
        kind, name = SpanKind.STEP, _GATHERED
        key = (parent, kind, name)
    number = numbers.get(key)
    if number is None:
        depth = 0 if parent is None else groups[parent].depth + 1
        number = numbers[key] = len(groups)
        groups.append(_Group(parent, depth, kind, name))
    return number


def _nodes(groups: Sequence[_Group]) -> Iterable[GraphNode]:
    for number, group in enumerate(groups):
        total = timedelta(microseconds=group.total_ns // 1_000)
        yield GraphNode(
            number,
            group.parent,
            group.depth,
            group.kind,
            group.name,
            group.count,
            group.errors,
            total,
        )


def _flows(pairs: Iterable[Pair], number_of: dict[str, int]) -> Iterable[Flow]:
    counts: dict[tuple[int, int], int] = {}
    for source, target in pairs:
        if source in number_of and target in number_of:
            ends = (number_of[source], number_of[target])
            counts[ends] = counts.get(ends, 0) + 1
    for (source, target), count in sorted(counts.items()):
        yield Flow(source, target, count)
