"""Rolled: what rollups say of the spans that a filter finds, at once by value and by time.

Whole days are read from their rollups, whole hours before and after from theirs, and what remains
at the ends from the spans. Counts and sums are exact; percentiles are read from histograms.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, TypeVar, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    func,
    literal,
    literal_column,
    select,
    union_all,
)

from spanbook.moments import moment
from spanbook.reading.conditions import resolved_ns
from spanbook.reading.filters import SpanFilter
from spanbook.reading.list_filter import NONE
from spanbook.reading.measuring import ALL, Key
from spanbook.reading.span_conditions import search
from spanbook.reading.tallies import Statistic, Tally, ranks_of
from spanbook.spans import Status
from spanbook.store.histograms import HistogramSum
from spanbook.store.rollups import DAY_HOURS, HOUR_NS, NUMBERS, Sums
from spanbook.store.rows import StoredSpan
from spanbook.store.schema import rollup_days, rollups, series, spans

DAY_NS = DAY_HOURS * HOUR_NS

_Key = TypeVar("_Key")

_IN_SERIES = ("name", "kind", "model")
_KNOWN = {"project", "kind", "name", "model"}  # what rollups can be asked for
_ELSEWHERE = {"since", "until", "sort", "descending", "after", "before", "limit"}
_OPEN = (Status.RUNNING, Status.INCOMPLETE)
_RUNNING = str(Status.RUNNING)
_MEASURED = (
    *("status", "start_ns", "end_ns", "first_token_ns", "input_tokens", "output_tokens"),
    *("estimated", "counted", "cost"),
)
# What the columns of rollups are called in a tally.
_TALLIED = {
    **{name: name for name in ("count", "duration_ns", "spoken_ns", "waited_ns")},
    "error_count": "errors",
    "other_count": "other",
    "usage_count": "calls",
    "estimated_count": "estimated",
    "unpriced_count": "unpriced",
    "cost": "cost",
    "input_tokens": "input",
    "output_tokens": "output",
    "spoken_tokens": "spoken",
    "streamed_count": "streamed",
}


def can_roll(filter: SpanFilter, by: str = ALL) -> bool:
    """Say whether rollups know all that `filter` asks for, and the value to group by."""
    asked = {field.name for field in fields(filter) if getattr(filter, field.name)}
    return by in (ALL, *_IN_SERIES) and asked <= _KNOWN | _ELSEWHERE


@dataclass(slots=True)
class Total:
    """All that is known of some spans, which can be added to."""

    tally: Tally = field(default_factory=Tally)
    took: HistogramSum = field(default_factory=HistogramSum)
    waited: HistogramSum = field(default_factory=HistogramSum)

    def statistic(self) -> Statistic:
        """Return it in the words of the reader."""
        return self.tally.statistic(ranks_of(self.took.counts()), ranks_of(self.waited.counts()))


class Rolled:
    """The spans that a filter finds, by value of `by` and by step of time."""

    def __init__(self, connection: Connection, filter: SpanFilter, by: str, step_ns: int) -> None:
        """Read them; steps are whole hours, and rollups of days are read if they are whole days."""
        self.by_value: dict[str, Total] = {}
        self.by_place: dict[int, Total] = {}
        self._connection, self._filter = connection, filter
        self._by, self._step_ns = by, step_ns
        self._add_rollups()
        for edge in _edges(filter):
            self._add_spans(edge)
        self._add_spans(replace(filter, status=_OPEN), are_open=True)

    def total(self) -> Total:
        """Return what all values add up to."""
        total = Total()
        for one in self.by_value.values():
            total.tally.add(asdict(one.tally))
            total.took.add_counts(one.took.counts())
            total.waited.add_counts(one.waited.counts())
        return total

    def _totals(self, value: str, place: int) -> tuple[Total, Total]:
        return _total(self.by_value, value), _total(self.by_place, place)

    def _add_rollups(self) -> None:
        parts = [self._rows(*part) for part in _parts(self._filter, self._step_ns)]
        rows = (union_all(*parts) if len(parts) > 1 else parts[0]).subquery()
        sums = [func.sum(rows.c[name]) for name in NUMBERS]
        for key, found in ((rows.c.value, self.by_value), (rows.c.place, self.by_place)):
            totals = cast("dict[Any, Total]", found)
            for value, *numbers in self._connection.execute(select(key, *sums).group_by(key)):
                totals.setdefault(value, Total()).tally.add(_tallied(numbers))
        packed = (rows.c.count, rows.c.took, rows.c.streamed_count, rows.c.waited)
        for value, place, count, took, streamed, waited in self._connection.execute(
            select(rows.c.value, rows.c.place, *packed)
        ).all():
            for total in self._totals(value, place):
                total.took.add_packed(took, count)
                if streamed:
                    total.waited.add_packed(waited, streamed)

    def _rows(
        self, table: Table, unit: ColumnElement[Any], hours: int, first: int | None, end: int | None
    ) -> "Select[*tuple[Any, ...]]":
        """Select rollups from the hour or day `first` until before `end`."""
        place = unit // literal_column(str(self._step_ns // (hours * HOUR_NS)))
        found: Select[*tuple[Any, ...]] = (
            select(
                (series.c[self._by] if self._by else literal(ALL)).label("value"),
                place.label("place"),
                *(table.c[name] for name in (*NUMBERS, "took", "waited")),
            )
            .join_from(table, series, series.c.pk == table.c.series_pk)
            .where(*_chosen(self._filter))
        )
        if first is not None:
            found = found.where(unit >= first)
        return found if end is None else found.where(unit < end)

    def _add_spans(self, filter: SpanFilter, *, are_open: bool = False) -> None:
        """Add spans one by one: those that ended, or those of which rollups know nothing."""
        columns = (Key(self._by).of_span().label("value"), *(spans.c[name] for name in _MEASURED))
        wanted = select(*columns).where(*search(self._connection, filter).all)
        if not are_open:
            wanted = wanted.where(spans.c.status.not_in(_OPEN))
        groups: dict[tuple[str, int, bool], Sums] = {}
        for row in self._connection.execute(wanted).all():
            span = cast("StoredSpan", row)  # as far as it is asked for
            place = span.start_ns // self._step_ns
            key = (row.value, place, span.status == _RUNNING)
            groups.setdefault(key, Sums()).add(span)
        for (value, place, are_running), sums in groups.items():
            numbers = _tallied([getattr(sums, name) for name in NUMBERS])
            if are_open:
                numbers |= {"finished": 0, "running" if are_running else "other": sums.count}
                numbers |= {"other": 0} if are_running else {}
            for total in self._totals(value, place):
                total.tally.add(numbers)
                total.took.add_counts({} if are_open else sums.took)
                total.waited.add_counts(sums.waited)


def _total(totals: dict[_Key, Total], key: _Key) -> Total:
    found = totals.get(key)  # there almost always, and a new one has a price
    if found is None:
        found = totals[key] = Total()
    return found


def _tallied(numbers: Sequence[Any]) -> dict[str, int]:
    """Return the columns of rollups by the names that a tally has for them."""
    named = dict(zip(NUMBERS, numbers, strict=True))
    return {"finished": named["count"], **{_TALLIED[name]: named[name] for name in NUMBERS}}


def _parts(
    filter: SpanFilter, step_ns: int
) -> Iterator[tuple[Table, ColumnElement[Any], int, int | None, int | None]]:
    """Yield what to read: a table, its time and the hours of that, from when and until when."""
    first, last = whole_hours(filter)
    from_day = None if first is None else -(-first // DAY_HOURS)
    to_day = None if last is None else last // DAY_HOURS
    by_hour = (rollups, rollups.c.hour, 1)
    if step_ns % DAY_NS or (from_day is not None and to_day is not None and from_day >= to_day):
        yield (*by_hour, first, last)
        return
    yield rollup_days, rollup_days.c.day, DAY_HOURS, from_day, to_day
    if from_day is not None:
        yield (*by_hour, first, from_day * DAY_HOURS)
    if to_day is not None:
        yield (*by_hour, to_day * DAY_HOURS, last)


def whole_hours(filter: SpanFilter) -> tuple[int | None, int | None]:
    """Return the first hour within the window and the hour after the last; None: no bound."""
    first = None if filter.since is None else -(-resolved_ns(filter.since) // HOUR_NS)
    last = None if filter.until is None else resolved_ns(filter.until) // HOUR_NS
    if first is not None and last is not None:
        last = max(first, last)
    return first, last


def _edges(filter: SpanFilter) -> Iterator[SpanFilter]:
    """Yield filters of what `filter` finds outside of whole hours."""
    first, last = whole_hours(filter)
    since = None if filter.since is None else resolved_ns(filter.since)
    until = None if filter.until is None else resolved_ns(filter.until)
    if since is not None and first is not None and since < first * HOUR_NS:
        end = first * HOUR_NS if until is None else min(first * HOUR_NS, until)
        yield replace(filter, until=moment(end))
    if until is not None and last is not None and until > last * HOUR_NS:
        yield replace(filter, since=moment(last * HOUR_NS))


def _chosen(filter: SpanFilter) -> Iterator[ColumnElement[bool]]:
    """Yield what must hold of the series."""
    if filter.kind:
        yield series.c.kind.in_([str(kind) for kind in filter.kind])
    for name in ("project", "name", "model"):
        value = getattr(filter, name)
        if value is not None:
            is_none = value == NONE and name == "model"
            yield series.c[name] == ("" if is_none else value)
