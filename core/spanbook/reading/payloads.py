"""Payloads: what went into a span and came out of it, read back from the store's blocks."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import orjson

from spanbook.moments import moment
from spanbook.reading.rows import Payload
from spanbook.spans import SpanError, SpanEvent
from spanbook.store.compression import json_of


def unpack(body: bytes) -> Any:
    """Return the JSON data of a block, or of an event, compressed or not."""
    return orjson.loads(json_of(body))


def merge(start: Mapping[str, Any], end: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a span: what its end says wins, attributes are those of both."""
    attributes: dict[str, Any] = {}
    for record in (start, end):
        attributes |= record.get("attributes") or {}
    return {**start, **end, "attributes": attributes}


def references(data: Any) -> set[str]:
    """Return the hashes of the texts that `data` refers to."""
    return {container[key]["blob"] for container, key in _references(data)}


def resolve(data: Any, texts: Mapping[str, str]) -> Any:
    """Return `data` with the texts it refers to in their places; unknown ones stay references.

    Changes `data` itself, which nobody else has.
    """
    holder = [data]
    for container, key in _references(holder):
        text = texts.get(container[key]["blob"])
        if text is not None:
            container[key] = text
    return holder[0]


def _references(data: Any) -> Iterator[tuple[Any, Any]]:
    pending: list[Any] = [data]
    while pending:
        container = pending.pop()
        for key, value in _items(container):
            if _is_reference(value):
                yield container, key
            elif isinstance(value, (dict, list)):
                pending.append(value)


def _items(container: Any) -> list[tuple[Any, Any]]:
    if isinstance(container, dict):
        return list(cast("dict[str, Any]", container).items())
    return list(enumerate(cast("list[Any]", container)))


def _is_reference(value: Any) -> bool:
    match value:
        case {"$": "text", "blob": str()}:
            return True
        case _:
            return False


def payload(record: Mapping[str, Any], events: Iterable[tuple[int, str, Any]]) -> Payload:
    """Return the payload that a merged record and its events (when, name, data) make."""
    return Payload(
        input=record.get("input"),
        output=record.get("output"),
        has_input="input" in record,
        has_output="output" in record,
        attributes=record.get("attributes") or {},
        events=tuple(SpanEvent(moment(at), name, data) for at, name, data in events),
        error=_error(record.get("error")),
    )


def _error(data: Mapping[str, Any] | None) -> SpanError | None:
    if not data:
        return None
    return SpanError(
        type=str(data.get("type", "")),
        message=str(data.get("message", "")),
        stack=data.get("stack"),
    )
