"""The execution graph: what called what and whose output went where, spans of one name as one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from spanbook.reading.rows import SpanRow
from spanbook.reading.trees import Tree
from spanbook.spans import SpanKind, Status
from spanbook.usage import Usage

_MOST = 200  # nodes; what goes beyond is gathered below its parent
_GATHERED = "others"

Pair = tuple[str, str]
_Key = tuple[int | str | None, str, str]


class Grouping(StrEnum):
    """Which spans are one node: those of one name below one node, of one name anywhere, or none."""

    CALLER = "caller"
    NAME = "name"
    SPAN = "span"


@dataclass(frozen=True, slots=True)
class GraphNode:
    """The spans of one name and kind that are one node: how many, how long together.

    `first` is the id of the earliest of them, `usage` the sum of those that count.
    """

    number: int
    parent: int | None
    depth: int
    kind: SpanKind
    name: str
    count: int
    errors: int
    total: timedelta
    first: str
    usage: Usage | None


@dataclass(frozen=True, slots=True)
class Call:
    """Calls from `source` to `target` besides that of its parent: again, from elsewhere, itself."""

    source: int
    target: int
    count: int


@dataclass(frozen=True, slots=True)
class Flow:
    """Outputs of `source` that became inputs of `target`, nodes by number, so many times."""

    source: int
    target: int
    count: int


@dataclass(frozen=True, slots=True)
class Graph:
    """The nodes, parents before children and in order of their starts, and the flows of data.

    `calls` are those that make cycles or meet; `numbers` tell each span's node.
    """

    nodes: tuple[GraphNode, ...]
    flows: tuple[Flow, ...]
    calls: tuple[Call, ...]
    numbers: Mapping[str, int]


@dataclass(slots=True)
class _Group:
    parent: int | None
    depth: int
    kind: SpanKind
    name: str
    first: str
    usage: Usage | None = None
    count: int = 0
    errors: int = 0
    total_ns: int = 0


def build(tree: Tree, flows: Iterable[Pair] = (), grouping: Grouping = Grouping.CALLER) -> Graph:
    """Return the graph of a trace; `flows` are pairs of span ids, from an output to an input.

    A flow whose ends are not both in the trace is left out.
    """
    groups: list[_Group] = []
    numbers: dict[_Key, int] = {}
    calls: dict[tuple[int, int], int] = {}
    number_of: dict[str, int] = {}
    way: list[int] = []  # the groups of the spans above
    for node in tree.nodes:
        del way[node.depth :]
        parent = way[-1] if way else None
        number = _group(groups, numbers, parent, node.span, grouping)
        group = groups[number]
        if parent is not None and group.parent != parent:
            calls[parent, number] = calls.get((parent, number), 0) + 1
        if node.span.counted and node.span.usage is not None:
            group.usage = (group.usage or Usage()) + node.span.usage
        group.count += 1
        group.errors += node.span.status is Status.ERROR
        group.total_ns += node.span.duration_ns or 0
        number_of[node.span.span_id] = number
        way.append(number)
    met = tuple(Call(source, target, count) for (source, target), count in calls.items())
    return Graph(tuple(_nodes(groups)), tuple(_flows(flows, number_of)), met, number_of)


def _group(
    groups: list[_Group],
    numbers: dict[_Key, int],
    parent: int | None,
    span: SpanRow,
    grouping: Grouping,
) -> int:
    kind, name = span.kind, span.name
    whose = {Grouping.CALLER: parent, Grouping.NAME: None, Grouping.SPAN: span.span_id}[grouping]
    key: _Key = (whose, kind, name)
    if key not in numbers and len(groups) >= _MOST:
        if parent is not None and groups[parent].name == _GATHERED:
            return parent
        kind, name = SpanKind.STEP, _GATHERED
        key = (None if grouping is Grouping.NAME else parent, kind, name)
    number = numbers.get(key)
    if number is None:
        depth = 0 if parent is None else groups[parent].depth + 1
        number = numbers[key] = len(groups)
        groups.append(_Group(parent, depth, kind, name, span.span_id))
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
            group.first,
            group.usage,
        )


def _flows(pairs: Iterable[Pair], number_of: dict[str, int]) -> Iterable[Flow]:
    counts: dict[tuple[int, int], int] = {}
    for source, target in pairs:
        if source in number_of and target in number_of:
            ends = (number_of[source], number_of[target])
            counts[ends] = counts.get(ends, 0) + 1
    for (source, target), count in sorted(counts.items()):
        yield Flow(source, target, count)
