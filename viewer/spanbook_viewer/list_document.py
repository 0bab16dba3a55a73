"""A list as data: one page of it, or with `limit=all` every row, written while it is read."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from flask import Response, current_app
from sqlalchemy import Engine
from werkzeug.datastructures import MultiDict

from spanbook.errors import FilterError
from spanbook_viewer import data
from spanbook_viewer.list_view import ListView

_BATCH = 1 << 16  # bytes


def list_document(kind: type[ListView[Any]], engine: Engine, args: MultiDict[str, str]) -> Response:
    """Return the JSON document of the list that the arguments of an address ask for.

    Raises:
        FilterError: an unknown field or column, or a value that does not fit.
    """
    if args.get("limit") != "all":
        return data.response(kind.from_args(engine, args).to_data())
    rest = [(name, value) for name, value in args.items(multi=True) if name != "limit"]
    if any(name in ("after", "before") for name, _ in rest):
        raise FilterError("limit=all begins with the first row; leave after and before out.")
    view = kind.from_args(engine, MultiDict(rest))
    return current_app.response_class(_joined(_whole(view)), mimetype="application/json")


def _whole(view: ListView[Any]) -> Iterator[bytes]:
    """Yield the document of one page with the rows of all pages in it."""
    rows = f"{view.NOUN}s"
    document = view.to_data()
    del document[rows]
    number = 0
    yield b"{" + data.encode(rows) + b":["
    for row in view.all_rows():
        yield (b"," if number else b"") + data.encode(row)
        number += 1
    ending = {"count": {"number": number, "exact": True}, "next": None, "previous": None}
    yield b"]," + data.encode(document | ending)[1:]


def _joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the same in fewer pieces; the first is made at once, so that its errors are told."""
    waiting = bytearray(next(pieces))
    return _pieces(waiting, pieces)


def _pieces(waiting: bytearray, pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in chain(pieces, [b""]):
        waiting += piece
        if len(waiting) >= _BATCH:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)
