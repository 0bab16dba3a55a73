"""Versions of functions: what spans are calls of, numbered by name, with what each was in use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Engine, Subquery, case, func, select

from spanbook.errors import UnknownVersionError
from spanbook.functions.content import FunctionVersion
from spanbook.moments import duration, moment, money
from spanbook.reading.records import fields_of
from spanbook.spans import Status
from spanbook.store.schema import functions, spans, traces, versions

_Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """What calls were like: how many in how many traces, their times, and the traces' amounts.

    None: there is none to measure. Calls are counted when they begin and measured when they end.
    """

    last_ns: int | None = None
    call_count: int = 0
    error_count: int = 0
    trace_count: int = 0
    p50_ns: int | None = None
    p95_ns: int | None = None
    total_tokens: int | None = None
    cost: Decimal | None = None

    @property
    def last(self) -> datetime | None:
        """When the last call began."""
        return None if self.last_ns is None else moment(self.last_ns)

    @property
    def p50(self) -> timedelta | None:
        """What half of the calls took at most."""
        return None if self.p50_ns is None else duration(self.p50_ns)

    @property
    def p95(self) -> timedelta | None:
        """What 95 of 100 calls took at most."""
        return None if self.p95_ns is None else duration(self.p95_ns)

    @property
    def error_rate(self) -> float | None:
        """The share of calls that failed; None without calls."""
        return self.error_count / self.call_count if self.call_count else None

    @property
    def tokens_per_trace(self) -> int | None:
        """Tokens by traces that called it; None where none are known."""
        return None if self.total_tokens is None else round(self.total_tokens / self.trace_count)

    @property
    def cost_per_trace(self) -> Decimal | None:
        """Cost by traces that called it; None where none is known."""
        return None if self.cost is None else self.cost / self.trace_count


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version of a function in a project: the `number`th of its name, by when the store met it.

    `unknown` says why its content is not known, and then it has no number. `message` is what the
    user's model said of what changed.
    """

    hash: str
    project: str
    name: str
    number: int | None
    unknown: str
    message: str | None
    first_ns: int
    figures: Figures

    @property
    def first(self) -> datetime:
        """When it was called first, or, without calls, when the store met it."""
        return moment(self.first_ns)


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """A function of a project, all its versions together; `latest` is the one called last."""

    project: str
    name: str
    version_count: int
    latest: VersionRow
    first_ns: int
    figures: Figures

    @property
    def first(self) -> datetime:
        """When it was called first."""
        return moment(self.first_ns)


def list_versions(
    engine: Engine, *, name: str | None = None, project: str | None = None
) -> list[VersionRow]:
    """Return the versions of all functions, or of those of one name, the last called first."""
    numbered = _numbered(name, project)
    with engine.connect() as connection:
        rows = [fields_of(row) for row in connection.execute(select(numbered))]
        figures = _figures(connection, numbered, [numbered.c.pk])
    found = [_version(row, *figures.get((row["pk"],), (None, Figures()))) for row in rows]
    found.sort(key=lambda row: (row.figures.last_ns or row.first_ns, row.number or 0), reverse=True)
    return found


def list_functions(engine: Engine, *, project: str | None = None) -> list[FunctionRow]:
    """Return all functions that were called, the last called first."""
    numbered = _numbered(None, project)
    with engine.connect() as connection:
        figures = _figures(connection, numbered, [numbered.c.project, numbered.c.name])
    rows: dict[tuple[str, str], list[VersionRow]] = {}
    for version in list_versions(engine, project=project):
        rows.setdefault((version.project, version.name), []).append(version)
    found: list[FunctionRow] = []
    for key, mine in rows.items():
        _, together = figures.get(key, (None, Figures()))
        first = min(version.first_ns for version in mine)
        found.append(FunctionRow(*key, len(mine), mine[0], first, together))
    return found


def get_version(engine: Engine, hash: str) -> FunctionVersion:
    """Return what a function is made of.

    Raises:
        UnknownVersionError: the store does not hold it.
    """
    with engine.connect() as connection:
        wanted = select(functions.c.body).where(functions.c.hash == hash)
        body = connection.execute(wanted).scalar()
    if body is None:
        raise UnknownVersionError(
            f"The store holds no version {hash!r} of a function. Hashes are 64 hexadecimal digits; "
            "look one up in the list of functions, or see that this is the store it was written to."
        )
    return FunctionVersion.from_data(hash, orjson.loads(body))


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call of a version: its trace and span, when, how it went and how long it took."""

    trace_id: str
    span_id: str
    status: str
    start_ns: int
    end_ns: int | None

    @property
    def start(self) -> datetime:
        """When it began."""
        return moment(self.start_ns)

    @property
    def duration(self) -> timedelta | None:
        """How long it took; None where that is not known."""
        return None if self.end_ns is None else duration(self.end_ns - self.start_ns)


def version_calls(engine: Engine, hash: str, *, limit: int) -> list[CallRow]:
    """Return the last calls of a version, in all projects."""
    pks = select(versions.c.pk).where(versions.c.hash == hash)
    wanted = (
        select(traces.c.trace_id, spans.c.span_id, spans.c.status, spans.c.start_ns, spans.c.end_ns)
        .join(traces, traces.c.pk == spans.c.trace_pk)
        .where(spans.c.version_pk.in_(pks))
        .order_by(spans.c.start_ns.desc(), spans.c.pk.desc())
        .limit(limit)
    )
    with engine.connect() as connection:
        return [CallRow(*row) for row in connection.execute(wanted)]


def span_version(engine: Engine, trace_id: str, span_id: str) -> VersionRow | None:
    """Return the version that a span is a call of; None: it is none of a known function."""
    with engine.connect() as connection:
        wanted = (
            select(versions.c.hash, versions.c.project, functions.c.name)
            .join(functions, functions.c.hash == versions.c.hash)
            .join(spans, spans.c.version_pk == versions.c.pk)
            .join(traces, traces.c.pk == spans.c.trace_pk)
            .where(traces.c.trace_id == trace_id, spans.c.span_id == span_id)
        )
        found = connection.execute(wanted).one_or_none()
        if found is None:
            return None
        numbered = _numbered(found.name, found.project)
        row = connection.execute(select(numbered).where(numbered.c.hash == found.hash)).one()
    return _version(fields_of(row), None, Figures())


def _numbered(name: str | None, project: str | None) -> Subquery:
    """Select versions with their numbers; those of which nothing is known have none."""
    is_known = case((functions.c.unknown == "", 1), else_=0)
    number = func.row_number().over(
        partition_by=(versions.c.project, functions.c.name, is_known),
        order_by=(versions.c.first_ns, versions.c.pk),
    )
    chosen = select(
        versions.c.pk,
        versions.c.project,
        versions.c.hash,
        versions.c.message,
        versions.c.first_ns.label("met_ns"),
        functions.c.name,
        functions.c.unknown,
        number.label("number"),
    ).join(functions, functions.c.hash == versions.c.hash)
    if name is not None:
        chosen = chosen.where(functions.c.name == name)
    if project is not None:
        chosen = chosen.where(versions.c.project == project)
    return chosen.subquery()


def _figures(
    connection: Connection, numbered: Subquery, keys: Sequence[ColumnElement[Any]]
) -> dict[_Key, tuple[int, Figures]]:
    """Return, by `keys`, when the first call of each was, and what the calls were like."""
    called = spans.join(numbered, numbered.c.pk == spans.c.version_pk)
    failed = case((spans.c.status == Status.ERROR.value, 1))
    totals = (
        select(
            *keys,
            func.min(spans.c.start_ns),
            func.max(spans.c.start_ns),
            func.count(),
            func.count(failed),
        )
        .select_from(called)
        .group_by(*keys)
    )
    apart = select(*keys, spans.c.trace_pk).select_from(called).distinct().subquery()
    mine = [apart.c[key.key] for key in keys]
    amounts = (
        select(*mine, func.count(), func.sum(traces.c.total_tokens), func.sum(traces.c.cost))
        .select_from(apart.join(traces, traces.c.pk == apart.c.trace_pk))
        .group_by(*mine)
    )
    size = len(keys)
    spent = {tuple(row[:size]): row[size:] for row in connection.execute(amounts)}
    taken = {tuple(row[:size]): row[size:] for row in connection.execute(_shares(called, keys))}
    found: dict[_Key, tuple[int, Figures]] = {}
    for row in connection.execute(totals):
        key = tuple(row[:size])
        first, last, calls, failures = row[size:]
        count, tokens, cost = spent.get(key, (0, None, None))
        p50, p95 = taken.get(key, (None, None))
        found[key] = (
            int(first),
            Figures(
                int(last),
                int(calls),
                int(failures),
                int(count),
                _whole(p50),
                _whole(p95),
                _whole(tokens),
                None if cost is None else money(int(cost)),
            ),
        )
    return found


def _shares(called: Any, keys: Sequence[ColumnElement[Any]]) -> Any:
    """Select the durations that half and 95 of 100 calls stay within."""
    taken = spans.c.end_ns - spans.c.start_ns
    inner = (
        select(
            *keys,
            taken.label("taken"),
            func.row_number().over(partition_by=list(keys), order_by=taken).label("place"),
            func.count().over(partition_by=list(keys)).label("size"),
        )
        .select_from(called)
        .where(spans.c.end_ns.is_not(None))
        .subquery()
    )

    def at(percent: int) -> ColumnElement[Any]:
        """Return the first duration that is not below `percent` of all."""
        reached = inner.c.place * 100 >= inner.c.size * percent
        return func.min(case((reached, inner.c.taken)))

    mine = [inner.c[key.key] for key in keys]
    return select(*mine, at(50), at(95)).group_by(*mine)


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _version(row: Mapping[Any, Any], first: int | None, figures: Figures) -> VersionRow:
    return VersionRow(
        row["hash"],
        row["project"],
        row["name"],
        None if row["unknown"] else int(row["number"]),
        row["unknown"],
        row["message"],
        int(row["met_ns"] if first is None else first),
        figures,
    )
