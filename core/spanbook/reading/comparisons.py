"""Comparisons: two groups of traces, such as releases or runs, measure by measure."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs

from sqlalchemy import Connection, Engine, select

from spanbook.errors import FilterError
from spanbook.figures import duration, money
from spanbook.moments import duration as timedelta_of
from spanbook.moments import money as dollars
from spanbook.reading.chance import (
    CONFIDENCE,
    Interval,
    median_interval,
    rank_test,
    rate_difference,
    rate_interval,
)
from spanbook.reading.conditions import conditions, tagged
from spanbook.reading.filters import TraceFilter
from spanbook.reading.trace_pages import settled
from spanbook.spans import Status
from spanbook.store.schema import runs, traces

MEASURES = ("traces", "error_rate", "duration", "p50", "p95", "p99", "tokens", "cost")
_PREFIXES = ("release", "version", "tag", "environment", "session", "user", "name")


@dataclass(frozen=True, slots=True)
class Group:
    """Some traces: their values as stored, ascending. Only ended traces have an outcome."""

    label: str
    traces: int
    ended: int
    errors: int
    durations: tuple[int, ...]  # nanoseconds
    tokens: tuple[int, ...]
    costs: tuple[int, ...]  # 10⁻¹² US dollars
    ran: tuple[tuple[str | None, int], ...] = ()  # hashes of architectures, by how many traces

    def value(self, measure: str) -> float | None:
        """Return a measure: seconds, US dollars, a rate or a number; None: not known."""
        match measure:
            case "traces":
                return float(self.traces)
            case "error_rate":
                return self.errors / self.ended if self.ended else None
            case "tokens":
                return _mean(self.tokens)
            case "cost":
                return None if not self.costs else float(dollars(sum(self.costs))) / len(self.costs)
            case "duration":
                return (
                    None if not self.durations else sum(self.durations) / len(self.durations) / 1e9
                )
            case _:
                if not self.durations:
                    return None
                place = (len(self.durations) * int(measure[1:]) + 99) // 100
                return self.durations[place - 1] / 1e9

    def interval(self, measure: str) -> Interval | None:
        """Return where a measure lies with 95 % confidence, where that can be told."""
        if measure == "error_rate" and self.ended:
            return rate_interval(self.errors, self.ended)
        if measure == "p50" and self.durations:
            found = median_interval(self.durations)
            return Interval(found.low / 1e9, found.high / 1e9)
        return None


@dataclass(frozen=True, slots=True)
class Compared:
    """One measure of both groups, and what is to say of the difference."""

    measure: str
    a: float | None
    b: float | None
    a_interval: Interval | None
    b_interval: Interval | None
    sentence: str


def read_group(engine: Engine, text: str) -> Group:
    """Return the traces that `text` names.

    That is a trace's id, `release:1.2`, `version:…`, `tag:…`, `environment:…`, `session:…`,
    `user:…`, `name:…`, `run:` with the id or the name of a run, of which the newest counts, or a
    filter as in the address of the list of traces: `name=answer&since=7d`.

    Raises:
        FilterError: it names nothing.
    """
    with engine.connect() as connection:
        if re.fullmatch(r"[0-9a-f]{32}", text):
            return _group(connection, text, TraceFilter(), trace_id=text)
        return _group(connection, text, _filter(connection, text))


def _filter(connection: Connection, text: str) -> TraceFilter:
    word, colon, value = text.partition(":")
    if colon and word in _PREFIXES and value:
        return TraceFilter.of(**{word: value})
    if colon and word == "run" and value:
        return TraceFilter(run=_run(connection, value))
    if "=" in text:
        filter = TraceFilter.from_args(parse_qs(text.lstrip("?"), keep_blank_values=True))
        if filter.q is not None:
            raise FilterError("Groups cannot be found by q; give another filter.")
        return filter
    raise FilterError(
        f"{text!r} names no traces. Give a trace's id, release:1.2, version:…, tag:…, run:…, or "
        "a filter such as 'name=answer&since=7d'."
    )


def _run(connection: Connection, text: str) -> str:
    known = select(runs.c.run_id).where((runs.c.run_id == text) | (runs.c.name == text))
    found = connection.execute(known.order_by(runs.c.start_ns.desc()).limit(1)).scalar()
    if found is None:
        raise FilterError(f"The store holds no run with the id or the name {text!r}.")
    return found


def _group(
    connection: Connection, label: str, filter: TraceFilter, trace_id: str | None = None
) -> Group:
    filter = settled(connection, filter)
    source, where = tagged(connection, filter.tag)
    where = [*where, *conditions(filter, connection.dialect.name)]
    if trace_id is not None:
        where.append(traces.c.trace_id == trace_id)
    columns = (
        traces.c.status,
        traces.c.duration_ns,
        traces.c.total_tokens,
        traces.c.cost,
        traces.c.architecture,
    )
    rows = connection.execute(select(*columns).select_from(source).where(*where)).all()
    if not rows:
        raise FilterError(f"The store holds no trace for {label!r}.")
    open_ones = (str(Status.RUNNING), str(Status.INCOMPLETE))
    ended = [row for row in rows if row[0] not in open_ones]
    return Group(
        label,
        len(rows),
        len(ended),
        sum(row[0] == str(Status.ERROR) for row in ended),
        *(tuple(sorted(row[n] for row in ended if row[n] is not None)) for n in (1, 2, 3)),
        ran=_ran(row[4] for row in rows),
    )


def _ran(hashes: Iterable[str | None]) -> tuple[tuple[str | None, int], ...]:
    """Return what ran with its number of traces, the most used first, the unknown last."""
    counts = Counter(hashes)
    return tuple(sorted(counts.items(), key=lambda one: (one[0] is None, -one[1], one[0] or "")))


def _mean(values: Sequence[int]) -> float | None:
    return sum(values) / len(values) if values else None


def compare_groups(a: Group, b: Group) -> list[Compared]:
    """Return every measure of both groups; durations, tokens and cost are those of a trace."""
    return [
        Compared(
            measure,
            a.value(measure),
            b.value(measure),
            a.interval(measure),
            b.interval(measure),
            _sentence(measure, a, b),
        )
        for measure in MEASURES
    ]


def _sentence(measure: str, a: Group, b: Group) -> str:
    """Say whether the difference is larger than chance."""
    if measure == "error_rate" and a.ended and b.ended:
        found = rate_difference(a.errors, a.ended, b.errors, b.ended)
        if found.low <= 0 <= found.high:
            return "No difference beyond chance."
        more = "more" if found.low > 0 else "less"
        return f"B fails {more} often, beyond chance."
    ranked = {"p50": ("durations", "takes", "longer", "shorter")}
    ranked |= {
        name: (f"{name.rstrip('s')}s", "uses", "more", "less") for name in ("tokens", "cost")
    }
    if measure not in ranked:
        return ""
    values, verb, more, less = ranked[measure]
    ours, theirs = getattr(a, values), getattr(b, values)
    if not ours or not theirs:
        return "Not known of both."
    p = rank_test(ours, theirs)
    if p is None:
        return "Too few traces to tell."
    if p >= 1 - CONFIDENCE:
        return "No difference beyond chance."
    is_more = _mean_rank_is_higher(theirs, ours)
    return f"B {'costs' if measure == 'cost' else verb} {more if is_more else less}, beyond chance."


def _mean_rank_is_higher(values: Sequence[int], others: Sequence[int]) -> bool:
    """Say whether a value is more often above one of `others` than below it; both ascend."""
    balance = below = above = 0
    for value in values:
        while below < len(others) and others[below] < value:
            below += 1
        above = max(above, below)
        while above < len(others) and others[above] == value:
            above += 1
        balance += below - (len(others) - above)
    return balance > 0


def written(measure: str, value: float | None) -> str:
    """Return a measure in words."""
    if value is None:
        return "–"
    match measure:
        case "traces":
            return f"{value:,.0f}"
        case "error_rate":
            return f"{100 * value:.1f} %"
        case "tokens":
            return f"{value:,.1f}"
        case "cost":
            return money(dollars(round(value * 10**12)))
        case _:
            return duration(timedelta_of(round(value * 1e9)))
