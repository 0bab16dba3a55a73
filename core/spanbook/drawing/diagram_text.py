"""Diagrams as text for other tools: Mermaid and DOT."""

import re
from collections.abc import Iterator

from spanbook.drawing.diagram import Box, Diagram, Line, Style


def mermaid(diagram: Diagram) -> str:
    """Return the diagram as a Mermaid flowchart."""
    return "\n".join(["flowchart LR", *_mermaid_lines(diagram)]) + "\n"


def _mermaid_lines(diagram: Diagram) -> Iterator[str]:
    for number, box in enumerate(diagram.boxes):
        label = "<br>".join(map(_mermaid_text, _words(box)))
        yield f'    n{number}["{label}"]'
    for line in diagram.lines:
        yield f"    n{line.source} {_mermaid_arrow(line)} n{line.target}"


def _mermaid_arrow(line: Line) -> str:
    label = f'"{_mermaid_text(line.label)}"'
    if line.style is Style.DATA:
        return f"-. {label} .->" if line.label else "-.->"
    return f"-- {label} -->" if line.label else "-->"


def _mermaid_text(value: str) -> str:
    """Return `value` with all that Mermaid or HTML could read as their own as character codes."""
    return re.sub(r"[^\w \-.,:·×–]", lambda found: f"#{ord(found[0])};", value)


def dot(diagram: Diagram) -> str:
    """Return the diagram in the language of Graphviz."""
    return "\n".join(["digraph {", *_dot_lines(diagram), "}"]) + "\n"


def _dot_lines(diagram: Diagram) -> Iterator[str]:
    yield "    rankdir=LR"
    yield '    node [shape=box, fontname="sans-serif"]'
    for number, box in enumerate(diagram.boxes):
        colour = ", color=red" if box.has_failed else ""
        label = "\\n".join(map(_dot_text, _words(box)))
        yield f'    n{number} [label="{label}"{colour}]'
    for line in diagram.lines:
        yield f"    n{line.source} -> n{line.target}{_dot_style(line)}"


def _dot_style(line: Line) -> str:
    label = f'label="{_dot_text(line.label)}"' if line.label else ""
    style = "style=dashed" if line.style is Style.DATA else ""
    told = ", ".join(filter(None, (style, label)))
    return f" [{told}]" if told else ""


def _dot_text(value: str) -> str:
    """Return `value` as text in quotes of DOT."""
    return " ".join(value.replace("\\", "\\\\").replace('"', '\\"').replace("\0", " ").split())


def _words(box: Box) -> tuple[str, ...]:
    return (box.name, box.note) if box.note else (box.name,)
