"""Tallies: counts and sums over spans, and what they say of these in the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from spanbook.moments import duration, money
from spanbook.store.histograms import BUCKET_GROWTH
from spanbook.usage import Usage

PERCENTS = (50, 90, 95, 99)
RELATIVE_ERROR = (BUCKET_GROWTH - 1) / 2  # of a duration that is read from a histogram


@dataclass(frozen=True, slots=True)
class Spread:
    """How durations are spread.

    A percentile is the least of the durations that so many percent of them do not exceed.
    """

    min: timedelta
    mean: timedelta
    max: timedelta
    p50: timedelta
    p90: timedelta
    p95: timedelta
    p99: timedelta


@dataclass(frozen=True, slots=True)
class Statistic:
    """What some spans have in common.

    `ok`, `errors`, `running` and `other` (cancelled, interrupted, incomplete) add up to `count`.
    `duration` is that of the finished ones, `first_token` the time that streams took to begin.
    `usage` and `cost` are sums over counted spans: `calls` have usage, `unpriced` of these no cost.
    `speed` is output tokens a second, over the whole time of the calls. None: of no span known.
    """

    count: int
    ok: int
    errors: int
    running: int
    other: int
    duration: Spread | None
    first_token: Spread | None
    calls: int
    usage: Usage | None
    cost: Decimal | None
    unpriced: int
    speed: float | None

    @property
    def error_rate(self) -> float | None:
        """Which part failed of the spans that ended."""
        ended = self.count - self.running
        return self.errors / ended if ended else None


def ranks_of(counts: Mapping[int, int], percents: Sequence[int] = PERCENTS) -> dict[int, int]:
    """Return nanoseconds by percentile of a histogram; 0 and 100 are the least and the greatest."""
    total = sum(counts.values())
    wanted = [(percent, max(-(-total * percent // 100), 1)) for percent in (0, *percents, 100)]
    found: dict[int, int] = {}
    seen = 0
    for step in sorted(counts):
        seen += counts[step]
        while wanted and seen >= wanted[0][1]:
            found[wanted.pop(0)[0]] = middle_ns(step)
    return found


def middle_ns(step: int) -> int:
    """Return the duration that stands for a bucket of the rollups."""
    return round(1000 * BUCKET_GROWTH**step * (1 + RELATIVE_ERROR))


@dataclass(slots=True)
class Tally:
    """Counts and sums over spans: integers as stored, which can be added up."""

    count: int = 0
    errors: int = 0
    running: int = 0
    other: int = 0
    finished: int = 0
    duration_ns: int = 0
    calls: int = 0
    estimated: int = 0
    unpriced: int = 0
    input: int = 0
    output: int = 0
    cost: int = 0
    spoken: int = 0  # output tokens of calls whose duration is known
    spoken_ns: int = 0  # the durations of these
    streamed: int = 0  # spans that began to stream
    waited_ns: int = 0  # until the first token

    def add(self, numbers: Mapping[str, int]) -> None:
        """Add `numbers` to the fields of their names."""
        for name, number in numbers.items():
            setattr(self, name, getattr(self, name) + int(number or 0))

    def statistic(
        self, ranks: Mapping[int, int] | None, first: Mapping[int, int] | None
    ) -> Statistic:
        """Return it in the words of the reader, with percentiles of the two durations."""
        priced = self.calls - self.unpriced
        usage = Usage(self.input, self.output, estimated=self.estimated > 0)
        return Statistic(
            self.count,
            self.count - self.errors - self.running - self.other,
            self.errors,
            self.running,
            self.other,
            _spread(ranks, self.duration_ns, self.finished),
            _spread(first, self.waited_ns, self.streamed),
            self.calls,
            usage if self.calls else None,
            money(self.cost) if priced else None,
            self.unpriced,
            1e9 * self.spoken / self.spoken_ns if self.spoken_ns else None,
        )


def _spread(ranks: Mapping[int, int] | None, total_ns: int, count: int) -> Spread | None:
    if not ranks or not count:
        return None
    least, greatest, *rest = (duration(ranks[percent]) for percent in (0, 100, *PERCENTS))
    return Spread(least, duration(total_ns // count), greatest, *rest)
