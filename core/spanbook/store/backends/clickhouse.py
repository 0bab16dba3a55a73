"""ClickHouse: what outgrows one machine. Rows are only ever added; a later one replaces another.

There are no transactions, and no lock but within one process. So numbers are hashes of ids, and
what is written twice, because a writer died before it could note how far it had come, replaces
equal rows: every table is a ReplacingMergeTree whose version is the moment of writing. Totals of a
trace are summed from its spans after these were written; rollups and accounts are views of the
spans. Nothing is counted twice.

All reading is done with the setting `final`, which leaves replaced rows out.
"""

import contextlib
import hashlib
import struct
import threading
from collections.abc import Generator, Iterable, Sequence
from typing import Any

from clickhouse_connect.driver.exceptions import Error
from sqlalchemy import (
    Connection,
    Engine,
    TableClause,
    Update,
    create_engine,
    event,
    exc,
    make_url,
    select,
)
from sqlalchemy.ext.compiler import compiles

from spanbook.addresses import shown
from spanbook.store.backends.backend import Backend, Finder, Row, Rule, Writer
from spanbook.store.backends.clickhouse_tables import BYTES, VIEWS, statements
from spanbook.store.numbers import Numbers
from spanbook.store.words import indexed

_TABLES = "SELECT name FROM system.tables WHERE database = currentDatabase()"
_REFUSED = ("TYPE_MISMATCH", "CANNOT_PARSE", "ARGUMENT_OUT_OF_BOUND", "VALUE_IS_OUT_OF_RANGE")
_EXPLANATIONS = {
    "AUTHENTICATION_FAILED": "refuses this user or password; see the URL of the store.",
    "REQUIRED_PASSWORD": "refuses this user or password; see the URL of the store.",
    "UNKNOWN_DATABASE": "has no such database; make it with CREATE DATABASE.",
    "ACCESS_DENIED": "does not let this user do that; grant it what docs/stores.md says.",
    "NOT_ENOUGH_SPACE": "cannot grow: its disk is full.",
    "TOO_MANY_PARTS": "is behind with merging what was written; what is recorded meanwhile waits.",
    "MEMORY_LIMIT_EXCEEDED": "has too little memory for this; ask for less, or allow it more.",
}
_SETTINGS: dict[str, Any] = {
    "final": 1,  # replaced rows are left out
    "join_use_nulls": 1,  # as in every other database
    "prefer_column_name_to_alias": 1,
    "max_query_size": 16 << 20,  # lists of keys stand in the statement
}
_turn = threading.RLock()  # of the writers in this process


class Clickhouse(Backend):
    """Databases on a ClickHouse server or cluster, or in this process (`interface=chdb`)."""

    dialect = "clickhousedb"
    chunk_bytes = 1 << 24  # each insert makes a part of a table, and parts should be few
    keeps_sums = False

    def engine(self, url: str, patience: float, limit: float | None) -> Engine:
        """Return an engine whose reading leaves replaced rows out."""
        address = make_url(url)
        engine = create_engine(
            address, hide_parameters=True, pool_size=3, max_overflow=12, pool_timeout=patience
        )
        settings = _SETTINGS | ({"max_execution_time": limit} if limit else {})

        def set_up(connection: Any, _: object) -> None:
            for name, value in settings.items():
                connection.client.set_client_setting(name, value)

        event.listen(engine, "connect", set_up)
        return engine

    def place(self, url: str) -> str:
        """Return the URL without user and password."""
        return shown(url)

    def explain(self, place: str, error: BaseException | None) -> str:
        """Return what the server said."""
        words = " ".join(str(error).split())[:500]
        for code, explanation in _EXPLANATIONS.items():
            if code in words:
                return f"{place} {explanation}"
        if "Cannot lock file" in words:
            return (
                f"{place} is open in another process, and only one can have such a store open. "
                "Let that one show it, or keep the store on a ClickHouse server."
            )
        if "Code:" not in words and "code:" not in words:
            return (
                f"{place} does not answer; see that the server runs and can be reached. "
                f"What is recorded meanwhile waits in the journal. ({words})"
            )
        return f"{place} cannot be used: {words}"

    def is_slow(self, error: BaseException | None) -> bool:
        """Say whether the server ended a statement."""
        return "TIMEOUT_EXCEEDED" in str(error)

    def refuses(self, error: exc.DBAPIError) -> bool:
        """Say whether the driver, or the server, could not turn values into columns."""
        return isinstance(error, exc.DataError) or any(c in str(error.orig) for c in _REFUSED)

    def tables(self, connection: Connection) -> set[str]:
        """Return the names of all tables of the database."""
        return set(connection.exec_driver_sql(_TABLES).scalars())

    def before_creation(self, connection: Connection, url: str, patience: float) -> None:
        """Do nothing: each statement stands alone."""

    def create(self, connection: Connection) -> None:
        """Make all tables and views."""
        for statement in statements():
            connection.exec_driver_sql(statement)

    @contextlib.contextmanager
    def writing(self, connection: Connection) -> Generator[None]:
        """Write without a transaction, which there is none of, one thread after the other."""
        with _turn:
            yield

    def attempt(self, connection: Connection) -> contextlib.AbstractContextManager[Any]:
        """Try without a way back: what is written again replaces what was written."""
        return contextlib.nullcontext()

    def attune(self, connection: Connection) -> None:
        """Leave it as it is."""

    def set_patience(self, connection: Connection, seconds: float) -> None:
        """Do nothing: there is no lock to wait for."""

    def numbers(self, connection: Connection, at: int) -> Numbers:
        """Number rows by hashes."""
        return Hashes()

    def writer(self, table: TableClause, columns: Sequence[str], rule: Rule) -> Writer:
        """Return what inserts rows, whatever the rule: by their version one of them stays."""
        return _Insert(table.name, columns)

    def finder(
        self, table: TableClause, columns: Sequence[str], key: str, given: Sequence[str]
    ) -> Finder:
        """Return what finds rows by a list of keys."""
        digits = [place for place, name in enumerate(columns) if name in BYTES]
        is_binary = key in BYTES and table.name == "blobs"
        conditions = [f"`{name}` = %s" for name in given]
        wanted = ", ".join(
            f"hex(`{c}`)" if place in digits and _is_binary(table, c) else f"`{c}`"
            for place, c in enumerate(columns)
        )
        text = (
            f"SELECT {wanted} FROM `{table.name}` "  # noqa: S608  # our own
            f"WHERE {' AND '.join([*conditions, f'`{key}` IN %s'])}"
        )
        binary = [place for place in digits if _is_binary(table, columns[place])]

        def find(connection: Connection, keys: Iterable[Any], given: Row) -> list[Row]:
            asked = list(keys)
            rows: list[Row] = []
            for start in range(0, len(asked), _KEYS):
                part: list[Any] = asked[start : start + _KEYS]
                if is_binary:
                    listed = ", ".join(f"unhex('{key.hex()}')" for key in part)
                    statement = text.replace("IN %s", f"IN ({listed})")
                    found = connection.exec_driver_sql(statement, given)
                else:
                    found = connection.exec_driver_sql(text, (*given, tuple(part)))
                rows += [_bytes_in(row, binary) for row in found]
            return rows

        return find

    def spelled(self, text: str) -> str:
        """Return the statement with the driver's places for values."""
        return text.replace("?", "%s")

    def write_search(self, connection: Connection, rows: Sequence[tuple[int, int, str]]) -> None:
        """Write the words of texts."""
        found = [(trace_pk, sorted(set(indexed(text)))) for trace_pk, _, text in rows]
        _Insert("search", ("trace_pk", "words"))(connection, found)


_KEYS = 10_000  # in one statement


def _is_binary(table: TableClause, name: str) -> bool:
    """Say whether a column holds bytes: some hashes are digits."""
    return getattr(table.c[name].type, "python_type", str) is bytes


def _bytes_in(row: Sequence[Any], places: Sequence[int]) -> Row:
    if not places:
        return tuple(row)
    whole = list(row)
    for place in places:
        whole[place] = None if whole[place] is None else bytes.fromhex(whole[place])
    return tuple(whole)


class Hashes(Numbers):
    """Numbers rows by what identifies them, so that two writers give a row the same number."""

    def trace(self, trace_id: str) -> int:
        """Return the hash of a trace's id."""
        return _hash(trace_id.encode())

    def span(self, trace_pk: int, span_id: str) -> int:
        """Return the hash of a span's id within its trace."""
        return _hash(b"%d %s" % (trace_pk, span_id.encode()))

    def block(self, trace_pk: int, body: bytes) -> int:
        """Return the hash of a block's content within its trace."""
        return _hash(b"%d %s" % (trace_pk, body))


def _hash(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big") >> 1


class _Insert:
    """An insert of whole columns."""

    def __init__(self, table: str, columns: Sequence[str]) -> None:
        self._table, self._columns = table, list(columns)

    def __call__(self, connection: Connection, rows: Sequence[Row]) -> None:
        if self._table in VIEWS:
            return
        driver: Any = connection.connection.driver_connection
        try:
            driver.client.insert(self._table, rows, column_names=self._columns)
        except struct.error as error:
            raise ValueError(f"A number of {self._table} does not fit: {error}.") from error
        except Error as error:
            raise exc.DBAPIError.instance(
                f"INSERT INTO {self._table}",
                None,
                error,
                Error,
                hide_parameters=True,
                dialect=connection.dialect,
            ) from error


@compiles(Update, "clickhousedb")
def _changed_rows(update: Update, compiler: Any, **kw: Any) -> str:
    """Compile an UPDATE as an INSERT of the changed rows, which replace those that are there."""
    table: Any = update.table
    values = {getattr(key, "name", key): value for key, value in (update._values or {}).items()}  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    changed = select(*(values.get(column.name, column) for column in table.c))
    if update.whereclause is not None:
        changed = changed.where(update.whereclause)
    names = ", ".join(f"`{column.name}`" for column in table.c)
    return f"INSERT INTO `{table.name}` ({names}) {compiler.process(changed, **kw)}"
