"""Conditions: a filter as what must hold in SQL."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, func, literal_column, select

from spanbook.moments import duration_ns, moment_ns, stored_money
from spanbook.reading.filters import TraceFilter
from spanbook.reading.list_filter import NONE
from spanbook.reading.search import contains
from spanbook.reading.term_conditions import is_of_payload, trace_term
from spanbook.store.schema import runs, trace_tags, traces

_WORDS = ("name", "kind", "project")
_GIVEN_WORDS = (
    *("model", "session", "user", "release", "version", "environment"),
    "architecture",
)
_RARE = 3_000  # traces with a tag; as many are read and sorted in a few milliseconds
_PREVIEWS = ("input", "output", "error")
_MEASURES: tuple[tuple[str, ColumnElement[Any], Callable[[Any], int]], ...] = (
    ("duration", traces.c.duration_ns, duration_ns),
    ("tokens", traces.c.total_tokens, int),
    ("cost", traces.c.cost, stored_money),
)


def conditions(
    filter: TraceFilter, dialect: str, now: datetime | None = None
) -> list[ColumnElement[bool]]:
    """Return what must hold of a row of `traces`, all but `q`, the tags and the place of a page.

    What only payloads hold is not in it, but for the traces that were found by it.
    """
    found: list[ColumnElement[bool]] = []
    if filter.status:
        found.append(_one_of(traces.c.status, [str(status) for status in filter.status]))
    for name in _WORDS + _GIVEN_WORDS:
        value = getattr(filter, name)
        if value == NONE and name in _GIVEN_WORDS:
            found.append(traces.c[name].is_(None))
        elif value is not None:
            found.append(traces.c[name] == str(value))
    if filter.run is not None:
        run_pk = select(runs.c.pk).where(runs.c.run_id == filter.run).scalar_subquery()
        found.append(traces.c.run_pk == run_pk)
    for name in _PREVIEWS:
        text = getattr(filter, name)
        if text is not None:
            found.append(contains(traces.c[name], text, dialect))
    found += [*_times(filter, now), *_measures(filter), *_failures(filter)]
    return found + _terms(filter, dialect, now or datetime.now(UTC))


def _terms(filter: TraceFilter, dialect: str, now: datetime) -> list[ColumnElement[bool]]:
    terms = () if filter.where is None else filter.where.terms
    found = [
        trace_term(term, dialect, now) for term in terms if not is_of_payload(term, of_spans=False)
    ]
    return found + ([] if filter.among is None else [traces.c.pk.in_(filter.among.pks)])


def _one_of(column: ColumnElement[Any], values: list[str]) -> ColumnElement[bool]:
    return column == values[0] if len(values) == 1 else column.in_(values)


def _times(filter: TraceFilter, now: datetime | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if filter.since is not None:
        found.append(traces.c.start_ns >= resolved_ns(filter.since, now))
    if filter.until is not None:
        found.append(traces.c.start_ns < resolved_ns(filter.until, now))
    return found


def resolved_ns(at: datetime | timedelta, now: datetime | None = None) -> int:
    """Return the moment `at`, or that age before `now`, as stored."""
    if isinstance(at, timedelta):
        at = (now or datetime.now(UTC)) - at
    return moment_ns(at)


def _measures(filter: TraceFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for name, column, stored in _MEASURES:
        least, most = getattr(filter, f"min_{name}"), getattr(filter, f"max_{name}")
        if least is not None:
            found.append(column >= stored(least))
        if most is not None:
            found.append(column <= stored(most))
    return found


def _failures(filter: TraceFilter) -> list[ColumnElement[bool]]:
    if filter.has_error is None:
        return []
    # A literal, not a parameter: only so can the index over failed traces be used.
    zero: ColumnElement[int] = literal_column("0")
    return [traces.c.error_count > zero if filter.has_error else traces.c.error_count == zero]


def tagged(
    connection: Connection, tags: tuple[str, ...], *, by_start: bool = True
) -> tuple[FromClause, list[ColumnElement[bool]]]:
    """Return the traces to choose from, and that they have all `tags`.

    They are joined to the rarest tag, whose rows stand in the order of starts. For another order,
    a common tag is looked up for each trace instead.
    """
    if not tags:
        return traces, []
    frequencies = {tag: _frequency(connection, tag) for tag in tags}
    rarest, *others = sorted(tags, key=lambda tag: frequencies[tag])
    if not by_start and frequencies[rarest] > _RARE:
        return traces, [_has_tag(tag) for tag in tags]
    joined = traces.join(trace_tags, trace_tags.c.trace_pk == traces.c.pk)
    return joined, [trace_tags.c.tag == rarest, *(_has_tag(tag) for tag in others)]


def _frequency(connection: Connection, tag: str) -> int:
    some = select(trace_tags.c.tag).where(trace_tags.c.tag == tag).limit(_RARE + 1).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one()


def _has_tag(tag: str) -> ColumnElement[bool]:
    other = trace_tags.alias()
    return select(other.c.tag).where(other.c.trace_pk == traces.c.pk, other.c.tag == tag).exists()
