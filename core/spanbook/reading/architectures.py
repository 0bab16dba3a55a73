"""Architectures: what traces ran, as versions of a name, with what each was like in use."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import orjson
from sqlalchemy import ColumnElement, Engine, Select, Subquery, case, func, select

from spanbook.architecture.component import Architecture, Component
from spanbook.architecture.observed import Seen, observed
from spanbook.errors import UnknownArchitectureError
from spanbook.moments import duration, moment, money
from spanbook.reading.pages import AnyRow
from spanbook.reading.queries import get_trace, list_spans
from spanbook.reading.records import fields_of
from spanbook.reading.trace_payloads import trace_payloads
from spanbook.spans import Status
from spanbook.store.schema import architectures, traces

_MOST_OBSERVED = 2_000  # spans that are looked at


@dataclass(frozen=True, slots=True)
class ArchitectureRow:
    """A version of an architecture: the `number`th of its name, by when the store met it.

    Its traces are counted, and measured where they ended; None: there is none to measure.
    """

    hash: str
    name: str
    number: int
    first_ns: int
    last_ns: int | None
    trace_count: int
    error_count: int
    p50_ns: int | None
    p95_ns: int | None
    total_tokens: int | None
    cost: Decimal | None

    @property
    def first(self) -> datetime:
        """When a trace had it first, or, without traces, when the store met it."""
        return moment(self.first_ns)

    @property
    def last(self) -> datetime | None:
        """When the last trace that has it began."""
        return None if self.last_ns is None else moment(self.last_ns)

    @property
    def p50(self) -> timedelta | None:
        """What half of the traces took at most."""
        return None if self.p50_ns is None else duration(self.p50_ns)

    @property
    def p95(self) -> timedelta | None:
        """What 95 of 100 traces took at most."""
        return None if self.p95_ns is None else duration(self.p95_ns)

    @property
    def error_rate(self) -> float | None:
        """The share of traces that failed; None without traces."""
        return self.error_count / self.trace_count if self.trace_count else None

    @property
    def tokens_per_trace(self) -> int | None:
        """Tokens by traces; None where none are known."""
        return None if self.total_tokens is None else round(self.total_tokens / self.trace_count)

    @property
    def cost_per_trace(self) -> Decimal | None:
        """Cost by traces; None where none is known."""
        return None if self.cost is None else self.cost / self.trace_count


@dataclass(frozen=True, slots=True)
class TraceArchitecture:
    """What a trace ran; `is_observed`: nothing was told, so it is what its spans show."""

    architecture: Architecture
    is_observed: bool


def list_architectures(
    engine: Engine, *, name: str | None = None, limit: int | None = None
) -> list[ArchitectureRow]:
    """Return the versions of all names, or of one, the last used first."""
    numbered = select(
        architectures.c.hash,
        architectures.c.name,
        architectures.c.first_ns.label("met_ns"),
        func.row_number()
        .over(
            partition_by=architectures.c.name,
            order_by=(architectures.c.first_ns, architectures.c.hash),
        )
        .label("number"),
    ).subquery()
    chosen = select(numbered.c.hash)
    if name is not None:
        chosen = chosen.where(numbered.c.name == name)
    totals, shares = _totals(chosen), _shares(chosen)
    last = func.coalesce(totals.c.last_ns, numbered.c.met_ns)
    statement = (
        select(
            numbered,
            *(column for column in totals.c if column.name != "architecture"),
            shares.c.p50_ns,
            shares.c.p95_ns,
        )
        .select_from(numbered)
        .outerjoin(totals, totals.c.architecture == numbered.c.hash)
        .outerjoin(shares, shares.c.architecture == numbered.c.hash)
        .order_by(last.desc(), numbered.c.number.desc())
        .limit(limit)
    )
    if name is not None:
        statement = statement.where(numbered.c.name == name)
    with engine.connect() as connection:
        return [_row(row) for row in connection.execute(statement)]


def _totals(chosen: Select[Any]) -> Subquery:
    failed = case((traces.c.status == Status.ERROR.value, 1))
    return (
        select(
            traces.c.architecture,
            func.min(traces.c.start_ns).label("first_ns"),
            func.max(traces.c.start_ns).label("last_ns"),
            func.count().label("trace_count"),
            func.count(failed).label("error_count"),
            func.sum(traces.c.total_tokens).label("total_tokens"),
            func.sum(traces.c.cost).label("cost"),
        )
        .where(traces.c.architecture.in_(chosen))
        .group_by(traces.c.architecture)
        .subquery()
    )


def _shares(chosen: Select[Any]) -> Subquery:
    """Select the durations that half and 95 of 100 traces stay within."""
    inner = (
        select(
            traces.c.architecture,
            traces.c.duration_ns,
            func.row_number()
            .over(partition_by=traces.c.architecture, order_by=traces.c.duration_ns)
            .label("place"),
            func.count().over(partition_by=traces.c.architecture).label("size"),
        )
        .where(traces.c.architecture.in_(chosen), traces.c.duration_ns.is_not(None))
        .subquery()
    )

    def at(percent: int) -> ColumnElement[Any]:
        """Return the first duration that is not below `percent` of all."""
        reached = inner.c.place * 100 >= inner.c.size * percent
        return func.min(case((reached, inner.c.duration_ns)))

    measured = select(inner.c.architecture, at(50).label("p50_ns"), at(95).label("p95_ns"))
    return measured.group_by(inner.c.architecture).subquery()


def _row(row: AnyRow) -> ArchitectureRow:
    found = fields_of(row)
    count = found["trace_count"] or 0

    def measured(name: str) -> int | None:
        return int(found[name]) if count and found[name] is not None else None

    cost = measured("cost")
    return ArchitectureRow(
        found["hash"],
        found["name"],
        int(found["number"]),
        int(found["first_ns"] if count else found["met_ns"]),
        measured("last_ns"),
        int(count),
        int(found["error_count"] or 0),
        measured("p50_ns"),
        measured("p95_ns"),
        measured("total_tokens"),
        None if cost is None else money(cost),
    )


def get_architecture(engine: Engine, hash: str) -> Architecture:
    """Return one architecture.

    Raises:
        UnknownArchitectureError: the store does not hold it.
    """
    found = _read(engine, hash)
    if found is None:
        raise UnknownArchitectureError(
            f"The store holds no architecture {hash!r}. Hashes are 64 hexadecimal digits; look one "
            "up in the list of architectures, or see that this is the store it was written to."
        )
    return found


def _read(engine: Engine, hash: str) -> Architecture | None:
    statement = select(architectures.c.body).where(architectures.c.hash == hash)
    with engine.connect() as connection:
        body = connection.execute(statement).scalar()
    return None if body is None else Architecture(hash, Component.from_data(orjson.loads(body)))


def trace_architecture(engine: Engine, trace_id: str) -> TraceArchitecture | None:
    """Return what a trace ran, as it was told, else as its spans show; None: it has no spans yet.

    Raises:
        UnknownTraceError: the store does not hold the trace.
    """
    trace = get_trace(engine, trace_id)
    told = None if trace.architecture is None else _read(engine, trace.architecture)
    if told is not None:
        return TraceArchitecture(told, is_observed=False)
    payloads = trace_payloads(engine, trace_id, limit=_MOST_OBSERVED)
    seen: list[Seen] = []
    for span in list_spans(engine, trace_id, limit=_MOST_OBSERVED):
        payload = payloads.get(span.span_id)
        given: Any = None if payload is None else payload.input
        tools = cast("dict[str, Any]", given).get("tools") if isinstance(given, dict) else None
        seen.append(
            Seen(
                span.span_id,
                span.parent_id,
                str(span.kind),
                span.name,
                span.model,
                span.provider,
                {} if payload is None else payload.attributes,
                tools,
            )
        )
    root = observed(seen)
    return None if root is None else TraceArchitecture(Architecture.of(root), is_observed=True)
