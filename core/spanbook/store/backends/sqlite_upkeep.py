"""Upkeep of SQLite: one file, which grows by itself and shrinks when asked to."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, exc

from spanbook.errors import StoreError
from spanbook.store.backends.sqlite import create_index
from spanbook.store.backends.upkeep import Upkeep

_INDEX = "SELECT sql FROM sqlite_master WHERE name = 'search'"
_INDEX_BYTES = "SELECT coalesce(sum(length(block)), 0) FROM search_data"


class SqliteUpkeep(Upkeep):
    """Files on this machine."""

    def bytes_used(self, connection: Connection) -> int:
        """Return the bytes of pages in use, without an index that cannot become smaller."""
        pages, free, size = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("page_count", "freelist_count", "page_size")
        )
        stuck = 0 if self.can_forget(connection) else _scalar(connection, _INDEX_BYTES)
        return (pages - free) * size - stuck

    def bytes_held(self, connection: Connection) -> int:
        """Return the size of the file with its write-ahead log."""
        path = Path(connection.engine.url.database or "")
        files = (path, path.with_name(f"{path.name}-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def can_forget(self, connection: Connection) -> bool:
        """Say whether the index was made by an SQLite of 3.43 or later."""
        return "contentless_delete" in _scalar(connection, _INDEX)

    def damages(self, connection: Connection) -> list[str]:
        """Return what SQLite's integrity check says."""
        try:
            found = connection.exec_driver_sql("PRAGMA integrity_check(20)").scalars().all()
        except exc.DatabaseError as error:  # too much to go on reading
            return [str(error.orig)]
        return [text for text in found if text != "ok"]

    def forget_words(
        self, connection: Connection, traces: Sequence[int], spans: Sequence[int]
    ) -> None:
        """Delete rows of the index, which an SQLite before 3.43 cannot.

        What that keeps of them finds nothing, since no number of a span is used again, and goes
        when the index is made anew.
        """
        if spans and self.can_forget(connection):
            rows = [(pk,) for pk in spans]
            connection.exec_driver_sql("DELETE FROM search WHERE rowid = ?", rows)

    def empty_index(self, connection: Connection) -> None:
        """Drop the index and make an empty one, which can forget if this SQLite can."""
        connection.exec_driver_sql("DROP TABLE search")
        create_index(connection)

    def shrink(self, engine: Engine) -> None:
        """Write the file anew without gaps; others wait meanwhile."""
        with engine.connect() as connection:
            raw: Any = connection.connection
            for statement in ("VACUUM", "PRAGMA optimize", "PRAGMA wal_checkpoint(TRUNCATE)"):
                raw.execute(statement)

    def back_up(self, engine: Engine, target: Path) -> None:
        """Copy the file as one reader sees it, who keeps no writer waiting."""
        if target.exists():
            raise StoreError(f"There is something at {target}; name a new file for the backup.")
        with engine.connect() as connection, closing(sqlite3.connect(target)) as copy:
            raw: Any = connection.connection
            raw.driver_connection.backup(copy)


def _scalar(connection: Connection, query: str) -> Any:
    return connection.exec_driver_sql(query).scalar_one()
