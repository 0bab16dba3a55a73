"""Recomputing: the costs of stored spans by the prices of today, in small transactions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

import orjson
from sqlalchemy import ColumnElement, Connection, Engine, Select, func, select

from spanbook.moments import money
from spanbook.store.accounts import Accounts
from spanbook.store.backends.upkeep import upkeep_of
from spanbook.store.compression import json_of
from spanbook.store.database import writing
from spanbook.store.pricing import BatchPricing, Pricing
from spanbook.store.rollups import Rollups
from spanbook.store.rows import StoredSpan, StoredTrace
from spanbook.store.schema import payloads, spans, traces
from spanbook.store.statements import REPLACE, Insert, Lookup

_CHUNK = 1_000  # spans of one transaction
_REPLACE_SPANS = Insert(spans, rule=REPLACE)
_REPLACE_TRACES = Insert(traces, rule=REPLACE)
_TRACES = Lookup(traces, "pk")
_BLOCKS = Lookup(payloads, "pk", columns=("pk", "body"))


@dataclass(frozen=True, slots=True)
class Costs:
    """What some spans cost together, and how many of them have no cost."""

    total: Decimal = Decimal(0)
    unpriced: int = 0

    def __add__(self, other: "Costs") -> "Costs":
        return Costs(self.total + other.total, self.unpriced + other.unpriced)


@dataclass(frozen=True, slots=True)
class Recomputed:
    """Model calls, how many of them change, and what they cost before and after."""

    spans: int = 0
    changed: int = 0
    before: Costs = Costs()
    after: Costs = Costs()


def recompute_costs(
    engine: Engine,
    *,
    dry_run: bool = False,
    since_ns: int | None = None,
    model: str | None = None,
) -> Recomputed:
    """Price the stored spans again; what providers reported stays.

    A second run changes nothing. Others may write meanwhile: each transaction holds the lock for
    some spans only. A `dry_run` takes no lock.

    Raises:
        StoreError: the spans of stores of this kind cannot be changed.
    """
    upkeep_of(engine)
    wanted = _wanted(since_ns, model)
    pricing = Pricing()
    found = Recomputed()
    last, is_full = 0, True
    with engine.connect() as connection:
        while is_full:
            with connection.begin() if dry_run else writing(connection):
                rows = connection.execute(wanted.where(spans.c.pk > last).limit(_CHUNK)).all()
                old = [StoredSpan._make(row) for row in rows]
                new = _repriced(connection, pricing.begin(connection, dry=dry_run), old)
                if not dry_run:
                    _write(connection, _changes(old, new))
            found = _added(found, old, new)
            is_full = len(old) == _CHUNK
            last = old[-1].pk if old else last
    return found


def _wanted(since_ns: int | None, model: str | None) -> "Select[*tuple[Any, ...]]":
    where: list[ColumnElement[bool]] = [spans.c.counted, spans.c.input_tokens.is_not(None)]
    if since_ns is not None:
        where.append(spans.c.start_ns >= since_ns)
    if model is not None:
        where.append(func.lower(spans.c.model) == model.lower())
    return select(spans).where(*where).order_by(spans.c.pk)


def _changes(
    old: Sequence[StoredSpan], new: Sequence[StoredSpan]
) -> list[tuple[StoredSpan, StoredSpan]]:
    return [(was, now) for was, now in zip(old, new, strict=True) if was != now]


def _repriced(
    connection: Connection, batch: BatchPricing, rows: Sequence[StoredSpan]
) -> list[StoredSpan]:
    """Price rows by what they say, and those that stay without a price by their attributes too."""
    new = [batch.repriced(row) if row.unpriced is None else row for row in rows]
    wanting = [number for number, row in enumerate(new) if row.unpriced is not None]
    for number, told in zip(
        wanting, _attributes(connection, [rows[n] for n in wanting]), strict=True
    ):
        new[number] = batch.priced(rows[number], told)
    return new


def _attributes(connection: Connection, rows: Sequence[StoredSpan]) -> Iterator[dict[str, Any]]:
    """Yield what the end of each span told besides."""
    wanted = sorted({row.end_block for row in rows if row.end_block is not None})
    bodies = dict(cast("list[tuple[int, bytes]]", _BLOCKS.run(connection, wanted)))
    block, data = None, dict[str, Any]()
    for row in rows:
        if row.end_block is None or row.end_block not in bodies:
            yield {}
            continue
        if block != row.end_block:
            block, data = row.end_block, orjson.loads(json_of(bodies[row.end_block]))
        yield data.get(row.span_id, {}).get("attributes") or {}


def _added(found: Recomputed, old: Sequence[StoredSpan], new: Sequence[StoredSpan]) -> Recomputed:
    return Recomputed(
        found.spans + len(old),
        found.changed + len(_changes(old, new)),
        found.before + _costs(old),
        found.after + _costs(new),
    )


def _costs(rows: Sequence[StoredSpan]) -> Costs:
    total = sum(row.cost or 0 for row in rows)
    return Costs(money(total), sum(row.cost is None for row in rows))


def _write(connection: Connection, changes: Sequence[tuple[StoredSpan, StoredSpan]]) -> None:
    if not changes:
        return
    _REPLACE_SPANS.run(connection, [tuple(now) for _, now in changes])
    found = _TRACES.run(connection, sorted({now.trace_pk for _, now in changes}))
    rows = {row[0]: StoredTrace(*row) for row in found}
    rollups = Rollups()
    for was, now in changes:
        if now.is_finished:
            rollups.take_off(rows[now.trace_pk].project, was)
            rollups.add(rows[now.trace_pk].project, now)
    for pk, cost, priced, strange in _sums(connection, list(rows)):
        trace = rows[pk]
        trace.cost = cost
        trace.unpriced_count = trace.usage_count - priced
        trace.anomaly_count = strange
    _REPLACE_TRACES.run(connection, [row.values() for row in rows.values()])
    rollups.write(connection, {})
    accounts = Accounts(connection)
    for was, now in changes:
        accounts.book(rows[now.trace_pk], [(was, now)], None)
    accounts.write()


def _sums(connection: Connection, pks: list[int]) -> Sequence[Any]:
    """Return for each trace what its spans cost, how many have a cost, how many do not add up."""
    return connection.execute(
        select(
            spans.c.trace_pk,
            func.sum(spans.c.cost),
            func.count(spans.c.cost),
            func.count(spans.c.anomaly),
        )
        .where(spans.c.trace_pk.in_(pks), spans.c.counted)
        .group_by(spans.c.trace_pk)
    ).all()
