"""Statistics: counts, durations, tokens and cost of spans, by what they share and over time.

Up to `EXACT` spans everything is computed from the spans. Beyond, where the rollups know what is
asked, percentiles come from their histograms; `is_exact` tells which it was.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, case, func, literal_column, select

from spanbook.errors import FilterError
from spanbook.moments import EPOCH, duration, moment_ns
from spanbook.reading.arguments import near
from spanbook.reading.filters import SpanFilter
from spanbook.reading.list_filter import NONE
from spanbook.reading.measuring import (
    ALL,
    KEYS,
    Key,
    can_roll,
    edges,
    histogram,
    measure,
    whole_hours,
)
from spanbook.reading.span_conditions import search
from spanbook.reading.tallies import Statistic, Tally, middle_ns
from spanbook.store.rollups import HOUR_NS
from spanbook.store.schema import spans

EXACT = 50_000  # spans that are looked at one by one
SHOWN = 100  # rows of the table
MOST_BUCKETS = 120
_MS = 1_000_000
_SECOND = 1_000 * _MS
# Steps of time, each a part of the next or of an hour, as people divide time.
_STEPS = tuple(
    seconds * _SECOND
    for seconds in (
        *(1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800),
        *(hours * 3_600 for hours in (1, 2, 3, 6, 12, 24, 48, 24 * 7, 24 * 28, 24 * 364)),
    )
)
# Where the classes of durations begin: 1, 2 and 5 of each power of ten.
CLASSES = (0, *(digit * 10**power * _MS for power in range(7) for digit in (1, 2, 5)))


@dataclass(frozen=True, slots=True)
class StatisticRow:
    """The spans that share a value; "" where they have none. `filter` finds them."""

    value: str
    statistic: Statistic
    filter: SpanFilter


@dataclass(frozen=True, slots=True)
class Cell:
    """How many durations of a bucket are from `least` on and below the next class."""

    least: timedelta
    count: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """The spans that began from `since` until `until`. Empty ones are there too."""

    since: datetime
    until: datetime
    statistic: Statistic
    cells: tuple[Cell, ...]
    filter: SpanFilter


@dataclass(frozen=True, slots=True)
class Statistics:
    """What holds of the spans that a filter finds: of all, by value, and by time.

    `filter` finds these spans; its times are moments. `rows` are the most frequent first, of
    `row_count`.
    """

    filter: SpanFilter
    by: str
    is_exact: bool
    total: Statistic
    rows: tuple[StatisticRow, ...]
    row_count: int
    buckets: tuple[Bucket, ...]


def statistics(
    engine: Engine,
    filter: SpanFilter,
    by: str = "name",
    *,
    now: datetime | None = None,
    shown: int = SHOWN,
) -> Statistics:
    """Return the statistics of the spans that `filter` finds.

    Raises:
        FilterError: spans cannot be grouped by `by`.
    """
    if by not in KEYS:
        raise FilterError(f"Cannot group by {by!r}. {near(by, list(KEYS))}")
    now = now or datetime.now(UTC)
    filter = _pinned(filter, now)
    with engine.connect() as connection:
        few = _is_few(connection, filter)
        by_time = _time_key(connection, filter, now, few)
        total_exact = few or not can_roll(filter, Key())
        total = measure(connection, filter, Key(), exact=total_exact).get(ALL, _NOTHING)
        rows_exact = few or not can_roll(filter, Key(by))
        found = measure(connection, filter, Key(by), exact=rows_exact)
        buckets = () if by_time is None else _buckets(connection, filter, *by_time, exact=few)
    rows = [StatisticRow(value, one, _row(filter, by, value)) for value, one in found.items()]
    rows.sort(key=lambda row: (-row.statistic.count, row.value))
    is_exact = total_exact and rows_exact
    return Statistics(filter, by, is_exact, total, tuple(rows[:shown]), len(rows), buckets)


_NOTHING = Tally().statistic(None, None)


def overall(engine: Engine, filter: SpanFilter, now: datetime | None = None) -> Statistic:
    """Return what holds of all spans that `filter` finds, exactly."""
    with engine.connect() as connection:
        pinned = _pinned(filter, now or datetime.now(UTC))
        return measure(connection, pinned, Key(), exact=True).get(ALL, _NOTHING)


def _pinned(filter: SpanFilter, now: datetime) -> SpanFilter:
    """Return the filter of the same spans that means the same at any later time."""
    times: dict[str, Any] = {
        name: now - at
        for name in ("since", "until")
        if isinstance(at := getattr(filter, name), timedelta)
    }
    plain = replace(filter, sort="start", descending=True, after=None, before=None, limit=100)
    return replace(plain, **times)


def _is_few(connection: Connection, filter: SpanFilter) -> bool:
    some = select(spans.c.pk).where(*search(connection, filter).all).limit(EXACT + 1).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one() <= EXACT


def _row(filter: SpanFilter, by: str, value: str) -> SpanFilter:
    chosen: Any = value or (value if by in ("name", "project") else NONE)
    if by in ("kind", "tag"):
        before: tuple[Any, ...] = filter.tag if by == "tag" else ()
        chosen = tuple(dict.fromkeys((*before, chosen)))
    return replace(filter, **{by: chosen})


# Time


def _time_key(
    connection: Connection, filter: SpanFilter, now: datetime, few: bool
) -> tuple[Key, int, int] | None:
    """Return the step of time, the first and the last one of the window; None: there is nothing."""
    ends = select(func.min(spans.c.start_ns), func.max(spans.c.start_ns))
    if few or not can_roll(filter, Key()):
        ends = ends.where(*search(connection, filter).all)
    first, last = connection.execute(ends).one()
    if first is None:
        return None
    if isinstance(filter.since, datetime):
        first = moment_ns(filter.since)
    if filter.until is not None or filter.since is not None:
        until = filter.until if isinstance(filter.until, datetime) else now
        last = max(moment_ns(until) - 1, first)
    steps = [step for step in _STEPS if few or step >= HOUR_NS]
    step = next((one for one in steps if last // one - first // one < MOST_BUCKETS), steps[-1])
    return Key(step_ns=step), first // step, last // step


def _buckets(
    connection: Connection, filter: SpanFilter, key: Key, first: int, last: int, *, exact: bool
) -> tuple[Bucket, ...]:
    exact = exact or not can_roll(filter, key)
    found = measure(connection, filter, key, exact=exact)
    cells = _cells(connection, filter, key, exact=exact)
    buckets: list[Bucket] = []
    for place in range(max(first, last - 4 * MOST_BUCKETS), last + 1):
        since = EPOCH + duration(place * key.step_ns)
        until = since + duration(key.step_ns)
        inner = replace(filter, since=since, until=until)
        if isinstance(filter.since, datetime) and filter.since > since:
            inner = replace(inner, since=filter.since)
        if isinstance(filter.until, datetime) and filter.until < until:
            inner = replace(inner, until=filter.until)
        counts = cells.get(place, {})
        held = tuple(Cell(duration(CLASSES[one]), counts[one]) for one in sorted(counts))
        buckets.append(Bucket(since, until, found.get(place, _NOTHING), held, inner))
    return tuple(buckets)


def _cells(
    connection: Connection, filter: SpanFilter, key: Key, *, exact: bool
) -> dict[Any, dict[int, int]]:
    """Return how many durations are in each class, by step of time."""
    found: dict[Any, dict[int, int]] = {}

    def add(place: Any, one: int, count: int) -> None:
        counts = found.setdefault(place, {})
        counts[one] = counts.get(one, 0) + int(count)

    for part in (filter,) if exact else edges(filter):
        for place, one, count in connection.execute(_classes(connection, part, key)):
            add(place, one, count)
    if not exact:
        for place, step, count in connection.execute(histogram(filter, *whole_hours(filter), key)):
            add(place, class_of(middle_ns(step)), count)
    return found


def class_of(duration_ns: int) -> int:
    """Return the number of the class that a duration belongs to."""
    return max(number for number, least in enumerate(CLASSES) if least <= max(duration_ns, 0))


def _classes(connection: Connection, filter: SpanFilter, key: Key) -> "Select[*tuple[Any, ...]]":
    took: ColumnElement[Any] = spans.c.end_ns - spans.c.start_ns
    bounds = [(took < literal_column(str(least)), n) for n, least in enumerate(CLASSES[1:])]
    rows = (
        select(
            key.of_span().label("key"),
            case(*bounds, else_=len(CLASSES) - 1).label("one"),
        )
        .where(*search(connection, filter).all)
        .where(spans.c.end_ns.is_not(None), spans.c.status.not_in(("running", "incomplete")))
        .subquery()
    )
    return select(rows.c.key, rows.c.one, func.count()).group_by(rows.c.key, rows.c.one)
