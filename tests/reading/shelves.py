"""Stores filled by hand, so that a test says exactly which rows there are."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from sqlalchemy import Engine, insert, text

from spanbook.reading.rows import SpanRow
from spanbook.spans import SpanKind, Status
from spanbook.store.schema import blobs, events, payloads, spans, trace_tags, traces

SECOND = 10**9
BASE = 1_700_000_000 * SECOND

_TRACE = {
    "project": "default",
    "name": "answer",
    "kind": "chain",
    "status": "ok",
    "span_count": 1,
    "error_count": 0,
    "usage_count": 0,
    "estimated_count": 0,
    "input_tokens": 0,
    "output_tokens": 0,
    "cache_read": 0,
    "cache_write": 0,
    "audio_input": 0,
    "image_input": 0,
    "reasoning": 0,
    "audio_output": 0,
    "unpriced_count": 0,
}
_SPAN = {"kind": "chain", "name": "answer", "status": "ok"}


class Shelf:
    """Writes rows straight into the tables of a store."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._traces = 0
        self._spans = 0

    def trace(self, tags: Iterable[str] = (), words: str = "", **columns: Any) -> str:
        """Add a trace with one span that holds `words`; each starts a second after the last."""
        self._traces += 1
        pk, trace_id = self._traces, f"{self._traces:032x}"
        row = {**_TRACE, "pk": pk, "trace_id": trace_id, "root_id": f"{pk:016x}"}
        row |= {"start_ns": BASE + pk * SECOND, **columns}
        tags = list(tags)
        row["tags"] = orjson.dumps(tags).decode() if tags else None
        marks = [{"tag": tag, "start_ns": row["start_ns"], "trace_pk": pk} for tag in tags]
        with self.engine.begin() as connection:
            connection.execute(insert(traces), [row])
            if marks:
                connection.execute(insert(trace_tags), marks)
        self.span(trace_id, words=words, start_ns=row["start_ns"])
        return row["trace_id"]

    def span(self, trace_id: str, words: str = "", **columns: Any) -> str:
        """Add a span to a trace."""
        self._spans += 1
        row = {**_SPAN, "pk": self._spans, "trace_pk": int(trace_id, 16)}
        row |= {"span_id": f"{self._spans:016x}", "start_ns": BASE + self._spans, **columns}
        with self.engine.begin() as connection:
            connection.execute(insert(spans), [row])
            if words:
                put = text("INSERT INTO search (rowid, text) VALUES (:pk, :words)")
                connection.execute(put, {"pk": row["pk"], "words": words})
        return str(row["span_id"])

    def end(self, span_id: str, **columns: Any) -> None:
        """Change a span."""
        with self.engine.begin() as connection:
            connection.execute(spans.update().where(spans.c.span_id == span_id).values(**columns))

    def block(self, pk: int, body: bytes | Mapping[str, Any]) -> int:
        """Add a payload block."""
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        with self.engine.begin() as connection:
            connection.execute(insert(payloads), [{"pk": pk, "trace_pk": 1, "body": raw}])
        return pk

    def event(self, span_id: str, at_ns: int, name: str, data: bytes | None) -> None:
        """Add an event to a span of the first trace."""
        row = {"trace_pk": 1, "span_id": span_id, "at_ns": at_ns, "name": name, "data": data}
        with self.engine.begin() as connection:
            connection.execute(insert(events), [row])

    def blob(self, key: str, body: bytes, size: int, media_type: str | None = None) -> str:
        """Add a blob."""
        row = {"hash": bytes.fromhex(key), "size": size, "media_type": media_type, "body": body}
        with self.engine.begin() as connection:
            connection.execute(insert(blobs), [row])
        return key


def span(
    span_id: str, start: int, end: int | None, parent: str | None = None, status: str = "ok"
) -> SpanRow:
    """Return a span row of the times given."""
    return SpanRow(
        trace_id="0" * 32,
        span_id=span_id,
        parent_id=parent,
        kind=SpanKind.STEP,
        name=span_id,
        status=Status(status),
        start_ns=start,
        end_ns=end,
    )
