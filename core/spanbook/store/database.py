"""Opening a store: the file is made, checked or upgraded, then handed out as an engine."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url

from spanbook.addresses import shown, sqlite_path, store_url
from spanbook.errors import NewerStoreError, StoreError
from spanbook.store.schema import metadata
from spanbook.store.search import create_search

REVISION = "0002"  # of the newest migration

_PATIENCE = 5.0  # seconds to wait for another program's lock
_PRAGMAS = (
    "synchronous = NORMAL",
    "cache_size = -16000",
    "mmap_size = 268435456",
    "temp_store = MEMORY",
    "journal_size_limit = 16777216",
)
_STAMP = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


def open_engine(url: str | os.PathLike[str], *, patience: float = _PATIENCE) -> Engine:
    """Return an engine on the store at `url`, made if it is not there, upgraded if it is older.

    Whoever uses it waits for up to `patience` seconds while another program writes.

    Raises:
        SettingsError: `url` names no kind of store.
        NewerStoreError: a newer Spanbook wrote the store.
        StoreError: it cannot be opened; the message says why and what to do.
    """
    address = store_url(url)
    path = sqlite_path(address)
    if path is None:
        raise StoreError(f"This version stores in SQLite files only, not at {shown(address)}.")
    _check_place(path)
    engine = _engine(address, path, patience)
    try:
        with explained(path):
            _make_ready(engine, path, patience)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextlib.contextmanager
def writing(connection: Connection) -> Generator[None]:
    """Hold the store's write lock for a transaction: commit at the end, roll back on an error."""
    connection.execution_options(begin="BEGIN IMMEDIATE")
    try:
        with connection.begin():
            yield
    finally:
        connection.execution_options(begin="BEGIN")


def _engine(address: str, path: Path, patience: float) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path), query=make_url(address).query),
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


@contextlib.contextmanager
def explained(path: Path) -> Generator[None]:
    """Turn the driver's errors into a StoreError that says what to do."""
    try:
        yield
    except exc.DBAPIError as error:
        raise StoreError(_explain(path, str(error.orig))) from error


def _explain(path: Path, message: str) -> str:
    for words, explanation in _EXPLANATIONS.items():
        if words in message:
            return f"{path} {explanation}"
    return f"{path} cannot be used: {message}."


_EXPLANATIONS = {
    "not a database": "is not a SQLite database; name another file for the store.",
    "malformed": "is damaged. Move it away, or rescue it with sqlite3's .recover.",
    "readonly": "may not be written by this user; change its permissions or those of its folder.",
    "unable to open": "cannot be opened; see whether this user may write its folder.",
    "locked": "is locked by another program; close that or try again.",
    "full": "cannot grow: the disk is full.",
}


def _make_ready(engine: Engine, path: Path, patience: float) -> None:
    with engine.connect() as connection:
        revision = _revision(connection, path)
    if revision is None:
        _create(engine, path, patience)
    elif revision != REVISION:
        _upgrade(engine, path, revision)


def _create(engine: Engine, path: Path, patience: float) -> None:
    if not os.access(path.parent if not path.exists() else path, os.W_OK):
        raise StoreError(_explain(path, "readonly"))
    with engine.connect() as connection:
        _use_write_ahead_log(connection, patience)
        with writing(connection):
            if _revision(connection, path) is None:  # nobody else was quicker
                metadata.create_all(connection)
                create_search(connection)
                connection.exec_driver_sql(_STAMP)
                connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (REVISION,))


def _use_write_ahead_log(connection: Connection, patience: float) -> None:
    raw: Any = connection.connection
    _repeat(lambda: raw.execute("PRAGMA journal_mode = WAL"), patience)


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


def _revision(connection: Connection, path: Path) -> str | None:
    """Return the revision of the store's tables; None where there are no tables at all."""
    tables = set(connection.exec_driver_sql("SELECT name FROM sqlite_master").scalars())
    if not tables:
        return None
    if not {"alembic_version", "traces", "spans"} <= tables:
        raise StoreError(f"{path} is another program's database; name another file for the store.")
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()


def _upgrade(engine: Engine, path: Path, revision: str) -> None:
    from spanbook.store.upgrades import is_known, upgrade  # brings alembic, rarely needed

    if not is_known(revision):
        raise NewerStoreError(
            f"{path} has tables of revision {revision}, newer than this Spanbook's {REVISION}. "
            "Upgrade it: pip install --upgrade spanbook."
        )
    with engine.connect() as connection, writing(connection):
        if _revision(connection, path) != REVISION:
            upgrade(connection)
