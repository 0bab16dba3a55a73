"""Charts: measures over time as columns and marks, whose heights are shares of the greatest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from spanbook.reading.statistics import CLASSES, Bucket
from spanbook.reading.tallies import Statistic
from spanbook_viewer.formats import count, duration, money


@dataclass(frozen=True, slots=True)
class Series:
    """One measure of a chart: its word, its colour, and its value in a bucket, None if unknown."""

    label: str
    family: str
    value: Callable[[Statistic], float | None]


@dataclass(frozen=True, slots=True)
class Column:
    """What a chart shows of one bucket: the heights of its series in percent, and the words."""

    bucket: Bucket
    heights: tuple[float | None, ...]
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of some measures over time; `top` is what its upper edge stands for."""

    key: str
    label: str
    series: tuple[Series, ...]
    columns: tuple[Column, ...]
    top: str
    stacked: bool


def _seconds(name: str) -> Callable[[Statistic], float | None]:
    def read(one: Statistic) -> float | None:
        return None if one.duration is None else getattr(one.duration, name).total_seconds()

    return read


def _time(seconds: float) -> str:
    return duration(timedelta(seconds=seconds))


def _whole(value: float) -> str:
    return count(round(value))


def _dollars(value: float) -> str:
    return money(Decimal(str(value)))


_CHARTS: tuple[tuple[str, str, bool, Callable[[float], str], tuple[Series, ...]], ...] = (
    (
        *("count", "Spans", True, _whole),
        (
            Series("ok and other", "structure", lambda one: one.count - one.errors),
            Series("failed", "error", lambda one: one.errors),
        ),
    ),
    (
        *("duration", "Duration", False, _time),
        (
            Series("p50", "vector", _seconds("p50")),
            Series("p95", "model", _seconds("p95")),
            Series("p99", "tool", _seconds("p99")),
        ),
    ),
    (
        *("tokens", "Tokens", True, _whole),
        (
            Series("in", "retrieval", lambda one: one.usage and one.usage.input),
            Series("out", "model", lambda one: one.usage and one.usage.output),
        ),
    ),
    (
        *("cost", "Cost", True, _dollars),
        (Series("cost", "model", lambda one: None if one.cost is None else float(one.cost)),),
    ),
)


def charts(buckets: Sequence[Bucket]) -> list[Chart]:
    """Return the charts that have anything to show."""
    drawn = [_chart(buckets, *one) for one in _CHARTS]
    return [chart for chart in drawn if chart is not None]


def _chart(
    buckets: Sequence[Bucket],
    key: str,
    label: str,
    stacked: bool,
    write: Callable[[float], str],
    series: tuple[Series, ...],
) -> Chart | None:
    values = [[one.value(bucket.statistic) for one in series] for bucket in buckets]
    known = [[value or 0.0 for value in row] for row in values]
    most = max((sum(row) if stacked else max(row) for row in known), default=0)
    if not most:
        return None
    columns = [
        Column(
            bucket,
            tuple(None if value is None else 100 * value / most for value in row),
            ", ".join(
                f"{one.label} {'–' if value is None else write(value)}"
                for one, value in zip(series, row, strict=True)
            ),
        )
        for bucket, row in zip(buckets, values, strict=True)
    ]
    return Chart(key, label, series, tuple(columns), write(most), stacked)


@dataclass(frozen=True, slots=True)
class Band:
    """A class of durations and how many there are, in all and in each bucket.

    `part` is that in percent of the most frequent one.
    """

    least: timedelta
    label: str
    count: int
    part: float
    cells: tuple[tuple[int, float], ...]


def bands(buckets: Sequence[Bucket]) -> list[Band]:
    """Return the classes of durations between the shortest and the longest, longest first."""
    found = [{cell.least: cell.count for cell in bucket.cells} for bucket in buckets]
    leasts = [timedelta(microseconds=least // 1000) for least in CLASSES]
    totals = [sum(counts.get(least, 0) for counts in found) for least in leasts]
    used = [number for number, total in enumerate(totals) if total]
    if not used:
        return []
    most = max(totals)
    densest = max(max(counts.values(), default=0) for counts in found)
    rows: list[Band] = []
    for number in range(used[0], used[-1] + 1):
        counts = [bucket.get(leasts[number], 0) for bucket in found]
        above = leasts[number + 1] if number + 1 < len(leasts) else None
        label = f"{duration(leasts[number])} and more" if above is None else _range(leasts, number)
        cells = tuple((one, 100 * one / densest) for one in counts)
        part = 100 * totals[number] / most
        rows.append(Band(leasts[number], label, totals[number], part, cells))
    return rows[::-1]


def _range(leasts: Sequence[timedelta], number: int) -> str:
    if number == 0:
        return f"below {duration(leasts[1])}"
    return f"{duration(leasts[number])} to {duration(leasts[number + 1])}"
