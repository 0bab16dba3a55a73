"""Copying: a store's traces into another one, of any kind of database."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Select, Table, func, insert, select, update

from spanbook.store.backends.choice import backend_of
from spanbook.store.backends.upkeep import upkeep_of
from spanbook.store.database import writing
from spanbook.store.rollups import Rollups
from spanbook.store.rows import StoredSpan
from spanbook.store.schema import (
    architectures,
    blob_uses,
    blobs,
    events,
    functions,
    health,
    own_prices,
    payloads,
    prices,
    retention,
    run_metrics,
    runs,
    spans,
    traces,
    versions,
)
from spanbook.store.search import write_search
from spanbook.store.statements import KEEP, REPLACE, Insert, Lookup
from spanbook.store.upkeep.deleting import HANGING, delete_rows
from spanbook.store.upkeep.words import words_of

CHUNK = 100  # traces in one transaction

# What must be equal for a trace to be the same in both.
_SAME = (
    "status",
    "end_ns",
    "span_count",
    "error_count",
    "total_tokens",
    "cost",
    "tags",
    "architecture",
)
_KNOWN = Lookup(traces, "trace_id", columns=["trace_id", "pk", "project", *_SAME])
_HELD = Lookup(blobs, "hash", columns=["hash"])
_KEEP_BLOBS = Insert(blobs, rule=KEEP)
_INSERT_TRACES = Insert(traces)
_KEEP_METRICS = Insert(run_metrics, rule=REPLACE)
_COLUMNS = {
    table.name: [c.name for c in table.c if not (table is events and c.name == "pk")]
    for table in HANGING
}
_INSERTS = {table.name: Insert(table, _COLUMNS[table.name]) for table in HANGING}
# Small tables that belong to no trace, and what tells their rows apart.
_WHOLE: dict[Table, tuple[str, ...]] = {
    health: ("run_id",),
    retention: ("project",),
    own_prices: ("provider", "model", "start_ns"),
    architectures: ("hash",),
    functions: ("hash",),
}

Row = dict[str, Any]
Progress = Callable[[int, int], object]  # called with the traces looked at, and with all of them


@dataclass(frozen=True, slots=True)
class Copied:
    """How many traces were copied, and how many were there already."""

    copied: int = 0
    known: int = 0


def copy_store(source: Engine, target: Engine, progress: Progress | None = None) -> Copied:
    """Copy the traces of `source` that `target` does not hold, with runs, prices and rules.

    What was copied before is passed over, so one begins a copy that broke off again. A trace that
    has changed since is copied anew. What waits in a journal of `source` is not copied.

    Raises:
        StoreError: stores of one of the kinds cannot be copied.
        SQLAlchemyError: one of the stores does not answer. Until then whole traces were copied.
    """
    for store in (source, target):
        upkeep_of(store)
    seen = copied = 0
    with source.connect() as reading:
        total = reading.execute(select(func.count()).select_from(traces)).scalar_one()
        for chunk in _chunks(reading):
            with target.connect() as connection, writing(connection):
                copied += _Move(reading, connection).copy(chunk)
            seen += len(chunk)
            if progress is not None:
                progress(seen, max(total, seen))
        with target.connect() as connection, writing(connection):
            for table, keys in _WHOLE.items():
                _copy_whole(reading, connection, table, keys)
            _Move(reading, connection).copy_runs()
    return Copied(copied, seen - copied)


def _chunks(reading: Connection) -> Iterator[list[Row]]:
    """Yield traces by number; those that are written meanwhile come last."""
    last = 0
    while chunk := _rows(
        reading, select(traces).where(traces.c.pk > last).order_by(traces.c.pk).limit(CHUNK)
    ):
        last = chunk[-1]["pk"]  # before whoever copies the rows gives them other numbers
        yield chunk


def _rows(reading: Connection, wanted: Select[Any]) -> list[Row]:
    return [dict(row) for row in reading.execute(wanted).mappings()]


def _copy_whole(
    source: Connection, target: Connection, table: Table, keys: tuple[str, ...]
) -> None:
    """Copy the rows of a small table that the target has none like."""
    held = {tuple(row[key] for key in keys) for row in _rows(target, select(table))}
    for row in _rows(source, select(table)):
        if tuple(row[key] for key in keys) not in held:
            target.execute(insert(table).values(_without_number(row)))


def _without_number(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "pk"}


class _Move:
    """Some traces on their way: their rows get the numbers that are next in the target."""

    def __init__(self, source: Connection, target: Connection) -> None:
        self._source = source
        self._target = target
        self._numbers = backend_of(target).numbers(target, time.time_ns())
        self._found: dict[tuple[str, int], int] = {}

    def copy(self, chunk: Sequence[Row]) -> int:
        """Copy those that the target does not hold as they are; return how many."""
        ids = [row["trace_id"] for row in chunk]
        known = {trace_id: rest for trace_id, *rest in _KNOWN.run(self._target, ids)}
        fresh = [row for row in chunk if not _is_same(row, known.get(row["trace_id"]))]
        old = [known[row["trace_id"]] for row in fresh if row["trace_id"] in known]
        if old:
            delete_rows(self._target, {pk: project for pk, project, *_ in old})
        if fresh:
            self._copy(fresh)
        return len(fresh)

    def _copy(self, fresh: Sequence[Row]) -> None:
        pks = [row["pk"] for row in fresh]
        words = {pk: words_of(self._source, pk) for pk in pks}
        self._copy_blobs(pks)
        new = {row["pk"]: self._numbers.trace(row["trace_id"]) for row in fresh}
        held = {table.name: self._hanging(table, pks, new) for table in HANGING}
        blocks: dict[int | None, int] = {}
        for row in held[payloads.name]:
            pk = self._numbers.block(row["trace_pk"], row["body"])
            blocks[row["pk"]] = pk
            row["pk"] = pk
        for row in held[spans.name]:
            row["pk"] = self._numbers.span(row["trace_pk"], row["span_id"])
            row["start_block"] = blocks.get(row["start_block"])
            row["end_block"] = blocks.get(row["end_block"])
            row["run_pk"] = self._same(runs, "run_id", row["run_pk"])
            row["price_pk"] = self._same(prices, "hash", row["price_pk"])
            row["version_pk"] = self._same(versions, ("project", "hash"), row["version_pk"])
        for row in fresh:
            row["pk"] = new[row["pk"]]
            row["run_pk"] = self._same(runs, "run_id", row["run_pk"])
        _INSERT_TRACES.run(self._target, [tuple(row.values()) for row in fresh])
        for name, rows in held.items():
            columns = _COLUMNS[name]
            _INSERTS[name].run(self._target, [tuple(row[c] for c in columns) for row in rows])
        self._count({row["pk"]: row["project"] for row in fresh}, held[spans.name])
        last = {row["trace_pk"]: row["pk"] for row in held[spans.name]}  # they ascend
        texts = {new[pk]: text for pk, text in words.items()}
        write_search(self._target, [(pk, last[pk], texts[pk]) for pk in last])

    def copy_runs(self) -> None:
        """Copy runs as they are now, those without traces too, and the history of their metrics."""
        for row in _rows(self._source, select(runs)):
            pk = self._same(runs, "run_id", row["pk"])
            values = _without_number(row)
            values["process_pk"] = self._same(runs, "run_id", row["process_pk"])
            self._target.execute(update(runs).where(runs.c.pk == pk).values(values))
            history = _rows(
                self._source, select(run_metrics).where(run_metrics.c.run_pk == row["pk"])
            )
            _KEEP_METRICS.run(
                self._target, [tuple((one | {"run_pk": pk}).values()) for one in history]
            )

    def _hanging(self, table: Table, pks: Sequence[int], new: dict[int, int]) -> list[Row]:
        wanted = select(table).where(table.c.trace_pk.in_(pks)).order_by(*table.primary_key)
        rows = _rows(self._source, wanted)
        for row in rows:
            row["trace_pk"] = new[row["trace_pk"]]
        return rows

    def _same(self, table: Table, key: str | tuple[str, ...], pk: int | None) -> int | None:
        """Return the target's number of a row of the source, which is made there if it is new.

        `key` are the columns that tell it from others.
        """
        if pk is None:
            return None
        known = self._found.get((table.name, pk))
        if known is not None:
            return known
        rows = _rows(self._source, select(table).where(table.c.pk == pk))
        if not rows:
            return None
        keys = (key,) if isinstance(key, str) else key
        find = select(table.c.pk).where(*(table.c[one] == rows[0][one] for one in keys))
        found = self._target.execute(find).scalar()
        if found is None:
            self._target.execute(insert(table).values(_without_number(rows[0])))
            found = self._target.execute(find).scalar_one()
        self._found[table.name, pk] = found
        return found

    def _copy_blobs(self, pks: Sequence[int]) -> None:
        used = select(blob_uses.c.hash).where(blob_uses.c.trace_pk.in_(pks)).distinct()
        hashes = [bytes(hash) for hash in self._source.execute(used).scalars()]
        held = {bytes(row[0]) for row in _HELD.run(self._target, hashes)}
        missing = [hash for hash in hashes if hash not in held]
        rows = _rows(self._source, select(blobs).where(blobs.c.hash.in_(missing)))
        _KEEP_BLOBS.run(self._target, [tuple(row.values()) for row in rows])

    def _count(self, projects: dict[int, str], rows: Sequence[Row]) -> None:
        rollups = Rollups()
        for row in rows:
            span = StoredSpan(**row)
            if span.is_finished:
                rollups.add(projects[span.trace_pk], span)
        rollups.write(self._target, {})


def _is_same(row: Row, known: Sequence[Any] | None) -> bool:
    return known is not None and [row[name] for name in _SAME] == list(known[2:])
