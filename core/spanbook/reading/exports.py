"""Exports: one trace as a file that is complete in itself, as JSON, JSON lines or CSV."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from spanbook.moments import duration_ns
from spanbook.reading.documents import FORMAT, Document

NESTED = 50  # levels of spans inside spans; deeper ones stand beside these, with their parents' ids

_HEAD = {"format": FORMAT}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


def to_json(document: Document) -> Iterator[bytes]:
    """Yield a trace as one JSON object, its spans inside each other."""
    yield _dumps(_whole(document), orjson.OPT_INDENT_2) + b"\n"


def to_json_compact(document: Document) -> Iterator[bytes]:
    """Yield what `to_json` does on one line, to be put into something else."""
    yield _dumps(_whole(document))


def _whole(document: Document) -> dict[str, Any]:
    return {
        **_head(document),
        "spans": _nested(document),
        "media": document.media,
    }


def _head(document: Document) -> dict[str, Any]:
    made_of = {"architecture": document.architecture, "functions": document.functions}
    return {
        "spanbook": _HEAD,
        "trace": document.trace,
        "run": document.run,
        **{name: value for name, value in made_of.items() if value},
    }


def _nested(document: Document) -> list[dict[str, Any]]:
    heads: list[dict[str, Any]] = []
    way: list[dict[str, Any]] = []
    for node, span in zip(document.tree.nodes, document.spans, strict=True):
        copy = dict(span)
        del way[node.depth :]
        siblings = way[-1].setdefault("children", []) if node.depth % NESTED else heads
        siblings.append(copy)
        way.append(copy)
    return heads


def to_jsonl(document: Document) -> Iterator[bytes]:
    """Yield a trace as JSON lines: the trace, then its spans, then images, sounds and files."""
    yield _dumps(_head(document)) + b"\n"
    for span in document.spans:
        yield _dumps({"span": span}) + b"\n"
    for digest, media in document.media.items():
        yield _dumps({"media": {"hash": digest, **media}}) + b"\n"


def to_csv(document: Document) -> Iterator[bytes]:
    """Yield a trace as a table, one span a row, inputs and outputs as JSON."""
    buffer = io.StringIO(newline="")
    table = csv.writer(buffer)
    table.writerow(_COLUMNS)
    for index in range(len(document.spans)):
        table.writerow([_cell(read(document, index)) for read in _COLUMNS.values()])
    yield buffer.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> Any:
    """Return a value that a spreadsheet takes for nothing but text or a number."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def _plain(name: str) -> Callable[[Document, int], Any]:
    return lambda document, index: document.spans[index].get(name)


def _of(group: str, name: str) -> Callable[[Document, int], Any]:
    return lambda document, index: _inside(document.spans[index].get(group), name)


def _inside(group: Mapping[str, Any] | None, name: str) -> Any:
    return None if group is None else group.get(name, 0 if "input" in group else None)


def _json(name: str) -> Callable[[Document, int], str | None]:
    def read(document: Document, index: int) -> str | None:
        span = document.spans[index]
        return _dumps(span[name]).decode() if name in span else None

    return read


def _duration(document: Document, index: int) -> float | None:
    elapsed = document.tree.nodes[index].span.duration
    return None if elapsed is None else duration_ns(elapsed) / 1e6


def _total(document: Document, index: int) -> int | None:
    usage = document.spans[index].get("usage")
    return None if usage is None else usage["input"] + usage["output"]


_COLUMNS: dict[str, Callable[[Document, int], Any]] = {
    "span_id": _plain("id"),
    "parent_id": _plain("parent"),
    "depth": lambda document, index: document.tree.nodes[index].depth,
    "kind": _plain("kind"),
    "name": _plain("name"),
    "status": _plain("status"),
    "start": _plain("start"),
    "end": _plain("end"),
    "duration_ms": _duration,
    "first_token": _plain("first_token"),
    "model": _plain("model"),
    "provider": _plain("provider"),
    "input_tokens": _of("usage", "input"),
    "output_tokens": _of("usage", "output"),
    "total_tokens": _total,
    "cache_read": _of("usage", "cache_read"),
    "cache_write": _of("usage", "cache_write"),
    "reasoning": _of("usage", "reasoning"),
    "estimated": _of("usage", "estimated"),
    "counted": _of("usage", "counted"),
    "cost": _of("charged", "cost"),
    "error_type": _of("error", "type"),
    "error_message": _of("error", "message"),
    "input": _json("input"),
    "output": _json("output"),
}


def _dumps(value: Any, option: int = 0) -> bytes:
    try:
        return orjson.dumps(value, option=option)
    except TypeError:  # half surrogate pairs, or integers beyond 64 bits
        return json.dumps(value, indent=2 if option else None).encode()


FORMATS: dict[str, Callable[[Document], Iterator[bytes]]] = {
    "json": to_json,
    "jsonl": to_jsonl,
    "csv": to_csv,
}
MEDIA_TYPES = {
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "csv": "text/csv",
    "html": "text/html",
}
