"""Span pages: lists of spans over all traces."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, func, select

from spanbook.reading.cursors import Cursor
from spanbook.reading.filters import SpanFilter
from spanbook.reading.pages import AnyRow, Order, Sort, cut, read_parts
from spanbook.reading.records import ENTRY_COLUMNS, SPAN_COLUMNS, span_entry
from spanbook.reading.rows import Count, SpanPage
from spanbook.reading.span_conditions import (
    DURATION,
    TOKENS,
    span_conditions,
    trace_conditions,
    where,
)
from spanbook.store.schema import spans, traces

_SORTS: dict[str, Sort | None] = {
    "start": None,
    "duration": Sort(DURATION, spans.c.end_ns),
    "tokens": Sort(TOKENS, spans.c.input_tokens),
    "input_tokens": Sort(spans.c.input_tokens, spans.c.input_tokens),
    "output_tokens": Sort(spans.c.output_tokens, spans.c.input_tokens),
    "cost": Sort(spans.c.cost, spans.c.cost),
    "name": Sort(spans.c.name),
    "model": Sort(spans.c.model, spans.c.model),
}


def list_spans(engine: Engine, filter: SpanFilter) -> SpanPage:
    """Return the page of spans that `filter` asks for, without their payloads.

    Raises:
        FilterError: the filter's cursor belongs to a list in another order.
    """
    order = _order(filter, backward=filter.before is not None)
    value = order.start if order.by is None else order.by.value
    columns = (value.label("value"), spans.c.start_ns, spans.c.pk, *ENTRY_COLUMNS, *SPAN_COLUMNS)

    def place(row: AnyRow) -> Cursor:
        return Cursor(filter.sort, filter.descending, row[0], row[1], row[2])

    with engine.connect() as connection:
        conditions = where(connection, filter, by_start=order.by is None)
        rows = read_parts(
            connection,
            order,
            filter.cursor(),
            filter.limit + 1,
            lambda present, part, limit: _select(
                columns, order, [*conditions, *part], present, limit
            ),
        )
    found = cut(filter, rows, place)
    return SpanPage(tuple(span_entry(*row[3:]) for row in found.rows), found.next, found.previous)


def _order(filter: SpanFilter, *, backward: bool) -> Order:
    return Order(_SORTS[filter.sort], spans.c.start_ns, spans.c.pk, filter.descending, backward)


def _select(
    columns: tuple[ColumnElement[Any], ...],
    order: Order,
    conditions: list[ColumnElement[bool]],
    present: bool,
    limit: int,
) -> "Select[Any]":
    """Select the rows of one part, of which only those of the page are read whole."""
    by = order.clauses(present=present)
    keys = select(spans.c.pk).where(*conditions).order_by(*by).limit(limit)
    joined = spans.join(traces, traces.c.pk == spans.c.trace_pk)
    return select(*columns).select_from(joined).where(spans.c.pk.in_(keys)).order_by(*by)


def count_spans(engine: Engine, filter: SpanFilter, cap: int | None = None) -> Count:
    """Return how many spans match, on all pages; with `cap`, counting may stop there."""
    with engine.connect() as connection:
        if not span_conditions(filter):
            return Count(_of_whole_traces(connection, filter), exact=True)
        matches = select(spans.c.pk).where(*where(connection, filter, by_start=True))
        if cap is not None:
            matches = matches.limit(cap + 1)
        number = connection.execute(
            select(func.count()).select_from(matches.subquery())
        ).scalar_one()
    return Count(number if cap is None else min(number, cap), cap is None or number <= cap)


def _of_whole_traces(connection: Connection, filter: SpanFilter) -> int:
    """Return how many spans the traces hold that `filter` asks for, all of which match."""
    sums = select(func.coalesce(func.sum(traces.c.span_count), 0))
    return connection.execute(sums.where(*trace_conditions(filter, strict=True))).scalar_one()
