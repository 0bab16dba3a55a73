"""Pages: a sorted list of traces, read in parts from any place in either direction."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, FromClause, Row, Select, select, tuple_

from spanbook.reading import search
from spanbook.reading.conditions import conditions, tagged
from spanbook.reading.cursors import Cursor
from spanbook.reading.filters import TraceFilter
from spanbook.store.schema import trace_tags, traces

_SORT_COLUMNS: dict[str, Column[Any]] = {
    "start": traces.c.start_ns,
    "duration": traces.c.duration_ns,
    "tokens": traces.c.total_tokens,
    "spans": traces.c.span_count,
    "errors": traces.c.error_count,
}


def sort_column(sort: str) -> Column[Any]:
    """Return the column that holds what a list is sorted by."""
    return _SORT_COLUMNS[sort] if sort in _SORT_COLUMNS else traces.c[sort]


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a list: a value, then start, then row number, all in the same direction.

    Rows without the value come last in either direction; read backward, they come first.
    """

    value: Column[Any]
    start: Column[Any]
    pk: Column[Any]
    descending: bool
    backward: bool

    @property
    def downward(self) -> bool:
        """Whether rows are read from the largest to the smallest."""
        return self.descending != self.backward

    def clauses(self, *, present: bool) -> list[ColumnElement[Any]]:
        """Return the ORDER BY for rows that have the value, or for those that lack it."""
        columns = self._columns(present)
        return [column.desc() if self.downward else column.asc() for column in columns]

    def parts(self, cursor: Cursor | None) -> Iterator[tuple[bool, list[ColumnElement[bool]]]]:
        """Yield the parts of the list beyond `cursor` in turn: whether they have the value, where.

        Two plain parts instead of NULLS LAST: each can be read off an index.
        """
        nullable = bool(self.value.nullable)
        for present in (False, True) if self.backward else (True, False):
            here = cursor is not None and (cursor.value is not None) == present
            passed = cursor is not None and not here and present != self.backward
            if passed or not (present or nullable):
                continue
            where: list[ColumnElement[bool]] = []
            if nullable:
                where.append(self.value.is_not(None) if present else self.value.is_(None))
            if here and cursor is not None:
                where.append(self._beyond(cursor, present))
            yield present, where

    def _columns(self, present: bool) -> list[Column[Any]]:
        by_value = present and self.value is not self.start
        by_value = by_value and self.value is not traces.c.start_ns
        return [*([self.value] if by_value else []), self.start, self.pk]

    def _beyond(self, cursor: Cursor, present: bool) -> ColumnElement[bool]:
        columns = self._columns(present)
        values = (cursor.value, cursor.start_ns, cursor.pk)[-len(columns) :]
        place = tuple_(*columns)
        return place < values if self.downward else place > values


@dataclass(frozen=True, slots=True)
class Page:
    """What to read: which columns of which traces, in which order, how many."""

    columns: Sequence[ColumnElement[Any]]
    filter: TraceFilter
    cursor: Cursor | None
    backward: bool
    limit: int


def read_page(connection: Connection, page: Page) -> list[Row[Any]]:
    """Return the rows of `page` in the order of reading."""
    source, where = tagged(connection, page.filter.tag, by_start=page.filter.sort == "start")
    where = [*conditions(page.filter, connection.dialect.name), *where]
    order = _order(page)
    if page.filter.q is None:
        return _read(connection, page, order, source, where)
    rows: list[Row[Any]] = []
    for found in _searches(connection, page, order):
        rows = _read(connection, page, order, source, [*where, found])
        if len(rows) == page.limit:
            break
    return rows


def _order(page: Page) -> Order:
    column = sort_column(page.filter.sort)
    start, pk = traces.c.start_ns, traces.c.pk
    if page.filter.tag and column is start:  # the tag's rows stand in this order already
        start, pk = trace_tags.c.start_ns, trace_tags.c.trace_pk
    return Order(column, start, pk, page.filter.descending, page.backward)


def _searches(connection: Connection, page: Page, order: Order) -> Iterator[ColumnElement[bool]]:
    text = page.filter.q or ""
    if page.filter.sort != "start":
        return iter([search.matching(text, connection.dialect.name)])
    start = traces.c.start_ns
    plain = Order(start, start, traces.c.pk, order.descending, order.backward)
    ((_, place),) = plain.parts(page.cursor)
    return search.windows(connection, text, place=place, descending=order.downward)


def _read(
    connection: Connection,
    page: Page,
    order: Order,
    source: FromClause,
    where: Sequence[ColumnElement[bool]],
) -> list[Row[Any]]:
    rows: list[Row[Any]] = []
    for present, part in order.parts(page.cursor):
        missing = page.limit - len(rows)
        keys = (
            select(traces.c.pk)
            .select_from(source)
            .where(*where, *part)
            .order_by(*order.clauses(present=present))
            .limit(missing)
        )
        rows += connection.execute(_whole(page, order, keys, present)).all()
        if len(rows) == page.limit:
            break
    return rows


def _whole(page: Page, order: Order, keys: Select[Any], present: bool) -> Select[Any]:
    """Return the rows of `keys`, which an index alone can find: only these are read whole."""
    value, start, pk = order.value, traces.c.start_ns, traces.c.pk
    outer = Order(value, start, pk, order.descending, order.backward)
    return (
        select(*page.columns).where(traces.c.pk.in_(keys)).order_by(*outer.clauses(present=present))
    )
