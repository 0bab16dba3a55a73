"""Deleting: traces go with all that hangs on them, some at a time, and leave no orphans."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, Select, Table, delete, select

from spanbook.store.accounts import Accounts, Owner
from spanbook.store.backends.upkeep import upkeep_of
from spanbook.store.database import writing
from spanbook.store.pace import at_once
from spanbook.store.records import Pause
from spanbook.store.rollups import Rollups
from spanbook.store.rows import StoredSpan
from spanbook.store.schema import blob_uses, blobs, metadata, spans, traces

CHUNK = 50  # traces that go in one transaction
_PART = 500  # values in one statement

# Whatever belongs to a trace says so, and goes with it.
HANGING = tuple(table for table in metadata.sorted_tables if "trace_pk" in table.c)


@dataclass(frozen=True, slots=True)
class Deleted:
    """How much is gone."""

    traces: int = 0
    spans: int = 0
    blobs: int = 0

    def __add__(self, other: "Deleted") -> "Deleted":
        """Return both together."""
        return Deleted(
            self.traces + other.traces, self.spans + other.spans, self.blobs + other.blobs
        )


def delete_traces(engine: Engine, trace_ids: Iterable[str], pause: Pause = at_once) -> Deleted:
    """Delete the traces with these ids, those that are there.

    Raises:
        SQLAlchemyError: the store does not answer. What is gone until then is gone whole.
    """
    gone = Deleted()
    ids = iter(trace_ids)
    while part := list(islice(ids, CHUNK)):
        gone += delete_chosen(engine, select(traces.c.pk).where(traces.c.trace_id.in_(part)))
        pause()
    return gone


def delete_chosen(engine: Engine, chosen: Select[Any]) -> Deleted:
    """Delete the traces whose numbers `chosen` selects, in one transaction."""
    with engine.connect() as connection, writing(connection):
        rows = connection.execute(
            select(traces.c.pk, traces.c.project).where(traces.c.pk.in_(chosen))
        )
        return delete_rows(connection, {row.pk: row.project for row in rows})


def delete_rows(connection: Connection, projects: dict[int, str]) -> Deleted:
    """Delete traces, given with their projects, within the caller's transaction."""
    pks = list(projects)
    rows = [StoredSpan._make(row) for row in _rows(connection, select(spans), spans, pks)]
    rollups = Rollups()
    for row in rows:
        if row.is_finished:
            rollups.take_off(projects[row.trace_pk], row)
    rollups.write(connection, {})
    _settle(connection, rows, pks)
    upkeep_of(connection).forget_words(connection, pks, [row.pk for row in rows])
    used = set(_rows(connection, select(blob_uses.c.hash), blob_uses, pks))
    for table in HANGING:
        for part in _parts(pks):
            connection.execute(delete(table).where(table.c.trace_pk.in_(part)))
    unused = _delete_unused(connection, [hash for (hash,) in used])
    connection.execute(delete(traces).where(traces.c.pk.in_(pks)))
    return Deleted(len(pks), len(rows), unused)


def _settle(connection: Connection, rows: Sequence[StoredSpan], pks: Sequence[int]) -> None:
    """Take the usage of spans that are about to go off the accounts."""
    owning = select(traces.c.pk, traces.c.project, traces.c.session, traces.c.user, traces.c.tags)
    owners: dict[int, Owner] = {}
    for part in _parts(pks):
        for pk, *owner in connection.execute(owning.where(traces.c.pk.in_(part))):
            owners[pk] = Owner(*owner)
    accounts = Accounts(connection)
    for row in rows:
        accounts.add(owners[row.trace_pk], row, -1)
    accounts.write()


def _rows(
    connection: Connection, wanted: Select[Any], table: Table, pks: Sequence[int]
) -> Iterator[Any]:
    for part in _parts(pks):
        yield from (
            tuple(row) for row in connection.execute(wanted.where(table.c.trace_pk.in_(part)))
        )


def _delete_unused(connection: Connection, hashes: Sequence[bytes]) -> int:
    """Delete those of the contents that no trace uses any more; return how many."""
    count = 0
    for part in _parts(hashes):
        in_use = select(blob_uses.c.hash).where(blob_uses.c.hash == blobs.c.hash)
        unused = delete(blobs).where(blobs.c.hash.in_(part), ~in_use.exists())
        count += connection.execute(unused).rowcount
    return count


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _PART):
        yield values[start : start + _PART]
