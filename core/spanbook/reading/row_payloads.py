"""Row payloads: what the rows of one page hold besides their columns, for columns of paths."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, select

from spanbook.reading.payload_search import read_records
from spanbook.store.schema import spans, traces

_REFERS = (spans.c.span_id, spans.c.start_block, spans.c.end_block)


def trace_records(engine: Engine, trace_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return metadata of traces with input, output and attributes of their roots, by trace id."""
    is_root = (spans.c.trace_pk == traces.c.pk) & (spans.c.span_id == traces.c.root_id)
    statement = (
        select(traces.c.trace_id, traces.c.metadata, traces.c.pk, traces.c.pk, *_REFERS)
        .select_from(traces.outerjoin(spans, is_root))
        .where(traces.c.trace_id.in_(trace_ids))
    )
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(statement)]
        return dict(zip((row[0] for row in rows), _records(connection, rows), strict=True))


def span_records(
    engine: Engine, ids: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], dict[str, Any]]:
    """Return input, output and attributes of spans with the metadata of their traces.

    Spans are told by the ids of their trace and their own, both here and in what is returned.
    """
    trace_ids = sorted({trace_id for trace_id, _ in ids})
    statement = (
        select(traces.c.trace_id, traces.c.metadata, spans.c.pk, traces.c.pk, *_REFERS)
        .select_from(spans.join(traces, traces.c.pk == spans.c.trace_pk))
        .where(traces.c.trace_id.in_(trace_ids), spans.c.span_id.in_([span for _, span in ids]))
    )
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(statement)]
        keys = ((row[0], row[4]) for row in rows)
        return dict(zip(keys, _records(connection, rows), strict=True))


def _records(connection: Connection, rows: Sequence[Any]) -> Iterable[dict[str, Any]]:
    records, _ = read_records(connection, [row[2:] for row in rows])
    for row, record in zip(rows, records, strict=True):
        yield {**record, "metadata": orjson.loads(row[1] or "{}")}
