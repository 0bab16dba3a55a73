"""Diagrams as files."""

from flask import Response

from spanbook.drawing.diagram import Diagram
from spanbook.drawing.formats import drawn

FILES = {
    "svg": ("SVG", "image/svg+xml"),
    "mmd": ("Mermaid", "text/plain"),
    "dot": ("DOT", "text/plain"),
}
_FORMATS = {"mmd": "mermaid"}  # where the ending of a file is not the name of its format
_SHORT = 24  # characters of a file's name


def response(diagram: Diagram, format: str, title: str, name: str) -> Response:
    """Return the diagram as a file to download; `format` is its ending."""
    _, media_type = FILES[format]
    text = drawn(diagram, _FORMATS.get(format, format), title)
    found = Response(text, content_type=f"{media_type}; charset=utf-8")
    file = f"{name[:_SHORT]}.{format}"
    found.headers.set("Content-Disposition", "attachment", filename=file)
    return found
