"""Pages: a sorted list, read in parts from any place in either direction."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import Column, ColumnElement, Row, and_, tuple_

from spanbook.reading.cursors import Cursor
from spanbook.reading.list_filter import ListFilter

AnyRow: TypeAlias = "Row[*tuple[Any, ...]]"


@dataclass(frozen=True, slots=True)
class Sort:
    """What a list is sorted by; `known` is NULL in rows that lack it. None: all have it."""

    value: ColumnElement[Any]
    known: ColumnElement[Any] | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a list: a value, then start, then row number, all in the same direction.

    Without `by` it is start, then row number. Rows without the value come last in either
    direction; read backward, they come first.
    """

    by: Sort | None
    start: ColumnElement[Any]
    pk: ColumnElement[Any]
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
        known = None if self.by is None else self.by.known
        for present in (False, True) if self.backward else (True, False):
            here = cursor is not None and (cursor.value is not None) == present
            passed = cursor is not None and not here and present != self.backward
            if passed or not (present or known is not None):
                continue
            where: list[ColumnElement[bool]] = []
            if known is not None:
                where.append(known.is_not(None) if present else known.is_(None))
            if here and cursor is not None:
                where.append(self._beyond(cursor, present))
            yield present, where

    def _columns(self, present: bool) -> list[ColumnElement[Any]]:
        by = [self.by.value] if present and self.by is not None else []
        return [*by, self.start, self.pk]

    def _beyond(self, cursor: Cursor, present: bool) -> ColumnElement[bool]:
        columns = self._columns(present)
        values = (cursor.value, cursor.start_ns, cursor.pk)[-len(columns) :]
        place = tuple_(*columns)
        beyond = place < values if self.downward else place > values
        if isinstance(columns[0], Column):
            return beyond
        # SQLite seeks an expression in an index by a plain comparison only.
        near = columns[0] <= values[0] if self.downward else columns[0] >= values[0]
        return and_(near, beyond)


def read_parts(
    order: Order,
    cursor: Cursor | None,
    limit: int,
    read: Callable[[bool, list[ColumnElement[bool]], int], Sequence[AnyRow]],
) -> list[AnyRow]:
    """Return up to `limit` rows beyond `cursor`, in the order of reading.

    `read` returns those of one part: whether its rows have what the list is sorted by, what must
    hold of them, and how many to read.
    """
    rows: list[AnyRow] = []
    for present, part in order.parts(cursor):
        rows += read(present, part, limit - len(rows))
        if len(rows) == limit:
            break
    return rows


@dataclass(frozen=True, slots=True)
class Cut:
    """The rows of one page in the order of the list, and where its neighbours begin."""

    rows: Sequence[AnyRow]
    next: str | None
    previous: str | None


def cut(filter: ListFilter, rows: list[AnyRow], place: Callable[[AnyRow], Cursor]) -> Cut:
    """Return the page of `filter` from its rows in the order of reading and one beyond, if any."""
    backward = filter.before is not None
    more = len(rows) > filter.limit
    rows = rows[: filter.limit]
    if backward:
        rows.reverse()
    has_next = bool(rows) and (more or backward)
    has_previous = bool(rows) and (more if backward else filter.cursor() is not None)
    return Cut(
        rows,
        place(rows[-1]).encode() if has_next else None,
        place(rows[0]).encode() if has_previous else None,
    )
