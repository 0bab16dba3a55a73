"""SQLite: a store in a file with a write-ahead log, full text by FTS5.

One statement of many rows is one call into SQLite, which runs it without the interpreter's lock.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, TableClause, create_engine, event, exc, make_url
from sqlalchemy.dialects import sqlite

from spanbook.addresses import sqlite_path
from spanbook.errors import StoreError
from spanbook.store.backends.backend import Backend, Finder, Row, Rule, Writer
from spanbook.store.numbers import Counters, Numbers
from spanbook.store.schema import metadata

_PRAGMAS = (
    "synchronous = NORMAL",
    "cache_size = -16000",
    "mmap_size = 268435456",
    "temp_store = MEMORY",
    "journal_size_limit = 16777216",
)
_WRITING_PRAGMAS = ("mmap_size = 0", "cache_size = -4000")
_EXPLANATIONS = {
    "not a database": "is not a SQLite database; name another file for the store.",
    "malformed": "is damaged. Move it away, or rescue it with sqlite3's .recover.",
    "readonly": "may not be written by this user; change its permissions or those of its folder.",
    "unable to open": "cannot be opened; see whether this user may write its folder.",
    "locked": "is locked by another program; close that or try again.",
    "full": "cannot grow: the disk is full.",
}
_REFUSALS = (exc.IntegrityError, exc.DataError, exc.InterfaceError, exc.ProgrammingError)
_QUOTED = sqlite.dialect().identifier_preparer.quote
_MOST_VALUES = 2_000  # of one statement
_SIZES = (256, 128, 64, 32, 16, 8, 4, 2, 1)  # rows; few, so that statements are prepared once
_MOST_KEYS = 500  # of one look-up
_NUMBERS = (
    "SELECT (SELECT coalesce(max(pk), 0) FROM traces), (SELECT coalesce(max(pk), 0) FROM payloads),"
    " (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'spans')"
)
_INDEX = "INSERT INTO search (rowid, text) VALUES (?, ?)"


class Sqlite(Backend):
    """Files on this machine."""

    dialect = "sqlite"

    def engine(self, url: str, patience: float, limit: float | None) -> Engine:
        """Return an engine on the file."""
        path = _path(url)
        _check_place(path)
        engine = create_engine(
            URL.create("sqlite", database=str(path), query=make_url(url).query),
            hide_parameters=True,
            connect_args={
                "isolation_level": None,
                "check_same_thread": False,
                "timeout": patience,
                "cached_statements": 512,  # the ingester's inserts come in many lengths
            },
        )
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
        return engine

    def place(self, url: str) -> str:
        """Return the path."""
        return str(_path(url))

    def explain(self, place: str, error: BaseException | None) -> str:
        """Return a sentence on the file."""
        return _explain(place, str(error))

    def refuses(self, error: exc.DBAPIError) -> bool:
        """Say whether SQLite, or its driver, cannot take a value."""
        return isinstance(error, _REFUSALS)

    def tables(self, connection: Connection) -> set[str]:
        """Return all names."""
        return set(connection.exec_driver_sql("SELECT name FROM sqlite_master").scalars())

    def before_creation(self, connection: Connection, url: str, patience: float) -> None:
        """Turn on the write-ahead log."""
        path = _path(url)
        if not os.access(path.parent if not path.exists() else path, os.W_OK):
            raise StoreError(_explain(str(path), "readonly"))
        raw: Any = connection.connection
        _repeat(lambda: raw.execute("PRAGMA journal_mode = WAL"), patience)

    def create(self, connection: Connection) -> None:
        """Make all tables and the index."""
        metadata.create_all(connection)
        create_index(connection)

    @contextlib.contextmanager
    def writing(self, connection: Connection) -> Generator[None]:
        """Begin with the write lock, so that no reading has to be done again."""
        connection.execution_options(begin="BEGIN IMMEDIATE")
        try:
            with connection.begin():
                yield
        finally:
            connection.execution_options(begin="BEGIN")

    def attune(self, connection: Connection) -> None:
        """Spare memory."""
        for pragma in _WRITING_PRAGMAS:
            connection.exec_driver_sql(f"PRAGMA {pragma}")
        connection.rollback()

    def set_patience(self, connection: Connection, seconds: float) -> None:
        """Set the time for which SQLite tries again."""
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(1000 * seconds)}")
        connection.rollback()

    def identity(self, url: str) -> object:
        """Return what tells a file from another of the same name; None if there is none."""
        try:
            found = _path(url).stat()
        except OSError:
            return None
        return (found.st_dev, found.st_ino)

    def numbers(self, connection: Connection, at: int) -> Numbers:
        """Count on."""
        return Counters(*connection.exec_driver_sql(_NUMBERS).one())

    def writer(self, table: TableClause, columns: Sequence[str], rule: Rule) -> Writer:
        """Return what inserts many rows by few statements."""
        return _Insert(table, columns, rule)

    def finder(
        self, table: TableClause, columns: Sequence[str], key: str, given: Sequence[str]
    ) -> Finder:
        """Return what finds rows, many at a time."""
        return _Select(table, columns, key, given)

    def spelled(self, text: str) -> str:
        """Return the statement as it is."""
        return text

    def write_search(self, connection: Connection, rows: Sequence[tuple[int, int, str]]) -> None:
        """Index texts in ascending order: FTS5 flushes its index where one does not ascend.

        It flushes after each statement of several rows, too, so these are statements of one.
        """
        connection.exec_driver_sql(_INDEX, [(span_pk, words) for _, span_pk, words in rows])


def create_index(connection: Connection) -> None:
    """Make `search`: words of a trace, with the span that brought them.

    It holds neither positions nor the text.
    """
    deletable = ", contentless_delete = 1" if sqlite3.sqlite_version_info >= (3, 43) else ""
    connection.exec_driver_sql(
        "CREATE VIRTUAL TABLE search USING fts5 (text, content = '', detail = none, "
        f"tokenize = 'unicode61 remove_diacritics 2'{deletable})"
    )


class _Insert:
    """An `INSERT` of many rows, as flat tuples through the driver."""

    def __init__(self, table: TableClause, columns: Sequence[str], rule: Rule) -> None:
        most = max(_MOST_VALUES // len(columns), 1)
        self._sizes = tuple(size for size in _SIZES if size <= most) or (1,)
        place = f"{_QUOTED(table.name)} ({', '.join(map(_QUOTED, columns))})"
        row = f"({', '.join('?' * len(columns))})"
        conflict = _conflict(table, columns, rule)
        self._texts = {
            size: f"INSERT INTO {place} VALUES {', '.join([row] * size)} {conflict}"  # noqa: S608  # our own
            for size in self._sizes
        }

    def __call__(self, connection: Connection, rows: Sequence[Row]) -> None:
        done = 0
        for size in self._sizes:
            while len(rows) - done >= size:
                values = tuple(chain.from_iterable(rows[done : done + size]))
                connection.exec_driver_sql(self._texts[size], values)
                done += size


def _conflict(table: TableClause, columns: Sequence[str], rule: Rule) -> str:
    if rule is Rule.NEW:
        return ""
    if rule is Rule.KEEP:
        return "ON CONFLICT DO NOTHING"
    keys = [column.name for column in table.primary_key]
    own = f"{_QUOTED(table.name)}."
    changes = ", ".join(
        f"{name} = "
        + (f"{own}{name} + excluded.{name}" if rule is Rule.ADD else f"excluded.{name}")
        for name in map(_QUOTED, columns)
        if name.strip('"') not in keys
    )
    return f"ON CONFLICT ({', '.join(map(_QUOTED, keys))}) DO UPDATE SET {changes}"


class _Select:
    """A `SELECT` of rows by a list of keys."""

    def __init__(
        self, table: TableClause, columns: Sequence[str], key: str, given: Sequence[str]
    ) -> None:
        conditions = [f"{_QUOTED(name)} = ?" for name in given] + [f"{_QUOTED(key)} IN ({{}})"]
        self._text = (
            f"SELECT {', '.join(map(_QUOTED, columns))} FROM {_QUOTED(table.name)} "  # noqa: S608  # our own
            f"WHERE {' AND '.join(conditions)}"
        )

    def __call__(self, connection: Connection, keys: Iterable[Any], given: Row) -> list[Row]:
        rows: list[Row] = []
        wanted = list(keys)
        for start in range(0, len(wanted), _MOST_KEYS):
            part = wanted[start : start + _MOST_KEYS]
            size = 1 << (len(part) - 1).bit_length()  # few lengths, so that they stay prepared
            part += part[-1:] * (min(size, _MOST_KEYS) - len(part))
            text = self._text.format(", ".join("?" * len(part)))
            rows += [tuple(row) for row in connection.exec_driver_sql(text, (*given, *part))]
        return rows


def _path(url: str) -> Path:
    path = sqlite_path(url)
    assert path is not None
    return path


def _set_pragmas(connection: sqlite3.Connection, _: object) -> None:
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def _check_place(path: Path) -> None:
    if path.is_dir():
        raise StoreError(f"{path} is a directory; name a file for the store.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"The directory {path.parent} cannot be made: {error}.") from error
    if path.exists() and not os.access(path, os.R_OK):
        raise StoreError(f"{path} may not be read by this user; change its permissions.")


def _explain(place: str, message: str) -> str:
    for words, explanation in _EXPLANATIONS.items():
        if words in message:
            return f"{place} {explanation}"
    return f"{place} cannot be used: {message}."


def _repeat(action: Callable[[], object], patience: float) -> None:
    """Repeat `action` while the file is locked: SQLite itself does not wait for this change."""
    deadline = time.monotonic() + patience
    while True:
        try:
            action()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
