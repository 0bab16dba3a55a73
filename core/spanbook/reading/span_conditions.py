"""Span conditions: a filter as what must hold of spans, and where to start looking for them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Select,
    UnaryExpression,
    func,
    literal_column,
    select,
)
from sqlalchemy.sql.operators import custom_op

from spanbook.moments import duration_ns, stored_money
from spanbook.reading.conditions import resolved_ns
from spanbook.reading.filters import SpanFilter
from spanbook.reading.list_filter import NONE
from spanbook.reading.payload_search import of_spans, search_payloads
from spanbook.reading.term_conditions import (
    holds,
    is_of_payload,
    is_of_trace,
    span_column,
    trace_term,
)
from spanbook.reading.terms import Operator, Term
from spanbook.spans import Status
from spanbook.store.schema import runs, spans, trace_tags, traces

DURATION = spans.c.end_ns - spans.c.start_ns
TOKENS = spans.c.input_tokens + spans.c.output_tokens

_RARE = 2_000  # spans; as many are read and sorted in a few milliseconds
_RARE_TRACES = 300
_BOUNDED = {"duration": DURATION, "tokens": TOKENS, "cost": spans.c.cost}
_WORDS = ("name", "model", "provider", "tier")
_OF_TRACE = ("project", "session", "user", "release", "version", "environment")
_MEASURES: tuple[tuple[str, ColumnElement[Any], Callable[[Any], int]], ...] = (
    ("duration", DURATION, duration_ns),
    ("tokens", TOKENS, int),
    ("cost", spans.c.cost, stored_money),
)
# As literals, not parameters: only so can the indexes over few spans be used.
_FLAGS = {
    "counted": "spans.counted",
    "estimated": "spans.estimated",
    "cached": "(spans.cache_read > 0)",
}
# What only spans with usage can fulfil.
_USAGE_FILTERS = (
    *("tier", "counted", "estimated", "cached", "min_tokens", "max_tokens", "min_cost", "max_cost"),
)
_UNUSABLE = custom_op[Any]("+")  # of SQLite: the operand is not looked up in an index


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of a column of `spans`, or of an expression.

    `indexed`: an index finds the spans; `by_start`: in the order of their starts.
    """

    column: ColumnElement[Any]
    holds: Callable[[ColumnElement[Any]], ColumnElement[bool]]
    indexed: bool = False
    by_start: bool = False

    def strict(self) -> ColumnElement[bool]:
        """Return the condition so that an index may answer it."""
        return self.holds(self.column)

    def loose(self, dialect: str) -> ColumnElement[bool]:
        """Return it so that it is checked of spans which are found otherwise."""
        return self.holds(unindexed(self.column, dialect))


def span_conditions(
    filter: SpanFilter, dialect: str, now: datetime | None = None
) -> list[Condition]:
    """Return what must hold of a row of `spans`, all but what its trace and its payload say."""
    terms = _terms(filter, dialect, now or datetime.now(UTC))
    return [*_words(filter), *_states(filter), *_times(filter, now), *_measures(filter), *terms]


def _terms(filter: SpanFilter, dialect: str, now: datetime) -> Iterator[Condition]:
    for term in () if filter.where is None else filter.where.terms:
        if is_of_trace(term) or is_of_payload(term, of_spans=True):
            continue
        is_one = term.operator is Operator.EQUAL and not term.is_negated
        if term.field == "status" and is_one:
            yield _status([str(status) for status in term.values])
            continue
        in_order = is_one and term.field in ("kind", *_WORDS)
        indexed = in_order or term.field == "start" or term.field in _BOUNDED
        yield Condition(
            _BOUNDED.get(term.field, span_column(term.field)),
            lambda column, term=term: holds(term, column, dialect, now),
            indexed=indexed and term.operator is not Operator.NULL and not term.is_negated,
            by_start=in_order and len(term.values) == 1,
        )


def _words(filter: SpanFilter) -> Iterator[Condition]:
    if filter.kind:
        kinds = [str(kind) for kind in filter.kind]
        yield Condition(spans.c.kind, _one_of(kinds), indexed=True, by_start=len(kinds) == 1)
    for name in _WORDS:
        value = getattr(filter, name)
        if value == NONE and name != "name":
            yield Condition(spans.c[name], lambda column: column.is_(None))
        elif value is not None:
            yield Condition(spans.c[name], _one_of([value]), indexed=True, by_start=True)


def _one_of(values: list[str]) -> Callable[[ColumnElement[Any]], ColumnElement[bool]]:
    if len(values) == 1:
        return lambda column: column == values[0]
    return lambda column: column.in_(values)


def _states(filter: SpanFilter) -> Iterator[Condition]:
    if filter.status:
        yield _status([str(status) for status in filter.status])
    for name in ("unpriced", "anomaly"):
        asked = getattr(filter, name)
        if asked is not None:
            yield from _reason(name, asked)
    for name, condition in _FLAGS.items():
        asked = getattr(filter, name)
        if asked is not None:
            is_indexed = asked or name == "counted"
            text = condition if asked else f"NOT {condition}"
            yield Condition(literal_column(text, Boolean), _itself, is_indexed, is_indexed)


def unindexed(column: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    """Return `column` so that no index is chosen for it."""
    return UnaryExpression(column, operator=_UNUSABLE) if dialect == "sqlite" else column


def _itself(column: ColumnElement[Any]) -> ColumnElement[bool]:
    return column


def _status(statuses: list[str]) -> Condition:
    one_of = _one_of(statuses)
    if Status.OK in statuses:
        return Condition(spans.c.status, one_of)
    not_ok = spans.c.status != literal_column("'ok'")
    return Condition(
        spans.c.status, lambda column: one_of(column) & not_ok, True, len(statuses) == 1
    )


def _reason(name: str, asked: bool | str) -> Iterator[Condition]:
    """Yield that usage has no cost, or does not add up, for any reason or the one that is told."""
    column = spans.c[name]
    costless = spans.c.cost.is_(None) if name == "unpriced" else None
    if asked is False:
        known = column.is_(None)
        yield Condition(known if costless is None else known | ~costless, _itself)
        return
    if isinstance(asked, str):
        yield Condition(column, lambda column: column == asked, indexed=True, by_start=True)
    else:
        yield Condition(column, lambda column: column.is_not(None), indexed=True, by_start=True)
    if costless is not None:
        yield Condition(costless, _itself)


def _times(filter: SpanFilter, now: datetime | None) -> Iterator[Condition]:
    since = None if filter.since is None else resolved_ns(filter.since, now)
    until = None if filter.until is None else resolved_ns(filter.until, now)
    if since is not None or until is not None:
        yield Condition(spans.c.start_ns, _between(since, until), indexed=True, by_start=True)


def _measures(filter: SpanFilter) -> Iterator[Condition]:
    for name, column, stored in _MEASURES:
        least, most = getattr(filter, f"min_{name}"), getattr(filter, f"max_{name}")
        if least is None and most is None:
            continue
        bounds = (
            None if least is None else stored(least),
            None if most is None else stored(most) + 1,
        )
        yield Condition(column, _between(*bounds), indexed=True)


def _between(
    least: int | None, below: int | None
) -> Callable[[ColumnElement[Any]], ColumnElement[bool]]:
    def holds(column: ColumnElement[Any]) -> ColumnElement[bool]:
        if least is None:
            return column < below
        return column >= least if below is None else (column >= least) & (column < below)

    return holds


def trace_conditions(
    filter: SpanFilter, dialect: str, *, strict: bool
) -> list[ColumnElement[bool]]:
    """Return what must hold of the row in `traces` that a span belongs to.

    `strict`: so that an index finds the traces; else so that it is checked of each.
    """
    found: list[ColumnElement[bool]] = []
    if filter.trace_id is not None:
        found.append(traces.c.trace_id == filter.trace_id)
    if filter.run is not None:
        run_pk = select(runs.c.pk).where(runs.c.run_id == filter.run).scalar_subquery()
        found.append(traces.c.run_pk == run_pk)
    for name in _OF_TRACE:
        value = getattr(filter, name)
        if value == NONE and name != "project":
            found.append(traces.c[name].is_(None))
        elif value is not None:
            found.append(traces.c[name] == value)
    found += [_has_tag(tag, strict=strict) for tag in filter.tag]
    terms = () if filter.where is None else filter.where.terms
    now = datetime.now(UTC)
    return found + [trace_term(term, dialect, now) for term in terms if is_of_trace(term)]


def _has_tag(tag: str, *, strict: bool) -> ColumnElement[bool]:
    if tag == NONE:
        return traces.c.tags.is_(None)
    if strict:
        return traces.c.pk.in_(select(trace_tags.c.trace_pk).where(trace_tags.c.tag == tag))
    with_tag = select(trace_tags.c.tag).where(trace_tags.c.tag == tag)
    return with_tag.where(trace_tags.c.trace_pk == traces.c.pk).exists()


@dataclass(frozen=True, slots=True)
class Search:
    """How the spans that a filter asks for are found.

    `checked` holds of each; with `few` these are all that can fulfil it, otherwise the list is
    walked in its order. A walk that finds too little goes on with `rest`: all spans that fulfil the
    filter, looked up in an index and then sorted. None: nothing but the walk finds them.
    """

    checked: list[ColumnElement[bool]]
    few: ColumnElement[bool] | None = None
    rest: list[ColumnElement[bool]] | None = None
    by_start: list[ColumnElement[bool]] | None = None

    @property
    def all(self) -> list[ColumnElement[bool]]:
        """What holds of the spans, told so that they are found quickly in the order of starts."""
        if self.few is not None:
            return [self.few, *self.checked]
        return self.checked if self.by_start is None else self.by_start


def search(connection: Connection, filter: SpanFilter) -> Search:
    """Return how to find the spans of `filter`: by what is rare of it, if anything is."""
    found = _search(connection, filter)
    among = settled(connection, filter).among
    return found if among is None else Search(found.checked, spans.c.pk.in_(among.pks))


def settled(connection: Connection, filter: SpanFilter) -> SpanFilter:
    """Return the filter with the spans that were found by what only payloads hold, if it asks."""
    asked = of_payloads(filter)
    if not asked or filter.among is not None:
        return filter
    candidates = of_spans(*_search(connection, filter).all)
    return replace(filter, among=search_payloads(connection, candidates, asked))


def of_payloads(filter: SpanFilter) -> list[Term]:
    """Return what `filter` asks for that only payloads hold."""
    terms = () if filter.where is None else filter.where.terms
    return [term for term in terms if is_of_payload(term, of_spans=True)]


def _search(connection: Connection, filter: SpanFilter) -> Search:
    dialect = connection.dialect.name
    own = span_conditions(filter, dialect)
    loose = [one.loose(dialect) for one in own]
    of_trace = trace_conditions(filter, dialect, strict=True)
    if of_trace:
        matching = select(traces.c.pk).where(*of_trace)
        if _count(connection, matching, _RARE_TRACES) <= _RARE_TRACES:
            these = select(spans.c.pk).where(spans.c.trace_pk.in_(matching))
            return Search(loose, spans.c.pk.in_(these))
    checked = [*loose, _in_trace(filter, dialect)] if of_trace else loose
    rarest = _rarest(connection, own)
    if rarest is not None:
        these = select(spans.c.pk).where(rarest.strict(), *_implied(rarest))
        return Search(checked, spans.c.pk.in_(these))
    return Search(checked, None, _rest(filter, own, checked), _by_start(own, checked, dialect))


def _by_start(
    own: Sequence[Condition], checked: list[ColumnElement[bool]], dialect: str
) -> list[ColumnElement[bool]]:
    """Return `checked` with the spans of one kind, one model or the like looked up."""
    walked = [one for one in own if one.by_start and one.column is not spans.c.start_ns][:1]
    walked += [one for one in own if one.column is spans.c.start_ns]
    loose = [one.loose(dialect) for one in own if one not in walked]
    return [*(one.strict() for one in walked), *loose, *checked[len(own) :]]


def _rest(
    filter: SpanFilter, own: Sequence[Condition], checked: list[ColumnElement[bool]]
) -> list[ColumnElement[bool]] | None:
    if any(getattr(filter, name) is not None for name in _USAGE_FILTERS):
        # As a literal: only so is the index over all usage taken, which holds all of these columns.
        return [literal_column("spans.input_tokens IS NOT NULL", Boolean), *checked]
    first = next((one for one in own if one.indexed), None)
    return None if first is None else [first.strict(), *_implied(first), *checked]


def _in_trace(filter: SpanFilter, dialect: str) -> ColumnElement[bool]:
    here = traces.c.pk == spans.c.trace_pk
    conditions = trace_conditions(filter, dialect, strict=False)
    return select(traces.c.pk).where(here, *conditions).correlate(spans).exists()


def _rarest(connection: Connection, own: Sequence[Condition]) -> Condition | None:
    """Return the condition that the fewest spans fulfil, None where many fulfil each."""
    found: list[tuple[int, Condition]] = []
    for one in own:
        if one.indexed:
            matching = select(spans.c.pk).where(one.strict(), *_implied(one))
            number = _count(connection, matching, _RARE)
            if number <= _RARE:
                found.append((number, one))
    return min(found, key=lambda pair: pair[0])[1] if found else None


def _implied(one: Condition) -> list[ColumnElement[bool]]:
    """Return what has to stand beside a bound for its index to be used."""
    known = {id(DURATION): spans.c.end_ns, id(TOKENS): spans.c.input_tokens}.get(id(one.column))
    return [] if known is None else [known.is_not(None)]


def _count(connection: Connection, matching: "Select[Any]", most: int) -> int:
    some = matching.limit(most + 1).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one()
