"""Statistics: counts, durations, tokens and cost of spans, by what they share and over time.

Up to `EXACT` spans, or `EXACT_IN_SHORT` within `SHORT_NS`, everything is computed from the spans.
Beyond, where the rollups know what is asked, it comes from them, by hours or days, and percentiles
from their histograms; `is_exact` tells which it was.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, case, func, literal_column, select

from spanbook.errors import FilterError
from spanbook.moments import EPOCH, duration, moment_ns
from spanbook.reading.arguments import near
from spanbook.reading.filters import SpanFilter
from spanbook.reading.list_filter import NONE
from spanbook.reading.measuring import ALL, KEYS, Key, measure
from spanbook.reading.rolled import DAY_NS, Rolled, can_roll
from spanbook.reading.span_conditions import search
from spanbook.reading.tallies import Statistic, Tally, middle_ns
from spanbook.store.rollups import HOUR_NS
from spanbook.store.schema import spans

EXACT = 1_000  # spans that are looked at one by one
SHORT_NS = 6 * HOUR_NS  # in which columns of an hour would show nothing
EXACT_IN_SHORT = 50_000
DAYS_FROM = 14  # days from which on a column is a day or more, where spans are many
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
        measured = _measured(connection, filter, by, now)
    rows = [
        StatisticRow(value, one, _row(filter, by, value)) for value, one in measured.rows.items()
    ]
    rows.sort(key=lambda row: (-row.statistic.count, row.value))
    return Statistics(
        filter,
        by,
        measured.is_exact,
        measured.total,
        tuple(rows[:shown]),
        len(rows),
        tuple(_buckets(filter, measured)),
    )


@dataclass(frozen=True, slots=True)
class _Measured:
    """Statistics by value and by step of time; `steps` are the first and the last of the window."""

    is_exact: bool
    total: Statistic
    rows: dict[str, Statistic]
    step_ns: int
    steps: range
    places: dict[int, Statistic]
    cells: dict[int, dict[int, int]]


def _measured(connection: Connection, filter: SpanFilter, by: str, now: datetime) -> _Measured:
    is_exact = not can_roll(filter) or _is_few(connection, filter, now)
    first, last = _window(connection, filter, now, is_exact)
    step_ns = _step_ns(first, last, is_exact)
    steps = range(first // step_ns, last // step_ns + 1) if first <= last else range(0)
    if is_exact:
        time = Key(step_ns=step_ns)
        return _Measured(
            is_exact,
            measure(connection, filter, Key()).get(ALL, _NOTHING),
            measure(connection, filter, Key(by)),
            step_ns,
            steps,
            measure(connection, filter, time),
            _cells(connection, filter, time),
        )
    is_by_rolled = can_roll(filter, by)
    rolled = Rolled(connection, filter, by if is_by_rolled else ALL, step_ns)
    rows = {value: one.statistic() for value, one in rolled.by_value.items()}
    places = {place: one.statistic() for place, one in rolled.by_place.items()}
    cells = {place: classed(one.took.counts()) for place, one in rolled.by_place.items()}
    if not is_by_rolled:
        rows = measure(connection, filter, Key(by))
    return _Measured(False, rolled.total().statistic(), rows, step_ns, steps, places, cells)


_NOTHING = Tally().statistic(None, None)


def overall(engine: Engine, filter: SpanFilter, now: datetime | None = None) -> Statistic:
    """Return what holds of all spans that `filter` finds, exactly."""
    with engine.connect() as connection:
        pinned = _pinned(filter, now or datetime.now(UTC))
        return measure(connection, pinned, Key()).get(ALL, _NOTHING)


def _pinned(filter: SpanFilter, now: datetime) -> SpanFilter:
    """Return the filter of the same spans that means the same at any later time."""
    times: dict[str, Any] = {
        name: now - at
        for name in ("since", "until")
        if isinstance(at := getattr(filter, name), timedelta)
    }
    plain = replace(filter, sort="start", descending=True, after=None, before=None, limit=100)
    return replace(plain, **times)


def _is_few(connection: Connection, filter: SpanFilter, now: datetime) -> bool:
    first, last = _window(connection, filter, now, is_exact=False)
    most = EXACT_IN_SHORT if last - first <= SHORT_NS else EXACT
    some = select(spans.c.pk).where(*search(connection, filter).all).limit(most + 1).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one() <= most


def _row(filter: SpanFilter, by: str, value: str) -> SpanFilter:
    chosen: Any = value or (value if by in ("name", "project") else NONE)
    if by in ("kind", "tag"):
        before: tuple[Any, ...] = filter.tag if by == "tag" else ()
        chosen = tuple(dict.fromkeys((*before, chosen)))
    return replace(filter, **{by: chosen})


# Time


def _window(
    connection: Connection, filter: SpanFilter, now: datetime, is_exact: bool
) -> tuple[int, int]:
    """Return the first and the last nanosecond to show; the first is later where there is none."""
    least, greatest = func.min(spans.c.start_ns), func.max(spans.c.start_ns)
    if is_exact:
        ends = select(least, greatest).where(*search(connection, filter).all)
    else:  # apart, so that each is one look at an index
        ends = select(select(least).scalar_subquery(), select(greatest).scalar_subquery())
    first, last = connection.execute(ends).one()
    if first is None:
        return 0, -1
    if isinstance(filter.since, datetime):
        first = moment_ns(filter.since)
    if filter.until is not None or filter.since is not None:
        until = filter.until if isinstance(filter.until, datetime) else now
        last = moment_ns(until) - 1
    return first, max(first, last)


def _step_ns(first: int, last: int, is_exact: bool) -> int:
    """Return how long a column is: the least step that gives no more than can be seen."""
    least = 0 if is_exact else HOUR_NS
    if not is_exact and last - first > DAYS_FROM * DAY_NS:
        least = DAY_NS
    steps = [step for step in _STEPS if step >= least]
    return next((one for one in steps if last // one - first // one < MOST_BUCKETS), steps[-1])


def _buckets(filter: SpanFilter, measured: _Measured) -> Iterator[Bucket]:
    for place in measured.steps[-4 * MOST_BUCKETS :]:
        since = EPOCH + duration(place * measured.step_ns)
        until = since + duration(measured.step_ns)
        inner = replace(filter, since=since, until=until)
        if isinstance(filter.since, datetime) and filter.since > since:
            inner = replace(inner, since=filter.since)
        if isinstance(filter.until, datetime) and filter.until < until:
            inner = replace(inner, until=filter.until)
        counts = measured.cells.get(place, {})
        held = tuple(Cell(duration(CLASSES[one]), counts[one]) for one in sorted(counts))
        yield Bucket(since, until, measured.places.get(place, _NOTHING), held, inner)


def _cells(connection: Connection, filter: SpanFilter, key: Key) -> dict[int, dict[int, int]]:
    """Return how many durations are in each class, by step of time."""
    found: dict[int, dict[int, int]] = {}
    for place, one, count in connection.execute(_classes(connection, filter, key)):
        found.setdefault(place, {})[one] = int(count)
    return found


def classed(counts: Mapping[int, int]) -> dict[int, int]:
    """Return how many durations are in each class, of a histogram."""
    found: dict[int, int] = {}
    for step, count in counts.items():
        one = _class_of_step(step)
        found[one] = found.get(one, 0) + count
    return found


@cache
def _class_of_step(step: int) -> int:
    return class_of(middle_ns(step))


def class_of(duration_ns: int) -> int:
    """Return the number of the class that a duration belongs to."""
    return bisect_right(CLASSES, max(duration_ns, 0)) - 1


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
