"""Term conditions: the terms of an expression as what must hold in SQL."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, case, not_, or_, select

from spanbook.moments import duration_ns, moment_ns, stored_money
from spanbook.reading.metadata import number_at, text_at
from spanbook.reading.search import contains
from spanbook.reading.terms import COMPARE, Operator, Term, number_of
from spanbook.store.schema import runs, spans, trace_tags, traces

_TRACE_COLUMNS: dict[str, ColumnElement[Any]] = {
    "tokens": traces.c.total_tokens,
    "start": traces.c.start_ns,
    "end": traces.c.end_ns,
    "duration": traces.c.duration_ns,
    "spans": traces.c.span_count,
    "errors": traces.c.error_count,
    "unpriced": traces.c.unpriced_count,
    "anomalies": traces.c.anomaly_count,
    "run": select(runs.c.run_id).where(runs.c.pk == traces.c.run_pk).scalar_subquery(),
}
_USAGE = (
    *("input_tokens", "output_tokens", "cache_read", "cache_write", "reasoning"),
    *("audio_input", "audio_output"),
)
_SPAN_COLUMNS: dict[str, ColumnElement[Any]] = {
    "tokens": spans.c.input_tokens + spans.c.output_tokens,
    "start": spans.c.start_ns,
    "end": spans.c.end_ns,
    "duration": spans.c.end_ns - spans.c.start_ns,
    "first_token": spans.c.first_token_ns - spans.c.start_ns,
    "error": spans.c.error_type,
}
# What only the trace of a span knows.
_OF_TRACE = frozenset(
    {
        *("project", "session", "user", "release", "version", "environment", "trace_id", "trace"),
        *("tag", "metadata"),
    }
)


def is_of_payload(term: Term, *, of_spans: bool) -> bool:
    """Say whether a term asks for what only payloads hold. Of traces there are previews."""
    if term.field == "metadata":
        return False
    return bool(term.keys) or (of_spans and term.field in ("input", "output"))


def is_of_trace(term: Term) -> bool:
    """Say whether a term about spans asks for what their trace has."""
    return term.field in _OF_TRACE


def trace_term(term: Term, dialect: str, now: datetime) -> ColumnElement[bool]:
    """Return `term` as what must hold of a row of `traces`."""
    if term.field == "tag":
        return _tagged(term, dialect)
    if term.field == "metadata":
        return holds_in(term, traces.c.metadata, dialect)
    name = "name" if term.field == "trace" else term.field
    return holds(term, trace_column(name), dialect, now)


def trace_column(name: str) -> ColumnElement[Any]:
    """Return what a field of traces is in SQL; without any usage its parts are unknown."""
    if name in _USAGE:
        return case((traces.c.usage_count > 0, traces.c[name]))
    return _TRACE_COLUMNS[name] if name in _TRACE_COLUMNS else traces.c[name]


def span_column(name: str) -> ColumnElement[Any]:
    """Return what a field of spans is in SQL."""
    return _SPAN_COLUMNS[name] if name in _SPAN_COLUMNS else spans.c[name]


def holds(
    term: Term, column: ColumnElement[Any], dialect: str, now: datetime
) -> ColumnElement[bool]:
    """Return that `term` holds of `column`."""
    values = [_stored(term.field, value, now) for value in term.values]
    match term.operator:
        case Operator.NULL:
            return column.is_not(None) if term.is_negated else column.is_(None)
        case Operator.EQUAL:
            return _turned(term, column, _one_of(column, values))
        case Operator.CONTAINS:
            return _turned(term, column, contains(column, values[0], dialect))
        case order:
            return COMPARE[order](column, values[0])


def _turned(
    term: Term, column: ColumnElement[Any], plain: ColumnElement[bool]
) -> ColumnElement[bool]:
    return or_(column.is_(None), not_(plain)) if term.is_negated else plain


def _one_of(column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    return column == values[0] if len(values) == 1 else column.in_(values)


def _stored(field: str, value: Any, now: datetime) -> Any:
    """Return a value as columns hold it; an age is counted back from `now`."""
    match value:
        case timedelta() if field in ("start", "end"):
            return moment_ns(now - value)
        case Decimal():
            return stored_money(value)
        case datetime():
            return moment_ns(value)
        case timedelta():
            return duration_ns(value)
        case str():
            return str(value)
        case _:
            return value


def _tagged(term: Term, dialect: str) -> ColumnElement[bool]:
    found = select(trace_tags.c.tag).where(trace_tags.c.trace_pk == traces.c.pk)
    if term.operator is Operator.EQUAL:
        found = found.where(_one_of(trace_tags.c.tag, term.values))
    if term.operator is Operator.CONTAINS:
        found = found.where(contains(trace_tags.c.tag, term.values[0], dialect))
    has_some = found.exists()
    is_absent = term.is_negated is not (term.operator is Operator.NULL)
    return not_(has_some) if is_absent else has_some


def holds_in(term: Term, column: ColumnElement[Any], dialect: str) -> ColumnElement[bool]:
    """Return that `term` holds of what its keys lead to in a column of JSON."""
    text = text_at(column, term.keys, dialect)
    match term.operator:
        case Operator.NULL:
            return text.is_not(None) if term.is_negated else text.is_(None)
        case Operator.EQUAL:
            numbers = [number for value in term.values if (number := number_of(value)) is not None]
            number = number_at(column, term.keys, dialect)
            is_number = and_(number.is_not(None), number.in_(numbers))
            plain = or_(_one_of(text, term.values), *([is_number] if numbers else []))
            return _turned(term, text, plain)
        case Operator.CONTAINS:
            return _turned(term, text, contains(text, term.values[0], dialect))
        case order:
            return COMPARE[order](number_at(column, term.keys, dialect), term.values[0])
