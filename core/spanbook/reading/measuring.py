"""Measuring: tallies of the spans that a filter finds, by any key, from the spans or from rollups.

From the spans themselves everything is exact. Rollups answer for many spans at once: counts and
means are exact there too, percentiles are read from histograms.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Select,
    Subquery,
    case,
    func,
    literal,
    literal_column,
    select,
)

from spanbook.moments import moment
from spanbook.reading.conditions import resolved_ns
from spanbook.reading.filters import SpanFilter
from spanbook.reading.list_filter import NONE
from spanbook.reading.span_conditions import search
from spanbook.reading.tallies import PERCENTS, Histogram, Statistic, Tally
from spanbook.spans import Status
from spanbook.store.rollups import HOUR_NS, bucket
from spanbook.store.schema import rollup_latency, rollups, series, spans, trace_tags, traces

OF_SPANS = ("name", "kind", "model", "provider")
OF_TRACES = ("release", "version", "environment", "project")
KEYS = (*OF_SPANS, *OF_TRACES, "tag")
ALL = ""

_IN_SERIES = ("name", "kind", "model")
_KNOWN = {"project", "kind", "name", "model"}  # what rollups can be asked for
_ELSEWHERE = {"since", "until", "sort", "descending", "after", "before", "limit"}
_OPEN = (str(Status.RUNNING), str(Status.INCOMPLETE))


@dataclass(frozen=True, slots=True)
class Key:
    """What spans are grouped by: a name of `KEYS`, "" for all together, or a step of time."""

    name: str = ALL
    step_ns: int = 0

    def of_span(self) -> ColumnElement[Any]:
        """Return the value for a span, whose trace and its tags are joined where it needs them."""
        if self.step_ns:
            return spans.c.start_ns // literal_column(str(self.step_ns))
        if self.name in OF_SPANS:
            return func.coalesce(spans.c[self.name], "")
        if self.name in OF_TRACES:
            return func.coalesce(traces.c[self.name], "")
        return func.coalesce(trace_tags.c.tag, "") if self.name == "tag" else literal(ALL)

    def of_rollup(self) -> ColumnElement[Any]:
        """Return the value for a row of the rollups."""
        if self.step_ns:
            return rollups.c.hour // literal_column(str(self.step_ns // HOUR_NS))
        return series.c[self.name] if self.name else literal(ALL)


def can_roll(filter: SpanFilter, key: Key) -> bool:
    """Say whether rollups know all that `filter` asks for, and the key."""
    asked = {field.name for field in fields(filter) if getattr(filter, field.name)}
    by_series = key.name in (ALL, *_IN_SERIES) and key.step_ns % HOUR_NS == 0
    return by_series and asked <= _KNOWN | _ELSEWHERE


def measure(
    connection: Connection, filter: SpanFilter, key: Key, *, exact: bool
) -> dict[Any, Statistic]:
    """Return what holds of the spans that `filter` finds, by key."""
    found = _Exact(connection, filter, key) if exact else _Rolled(connection, filter, key)
    tallies = found.tallies()
    ranks, first = found.ranks(), found.first_ranks()
    return {
        value: tally.statistic(ranks.get(value), first.get(value))
        for value, tally in tallies.items()
    }


def _select(
    connection: Connection, filter: SpanFilter, key: Key, *columns: ColumnElement[Any]
) -> "Select[*tuple[Any, ...]]":
    """Select the key and `columns` of the spans that `filter` finds."""
    found: Select[*tuple[Any, ...]] = select(key.of_span().label("key"), *columns).select_from(
        spans
    )
    if key.name in OF_TRACES:
        found = found.join(traces, traces.c.pk == spans.c.trace_pk)
    elif key.name == "tag":
        found = found.outerjoin(trace_tags, trace_tags.c.trace_pk == spans.c.trace_pk)
    return found.where(*search(connection, filter).all)


def _sums(connection: Connection, source: Subquery, **sums: Any) -> Iterator[tuple[Any, Any]]:
    """Yield sums over each key of `source`."""
    statement = select(source.c.key, *(sums[name].label(name) for name in sums))
    for value, *numbers in connection.execute(statement.group_by(source.c.key)):
        yield value, dict(zip(sums, numbers, strict=True))


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _finished() -> ColumnElement[bool]:
    return spans.c.end_ns.is_not(None) & spans.c.status.not_in(_OPEN)


def _duration() -> ColumnElement[Any]:
    took = spans.c.end_ns - spans.c.start_ns
    return case((_finished() & (took > 0), took), (_finished(), 0))


def _add_usage(
    connection: Connection, filter: SpanFilter, key: Key, tallies: dict[Any, Tally]
) -> None:
    """Add what counted spans used and cost. One index holds all of it, for any number of spans."""
    names = ("input_tokens", "output_tokens", "cost", "estimated")
    columns = [spans.c[name] for name in names]
    took = (spans.c.end_ns - spans.c.start_ns).label("took")
    # As literals: only so are the indexes over usage taken.
    with_usage = literal_column("spans.input_tokens IS NOT NULL", Boolean)
    counted = literal_column("spans.counted", Boolean)
    found = _select(connection, filter, key, *columns, took).where(with_usage, counted).subquery()
    speaks = (found.c.output_tokens > 0) & (found.c.took > 0)
    sums = {
        "calls": func.count(),
        "estimated": _number(found.c.estimated.is_(True)),
        "unpriced": _number(found.c.cost.is_(None)),
        "input": func.sum(found.c.input_tokens),
        "output": func.sum(found.c.output_tokens),
        "cost": func.sum(found.c.cost),
        "spoken": func.sum(case((speaks, found.c.output_tokens), else_=0)),
        "spoken_ns": func.sum(case((speaks, found.c.took), else_=0)),
    }
    for value, numbers in _sums(connection, found, **sums):
        tallies.setdefault(value, Tally()).add(numbers)


class _Exact:
    """Every span looked at."""

    def __init__(self, connection: Connection, filter: SpanFilter, key: Key) -> None:
        self._connection, self._filter, self._key = connection, filter, key

    def _source(self, *columns: ColumnElement[Any]) -> Subquery:
        return _select(self._connection, self._filter, self._key, *columns).subquery()

    def tallies(self) -> dict[Any, Tally]:
        """Return counts and sums."""
        waited = (spans.c.first_token_ns - spans.c.start_ns).label("waited")
        found = self._source(spans.c.status, _duration().label("took"), waited)
        status, running = found.c.status, str(Status.RUNNING)
        known = (str(Status.OK), str(Status.ERROR), running)
        sums = {
            "count": func.count(),
            "errors": _number(status == str(Status.ERROR)),
            "running": _number(status == running),
            "other": _number(status.not_in(known)),
            "finished": func.count(found.c.took),
            "duration_ns": func.sum(found.c.took),
            "streamed": func.count(found.c.waited),
            "waited_ns": func.sum(found.c.waited),
        }
        tallies: dict[Any, Tally] = {}
        for value, numbers in _sums(self._connection, found, **sums):
            tallies.setdefault(value, Tally()).add(numbers)
        _add_usage(self._connection, self._filter, self._key, tallies)
        return tallies

    def ranks(self) -> dict[Any, dict[int, int]]:
        """Return the percentiles of durations."""
        return self._ranks(_duration())

    def first_ranks(self) -> dict[Any, dict[int, int]]:
        """Return the percentiles of the time to the first token."""
        return self._ranks(spans.c.first_token_ns - spans.c.start_ns)

    def _ranks(self, value: ColumnElement[Any]) -> dict[Any, dict[int, int]]:
        found = self._source(value.label("value"))
        ranked = (
            select(
                found.c.key,
                found.c.value,
                func.row_number()
                .over(partition_by=found.c.key, order_by=found.c.value)
                .label("place"),
                func.count().over(partition_by=found.c.key).label("of"),
            )
            .where(found.c.value.is_not(None))
            .subquery()
        )
        place, of = ranked.c.place, ranked.c.of
        picked = [
            func.max(case((place == (of * percent + 99) // literal_column("100"), ranked.c.value)))
            for percent in PERCENTS
        ]
        ends = (func.min(ranked.c.value), func.max(ranked.c.value))
        statement = select(ranked.c.key, *ends, *picked).group_by(ranked.c.key)
        return {
            row[0]: dict(zip((0, 100, *PERCENTS), map(int, row[1:]), strict=True))
            for row in self._connection.execute(statement)
        }


class _Rolled:
    """Whole hours from the rollups, the rest of a window from its spans."""

    def __init__(self, connection: Connection, filter: SpanFilter, key: Key) -> None:
        self._connection, self._filter, self._key = connection, filter, key
        self._tallies: dict[Any, Tally] = {}
        self._histograms: dict[Any, Histogram] = {}
        first, last = whole_hours(filter)
        self._add_hours(first, last)
        for edge in edges(filter):
            self._add_edge(edge)
        self._add_open()
        _add_usage(connection, filter, key, self._tallies)

    def tallies(self) -> dict[Any, Tally]:
        """Return counts and sums."""
        return self._tallies

    def ranks(self) -> dict[Any, dict[int, int]]:
        """Return the percentiles of durations."""
        return {value: found.ranks() for value, found in self._histograms.items()}

    def first_ranks(self) -> Mapping[Any, dict[int, int]]:
        """Return nothing: rollups do not know the first token."""
        return {}

    def _add_hours(self, first: int | None, last: int | None) -> None:
        key = self._key.of_rollup().label("key")
        counts = ("count", "error_count", "duration_ns")
        found = rolled(self._filter, first, last, key, *(rollups.c[name] for name in counts))
        source = found.subquery()
        sums = {
            "count": func.sum(source.c.count),
            "errors": func.sum(source.c.error_count),
            "finished": func.sum(source.c.count),
            "duration_ns": func.sum(source.c.duration_ns),
        }
        for value, numbers in _sums(self._connection, source, **sums):
            self._tallies.setdefault(value, Tally()).add(numbers)
        for value, step, count in self._connection.execute(
            histogram(self._filter, first, last, self._key)
        ):
            self._histograms.setdefault(value, Histogram()).add(step, int(count))

    def _add_edge(self, edge: SpanFilter) -> None:
        failed = (spans.c.status == str(Status.ERROR)).label("failed")
        rows = _select(self._connection, edge, self._key, _duration(), failed)
        for value, took, has_failed in self._connection.execute(rows.where(_finished())):
            numbers = {"count": 1, "errors": has_failed, "finished": 1, "duration_ns": took}
            self._tallies.setdefault(value, Tally()).add(numbers)
            self._histograms.setdefault(value, Histogram()).add(bucket(took), 1)

    def _add_open(self) -> None:
        """Add what rollups do not hold, because it runs, or do not tell from success."""
        rare = tuple(status for status in Status if status not in (Status.OK, Status.ERROR))
        found = _select(
            self._connection, replace(self._filter, status=rare), self._key, spans.c.status
        ).subquery()
        status = found.c.status
        sums = {
            "count": _number(status.in_(_OPEN)),
            "running": _number(status == str(Status.RUNNING)),
            "other": _number(status != str(Status.RUNNING)),
        }
        for value, numbers in _sums(self._connection, found, **sums):
            self._tallies.setdefault(value, Tally()).add(numbers)


def whole_hours(filter: SpanFilter) -> tuple[int | None, int | None]:
    """Return the first hour within the window and the hour after the last; None: no bound."""
    first = None if filter.since is None else -(-resolved_ns(filter.since) // HOUR_NS)
    last = None if filter.until is None else resolved_ns(filter.until) // HOUR_NS
    if first is not None and last is not None:
        last = max(first, last)
    return first, last


def edges(filter: SpanFilter) -> Iterator[SpanFilter]:
    """Yield filters of what `filter` finds outside of whole hours."""
    first, last = whole_hours(filter)
    since = None if filter.since is None else resolved_ns(filter.since)
    until = None if filter.until is None else resolved_ns(filter.until)
    if since is not None and first is not None and since < first * HOUR_NS:
        end = first * HOUR_NS if until is None else min(first * HOUR_NS, until)
        yield replace(filter, until=moment(end))
    if until is not None and last is not None and until > last * HOUR_NS:
        yield replace(filter, since=moment(last * HOUR_NS))


def rolled(
    filter: SpanFilter, first: int | None, last: int | None, *columns: ColumnElement[Any]
) -> "Select[*tuple[Any, ...]]":
    """Select columns of the rollups of these hours."""
    found = select(*columns).join_from(rollups, series, series.c.pk == rollups.c.series_pk)
    return found.where(*_chosen(filter, first, last))


def histogram(
    filter: SpanFilter, first: int | None, last: int | None, key: Key
) -> "Select[*tuple[Any, ...]]":
    """Select how many durations are in each bucket, by key."""
    count = rollup_latency.c.count.label("number")
    same = (rollup_latency.c.hour == rollups.c.hour) & (
        rollup_latency.c.series_pk == rollups.c.series_pk
    )
    rows = (
        select(key.of_rollup().label("key"), rollup_latency.c.bucket, count)
        .join_from(rollups, rollup_latency, same)
        .join(series, series.c.pk == rollups.c.series_pk)
        .where(*_chosen(filter, first, last))
        .subquery()
    )
    groups = (rows.c.key, rows.c.bucket)
    return select(*groups, func.sum(rows.c.number)).group_by(*groups)


def _chosen(
    filter: SpanFilter, first: int | None, last: int | None
) -> Sequence[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if first is not None:
        found.append(rollups.c.hour >= first)
    if last is not None:
        found.append(rollups.c.hour < last)
    if filter.kind:
        found.append(series.c.kind.in_([str(kind) for kind in filter.kind]))
    for name in ("project", "name", "model"):
        value = getattr(filter, name)
        if value is not None:
            is_none = value == NONE and name == "model"
            found.append(series.c[name] == ("" if is_none else value))
    return found
