"""Opening a store: it is made, checked or upgraded, then handed out as an engine."""

import contextlib
import os
from collections.abc import Generator

from sqlalchemy import Connection, Engine, ExceptionContext, event, exc

from spanbook.addresses import store_url
from spanbook.errors import NewerStoreError, SlowStoreError, StoreError
from spanbook.store.backends.backend import Backend
from spanbook.store.backends.choice import backend_at, backend_of
from spanbook.store.statements import Statement

REVISION = "0009"  # of the newest migration

_PATIENCE = 5.0  # seconds to wait for another program's lock
_STAMP = Statement(
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))",
    clickhousedb="CREATE TABLE alembic_version (version_num String) "
    "ENGINE = ReplacingMergeTree ORDER BY tuple()",
)
_SET_REVISION = Statement("INSERT INTO alembic_version VALUES (?)")


def open_engine(
    url: str | os.PathLike[str], *, patience: float = _PATIENCE, limit: float | None = None
) -> Engine:
    """Return an engine on the store at `url`, made if it is not there, upgraded if it is older.

    Whoever uses it waits for up to `patience` seconds while another program writes. A server gives
    up on a statement that takes longer than `limit` seconds.

    Raises:
        SettingsError: `url` names no kind of store.
        NewerStoreError: a newer Spanbook wrote the store.
        StoreError: it cannot be opened; the message says why and what to do.
    """
    address = store_url(url)
    backend = backend_at(address)
    engine = backend.engine(address, patience, limit)
    try:
        with explained(backend, backend.place(address)):
            _make_ready(engine, backend, address, patience)
    except BaseException:
        engine.dispose()
        raise
    return engine


def reading_engine(url: str | os.PathLike[str], *, limit: float | None = None) -> Engine:
    """Return an engine as `open_engine` does, whose errors are StoreErrors that say what to do.

    Raises:
        SettingsError, NewerStoreError, StoreError: as `open_engine`.
    """
    engine = open_engine(url, limit=limit)
    backend, place = backend_at(store_url(url)), backend_at(store_url(url)).place(store_url(url))

    def explain(context: ExceptionContext) -> None:
        if isinstance(context.sqlalchemy_exception, exc.DBAPIError) and not context.is_pre_ping:
            raise _explained(backend, place, context.sqlalchemy_exception)

    event.listen(engine, "handle_error", explain)
    return engine


def writing(connection: Connection) -> contextlib.AbstractContextManager[None]:
    """Hold the store's write lock for a transaction: commit at the end, roll back on an error."""
    return backend_of(connection).writing(connection)


@contextlib.contextmanager
def explained(backend: Backend, place: str) -> Generator[None]:
    """Turn the driver's errors into a StoreError that says what to do."""
    try:
        yield
    except exc.DBAPIError as error:
        raise _explained(backend, place, error) from error


def _explained(backend: Backend, place: str, error: exc.DBAPIError) -> StoreError:
    if backend.is_slow(error.orig):
        return SlowStoreError(
            f"{place} took longer to answer than a page may take. Ask for less: a shorter time, "
            "or more filters."
        )
    return StoreError(backend.explain(place, error.orig))


def _make_ready(engine: Engine, backend: Backend, address: str, patience: float) -> None:
    place = backend.place(address)
    with engine.connect() as connection:
        revision = _revision(connection, place)
    if revision is None:
        _create(engine, backend, address, patience)
    elif revision != REVISION:
        _upgrade(engine, place, revision)


def _create(engine: Engine, backend: Backend, address: str, patience: float) -> None:
    with engine.connect() as connection:
        backend.before_creation(connection, address, patience)
        with writing(connection):
            if _revision(connection, backend.place(address)) is None:  # nobody else was quicker
                backend.create(connection)
                _STAMP.run(connection)
                _SET_REVISION.run(connection, REVISION)


def _revision(connection: Connection, place: str) -> str | None:
    """Return the revision of the store's tables; None where there are no tables at all."""
    tables = backend_of(connection).tables(connection)
    if not tables:
        return None
    if not {"alembic_version", "traces", "spans"} <= tables:
        raise StoreError(f"{place} is another program's database; name another one for the store.")
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()


def _upgrade(engine: Engine, place: str, revision: str) -> None:
    from spanbook.store.upgrades import is_known, upgrade  # brings alembic, rarely needed

    if not is_known(revision):
        raise NewerStoreError(
            f"{place} has tables of revision {revision}, newer than this Spanbook's {REVISION}. "
            "Upgrade it: pip install --upgrade spanbook."
        )
    with engine.connect() as connection, writing(connection):
        if _revision(connection, place) != REVISION:
            upgrade(connection)
