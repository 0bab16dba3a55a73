"""PostgreSQL: one server for many writers and viewers, rows by COPY, full text by tsvector.

Writers take turns: an advisory lock is held for the transaction of one chunk, all of which was
prepared before. So numbers can be counted and totals kept by differences, as in a file.

Spans, payloads, events and the index are partitioned by trace. A trace's number begins with the
week in which it arrived, so a partition is a week of arrivals, whatever the clocks of the programs
say, and all rows of a trace stand in one partition, which every look-up by trace goes to directly.
"""

import contextlib
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any

import psycopg
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    TableClause,
    Text,
    create_engine,
    event,
    exc,
    make_url,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import TSVECTOR

from spanbook.addresses import shown
from spanbook.errors import StoreError
from spanbook.store.backends.backend import Backend, Finder, Row, Rule, Writer
from spanbook.store.numbers import Counters, Numbers
from spanbook.store.schema import metadata
from spanbook.store.words import indexed

WEEK_NS = 7 * 86_400 * 10**9
TRACES_A_WEEK = 10**12  # a trace's number is its week times this, and a count
PARTITIONED = ("spans", "payloads", "events", "search")

_LOCK = 5_735_816_763_073_854_059  # any number that other programs are unlikely to choose
_LARGEST_VECTOR = 900_000  # bytes; PostgreSQL allows a tsvector of 1,048,575
_KEEPALIVE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds
}
_ABOUT_VALUES = ("22", "23", "54")  # classes of SQLSTATE: bad data, broken constraint, too large
_TOO_SLOW = "57014"
_QUOTED = postgresql.dialect().identifier_preparer.quote
_COPY_SEARCH = "COPY search (trace_pk, words) FROM STDIN"
_TABLES = """
SELECT relname FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND relname = ANY(%s)
"""
_NUMBERS = """
SELECT (SELECT coalesce(max(pk), 0) FROM traces), (SELECT coalesce(max(pk), 0) FROM payloads),
(SELECT coalesce(max(pk), 0) FROM spans)
"""
_EXPLANATIONS: Mapping[str, str] = {
    "28": "refuses this user or password; see the URL of the store.",
    "3D": "has no such database; make it with CREATE DATABASE.",
    "3F": "has no such schema; make it with CREATE SCHEMA, or change search_path in the URL.",
    "42501": "does not let this user do that; grant it what docs/stores.md says.",
    "25006": "is read-only; give the URL of the server that takes writes.",
    "53100": "cannot grow: its disk is full.",
    "53300": "has too many connections; raise max_connections or close some programs.",
    "55P03": "is locked by another program for too long; try again.",
}


_FAILURES: Mapping[str, str] = {
    'database "': "3D000",
    "password": "28P01",
    "too many": "53300",
}


class Postgresql(Backend):
    """Databases, or schemas, on a PostgreSQL server."""

    dialect = "postgresql"
    patience = 10.0  # many writers may be waiting, and each gets its turn
    chunk_bytes = 1 << 21  # each chunk takes some thirty statements, each a way there and back

    def engine(self, url: str, patience: float, limit: float | None) -> Engine:
        """Return an engine; what the URL asks of the driver wins over what we would."""
        address = make_url(url).set(drivername="postgresql+psycopg")
        wishes: dict[str, Any] = {
            "application_name": "spanbook",
            "connect_timeout": max(round(patience), 2),
            **_KEEPALIVE,
        }
        engine = create_engine(
            address,
            hide_parameters=True,
            pool_pre_ping=True,  # a server that was restarted is found at once
            pool_size=3,
            max_overflow=12,
            pool_timeout=patience,
            connect_args={name: wishes[name] for name in wishes.keys() - address.query.keys()},
        )
        settings = {"lock_timeout": patience, "statement_timeout": limit or 0}

        def set_up(connection: psycopg.Connection[Any], _: object) -> None:
            try:
                for name, seconds in settings.items():
                    connection.execute(_SET, (name, f"{int(1000 * seconds)}"))
                connection.execute(_SET, ("jit", "off"))  # our statements are short
                connection.commit()
            except psycopg.Error:
                connection.close()
                raise

        event.listen(engine, "connect", set_up)
        return engine

    def place(self, url: str) -> str:
        """Return the URL without user and password."""
        return shown(url)

    def explain(self, place: str, error: BaseException | None) -> str:
        """Return what an SQLSTATE means."""
        state = _state(error)
        for known in (state, state[:2]):
            if known in _EXPLANATIONS:
                return f"{place} {_EXPLANATIONS[known]}"
        words = " ".join(str(error).split())
        if not state or state[:2] in ("08", "57"):
            return (
                f"{place} does not answer; see that the server runs and can be reached. "
                f"What is recorded meanwhile waits in the journal. ({words})"
            )
        return f"{place} cannot be used: {words}"

    def is_slow(self, error: BaseException | None) -> bool:
        """Say whether the server ended a statement."""
        return _state(error) == _TOO_SLOW

    def refuses(self, error: exc.DBAPIError) -> bool:
        """Say whether the server, or the driver before anything was sent, cannot take a value."""
        state = _state(error.orig)
        if state:
            return state[:2] in _ABOUT_VALUES
        return isinstance(error, (exc.DataError, exc.ProgrammingError))

    def tables(self, connection: Connection) -> set[str]:
        """Return those of our tables' names that the schema has."""
        names = [*metadata.tables, "search", "alembic_version"]
        return set(connection.exec_driver_sql(_TABLES, (names,)).scalars())

    def before_creation(self, connection: Connection, url: str, patience: float) -> None:
        """Refuse databases that cannot hold every text."""
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
        connection.rollback()
        if encoding != "UTF8":
            raise StoreError(
                f"{shown(url)} is encoded in {encoding}, which cannot hold every text. "
                "Make a database for the store: CREATE DATABASE spanbook ENCODING 'UTF8' "
                "TEMPLATE template0."
            )

    def create(self, connection: Connection) -> None:
        """Make all tables, the large ones partitioned."""
        tables_of_postgresql().create_all(connection, checkfirst=False)

    @contextlib.contextmanager
    def writing(self, connection: Connection) -> Generator[None]:
        """Wait for the turn of this writer; the transaction's end is the next one's turn."""
        with connection.begin():
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            yield

    def attune(self, connection: Connection) -> None:
        """Leave it as it is."""

    def set_patience(self, connection: Connection, seconds: float) -> None:
        """Set the time for which the server waits for a lock."""
        connection.exec_driver_sql(_SET, ("lock_timeout", f"{max(int(1000 * seconds), 1)}"))
        connection.commit()

    def numbers(self, connection: Connection, at: int) -> Numbers:
        """Count on in the week of `at`, or in a later one if there are traces of it already."""
        last_trace, last_block, last_span = connection.exec_driver_sql(_NUMBERS).one()
        week = at // WEEK_NS
        if last_trace < week * TRACES_A_WEEK:
            last_trace = week * TRACES_A_WEEK
            make_partitions(connection, week)
        return Counters(last_trace, last_block, last_span)

    def writer(self, table: TableClause, columns: Sequence[str], rule: Rule) -> Writer:
        """Return what copies new rows, and merges others in one statement of arrays."""
        return _Copy(table, columns) if rule is Rule.NEW else _Merge(table, columns, rule)

    def finder(
        self, table: TableClause, columns: Sequence[str], key: str, given: Sequence[str]
    ) -> Finder:
        """Return what finds rows by an array."""
        conditions = [f"{_QUOTED(name)} = %s" for name in given] + [f"{_QUOTED(key)} = ANY(%b)"]
        text = (
            f"SELECT {', '.join(map(_QUOTED, columns))} FROM {_QUOTED(table.name)} "  # noqa: S608  # our own
            f"WHERE {' AND '.join(conditions)}"
        )

        def find(connection: Connection, keys: Iterable[Any], given: Row) -> list[Row]:
            wanted = list(keys)
            if not wanted:
                return []
            return [tuple(row) for row in connection.exec_driver_sql(text, (*given, wanted))]

        return find

    def spelled(self, text: str) -> str:
        """Return the statement with psycopg's places for values."""
        return text.replace("?", "%s")

    def write_search(self, connection: Connection, rows: Sequence[tuple[int, int, str]]) -> None:
        """Copy the words of texts: letters and digits alone, which need no quotes."""
        _copy(connection, _COPY_SEARCH, ((trace_pk, _vector(text)) for trace_pk, _, text in rows))


_SET = "SELECT set_config(%s, %s, false)"


def _state(error: BaseException | None) -> str:
    if not isinstance(error, psycopg.Error):
        return ""
    if error.sqlstate is None:  # as of every connection that fails
        return next((state for words, state in _FAILURES.items() if words in str(error)), "")
    return error.sqlstate


def _vector(text: str) -> str:
    words = " ".join(indexed(text))
    if len(words) > _LARGEST_VECTOR or not words.isascii():
        cut = words.encode()[:_LARGEST_VECTOR].decode("utf-8", "ignore")
        return cut if len(cut) == len(words) else cut.rpartition(" ")[0]
    return words


class _Copy:
    """A `COPY` of rows that are not there yet."""

    def __init__(self, table: TableClause, columns: Sequence[str]) -> None:
        names = ", ".join(map(_QUOTED, columns))
        self._text = f"COPY {_QUOTED(table.name)} ({names}) FROM STDIN"

    def __call__(self, connection: Connection, rows: Sequence[Row]) -> None:
        _copy(connection, self._text, rows)


def _copy(connection: Connection, text: str, rows: Iterable[Row]) -> None:
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(text) as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:
        if driver.closed:
            connection.invalidate(error)
        raise exc.DBAPIError.instance(
            text, None, error, psycopg.Error, hide_parameters=True, dialect=connection.dialect
        ) from error


class _Merge:
    """An `INSERT` of columns as arrays, with a rule for rows that are there already."""

    def __init__(self, table: TableClause, columns: Sequence[str], rule: Rule) -> None:
        dialect = postgresql.dialect()
        names = ", ".join(map(_QUOTED, columns))
        arrays = ", ".join(
            f"%b::{table.c[c].type.compile(dialect)}[]".replace(' COLLATE "C"', "") for c in columns
        )
        self._text = (
            f"INSERT INTO {_QUOTED(table.name)} ({names}) "  # noqa: S608  # our own
            f"SELECT * FROM unnest({arrays}) {_conflict(table, columns, rule)}"
        )

    def __call__(self, connection: Connection, rows: Sequence[Row]) -> None:
        columns = tuple(list(column) for column in zip(*rows, strict=True))
        connection.exec_driver_sql(self._text, columns)


def _conflict(table: TableClause, columns: Sequence[str], rule: Rule) -> str:
    if rule is Rule.KEEP:
        return "ON CONFLICT DO NOTHING"
    keys = _keys(table)
    own = f"{_QUOTED(table.name)}."
    changes = [
        f"{name} = "
        + (f"{own}{name} + excluded.{name}" if rule is Rule.ADD else f"excluded.{name}")
        for name in (_QUOTED(column) for column in columns if column not in keys)
    ]
    return f"ON CONFLICT ({', '.join(map(_QUOTED, keys))}) DO UPDATE SET {', '.join(changes)}"


def _keys(table: TableClause) -> list[str]:
    if table.name in PARTITIONED:
        return ["pk", "trace_pk"]
    return [column.name for column in table.primary_key]


# -- tables ---------------------------------------------------------------------------------------


def tables_of_postgresql() -> MetaData:
    """Return our tables as PostgreSQL has them."""
    here = MetaData()
    for table in metadata.sorted_tables:
        if table.name in PARTITIONED:
            _partitioned(table, here)
        else:
            table.to_metadata(here)
    _without_texts(here.tables["traces"], "traces_start")
    _without_texts(here.tables["spans"], "spans_usage")
    Table(
        "search",
        here,
        Column("trace_pk", BigInteger, nullable=False),
        Column("words", TSVECTOR, nullable=False),
        Index("search_trace", "trace_pk"),
        Index("search_words", "words", postgresql_using="gin"),
        postgresql_partition_by="RANGE (trace_pk)",
    )
    return here


def _partitioned(table: Table, here: MetaData) -> None:
    """Copy a table; its key ends with the trace, as partitions need it."""
    copy = table.to_metadata(here)
    copy.dialect_options["postgresql"]["partition_by"] = "RANGE (trace_pk)"
    copy.c.pk.primary_key = False
    copy.append_constraint(PrimaryKeyConstraint("pk", "trace_pk"))
    copy.c.pk.autoincrement = table.name == "events"


def _without_texts(table: Table, name: str) -> None:
    """Leave the texts out of an index whose rows could become too long with them."""
    (index,) = (index for index in table.indexes if index.name == name)
    table.indexes.discard(index)
    where = index.dialect_options["postgresql"]["where"]
    Index(name, *(c for c in index.columns if not isinstance(c.type, Text)), postgresql_where=where)


def make_partitions(connection: Connection, week: int) -> None:
    """Make the partitions for traces that arrive in a week, unless they are there.

    Attached, not made in place: that would have to wait for all readers of the table.
    """
    bounds = f"FROM ({week * TRACES_A_WEEK}) TO ({(week + 1) * TRACES_A_WEEK})"
    for name in PARTITIONED:
        partition = f"{name}_w{week}"
        if connection.exec_driver_sql("SELECT to_regclass(%s)", (partition,)).scalar() is None:
            for text in (
                f"CREATE TABLE {partition} (LIKE {name} INCLUDING DEFAULTS)",
                f"ALTER TABLE {name} ATTACH PARTITION {partition} FOR VALUES {bounds}",
            ):
                connection.exec_driver_sql(text)
