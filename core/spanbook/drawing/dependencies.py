"""What uses what: functions, classes, values and packages as a graph, and its diagram."""

from collections.abc import Iterable
from dataclasses import dataclass

from spanbook.drawing.diagram import Box, Diagram, Line
from spanbook.functions.content import Part, PartKind

# The colours are those of kinds of spans.
_FAMILIES = {
    PartKind.FUNCTION: "model",
    PartKind.CLASS: "agent",
    PartKind.VALUE: "prompt",
    PartKind.PACKAGE: "structure",
}


@dataclass(frozen=True, slots=True)
class Node:
    """One part, and how far from a function that is called from outside."""

    name: str
    kind: PartKind
    note: str
    depth: int


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Parts, those that are called from outside first, and who uses whom, by name."""

    nodes: tuple[Node, ...]
    uses: tuple[tuple[str, str], ...]


def dependencies(parts: Iterable[Part], roots: Iterable[str]) -> Dependencies:
    """Return what uses what of some parts, `roots` and all below them."""
    known = {one.name: one for one in parts}
    depths = {name: 0 for name in roots if name in known}
    pending = list(depths)
    while pending:
        name = pending.pop(0)
        for used in known[name].uses:
            if used in known and used not in depths:
                depths[used] = depths[name] + 1
                pending.append(used)
    nodes = (
        Node(name, known[name].kind, _note(known[name]), depth) for name, depth in depths.items()
    )
    uses = ((name, used) for name in depths for used in known[name].uses if used in depths)
    return Dependencies(tuple(nodes), tuple(uses))


def _note(one: Part) -> str:
    kind = str(one.kind)
    if one.kind is PartKind.PACKAGE:
        return f"{kind} · {one.value or 'unknown version'}"
    if one.kind is PartKind.VALUE and isinstance(one.value, int | float | str):
        return f"{kind} · {' '.join(str(one.value).split())[:60]}"
    return kind


def dependencies_diagram(graph: Dependencies) -> Diagram:
    """Return the graph as a diagram whose boxes stand in the order of its nodes."""
    numbers = {node.name: number for number, node in enumerate(graph.nodes)}
    rows: dict[int, int] = {}
    boxes: list[Box] = []
    for node in graph.nodes:
        row = rows.get(node.depth, 0)
        rows[node.depth] = row + 1
        family = _FAMILIES[node.kind]
        boxes.append(Box(node.name, node.note, family, node.depth, row, is_first=not node.depth))
    uses = (Line(numbers[one], numbers[other]) for one, other in graph.uses)
    return Diagram(tuple(boxes), tuple(uses))
