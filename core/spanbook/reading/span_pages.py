"""Span pages: lists of spans over all traces."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, func, select, union_all

from spanbook.reading.cursors import Cursor
from spanbook.reading.filters import SpanFilter
from spanbook.reading.pages import AnyRow, Order, Sort, cut, read_parts
from spanbook.reading.records import ENTRY_COLUMNS, SPAN_COLUMNS, span_entry
from spanbook.reading.rows import Count, SpanPage
from spanbook.reading.span_conditions import (
    DURATION,
    TOKENS,
    Search,
    of_payloads,
    search,
    settled,
    span_conditions,
    trace_conditions,
    unindexed,
)
from spanbook.spans import SpanKind
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

_WITH_KIND = ("tokens", "input_tokens", "output_tokens", "cost")  # whose indexes know the kind
_WINDOW = 2_000  # spans looked at first in the order of the list


def settle(engine: Engine, filter: SpanFilter) -> SpanFilter:
    """Return `filter` with the spans found that have what only payloads hold, if it asks for it.

    Whoever asks several questions about one filter settles it first; others need not.
    """
    with engine.connect() as connection:
        return settled(connection, filter)


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
        found = cut(filter, _read(connection, filter, order, columns), place)
    return SpanPage(tuple(span_entry(*row[3:]) for row in found.rows), found.next, found.previous)


def _order(filter: SpanFilter, *, backward: bool) -> Order:
    return Order(_SORTS[filter.sort], spans.c.start_ns, spans.c.pk, filter.descending, backward)


def _read(
    connection: Connection, filter: SpanFilter, order: Order, columns: Sequence[ColumnElement[Any]]
) -> list[AnyRow]:
    way = search(connection, filter)
    dialect = connection.dialect.name
    joined = spans.join(traces, traces.c.pk == spans.c.trace_pk)

    def read(present: bool, part: list[ColumnElement[bool]], limit: int) -> Sequence[AnyRow]:
        """Read the rows of keys that indexes find: only these are read whole."""
        by = order.clauses(present=present)
        whole = select(*columns).select_from(joined).order_by(*by)
        rows: Sequence[AnyRow] = ()
        for keys in _keys(way, filter, _Part(order, present, part, limit), dialect):
            rows = connection.execute(whole.where(spans.c.pk.in_(keys))).all()
            if len(rows) == limit:
                break
        return rows

    return read_parts(order, filter.cursor(), filter.limit + 1, read)


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a list: whether it has what the list is sorted by, what holds, how many to read."""

    order: Order
    present: bool
    place: list[ColumnElement[bool]]
    limit: int

    @property
    def by_value(self) -> bool:
        return self.present and self.order.by is not None

    def first(self, *where: ColumnElement[bool], limit: int | None = None) -> "Select[Any]":
        """Select the first rows of the part that fulfil `where`, walking in its order."""
        by = self.order.clauses(present=self.present)
        found = select(spans.c.pk).where(*where, *self.place)
        return found.order_by(*by).limit(self.limit if limit is None else limit)

    def best(self, dialect: str, *where: ColumnElement[bool]) -> "Select[Any]":
        """Select the same by finding all rows that fulfil `where` and sorting them."""
        order = self.order
        sort = order.by and Sort(unindexed(order.by.value, dialect), order.by.known)
        loose = replace(order, by=sort, start=unindexed(order.start, dialect))
        by = loose.clauses(present=self.present)
        return select(spans.c.pk).where(*where, *self.place).order_by(*by).limit(self.limit)


def _keys(way: Search, filter: SpanFilter, part: _Part, dialect: str) -> "Iterator[Select[Any]]":
    """Yield selects of the spans on a page, to be tried in turn until one fills the page."""
    if way.few is not None:
        yield part.best(dialect, *way.all)
        return
    if not part.by_value:
        yield part.first(*way.all)
        return
    if filter.sort == "duration":
        yield _by_duration(way, filter, part, dialect)
        return
    if way.rest is None or not way.checked or (filter.kind and filter.sort in _WITH_KIND):
        yield part.first(*way.checked)
        return
    walked = part.first(limit=_WINDOW)
    yield part.first(spans.c.pk.in_(walked), *way.checked)
    yield part.best(dialect, *way.rest)


def _by_duration(way: Search, filter: SpanFilter, part: _Part, dialect: str) -> "Select[Any]":
    """Select the longest or shortest spans: an index holds those of each kind apart."""
    is_only_kind = len(way.checked) == bool(filter.kind)
    if way.rest is not None and not is_only_kind and not _is_bound(filter):
        return part.best(dialect, *way.rest)
    each = [
        select(part.first(spans.c.kind == str(kind), *way.checked).subquery())
        for kind in filter.kind or SpanKind
    ]
    return part.first(spans.c.pk.in_(union_all(*each)))


def _is_bound(filter: SpanFilter) -> bool:
    return filter.min_duration is not None or filter.max_duration is not None


def count_spans(engine: Engine, filter: SpanFilter, cap: int | None = None) -> Count:
    """Return how many spans match, on all pages; with `cap`, counting may stop there."""
    with engine.connect() as connection:
        dialect = connection.dialect.name
        if not span_conditions(filter, dialect) and not of_payloads(filter):
            return Count(_of_whole_traces(connection, filter), exact=True)
        matches = select(spans.c.pk).where(*search(connection, filter).all)
        if cap is not None:
            matches = matches.limit(cap + 1)
        number = connection.execute(
            select(func.count()).select_from(matches.subquery())
        ).scalar_one()
    return Count(number if cap is None else min(number, cap), cap is None or number <= cap)


def _of_whole_traces(connection: Connection, filter: SpanFilter) -> int:
    """Return how many spans the traces hold that `filter` asks for, all of which match."""
    sums = select(func.coalesce(func.sum(traces.c.span_count), 0))
    return connection.execute(
        sums.where(*trace_conditions(filter, connection.dialect.name, strict=True))
    ).scalar_one()
