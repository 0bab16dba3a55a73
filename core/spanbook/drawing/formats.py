"""The formats of a diagram, by name."""

from collections.abc import Callable
from typing import Literal

from spanbook.drawing.diagram import Diagram
from spanbook.drawing.diagram_svg import svg
from spanbook.drawing.diagram_text import dot, mermaid

DiagramFormat = Literal["svg", "mermaid", "dot"]

_DRAW: dict[str, Callable[[Diagram, str], str]] = {
    "svg": lambda diagram, title: svg(diagram, title=title),
    "mermaid": lambda diagram, _: mermaid(diagram),
    "dot": lambda diagram, _: dot(diagram),
}


def drawn(diagram: Diagram, format: str, title: str) -> str:
    """Return the diagram as `svg`, `mermaid` or `dot`.

    Raises:
        ValueError: another format.
    """
    if format not in _DRAW:
        raise ValueError(f"No graph is drawn as {format!r}; choose from {', '.join(_DRAW)}.")
    return _DRAW[format](diagram, title)
