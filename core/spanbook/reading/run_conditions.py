"""Run conditions: a filter of runs as what must hold in SQL, and what they are sorted by."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, case, func, or_, select

from spanbook.reading.conditions import resolved_ns
from spanbook.reading.list_filter import NONE
from spanbook.reading.metadata import in_order, number_at, text_at
from spanbook.reading.run_filter import RunFilter, run_path
from spanbook.reading.term_conditions import holds, holds_in
from spanbook.reading.terms import RUN_ROOTS, Term
from spanbook.spans import Status
from spanbook.store.schema import runs, traces

_SORTED_BY = 100  # characters
TOTALS = ("trace_count", "error_count", "total_tokens", "cost")
_WORDS = ("project", "name", "host", "commit", "release", "environment")
_OF_TOTALS = dict(zip(("traces", "errors", "tokens", "cost"), TOTALS, strict=True))
_COLUMNS: dict[str, ColumnElement[Any]] = {
    "start": runs.c.start_ns,
    "end": runs.c.end_ns,
    "duration": runs.c.end_ns - runs.c.start_ns,
    "run": runs.c.run_id,
}

# What the traces of each run come to.
_failed = case((traces.c.status == Status.ERROR.value, 1), else_=0)
TRACE_TOTALS: Select[*tuple[Any, ...]] = (
    select(
        traces.c.run_pk,
        func.count().label("trace_count"),
        func.sum(_failed).label("error_count"),
        func.sum(traces.c.total_tokens).label("total_tokens"),
        func.sum(traces.c.cost).label("cost"),
    )
    .where(traces.c.run_pk.is_not(None))
    .group_by(traces.c.run_pk)
)
_totals = TRACE_TOTALS.subquery("totals")


@dataclass(frozen=True, slots=True)
class Part:
    """Runs that lists keep together, by what they are sorted; None: by their start alone.

    `takes` are the types of what a cursor among them holds.
    """

    value: ColumnElement[Any] | None
    where: tuple[ColumnElement[bool], ...]
    takes: tuple[type, ...]


def source(filter: RunFilter, *more: str) -> FromClause:
    """Return the runs to choose from, with what their traces come to where `filter` asks for it.

    `more` are other fields that will be asked for.
    """
    terms = () if filter.where is None else filter.where.terms
    asked = {filter.sort, *more, *(term.field for term in terms)}
    if asked.isdisjoint(_OF_TOTALS):
        return runs
    return runs.outerjoin(_totals, _totals.c.run_pk == runs.c.pk)


def run_conditions(
    filter: RunFilter, dialect: str, now: datetime | None = None
) -> list[ColumnElement[bool]]:
    """Return what must hold of a row of `source(filter)`, all but the place of a page.

    A process is left out where all that it recorded belongs to runs that it began itself, but for
    when it is asked for by its id.
    """
    now = now or datetime.now(UTC)
    if filter.run is not None:
        found: list[ColumnElement[bool]] = [runs.c.run_id == filter.run]
    else:
        has_traces = runs.c.pk.in_(select(traces.c.run_pk).where(traces.c.run_pk.is_not(None)))
        inner = runs.alias()
        parents = select(inner.c.process_pk).where(inner.c.process_pk.is_not(None))
        found = [or_(has_traces, runs.c.pk.not_in(parents))]
    for name in _WORDS:
        value = getattr(filter, name)
        if value == NONE and name != "project":
            found.append(runs.c[name].is_(None))
        elif value is not None:
            found.append(runs.c[name] == value)
    if filter.status:
        found.append(runs.c.status.in_([str(status) for status in filter.status]))
    if filter.since is not None:
        found.append(runs.c.start_ns >= resolved_ns(filter.since, now))
    if filter.until is not None:
        found.append(runs.c.start_ns < resolved_ns(filter.until, now))
    if filter.process is not None:
        is_process = and_(runs.c.pid.is_not(None), runs.c.process_pk.is_(None))
        found.append(is_process if filter.process else ~is_process)
    return [*found, *_terms(filter, dialect, now)]


def _terms(filter: RunFilter, dialect: str, now: datetime) -> Iterator[ColumnElement[bool]]:
    for term in () if filter.where is None else filter.where.terms:
        yield _term(term, dialect, now)


def _term(term: Term, dialect: str, now: datetime) -> ColumnElement[bool]:
    if term.field in RUN_ROOTS:
        return holds_in(term, runs.c[term.field], dialect)
    return holds(term, run_column(term.field), dialect, now)


def run_column(name: str) -> ColumnElement[Any]:
    """Return what a field of runs is in SQL."""
    if name in _OF_TOTALS:
        total = _totals.c[_OF_TOTALS[name]]
        return func.coalesce(total, 0) if name in ("traces", "errors") else total
    return _COLUMNS[name] if name in _COLUMNS else runs.c[name]


def _start_of(text: ColumnElement[str], dialect: str) -> ColumnElement[str]:
    """Return as much of a text as it is sorted by: the address of a page has room for it."""
    return in_order(func.substr(text, 1, _SORTED_BY), dialect)


def parts_of(sort: str, dialect: str) -> list[Part]:
    """Return the parts of a list that is sorted by `sort`, in their order.

    Numbers come before texts, and what lacks the value last, whichever way each part is sorted.
    """
    if sort == "start":
        return [Part(None, (), (type(None),))]
    path = run_path(sort)
    if path is not None:
        column, keys = runs.c[path[0]], path[1:]
        number, text = number_at(column, keys, dialect), text_at(column, keys, dialect)
        return [
            Part(number, (number.is_not(None),), (int, float)),
            Part(_start_of(text, dialect), (number.is_(None), text.is_not(None)), (str,)),
            Part(None, (text.is_(None),), (type(None),)),
        ]
    value = run_column(sort)
    return [
        Part(value, (value.is_not(None),), (int, float, str)),
        Part(None, (value.is_(None),), (type(None),)),
    ]
