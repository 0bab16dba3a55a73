"""Which backend a store has, by its URL or by an open connection."""

import re
from functools import cache
from importlib import import_module

from sqlalchemy import Connection

from spanbook.store.backends.backend import Backend

# A backend is imported when a store of its kind is opened: few programs have several.
_BACKENDS = {
    "sqlite": ("spanbook.store.backends.sqlite", "Sqlite"),
    "postgresql": ("spanbook.store.backends.postgresql", "Postgresql"),
}


@cache
def backend_named(dialect: str) -> Backend:
    """Return the backend that SQLAlchemy knows by the name `dialect`."""
    module, name = _BACKENDS[dialect]
    return getattr(import_module(module), name)()


def backend_at(url: str) -> Backend:
    """Return the backend of the store at `url`, as `store_url` wrote it."""
    return backend_named(re.split(r"[+:]", url, maxsplit=1)[0].lower())


def backend_of(connection: Connection) -> Backend:
    """Return the backend of the store that `connection` leads to."""
    return backend_named(connection.dialect.name)
