"""Statements: rows go into a table many at a time, as flat tuples through the driver.

One statement of many rows is one call into SQLite, which runs it without the interpreter's lock.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Connection, TableClause
from sqlalchemy.dialects import sqlite

_QUOTED = sqlite.dialect().identifier_preparer.quote
_MOST_VALUES = 2_000  # of one statement
_SIZES = (256, 128, 64, 32, 16, 8, 4, 2, 1)  # rows; few, so that statements are prepared once


class Insert:
    """An `INSERT` into some columns of one table, with a rule for rows that are there already."""

    def __init__(
        self, table: TableClause, columns: Sequence[str] | None = None, rule: str = ""
    ) -> None:
        """Insert `columns`, by default all, in the table's order; `rule` is `ON CONFLICT …`."""
        names = [column.name for column in table.c] if columns is None else list(columns)
        self.width = len(names)
        most = max(_MOST_VALUES // self.width, 1)
        self._sizes = tuple(size for size in _SIZES if size <= most) or (1,)
        place = f"{_QUOTED(table.name)} ({', '.join(map(_QUOTED, names))})"
        row = f"({', '.join('?' * self.width)})"
        self._texts = {
            size: f"INSERT INTO {place} VALUES {', '.join([row] * size)} {rule}"  # noqa: S608  # our own
            for size in self._sizes
        }

    def run(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert `rows`."""
        done = 0
        for size in self._sizes:
            while len(rows) - done >= size:
                values = tuple(chain.from_iterable(rows[done : done + size]))
                connection.exec_driver_sql(self._texts[size], values)
                done += size


def select_of(table: TableClause, condition: str) -> str:
    """Return the `SELECT` of whole rows of `table`, its columns in order."""
    names = ", ".join(_QUOTED(column.name) for column in table.c)
    return f"SELECT {names} FROM {_QUOTED(table.name)} WHERE {condition}"  # noqa: S608  # our own


def replacing(table: TableClause, *keys: str) -> str:
    """Return the rule by which a row takes the place of the one with the same `keys`."""
    changes = [
        f"{_QUOTED(c.name)} = excluded.{_QUOTED(c.name)}" for c in table.c if c.name not in keys
    ]
    return f"ON CONFLICT ({', '.join(map(_QUOTED, keys))}) DO UPDATE SET {', '.join(changes)}"


def adding(table: TableClause, *keys: str) -> str:
    """Return the rule by which a row's numbers are added to those with the same `keys`."""
    changes = [
        f"{_QUOTED(c.name)} = {_QUOTED(c.name)} + excluded.{_QUOTED(c.name)}"
        for c in table.c
        if c.name not in keys
    ]
    return f"ON CONFLICT ({', '.join(map(_QUOTED, keys))}) DO UPDATE SET {', '.join(changes)}"


KEEPING = "ON CONFLICT DO NOTHING"


def select_in(
    connection: Connection, statement: str, values: Iterable[Any], before: tuple[Any, ...] = ()
) -> list[tuple[Any, ...]]:
    """Return the rows of `statement`, whose `{}` becomes a list of places for `values`."""
    rows: list[tuple[Any, ...]] = []
    wanted = list(values)
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        size = 1 << (len(part) - 1).bit_length()  # few lengths, so that statements stay prepared
        part += part[-1:] * (min(size, 500) - len(part))
        text = statement.format(", ".join("?" * len(part)))
        rows += [tuple(row) for row in connection.exec_driver_sql(text, (*before, *part))]
    return rows
