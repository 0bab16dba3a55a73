"""Trace pages: which rows of `traces` stand on a page of their list."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, FromClause, RowMapping, select

from spanbook.reading import search
from spanbook.reading.conditions import conditions, tagged
from spanbook.reading.cursors import Cursor
from spanbook.reading.filters import TraceFilter
from spanbook.reading.pages import AnyRow, Order, Sort, read_parts
from spanbook.reading.payload_search import of_traces, search_payloads
from spanbook.reading.term_conditions import is_of_payload
from spanbook.store.schema import BEGINNING, beginning, trace_tags, traces

_SORT_COLUMNS: dict[str, Column[Any]] = {
    "start": traces.c.start_ns,
    "duration": traces.c.duration_ns,
    "tokens": traces.c.total_tokens,
    "spans": traces.c.span_count,
    "errors": traces.c.error_count,
}
_LONG = frozenset({"tags", "input", "output", "error"})  # sorted by their beginnings


def sort_column(sort: str) -> Column[Any]:
    """Return the column that holds what a list is sorted by."""
    return _SORT_COLUMNS[sort] if sort in _SORT_COLUMNS else traces.c[sort]


def _sort(sort: str) -> Sort | None:
    column = sort_column(sort)
    if column is traces.c.start_ns:
        return None
    value = beginning(column) if sort in _LONG else column
    return Sort(value, column if column.nullable else None)


def place_of(filter: TraceFilter, row: RowMapping) -> Cursor:
    """Return the place of a row, which holds at least its sort column, in the list of `filter`."""
    value = row[sort_column(filter.sort)]
    if filter.sort in _LONG and value is not None:
        value = value[:BEGINNING]
    return Cursor(filter.sort, filter.descending, value, row["start_ns"], row["pk"])


@dataclass(frozen=True, slots=True)
class Page:
    """What to read: which columns of which traces, in which order, how many."""

    columns: Sequence[ColumnElement[Any]]
    filter: TraceFilter
    cursor: Cursor | None
    backward: bool
    limit: int


def settled(connection: Connection, filter: TraceFilter) -> TraceFilter:
    """Return a filter that SQL can answer: what only payloads hold has been looked for."""
    terms = () if filter.where is None else filter.where.terms
    asked = [term for term in terms if is_of_payload(term, of_spans=False)]
    if not asked or filter.among is not None:
        return filter
    dialect = connection.dialect.name
    source, where = tagged(connection, filter.tag)
    where = [*where, *conditions(filter, dialect)]
    if filter.q is not None:
        where.append(search.matching(filter.q, dialect))
    keys = select(traces.c.pk).select_from(source).where(*where)
    return replace(filter, among=search_payloads(connection, of_traces(keys), asked))


def read_page(connection: Connection, page: Page) -> list[AnyRow]:
    """Return the rows of `page` in the order of reading."""
    page = replace(page, filter=settled(connection, page.filter))
    source, where = tagged(connection, page.filter.tag, by_start=page.filter.sort == "start")
    where = [*conditions(page.filter, connection.dialect.name), *where]
    order = _order(page)
    if page.filter.q is None:
        return _read(connection, page, order, source, where)
    rows: list[AnyRow] = []
    for found in _searches(connection, page, order):
        rows = _read(connection, page, order, source, [*where, found])
        if len(rows) == page.limit:
            break
    return rows


def _order(page: Page) -> Order:
    start, pk = traces.c.start_ns, traces.c.pk
    by = _sort(page.filter.sort)
    if page.filter.tag and by is None:  # the tag's rows stand in this order already
        start, pk = trace_tags.c.start_ns, trace_tags.c.trace_pk
    return Order(by, start, pk, page.filter.descending, page.backward)


def _searches(connection: Connection, page: Page, order: Order) -> Iterator[ColumnElement[bool]]:
    text = page.filter.q or ""
    if page.filter.sort != "start":
        return iter([search.matching(text, connection.dialect.name)])
    plain = replace(order, start=traces.c.start_ns, pk=traces.c.pk)
    ((_, place),) = plain.parts(page.cursor)
    return search.windows(connection, text, place=place, descending=order.downward)


def _read(
    connection: Connection,
    page: Page,
    order: Order,
    source: FromClause,
    where: Sequence[ColumnElement[bool]],
) -> list[AnyRow]:
    outer = replace(order, start=traces.c.start_ns, pk=traces.c.pk)

    def read(present: bool, part: list[ColumnElement[bool]], limit: int) -> Sequence[AnyRow]:
        """Read the rows of keys that an index alone can find: only these are read whole."""
        keys = (
            select(traces.c.pk)
            .select_from(source)
            .where(*where, *part)
            .order_by(*order.clauses(present=present))
            .limit(limit)
        )
        whole = select(*page.columns).where(traces.c.pk.in_(keys))
        return connection.execute(whole.order_by(*outer.clauses(present=present))).all()

    return read_parts(order, page.cursor, page.limit, read)
