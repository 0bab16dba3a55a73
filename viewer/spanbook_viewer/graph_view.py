"""The execution graph of a trace on its page, and as files."""

from collections.abc import Callable

from markupsafe import Markup
from sqlalchemy import Engine

from spanbook.drawing.graph import Graph, Grouping, build
from spanbook.drawing.graph_svg import graph_part, graph_svg
from spanbook.drawing.graph_text import dot, mermaid
from spanbook.reading.links import data_flows
from spanbook.reading.trees import Tree

WORDS = {
    Grouping.CALLER: "One node a name and caller",
    Grouping.NAME: "One node a name",
    Grouping.SPAN: "One node a span",
}
FILES: dict[str, tuple[str, str, Callable[[Graph], str]]] = {
    "svg": ("SVG", "image/svg+xml", graph_svg),
    "mmd": ("Mermaid", "text/plain", mermaid),
    "dot": ("DOT", "text/plain", dot),
}


def graph_of(engine: Engine, trace_id: str, tree: Tree, grouping: Grouping) -> Graph:
    """Return the graph of a trace."""
    return build(tree, data_flows(engine, trace_id), grouping)


def drawn(graph: Graph, address: Callable[[str], str], selected: str) -> Markup:
    """Return the graph as a part of the page; a node leads to `address` of its first span.

    The node of the `selected` span leads to that.
    """
    number = graph.numbers.get(selected)
    shown = graph_part(
        graph,
        lambda node: address(selected if node.number == number else node.first),
        number,
        title="Execution graph",
    )
    return Markup(shown)  # noqa: S704 -- all text in it is escaped there
