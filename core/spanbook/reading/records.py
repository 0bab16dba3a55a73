"""Records: rows of the tables as the frozen rows that the read side returns."""

from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import RowMapping

from spanbook.moments import money
from spanbook.reading.pages import AnyRow
from spanbook.reading.rows import SpanEntry, SpanRow, TraceRow
from spanbook.spans import SpanKind, Status
from spanbook.store.schema import spans, traces
from spanbook.usage import Usage

_USAGE = (
    "input_tokens",
    "output_tokens",
    "cache_read",
    "cache_write",
    "audio_input",
    "image_input",
    "reasoning",
    "audio_output",
)
_KINDS = {kind.value: kind for kind in SpanKind}
_STATUSES = {status.value: status for status in Status}

TRACE_COLUMNS = (
    traces.c.pk,
    traces.c.trace_id,
    traces.c.project,
    traces.c.name,
    traces.c.kind,
    traces.c.status,
    traces.c.start_ns,
    traces.c.end_ns,
    traces.c.duration_ns,
    traces.c.span_count,
    traces.c.error_count,
    traces.c.usage_count,
    traces.c.estimated_count,
    traces.c.total_tokens,
    *(traces.c[name] for name in _USAGE),
    traces.c.cost,
    traces.c.unpriced_count,
    traces.c.anomaly_count,
    traces.c.model,
    traces.c.session,
    traces.c.user,
    traces.c.tags,
    traces.c.release,
    traces.c.version,
    traces.c.environment,
    traces.c.input,
    traces.c.output,
    traces.c.error,
    traces.c.root_id,
    traces.c.metadata,
    traces.c.architecture,
)

# In the order in which `span_row` takes them apart.
SPAN_COLUMNS = (
    spans.c.span_id,
    spans.c.parent_id,
    spans.c.kind,
    spans.c.name,
    spans.c.status,
    spans.c.start_ns,
    spans.c.end_ns,
    spans.c.first_token_ns,
    spans.c.model,
    spans.c.provider,
    spans.c.counted,
    spans.c.cost,
    spans.c.error_type,
    spans.c.reported_cost,
    spans.c.computed_cost,
    spans.c.tier,
    spans.c.unpriced,
    spans.c.anomaly,
    *(spans.c[name] for name in _USAGE),
    spans.c.estimated,
)


# Of the span's trace, in the order in which `span_entry` takes them, before SPAN_COLUMNS.
ENTRY_COLUMNS = (
    traces.c.trace_id,
    traces.c.name.label("trace_name"),
    traces.c.project,
    traces.c.session,
    traces.c.user,
    traces.c.tags,
    traces.c.release,
    traces.c.environment,
)


def fields_of(row: AnyRow) -> RowMapping:
    """Return a row's values by column."""
    # Public, says SQLAlchemy's manual: the underscore keeps it apart from column names.
    return row._mapping  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


def trace_row(row: AnyRow) -> TraceRow:
    """Return a trace from its TRACE_COLUMNS."""
    found = fields_of(row)
    known = found["usage_count"] > 0
    numbers = (found[name] for name in _USAGE)
    return TraceRow(
        trace_id=found["trace_id"],
        project=found["project"],
        name=found["name"],
        kind=_KINDS[found["kind"]],
        status=_STATUSES[found["status"]],
        start_ns=found["start_ns"],
        end_ns=found["end_ns"],
        duration_ns=found["duration_ns"],
        span_count=found["span_count"],
        error_count=found["error_count"],
        usage=Usage(*numbers, estimated=found["estimated_count"] > 0) if known else None,
        cost=None if found["cost"] is None else money(found["cost"]),
        unpriced_count=found["unpriced_count"],
        anomaly_count=found["anomaly_count"],
        model=found["model"],
        session=found["session"],
        user=found["user"],
        tags=tuple(orjson.loads(found["tags"] or "[]")),
        release=found["release"],
        version=found["version"],
        environment=found["environment"],
        architecture=found["architecture"],
        input=found["input"],
        output=found["output"],
        error=found["error"],
        root_id=found["root_id"],
        metadata=orjson.loads(found["metadata"] or "{}"),
    )


def span_rows(rows: Iterable[Any], trace_id: str) -> list[SpanRow]:
    """Return the spans of one trace from their SPAN_COLUMNS."""
    return [span_row(trace_id, *row) for row in rows]


def span_row(
    trace_id: str,
    span_id: str,
    parent_id: str | None,
    kind: str,
    name: str,
    status: str,
    start_ns: int,
    end_ns: int | None,
    first_token_ns: int | None,
    model: str | None,
    provider: str | None,
    counted: bool | None,
    cost: int | None,
    error_type: str | None,
    reported_cost: int | None,
    computed_cost: int | None,
    tier: str | None,
    unpriced: str | None,
    anomaly: str | None,
    *usage: Any,
) -> SpanRow:
    """Return a span from its SPAN_COLUMNS; positional, since ten thousand are read at once."""
    return SpanRow(
        trace_id,
        span_id,
        parent_id,
        _KINDS[kind],
        name,
        _STATUSES[status],
        start_ns,
        end_ns,
        first_token_ns,
        model,
        provider,
        None if usage[0] is None else _usage(usage),
        bool(counted),
        None if cost is None else money(cost),
        error_type,
        None if reported_cost is None else money(reported_cost),
        None if computed_cost is None else money(computed_cost),
        tier,
        unpriced,
        anomaly,
    )


def span_entry(
    trace_id: str,
    trace_name: str,
    project: str,
    session: str | None,
    user: str | None,
    tags: str | None,
    release: str | None,
    environment: str | None,
    *span: Any,
) -> SpanEntry:
    """Return an entry of a list from its ENTRY_COLUMNS and SPAN_COLUMNS."""
    return SpanEntry(
        span_row(trace_id, *span),
        trace_name,
        project,
        session,
        user,
        tuple(orjson.loads(tags or "[]")),
        release,
        environment,
    )


def _usage(columns: tuple[Any, ...]) -> Usage:
    """Return usage from columns in the order of its fields; a part may be unknown."""
    if None in columns:
        columns = (*(number or 0 for number in columns[:-1]), bool(columns[-1]))
    return Usage(*columns)
