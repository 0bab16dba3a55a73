"""Which backend a store has, by its URL or by an open connection."""

import re
from functools import cache
from importlib import import_module

from sqlalchemy import Connection

from spanbook.errors import StoreError
from spanbook.store.backends.backend import Backend

# A backend is imported when a store of its kind is opened: few programs have several.
_BACKENDS = {
    "sqlite": ("spanbook.store.backends.sqlite", "Sqlite"),
    "clickhousedb": ("spanbook.store.backends.clickhouse", "Clickhouse"),
    "postgresql": ("spanbook.store.backends.postgresql", "Postgresql"),
}
_EXTRAS = {"clickhousedb": "clickhouse", "postgresql": "postgres"}


@cache
def backend_named(dialect: str) -> Backend:
    """Return the backend that SQLAlchemy knows by the name `dialect`.

    Raises:
        StoreError: there is none, or its driver is not installed.
    """
    if dialect not in _BACKENDS:
        raise StoreError("Stores are SQLite files, or on PostgreSQL or ClickHouse.")
    module, name = _BACKENDS[dialect]
    try:
        return getattr(import_module(module), name)()
    except ModuleNotFoundError as error:
        raise StoreError(
            f"Stores on {dialect}:// need {error.name}. Install it: "
            f"pip install 'spanbook[{_EXTRAS.get(dialect, dialect)}]'."
        ) from error


def backend_at(url: str) -> Backend:
    """Return the backend of the store at `url`, as `store_url` wrote it."""
    return backend_named(re.split(r"[+:]", url, maxsplit=1)[0].lower())


def backend_of(connection: Connection) -> Backend:
    """Return the backend of the store that `connection` leads to."""
    return backend_named(connection.dialect.name)
