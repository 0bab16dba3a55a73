"""The execution graph as text for other tools: Mermaid and DOT."""

import re
from collections.abc import Iterator

from spanbook import figures
from spanbook.drawing.graph import Graph, GraphNode


def words(node: GraphNode) -> list[str]:
    """Return what a node says, a line each: name, kind, duration and count."""
    times = f" · {node.count:,} ×" if node.count > 1 else ""
    failed = f" · {node.errors:,} failed" if node.errors else ""
    used = "" if node.usage is None else f" · {figures.tokens(node.usage)} tokens"
    return [node.name, f"{node.kind} · {figures.duration(node.total)}{times}{used}{failed}"]


def mermaid(graph: Graph) -> str:
    """Return the graph as a Mermaid flowchart."""
    return "\n".join(["flowchart LR", *_mermaid_lines(graph)]) + "\n"


def _mermaid_lines(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        label = "<br>".join(map(_mermaid_text, words(node)))
        yield f'    n{node.number}["{label}"]'
    for node in graph.nodes:
        if node.parent is not None:
            yield f"    n{node.parent} --> n{node.number}"
    for call in graph.calls:
        yield f"    n{call.source} --> n{call.target}"
    for flow in graph.flows:
        label = "data" if flow.count == 1 else f"data × {flow.count:,}"
        yield f'    n{flow.source} -. "{label}" .-> n{flow.target}'


def _mermaid_text(value: str) -> str:
    """Return `value` with all that Mermaid or HTML could read as their own as character codes."""
    return re.sub(r"[^\w \-.,:·×–]", lambda found: f"#{ord(found[0])};", value)


def dot(graph: Graph) -> str:
    """Return the graph in the language of Graphviz."""
    return "\n".join(["digraph {", *_dot_lines(graph), "}"]) + "\n"


def _dot_lines(graph: Graph) -> Iterator[str]:
    yield "    rankdir=LR"
    yield '    node [shape=box, fontname="sans-serif"]'
    for node in graph.nodes:
        colour = ", color=red" if node.errors else ""
        label = "\\n".join(map(_dot_text, words(node)))
        yield f'    n{node.number} [label="{label}"{colour}]'
    for node in graph.nodes:
        if node.parent is not None:
            yield f"    n{node.parent} -> n{node.number}"
    for call in graph.calls:
        yield f"    n{call.source} -> n{call.target}"
    for flow in graph.flows:
        label = "data" if flow.count == 1 else f"data × {flow.count:,}"
        yield f'    n{flow.source} -> n{flow.target} [style=dashed, label="{label}"]'


def _dot_text(value: str) -> str:
    return " ".join(value.replace("\\", "\\\\").replace('"', '\\"').replace("\0", " ").split())
