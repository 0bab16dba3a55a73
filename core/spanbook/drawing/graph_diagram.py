"""The execution graph as a diagram: callers left of what they called, flows of data as dashes."""

from spanbook import figures
from spanbook.drawing.diagram import Box, Diagram, Line, Style, tree_rows
from spanbook.drawing.graph import Graph, GraphNode


def graph_diagram(graph: Graph) -> Diagram:
    """Return the graph as a diagram whose boxes have the numbers of its nodes."""
    rows = tree_rows([node.parent for node in graph.nodes])
    boxes = (_box(node, rows[node.number]) for node in graph.nodes)
    tree = (
        Line(node.parent, node.number, Style.BRANCH)
        for node in graph.nodes
        if node.parent is not None
    )
    calls = (
        Line(call.source, call.target, title=_times("calls", call.count)) for call in graph.calls
    )
    flows = (
        Line(flow.source, flow.target, Style.DATA, _times("data", flow.count))
        for flow in graph.flows
    )
    return Diagram(tuple(boxes), (*tree, *calls, *flows))


def _box(node: GraphNode, row: int) -> Box:
    times = f" · {node.count:,} ×" if node.count > 1 else ""
    failed = f" · {node.errors:,} failed" if node.errors else ""
    used = "" if node.usage is None else f" · {figures.tokens(node.usage)} tokens"
    note = f"{node.kind} · {figures.duration(node.total)}{times}{used}{failed}"
    return Box(node.name, note, figures.family(node.kind), node.depth, row, bool(node.errors))


def _times(word: str, count: int) -> str:
    return word if count == 1 else f"{word} × {count:,}"
