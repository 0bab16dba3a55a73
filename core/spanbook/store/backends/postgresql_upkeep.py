"""Upkeep of PostgreSQL, which cleans up by itself and has tools of its own for the rest."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from spanbook.addresses import shown
from spanbook.errors import StoreError
from spanbook.store.backends.postgresql import PARTITIONED, TRACES_A_WEEK, tables_of_postgresql
from spanbook.store.backends.upkeep import Upkeep

# 700 bytes are about what the row of a span takes, its entries in indexes included.
_USED = """
SELECT (SELECT coalesce(sum(octet_length(body)), 0) FROM payloads)
+ (SELECT coalesce(sum(octet_length(body)), 0) FROM blobs)
+ (SELECT coalesce(sum(octet_length(data)), 0) FROM events)
+ (SELECT coalesce(sum(span_count), 0) * 700 FROM traces)
"""
_HELD = """
SELECT coalesce(sum(pg_total_relation_size(relid)), 0)
FROM unnest(%s::text[]) AS name, pg_partition_tree(to_regclass(quote_ident(name)))
"""
_PARTITIONS = """
SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
WHERE inhparent = to_regclass(%s) ORDER BY child.relname
"""


class PostgresqlUpkeep(Upkeep):
    """Databases, or schemas, on a PostgreSQL server."""

    def bytes_used(self, connection: Connection) -> int:
        """Return the bytes of payloads, and about those of rows.

        Not what the tables take: that does not change at once when rows are deleted.
        """
        return int(connection.exec_driver_sql(_USED).scalar_one())

    def bytes_held(self, connection: Connection) -> int:
        """Return the size of all our tables with their indexes."""
        names = list(tables_of_postgresql().tables)
        return int(connection.exec_driver_sql(_HELD, (names,)).scalar_one())

    def can_forget(self, connection: Connection) -> bool:
        """Say yes: the index is a table like others."""
        return True

    def damages(self, connection: Connection) -> list[str]:
        """Return nothing: the server checks pages when it reads them; `pg_amcheck` does for all."""
        return []

    def forget_words(
        self, connection: Connection, traces: Sequence[int], spans: Sequence[int]
    ) -> None:
        """Delete the rows of these traces."""
        text = "DELETE FROM search WHERE trace_pk = ANY(%b)"
        connection.exec_driver_sql(text, (list(traces) or [0],))

    def empty_index(self, connection: Connection) -> None:
        """Delete all rows, which does not stop readers."""
        connection.exec_driver_sql("DELETE FROM search")

    def shrink(self, engine: Engine) -> None:
        """Drop the partitions of past weeks that are empty, then vacuum."""
        with engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            newest: Any = connection.exec_driver_sql("SELECT max(pk) FROM traces").scalar()
            for name in PARTITIONED:
                for partition in list(connection.exec_driver_sql(_PARTITIONS, (name,)).scalars()):
                    if int(partition.rpartition("_w")[2]) < (newest or 0) // TRACES_A_WEEK:
                        _drop_if_empty(connection, name, partition)
            for name in tables_of_postgresql().tables:
                connection.exec_driver_sql(f'VACUUM (ANALYZE) "{name}"')

    def back_up(self, engine: Engine, target: Path) -> None:
        """Refuse: the server has its own tool."""
        place = shown(engine.url.render_as_string())
        raise StoreError(f"{place} is backed up with pg_dump, or with the server's own archive.")


def _drop_if_empty(connection: Connection, table: str, partition: str) -> None:
    """Let a partition go; detached first, which keeps no reader waiting."""
    found = connection.exec_driver_sql(f'SELECT 1 FROM "{partition}" LIMIT 1').first()  # noqa: S608  # our own
    if found is None:
        detach = f'ALTER TABLE "{table}" DETACH PARTITION "{partition}" CONCURRENTLY'
        connection.exec_driver_sql(detach)
        connection.exec_driver_sql(f'DROP TABLE "{partition}"')
