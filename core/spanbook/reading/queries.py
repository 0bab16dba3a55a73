"""Queries: what a page shows, one function each, as frozen rows."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, func, select

from spanbook.errors import UnknownTraceError
from spanbook.reading import payloads, search
from spanbook.reading.changes import changes, mark
from spanbook.reading.conditions import conditions, tagged
from spanbook.reading.costs import explain_cost
from spanbook.reading.facets import facets
from spanbook.reading.filters import TraceFilter
from spanbook.reading.links import list_links
from spanbook.reading.pages import AnyRow, cut
from spanbook.reading.records import SPAN_COLUMNS, TRACE_COLUMNS, fields_of, span_rows, trace_row
from spanbook.reading.rows import Blob, Count, Payload, SpanRow, TracePage, TraceRow
from spanbook.reading.run_pages import count_runs, list_runs
from spanbook.reading.runs import get_run, list_metrics
from spanbook.reading.trace_pages import Page, place_of, read_page, settled, sort_column
from spanbook.store.compression import content_of
from spanbook.store.schema import blobs, events, spans, traces
from spanbook.store.schema import payloads as blocks
from spanbook.store.words import words

__all__ = [
    "changes",
    "count_runs",
    "count_traces",
    "explain_cost",
    "facets",
    "get_blob",
    "get_payload",
    "get_run",
    "get_trace",
    "list_links",
    "list_metrics",
    "list_runs",
    "list_spans",
    "list_traces",
    "mark",
    "neighbours",
    "newest",
    "read_texts",
    "settle",
]


def list_traces(engine: Engine, filter: TraceFilter) -> TracePage:
    """Return the page of traces that `filter` asks for, without their spans and payloads.

    Raises:
        FilterError: the filter's cursor belongs to a list in another order.
    """
    cursor, backward = filter.cursor(), filter.before is not None
    page = Page(TRACE_COLUMNS, filter, cursor, backward, filter.limit + 1)
    with engine.connect() as connection:
        rows = read_page(connection, page)
    found = cut(filter, rows, lambda row: place_of(filter, fields_of(row)))
    return TracePage(tuple(trace_row(row) for row in found.rows), found.next, found.previous)


def count_traces(engine: Engine, filter: TraceFilter, cap: int | None = None) -> Count:
    """Return how many traces match, on all pages; with `cap`, counting stops there."""
    with engine.connect() as connection:
        matches = _matches(connection, filter)
        if cap is not None:
            matches = matches.limit(cap + 1)
        statement = select(func.count()).select_from(matches.subquery())
        number = connection.execute(statement).scalar_one()
    return Count(number if cap is None else min(number, cap), cap is None or number <= cap)


def _matches(connection: Connection, filter: TraceFilter) -> Select[Any]:
    dialect = connection.dialect.name
    filter = settled(connection, filter)
    source, where = tagged(connection, filter.tag)
    where += conditions(filter, dialect)
    if filter.q is None:
        return select(traces.c.pk).select_from(source).where(*where)
    asked = words(filter.q)
    if len(asked) != 1:
        where.append(search.matching(filter.q, dialect))
        return select(traces.c.pk).select_from(source).where(*where)
    index = search.index_of(dialect)
    found = index.traces_with(asked[0])  # one walk that stops as soon as enough are counted
    if where:
        found = found.join(source, traces.c.pk == index.trace_pk).where(*where)
    return found.distinct()


def settle(engine: Engine, filter: TraceFilter) -> TraceFilter:
    """Return `filter` with the traces found that have what only payloads hold, if it asks for it.

    Whoever asks several questions about one filter settles it first; others need not.
    """
    with engine.connect() as connection:
        return settled(connection, filter)


def newest(engine: Engine, filter: TraceFilter) -> str:
    """Return a mark that changes as soon as the page that `filter` asks for looks different."""
    cursor, backward = filter.cursor(), filter.before is not None
    with engine.connect() as connection:
        rows = read_page(connection, Page(TRACE_COLUMNS, filter, cursor, backward, filter.limit))
    return hashlib.sha256(repr([tuple(row) for row in rows]).encode()).hexdigest()[:32]


def get_trace(engine: Engine, trace_id: str) -> TraceRow:
    """Return one trace.

    Raises:
        UnknownTraceError: the store does not hold it.
    """
    with engine.connect() as connection:
        return trace_row(_find(connection, trace_id, TRACE_COLUMNS))


def _find(connection: Connection, trace_id: str, columns: Iterable[ColumnElement[Any]]) -> AnyRow:
    row = connection.execute(select(*columns).where(traces.c.trace_id == trace_id)).first()
    if row is None:
        raise UnknownTraceError(
            f"The store holds no trace {trace_id!r}. Trace ids are 32 hexadecimal digits; "
            "look one up in the list of traces, or see that this is the store it was written to."
        )
    return row


def list_spans(
    engine: Engine, trace_id: str, *, limit: int | None = None, offset: int = 0
) -> list[SpanRow]:
    """Return the spans of a trace by start, all of them or `limit` from `offset` on.

    Raises:
        UnknownTraceError: the store does not hold the trace.
    """
    with engine.connect() as connection:
        pk = _find(connection, trace_id, [traces.c.pk])[0]
        statement = (
            select(*SPAN_COLUMNS)
            .where(spans.c.trace_pk == pk)
            .order_by(spans.c.start_ns, spans.c.pk)
            .limit(limit)
            .offset(offset or None)
        )
        return span_rows(connection.execute(statement).all(), trace_id)


def get_payload(engine: Engine, trace_id: str, span_id: str) -> Payload:
    """Return what went into one span and came out of it.

    Raises:
        UnknownTraceError: the store does not hold the trace, or the trace not the span.
    """
    with engine.connect() as connection:
        pk = _find(connection, trace_id, [traces.c.pk])[0]
        refers = select(spans.c.start_block, spans.c.end_block)
        row = connection.execute(
            refers.where(spans.c.trace_pk == pk, spans.c.span_id == span_id)
        ).first()
        if row is None:
            raise UnknownTraceError(
                f"Trace {trace_id} has no span {span_id!r}. Span ids are 16 hexadecimal digits; "
                "list the trace's spans to find one."
            )
        start, end = _records(connection, pk, span_id, row[0], row[1])
        data: list[Any] = [payloads.merge(start, end), _events(connection, pk, span_id)]
        record, happened = payloads.resolve(data, read_texts(connection, payloads.references(data)))
    return payloads.payload(record, happened)


def _records(
    connection: Connection, trace_pk: int, span_id: str, start: int | None, end: int | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    statement = select(blocks.c.pk, blocks.c.body).where(
        blocks.c.trace_pk == trace_pk, blocks.c.pk.in_([start, end])
    )
    rows = connection.execute(statement)
    read: dict[int | None, Any] = {pk: payloads.unpack(body) for pk, body in rows}
    nothing: dict[str, Any] = {}
    return read.get(start, nothing).get(span_id, nothing), read.get(end, nothing).get(
        span_id, nothing
    )


def _events(connection: Connection, trace_pk: int, span_id: str) -> list[list[Any]]:
    statement = (
        select(events.c.at_ns, events.c.name, events.c.data)
        .where(events.c.trace_pk == trace_pk, events.c.span_id == span_id)
        .order_by(events.c.at_ns, events.c.pk)
    )
    rows = connection.execute(statement)
    return [[at, name, data and payloads.unpack(data)] for at, name, data in rows]


def read_texts(connection: Connection, hashes: Iterable[str]) -> dict[str, str]:
    """Return the texts with these hashes, as far as the store holds them."""
    statement = select(blobs.c.hash, blobs.c.size, blobs.c.body)
    wanted = [bytes.fromhex(key) for key in hashes]
    if not wanted:
        return {}
    rows = connection.execute(statement.where(blobs.c.hash.in_(wanted)))
    return {
        bytes(key).hex(): content_of(body, size).decode("utf-8", "surrogatepass")
        for key, size, body in rows
    }


def get_blob(engine: Engine, hash: str) -> Blob | None:
    """Return the content with this hash; None: the store does not hold it."""
    try:
        key = bytes.fromhex(hash)
    except ValueError:
        return None
    statement = select(blobs.c.media_type, blobs.c.size, blobs.c.body).where(blobs.c.hash == key)
    with engine.connect() as connection:
        row = connection.execute(statement).first()
    if row is None:
        return None
    return Blob(hash, row[0], row[1], content_of(row[2], row[1]))


def neighbours(engine: Engine, trace_id: str, filter: TraceFilter) -> tuple[str | None, str | None]:
    """Return the ids of the traces before and after this one in the list that `filter` asks for.

    Raises:
        UnknownTraceError: the store does not hold the trace.
    """
    whole = replace(filter, after=None, before=None)
    place = (traces.c.pk, traces.c.start_ns, sort_column(filter.sort))
    with engine.connect() as connection:
        row = _find(connection, trace_id, dict.fromkeys(place))
        cursor = place_of(whole, fields_of(row))
        before, after = (
            read_page(connection, Page([traces.c.trace_id], whole, cursor, backward, 1))
            for backward in (True, False)
        )
    return (before[0][0] if before else None), (after[0][0] if after else None)
