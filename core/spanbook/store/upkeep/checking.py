"""Checking: whether a store is whole, and the repair of what can be repaired."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    Table,
    and_,
    delete,
    func,
    or_,
    select,
    update,
)

from spanbook.store.backends.upkeep import upkeep_of
from spanbook.store.database import writing
from spanbook.store.schema import (
    architectures,
    blob_uses,
    blobs,
    functions,
    payloads,
    spans,
    traces,
    versions,
)
from spanbook.store.sums import sums_of_spans
from spanbook.store.upkeep.deleting import HANGING


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be: in words, how often, and whether it was mended."""

    what: str
    count: int
    is_mended: bool = False


def check(engine: Engine, *, repair: bool = False) -> list[Finding]:
    """Return what is wrong with the store; with `repair`, mend what can be mended.

    Rows without their trace are deleted, contents that nothing uses too, and totals of traces are
    summed anew. What is missing cannot be brought back and is only told.

    Raises:
        SQLAlchemyError: the store does not answer.
    """
    with engine.connect() as connection:
        found = [
            Finding(f"damaged: {text}", 1) for text in upkeep_of(connection).damages(connection)
        ]
        if found:  # nothing that is read from it can be trusted
            return found
        found += [Finding(what, count) for what, count in _missing(connection)]
    for what, mend in _MENDABLE:
        with engine.connect() as connection, writing(connection):
            count = mend(connection, repair)
        found.append(Finding(what, count, is_mended=repair))
    return [finding for finding in found if finding.count]


def _missing(connection: Connection) -> list[tuple[str, int]]:
    held = select(payloads.c.pk)
    lost = [
        and_(block.is_not(None), block.not_in(held))
        for block in (spans.c.start_block, spans.c.end_block)
    ]
    there = select(blobs.c.hash).where(blobs.c.hash == blob_uses.c.hash).exists()
    made = select(architectures.c.hash).where(architectures.c.hash == traces.c.architecture)
    told = (
        select(versions.c.pk)
        .join(functions, functions.c.hash == versions.c.hash)
        .where(versions.c.pk == spans.c.version_pk)
    )
    return [
        (
            "traces whose architecture is missing",
            _count(connection, traces, and_(traces.c.architecture.is_not(None), ~made.exists())),
        ),
        (
            "spans whose version is missing",
            _count(connection, spans, and_(spans.c.version_pk.is_not(None), ~told.exists())),
        ),
        ("spans whose payload is missing", _count(connection, spans, or_(*lost))),
        (
            "texts or media that payloads refer to are missing",
            _count(connection, blob_uses, ~there),
        ),
    ]


def _count(connection: Connection, table: Table, wrong: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(table).where(wrong)).scalar_one()


def _delete(connection: Connection, table: Table, wrong: ColumnElement[bool], repair: bool) -> int:
    if not repair:
        return _count(connection, table, wrong)
    return connection.execute(delete(table).where(wrong)).rowcount


def _orphans(connection: Connection, repair: bool) -> int:
    known = select(traces.c.pk)
    return sum(
        _delete(connection, table, table.c.trace_pk.not_in(known), repair) for table in HANGING
    )


def _unused(connection: Connection, repair: bool) -> int:
    """Media of older versions are left alone: what uses them was not noted."""
    used = select(blob_uses.c.hash).where(blob_uses.c.hash == blobs.c.hash).exists()
    return _delete(connection, blobs, and_(blobs.c.media_type.is_(None), ~used), repair)


def _totals(connection: Connection, repair: bool) -> int:
    sums = sums_of_spans().subquery()
    names = [column.name for column in sums.c if column.name != "trace_pk"]
    right: list[ColumnElement[Any]] = [sums.c[name] for name in names]
    stored: list[ColumnElement[Any]] = [traces.c[name] for name in names]
    wrong = [one.is_distinct_from(other) for one, other in zip(stored, right, strict=True)]
    both = traces.join(sums, sums.c.trace_pk == traces.c.pk)
    found: Select[Any] = select(traces.c.pk, *right).select_from(both).where(or_(*wrong))
    rows = [tuple(row) for row in connection.execute(found)]
    if repair:
        for pk, *values in rows:
            totals = dict(zip(names, values, strict=True))
            connection.execute(update(traces).where(traces.c.pk == pk).values(totals))
    return len(rows)


_MENDABLE: tuple[tuple[str, Callable[[Connection, bool], int]], ...] = (
    ("rows without their trace", _orphans),
    ("texts that nothing uses", _unused),
    ("traces whose totals are not the sums of their spans", _totals),
)
