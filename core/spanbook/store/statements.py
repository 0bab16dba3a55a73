"""Statements: rows are written and found many at a time, as each kind of database does it best."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, TableClause

from spanbook.store.backends.backend import Finder, Row, Rule, Writer
from spanbook.store.backends.choice import backend_named

KEEP, REPLACE, ADD = Rule.KEEP, Rule.REPLACE, Rule.ADD


class Insert:
    """Writes rows into some columns of one table, with a rule for rows that are there already."""

    def __init__(
        self, table: TableClause, columns: Sequence[str] | None = None, rule: Rule = Rule.NEW
    ) -> None:
        """Write `columns`, by default all, in the table's order."""
        self._table, self._rule = table, rule
        self._columns = [c.name for c in table.c] if columns is None else list(columns)
        self._writers: dict[str, Writer] = {}

    def run(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Write `rows`."""
        if not rows:
            return
        dialect = connection.dialect.name
        if dialect not in self._writers:
            backend = backend_named(dialect)
            self._writers[dialect] = backend.writer(self._table, self._columns, self._rule)
        self._writers[dialect](connection, rows)


class Lookup:
    """Finds some columns of the rows of one table by values of one column, `key`.

    All rows have the same `given` columns besides.
    """

    def __init__(
        self,
        table: TableClause,
        key: str,
        *,
        columns: Sequence[str] | None = None,
        given: Sequence[str] = (),
    ) -> None:
        """Find `columns`, by default all, in the table's order."""
        self._table, self._key, self._given = table, key, given
        self._columns = [c.name for c in table.c] if columns is None else list(columns)
        self._finders: dict[str, Finder] = {}

    def run(self, connection: Connection, keys: Iterable[Any], *given: Any) -> list[Row]:
        """Return the rows whose key is among `keys`."""
        dialect = connection.dialect.name
        if dialect not in self._finders:
            self._finders[dialect] = backend_named(dialect).finder(
                self._table, self._columns, self._key, self._given
            )
        return self._finders[dialect](connection, keys, given)


class Statement:
    """One statement in SQL, its values as `?`, as text through the driver.

    Where a database needs other words these are given by the name of its dialect.
    """

    def __init__(self, text: str, **others: str) -> None:
        self._text, self._others = text, others
        self._spelled: dict[str, str] = {}

    def run(self, connection: Connection, *values: Any) -> "CursorResult[*tuple[Any, ...]]":
        """Run it with `values` in their places."""
        dialect = connection.dialect.name
        if dialect not in self._spelled:
            text = self._others.get(dialect, self._text)
            self._spelled[dialect] = backend_named(dialect).spelled(text)
        return connection.exec_driver_sql(self._spelled[dialect], values)
