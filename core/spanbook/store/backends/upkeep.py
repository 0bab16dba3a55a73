"""Upkeep of each kind of database: its space, its health, its copies."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path

from sqlalchemy import Connection, Engine

from spanbook.errors import StoreError

_KINDS = {
    "sqlite": ("spanbook.store.backends.sqlite_upkeep", "SqliteUpkeep"),
    "postgresql": ("spanbook.store.backends.postgresql_upkeep", "PostgresqlUpkeep"),
}


class Upkeep(ABC):
    """What differs between databases when a store is looked after."""

    @abstractmethod
    def bytes_used(self, connection: Connection) -> int:
        """Return how many bytes of the database hold something that can be deleted."""

    @abstractmethod
    def bytes_held(self, connection: Connection) -> int:
        """Return how many bytes the database takes on disk."""

    @abstractmethod
    def can_forget(self, connection: Connection) -> bool:
        """Say whether the full-text index becomes smaller when words are taken out of it."""

    @abstractmethod
    def damages(self, connection: Connection) -> list[str]:
        """Return what the database itself finds wrong with its files."""

    @abstractmethod
    def forget_words(
        self, connection: Connection, traces: Sequence[int], spans: Sequence[int]
    ) -> None:
        """Take the words of these traces, which these spans brought, out of the full-text index."""

    @abstractmethod
    def empty_index(self, connection: Connection) -> None:
        """Take all words out of the full-text index."""

    @abstractmethod
    def shrink(self, engine: Engine) -> None:
        """Give the space of what was deleted back, and look at the data for better plans."""

    @abstractmethod
    def back_up(self, engine: Engine, target: Path) -> None:
        """Write a copy of the store as it is at one moment, while others go on.

        Raises:
            StoreError: there is something at `target`, or the database has a tool of its own.
        """


@cache
def _upkeep(dialect: str) -> Upkeep:
    if dialect not in _KINDS:
        raise StoreError(
            "Stores on ClickHouse cannot be pruned, checked, copied or priced anew yet; "
            "those on SQLite and PostgreSQL can."
        )
    module, name = _KINDS[dialect]
    return getattr(import_module(module), name)()


def upkeep_of(connected: Connection | Engine) -> Upkeep:
    """Return the upkeep of the store that `connected` leads to."""
    return _upkeep(connected.dialect.name)
