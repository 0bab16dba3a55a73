"""Estimating: the tokens of model calls whose provider reported none."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import orjson
from sqlalchemy import Connection, and_, select

from spanbook.spans import SpanKind, Status
from spanbook.store.compression import content_of, json_of
from spanbook.store.joining import SpanNews
from spanbook.store.records import Line, Record
from spanbook.store.schema import blobs, payloads, spans, traces

_APIS = {str(SpanKind.LLM): "chat", str(SpanKind.EMBEDDING): "embedding"}
_DONE = frozenset(map(str, (Status.OK, Status.CANCELLED, Status.INTERRUPTED)))


class Estimating:
    """Gives model calls without reported usage an estimated one, with how it was reached.

    The lines of a batch hold what the call asked and answered, unless it started in an earlier
    batch: then the store does. A failed call gets none: what a provider charges for it is unknown.
    """

    def __init__(self, connection: Callable[[], Connection]) -> None:
        self._connection = connection

    def fill(self, trace_id: str, news: list[SpanNews]) -> None:
        """Add estimated usage to the ends among `news` that lack one."""
        wanting = [one for one in news if one.ended and _wants(one.record)]
        if not wanting:
            return
        outer = {one.record.get("parent") for one in news if one.record["kind"] in _APIS}
        for one in wanting:
            if one.record["span"] not in outer:  # the call below it is the one that was made
                self._fill(trace_id, one.record)

    def _fill(self, trace_id: str, record: Record) -> None:
        said = record["line"].read()
        asked = said.get("input") or _input_of(record.get("start_line"))
        if asked is None:
            asked = _stored_input(self._connection(), trace_id, record["span"])
        usage, how = estimate(asked, said.get("output"), record.get("model"), record["kind"])
        if usage is not None:
            record["usage"] = usage
            record["attributes"] = {**record.get("attributes", {}), "estimate": how}


def _wants(record: Record) -> bool:
    return (
        record["kind"] in _APIS
        and record["status"] in _DONE
        and "usage" not in record
        and bool(record.get("counted", True))
        and bool(
            record["kind"] == SpanKind.LLM or record.get("model")
        )  # else it may be computed here
        and "line" in record
    )


def estimate(
    asked: Any, answered: Any, model: str | None, kind: str
) -> tuple[Record | None, dict[str, str]]:
    """Return usage as a record holds it, and how it was estimated; None where nothing is known."""
    from spanbook.estimates import estimate_input, estimate_output

    if type(asked) is not dict:
        return None, {}
    request = cast("Mapping[str, Any]", asked)
    api = "completion" if "prompt" in request or "prompts" in request else _APIS[kind]
    taken = estimate_input(request, model, api)
    if taken is None:
        return None, {}
    given = None
    if type(answered) is dict and api != "embedding":
        answer = cast("Mapping[str, Any]", answered)
        given = estimate_output(answer, model, api, offered_tools="tools" in request)
    how = {
        "method": str(taken.method),
        "input": _words(taken.confidence, taken.reason),
        "output": "" if given is None else _words(given.confidence, given.reason),
    }
    output = 0 if given is None else given.tokens
    return (
        {"input": taken.tokens, "output": output, "estimated": True},
        {name: text for name, text in how.items() if text},
    )


def _words(confidence: str, reason: str) -> str:
    return f"{confidence}: {reason}" if reason else str(confidence)


def _input_of(line: Line | None) -> Any:
    return None if line is None else line.read().get("input")


def _stored_input(connection: Connection, trace_id: str, span_id: str) -> Any:
    """Return the input of a span that the store holds, its long texts in their places."""
    body = connection.execute(
        select(payloads.c.body)
        .join(
            spans,
            and_(spans.c.trace_pk == payloads.c.trace_pk, spans.c.start_block == payloads.c.pk),
        )
        .join(traces, traces.c.pk == spans.c.trace_pk)
        .where(traces.c.trace_id == trace_id, spans.c.span_id == span_id)
    ).scalar()
    data = None if body is None else orjson.loads(json_of(body)).get(span_id, {}).get("input")
    data = _with_texts(connection, data)
    connection.rollback()
    return data


def _with_texts(connection: Connection, data: Any) -> Any:
    match data:
        case {"$": "text", "blob": str(digest)}:
            row = connection.execute(
                select(blobs.c.body, blobs.c.size).where(blobs.c.hash == bytes.fromhex(digest))
            ).first()
            return "" if row is None else content_of(row.body, row.size).decode("utf-8", "replace")
        case dict():
            entries = cast("dict[str, Any]", data).items()
            return {key: _with_texts(connection, value) for key, value in entries}
        case list():
            return [_with_texts(connection, value) for value in cast("list[Any]", data)]
        case _:
            return data
