"""Big pages in two pieces, so that a browser has something to paint while the rest is made."""

from collections.abc import Iterator
from typing import Any

from flask import Response, current_app, stream_template

MARK = "<!-- the rest takes longer -->"  # stands in templates where the first piece may end


def streamed(template: str, **context: Any) -> Response:
    """Return the page as what stands before the mark, at once, and then the rest."""
    pieces = stream_template(template, **context)
    return current_app.response_class(_in_two(pieces), mimetype="text/html")


def _in_two(pieces: Iterator[str]) -> Iterator[bytes]:
    waiting: list[str] = []
    for piece in pieces:
        waiting.append(piece)
        if MARK in piece:
            yield _bytes(waiting)
            waiting = []
    yield _bytes(waiting)


def _bytes(pieces: list[str]) -> bytes:
    return "".join(pieces).encode("utf-8", "replace")
