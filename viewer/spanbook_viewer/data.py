"""The JSON and text forms of what pages show, for programs."""

import json
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
from flask import Response, request

from spanbook.usage import Usage

_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


def response(value: Any) -> Response:
    """Return `value` as JSON; rows become objects, money text, durations seconds.

    Whoever has it already, by its ETag, is told so and gets nothing.
    """
    answer = Response(encode(value), mimetype="application/json")
    answer.add_etag(weak=True)
    answer.make_conditional(request)
    return answer


def problem(value: Any) -> Response:
    """Return what is wrong as a problem document, RFC 9457."""
    return Response(encode(value), mimetype="application/problem+json")


def encode(value: Any) -> bytes:
    """Return `value` as the text of JSON."""
    try:
        return orjson.dumps(value, default=_plain, option=_OPTIONS)
    except TypeError:  # half surrogate pairs, which only escapes can write
        return json.dumps(value, default=_plain).encode()


def text(value: str) -> Response:
    """Return `value` as plain text, whatever it looks like."""
    return Response(value.encode("utf-8", "replace"), content_type="text/plain; charset=utf-8")


def _plain(value: Any) -> Any:
    match value:
        case Usage():
            return {**value.to_dict(), "total": value.total}
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case timedelta():
            return value.total_seconds()
        case _ if is_dataclass(value) and not isinstance(value, type):
            return _row(value)
        case _:
            return str(value)


def _row(row: Any) -> dict[str, Any]:
    """Return a row's fields, and its moments and durations in the words of the pages besides."""
    found = {field.name: getattr(row, field.name) for field in fields(row)}
    numbers = [name for name in found if name.endswith("_ns")]
    for name in (*numbers, *(["duration_ns"] if "end_ns" in numbers else [])):
        word = name.removesuffix("_ns")
        if hasattr(row, word):
            found[word] = getattr(row, word)
            found.pop(name, None)
    return found
