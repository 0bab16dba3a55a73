"""Measuring: exact tallies of the spans that a filter finds, by any key, from the spans."""

from collections.abc import Iterator
from dataclasses import dataclass
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

from spanbook.reading.filters import SpanFilter
from spanbook.reading.span_conditions import search
from spanbook.reading.tallies import PERCENTS, Statistic, Tally
from spanbook.spans import Status
from spanbook.store.schema import spans, trace_tags, traces

OF_SPANS = ("name", "kind", "model", "provider")
OF_TRACES = ("release", "version", "environment", "project")
KEYS = (*OF_SPANS, *OF_TRACES, "tag")
ALL = ""

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


def measure(connection: Connection, filter: SpanFilter, key: Key) -> dict[Any, Statistic]:
    """Return what holds of the spans that `filter` finds, by key, looking at every span."""
    found = _Exact(connection, filter, key)
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
