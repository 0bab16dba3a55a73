"""Stores filled by hand, so that a test says exactly which rows there are."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from sqlalchemy import Engine, insert

from spanbook.reading.rows import SpanRow
from spanbook.spans import SpanKind, Status
from spanbook.store.backends.choice import backend_of
from spanbook.store.backends.postgresql import make_partitions
from spanbook.store.schema import (
    blobs,
    events,
    payloads,
    run_metrics,
    runs,
    spans,
    trace_tags,
    traces,
)

SECOND = 10**9
BASE = 1_700_000_000 * SECOND

TRACE = {
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
        if engine.dialect.name == "postgresql":
            with engine.begin() as connection:
                make_partitions(connection, 0)  # for the small numbers that are given here
        self.runs = 0
        self._traces = 0
        self._spans = 0

    def trace(self, tags: Iterable[str] = (), words: str = "", **columns: Any) -> str:
        """Add a trace with one span that holds `words`; each starts a second after the last."""
        self._traces += 1
        pk, trace_id = self._traces, f"{self._traces:032x}"
        row = {**TRACE, "pk": pk, "trace_id": trace_id, "root_id": f"{pk:016x}"}
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

    def traces(self, count: int) -> None:
        """Add traces without spans, all different, of which each filter finds a few."""
        texts = ("name", "session", "user", "model", "architecture")
        texts += ("project", "environment", "release", "version")
        kinds = list(SpanKind)
        rows = [
            {
                **TRACE,
                **{name: f"{name} {pk % 50}" for name in texts},
                "kind": kinds[pk % len(kinds)].value,
                "status": "ok" if pk % 50 else "error",
                **dict.fromkeys(("duration_ns", "total_tokens", "cost"), pk),
                "pk": pk,
                "trace_id": f"{pk:032x}",
                "root_id": "",
                "start_ns": BASE + pk,
                "error_count": int(pk % 50 == 0),
            }
            for pk in range(self._traces + 1, self._traces + count + 1)
        ]
        self._traces += count
        with self.engine.begin() as connection:
            connection.execute(insert(traces), rows)

    def run(
        self,
        name: str | None = None,
        *,
        config: Mapping[str, Any] | None = None,
        metrics: Mapping[str, Any] | None = None,
        history: Mapping[str, Iterable[float | None]] | None = None,
        **columns: Any,
    ) -> str:
        """Add a run; each starts a second after the last. `history` are values from step 0 on."""
        self.runs += 1
        pk, run_id = self.runs, f"{self.runs:032x}"
        row: dict[str, Any] = {"pk": pk, "run_id": run_id, "project": "default", "name": name}
        row |= {"start_ns": BASE + pk * SECOND, "status": "ok", "process_pk": 0, **columns}
        row["config"] = orjson.dumps(config).decode() if config else None
        row["metrics"] = orjson.dumps(metrics).decode() if metrics else None
        points = [
            {"run_pk": pk, "name": name, "step": step, "at_ns": BASE, "value": value}
            for name, values in (history or {}).items()
            for step, value in enumerate(values)
        ]
        with self.engine.begin() as connection:
            connection.execute(insert(runs), [row])
            if points:
                connection.execute(insert(run_metrics), points)
        return run_id

    def span(self, trace_id: str, words: str = "", **columns: Any) -> str:
        """Add a span to a trace."""
        self._spans += 1
        row = {**_SPAN, "pk": self._spans, "trace_pk": int(trace_id, 16)}
        row |= {"span_id": f"{self._spans:016x}", "start_ns": BASE + self._spans, **columns}
        with self.engine.begin() as connection:
            connection.execute(insert(spans), [row])
            if words:
                found = [(row["trace_pk"], row["pk"], words)]
                backend_of(connection).write_search(connection, found)
        return str(row["span_id"])

    def end(self, span_id: str, **columns: Any) -> None:
        """Change a span."""
        with self.engine.begin() as connection:
            connection.execute(spans.update().where(spans.c.span_id == span_id).values(**columns))

    def block(self, pk: int, body: bytes | Mapping[str, Any], trace_pk: int = 1) -> int:
        """Add a payload block."""
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        with self.engine.begin() as connection:
            connection.execute(insert(payloads), [{"pk": pk, "trace_pk": trace_pk, "body": raw}])
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
