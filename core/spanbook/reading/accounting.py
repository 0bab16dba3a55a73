"""Accounting: tokens and cost of counted spans, summed up by what they belong to.

Whole UTC days are read from the accounts that the ingester keeps; the rest of a window, and what
the accounts do not know, is summed over the spans themselves. Both give the same numbers.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Select,
    and_,
    case,
    func,
    literal,
    select,
    union_all,
)

from spanbook.moments import EPOCH, money
from spanbook.reading.conditions import resolved_ns
from spanbook.reading.filters import SpanFilter
from spanbook.reading.list_filter import NONE
from spanbook.reading.span_conditions import search
from spanbook.store.accounts import ALL, DAY_NS, TAG
from spanbook.store.schema import accounts, spans, trace_tags, traces
from spanbook.usage import Usage

DIMENSIONS = ("model", "day", "project", "session", "user", "tag", "provider", "tier")
SHOWN = 50  # rows of a table
_DAY = timedelta(days=1)
_KEPT = ("project", "provider", "model", "tier")
_LISTED = ("session", "user", "tag")  # what is booked on its own
_SUMS = [c.name for c in accounts.c if c.name not in ("dimension", "day", "value", *_KEPT)]
_RANKS = ("cost", "input_tokens", "output_tokens")
_IGNORED = {"sort", "descending", "after", "before", "limit", "since", "until", "counted"}
_COUNTS: dict[str, ColumnElement[bool]] = {
    "estimated_count": spans.c.estimated.is_(True),
    "unpriced_count": and_(spans.c.cost.is_(None), spans.c.unpriced.is_not(None)),
    "anomaly_count": spans.c.anomaly.is_not(None),
    "cost_count": spans.c.cost.is_not(None),
    "reported_count": spans.c.reported_cost.is_not(None),
    "computed_count": spans.c.computed_cost.is_not(None),
}


@dataclass(frozen=True, slots=True)
class Account:
    """Counted usage and what it cost.

    `calls` are the counted spans; of these `estimated` have estimated usage, `unpriced` no known
    cost, `anomalies` usage that does not add up, `reported` a cost that the provider reported,
    `computed` one by price. A cost is None where no call has any; with `unpriced` calls `cost` is a
    lower bound.
    """

    calls: int
    estimated: int
    unpriced: int
    anomalies: int
    reported: int
    computed: int
    usage: Usage
    cost: Decimal | None
    reported_cost: Decimal | None
    computed_cost: Decimal | None


@dataclass(frozen=True, slots=True)
class AccountRow:
    """What is booked under one value, such as a model; `filter` finds the spans behind it.

    `value` is "" where the spans have none.
    """

    value: str
    account: Account
    filter: SpanFilter


@dataclass(frozen=True, slots=True)
class AccountTable:
    """Rows of one dimension, the dearest first, days the newest first; `total` counts all rows."""

    rows: tuple[AccountRow, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Accounting:
    """All that a filter's counted spans used and cost, and the same by each dimension.

    `filter` finds these spans; its times are moments, no ages.
    """

    filter: SpanFilter
    total: Account
    tables: Mapping[str, AccountTable]


def accounting(
    engine: Engine, filter: SpanFilter, *, now: datetime | None = None, shown: int = SHOWN
) -> Accounting:
    """Return the accounts of the counted spans that `filter` finds, `shown` rows of each table."""
    filter = pinned(filter, now)
    with engine.connect() as connection:
        base = _base(connection, filter)
        tables = {
            name: _listed(connection, filter, name, shown)
            if name in _LISTED
            else _grouped(base, filter, name, shown)
            for name in DIMENSIONS
        }
    return Accounting(filter, _account(_add(row[5:] for row in base)), tables)


def account(engine: Engine, filter: SpanFilter) -> Account:
    """Return what the counted spans that `filter` finds used and cost."""
    with engine.connect() as connection:
        return _account(_add(row[5:] for row in _base(connection, pinned(filter))))


def pinned(filter: SpanFilter, now: datetime | None = None) -> SpanFilter:
    """Return the filter of the same counted spans that means the same at any later time."""
    now = now or datetime.now(UTC)
    times = {
        name: now - at
        for name in ("since", "until")
        if isinstance(at := getattr(filter, name), timedelta)
    }
    plain = replace(filter, sort="start", descending=True, after=None, before=None, limit=100)
    return replace(plain, counted=True, **times)


def _base(connection: Connection, filter: SpanFilter) -> Sequence[tuple[Any, ...]]:
    """Return the sums by day, project, provider, model and tier."""
    source = _source(connection, filter, ALL)
    keys = [source.c.day, *(source.c[name] for name in _KEPT)]
    statement = select(*keys, *(func.sum(source.c[name]) for name in _SUMS)).group_by(*keys)
    rows = connection.execute(statement.having(func.sum(source.c.usage_count) > 0)).all()
    return [tuple(row) for row in rows]


def _grouped(
    base: Sequence[tuple[Any, ...]], filter: SpanFilter, name: str, shown: int
) -> AccountTable:
    """Return the table of a dimension that `base` knows."""
    place = ("day", *_KEPT).index(name)
    sums: dict[Any, list[int]] = {}
    for row in base:
        sums[row[place]] = _add([sums.get(row[place], _NOTHING), row[5:]])
    rows = [_row(filter, name, value, numbers) for value, numbers in sums.items()]
    rows.sort(key=_newest if name == "day" else _dearest)
    return AccountTable(tuple(rows[:shown]), len(rows))


def _listed(connection: Connection, filter: SpanFilter, name: str, shown: int) -> AccountTable:
    """Return the table of a dimension with many values, of which the first are found first."""
    source = _source(connection, filter, name)
    ranked = [func.sum(source.c[column]).label(column) for column in ("usage_count", *_RANKS)]
    grouped = select(source.c.value, *ranked).group_by(source.c.value).subquery()
    statement = (
        select(grouped.c.value, func.count().over())
        .where(grouped.c.usage_count > 0)
        .order_by(
            grouped.c.cost.desc(),
            (grouped.c.input_tokens + grouped.c.output_tokens).desc(),
            grouped.c.value,
        )
        .limit(shown)
    )
    first = connection.execute(statement).all()
    if not first:
        return AccountTable((), 0)
    sums = [func.sum(source.c[column]) for column in _SUMS]
    known = select(source.c.value, *sums).where(source.c.value.in_([row[0] for row in first]))
    found = {row[0]: row[1:] for row in connection.execute(known.group_by(source.c.value))}
    rows = tuple(_row(filter, name, value, found[value]) for value, _ in first)
    return AccountTable(rows, first[0][1])


def _newest(row: AccountRow) -> Any:
    return [-ord(letter) for letter in row.value]


def _dearest(row: AccountRow) -> Any:
    cost, total = row.account.cost or Decimal(0), row.account.usage.total
    return (-cost, -total, row.value)


def _row(filter: SpanFilter, name: str, value: Any, numbers: Sequence[int]) -> AccountRow:
    if name == "day":
        day = EPOCH + value * _DAY
        found = _account(numbers)
        return AccountRow(f"{day:%Y-%m-%d}", found, _within(filter, day, day + _DAY))
    chosen: Any = value or NONE
    if name == "tag":
        chosen = tuple(dict.fromkeys((*filter.tag, chosen)))
    return AccountRow(value, _account(numbers), replace(filter, **{name: chosen}))


def _within(filter: SpanFilter, since: datetime, until: datetime) -> SpanFilter:
    """Return the filter of what `filter` finds from `since` to `until`."""
    if isinstance(filter.since, datetime):
        since = max(since, filter.since)
    if isinstance(filter.until, datetime):
        until = min(until, filter.until)
    return replace(filter, since=since, until=until)


_NOTHING: tuple[int, ...] = (0,) * len(_SUMS)


def _add(rows: Iterable[Sequence[int]]) -> list[int]:
    sums: list[int] = list(_NOTHING)
    for row in rows:
        sums = [a + b for a, b in zip(sums, row, strict=True)]
    return sums


def _account(numbers: Sequence[int]) -> Account:
    found = {name: int(number) for name, number in zip(_SUMS, numbers, strict=True)}

    def known(name: str) -> Decimal | None:
        has_any = found[f"{name.removesuffix('_cost')}_count"] > 0
        return money(found[name]) if has_any else None

    return Account(
        found["usage_count"],
        found["estimated_count"],
        found["unpriced_count"],
        found["anomaly_count"],
        found["reported_count"],
        found["computed_count"],
        Usage(
            found["input_tokens"],
            found["output_tokens"],
            *(found[field.name] for field in fields(Usage)[2:-1]),
            estimated=found["estimated_count"] > 0,
        ),
        known("cost"),
        known("reported_cost"),
        known("computed_cost"),
    )


# What is summed up


def _source(connection: Connection, filter: SpanFilter, dimension: str) -> FromClause:
    """Return rows of sums to be added: those of whole days, and those of single spans."""
    parts = list(_parts(connection, filter, dimension))
    return (union_all(*parts) if len(parts) > 1 else parts[0]).subquery()


def _parts(connection: Connection, filter: SpanFilter, dimension: str) -> "Iterator[Select[Any]]":
    since = None if filter.since is None else resolved_ns(filter.since)
    until = None if filter.until is None else resolved_ns(filter.until)
    first = None if since is None else -(-since // DAY_NS)
    last = None if until is None else until // DAY_NS
    is_empty = first is not None and last is not None and first >= last
    if is_empty or not _is_booked(filter):
        yield _of_spans(connection, filter, dimension)
        return
    yield _of_days(filter, dimension, first, last)
    if first is not None and since != first * DAY_NS:
        edge = replace(filter, until=EPOCH + first * _DAY)
        yield _of_spans(connection, edge, dimension)
    if last is not None and until != last * DAY_NS:
        edge = replace(filter, since=EPOCH + last * _DAY)
        yield _of_spans(connection, edge, dimension)


def _is_booked(filter: SpanFilter) -> bool:
    """Say whether the accounts know all that `filter` asks for."""
    asked = {field.name for field in fields(filter) if getattr(filter, field.name)}
    return asked <= _IGNORED | set(_KEPT)


def _of_days(
    filter: SpanFilter, dimension: str, first: int | None, last: int | None
) -> "Select[Any]":
    names = ("day", "value", *_KEPT, *_SUMS)
    found = select(*(accounts.c[name] for name in names)).where(accounts.c.dimension == dimension)
    if first is not None:
        found = found.where(accounts.c.day >= first)
    if last is not None:
        found = found.where(accounts.c.day < last)
    for name in _KEPT:
        value = getattr(filter, name)
        if value is not None:
            found = found.where(accounts.c[name] == ("" if value == NONE else value))
    return found


def _of_spans(connection: Connection, filter: SpanFilter, dimension: str) -> "Select[Any]":
    source = spans.join(traces, traces.c.pk == spans.c.trace_pk)
    value: ColumnElement[Any] = literal("")
    if dimension == TAG:
        source = source.outerjoin(trace_tags, trace_tags.c.trace_pk == traces.c.pk)
        value = func.coalesce(trace_tags.c.tag, "")
    elif dimension != ALL:
        value = func.coalesce(traces.c[dimension], "")
    columns = [
        (spans.c.start_ns // DAY_NS).label("day"),
        value.label("value"),
        traces.c.project,
        *(func.coalesce(spans.c[name], "").label(name) for name in _KEPT[1:]),
        *(_number(name).label(name) for name in _SUMS),
    ]
    way = search(connection, replace(filter, counted=True))
    return select(*columns).select_from(source).where(*way.all)


def _number(name: str) -> ColumnElement[int]:
    if name == "usage_count":
        return literal(1)
    if name in _COUNTS:
        return case((_COUNTS[name], 1), else_=0)
    return func.coalesce(spans.c[name], 0)
