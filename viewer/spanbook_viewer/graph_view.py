"""The execution graph of a trace on its page."""

from collections.abc import Callable

from markupsafe import Markup
from sqlalchemy import Engine

from spanbook.drawing.diagram_svg import svg_part
from spanbook.drawing.graph import Graph, Grouping, build
from spanbook.drawing.graph_diagram import graph_diagram
from spanbook.reading.links import data_flows
from spanbook.reading.trees import Tree

WORDS = {
    Grouping.CALLER: "One node a name and caller",
    Grouping.NAME: "One node a name",
    Grouping.SPAN: "One node a span",
}


def graph_of(engine: Engine, trace_id: str, tree: Tree, grouping: Grouping) -> Graph:
    """Return the graph of a trace."""
    return build(tree, data_flows(engine, trace_id), grouping)


def drawn(graph: Graph, address: Callable[[str], str], selected: str) -> Markup:
    """Return the graph as a part of the page; a node leads to `address` of its first span.

    The node of the `selected` span leads to that.
    """
    links = {node.number: address(node.first) for node in graph.nodes}
    number = graph.numbers.get(selected)
    if number is not None:
        links[number] = address(selected)
    shown = svg_part(
        graph_diagram(graph), links, title="Execution graph", selected=number, swap="detail"
    )
    return Markup(shown)  # noqa: S704 -- all text in it is escaped there
