"""The last good trace: what was different the last time that it worked."""

from dataclasses import dataclass

from sqlalchemy import Engine, func, select

from spanbook.reading.queries import get_payload, get_trace, list_spans
from spanbook.reading.records import TRACE_COLUMNS, trace_row
from spanbook.reading.rows import TraceRow
from spanbook.reading.what_ran import RanChanges, ran_changes
from spanbook.spans import Status
from spanbook.store.schema import runs, traces


@dataclass(frozen=True)
class Circumstance:
    """One thing about a trace that is not of its spans, then and now; None: not known."""

    name: str
    then: str | None
    now: str | None

    @property
    def is_same(self) -> bool:
        """Whether it did not change."""
        return self.then == self.now


@dataclass(frozen=True)
class SinceGood:
    """A trace and the last one of its name and project before it that ended well.

    `has_same_input` is None where one of the two inputs was not recorded.
    """

    trace: TraceRow
    good: TraceRow
    circumstances: tuple[Circumstance, ...]
    has_same_input: bool | None
    ran: RanChanges


def since_last_good(engine: Engine, trace_id: str) -> SinceGood | None:
    """Return what changed since the last good trace; None: there is none.

    Raises:
        UnknownTraceError: the store does not hold the trace.
    """
    trace = get_trace(engine, trace_id)
    good = _last_good(engine, trace)
    if good is None:
        return None
    one, other = (_input(engine, row.trace_id) for row in (good, trace))
    return SinceGood(
        trace,
        good,
        tuple(_circumstances(engine, good, trace)),
        None if one is None or other is None else one == other,
        ran_changes(engine, good.trace_id, trace_id),
    )


def _last_good(engine: Engine, trace: TraceRow) -> TraceRow | None:
    statement = (
        select(*TRACE_COLUMNS)
        .where(
            traces.c.name == trace.name,
            traces.c.project == trace.project,
            traces.c.status == Status.OK.value,
            traces.c.start_ns < trace.start_ns,
        )
        .order_by(traces.c.start_ns.desc(), traces.c.pk.desc())
        .limit(1)
    )
    with engine.connect() as connection:
        row = connection.execute(statement).first()
    return None if row is None else trace_row(row)


def _input(engine: Engine, trace_id: str) -> object:
    """Return what went into the root of a trace; None: it was not recorded."""
    found = list_spans(engine, trace_id, limit=1)
    if not found or found[0].parent_id is not None:
        return None
    return get_payload(engine, trace_id, found[0].span_id).input


def _circumstances(engine: Engine, good: TraceRow, trace: TraceRow) -> list[Circumstance]:
    named = [
        Circumstance(name, getattr(good, name), getattr(trace, name))
        for name in ("release", "version", "environment")
    ]
    (then_commit, then_host), (now_commit, now_host) = (
        _process(engine, row.trace_id) for row in (good, trace)
    )
    named.append(Circumstance("commit", then_commit, now_commit))
    named.append(Circumstance("host", then_host, now_host))
    named.append(Circumstance("model", good.model, trace.model))
    return [one for one in named if one.then is not None or one.now is not None]


def _process(engine: Engine, trace_id: str) -> tuple[str | None, str | None]:
    """Return the commit and the host of the process that a trace was recorded by."""
    process = runs.alias()
    statement = (
        select(
            func.coalesce(runs.c.commit, process.c.commit),
            func.coalesce(runs.c.host, process.c.host),
        )
        .select_from(
            traces.join(runs, runs.c.pk == traces.c.run_pk).outerjoin(
                process, process.c.pk == runs.c.process_pk
            )
        )
        .where(traces.c.trace_id == trace_id)
    )
    with engine.connect() as connection:
        row = connection.execute(statement).first()
    return (None, None) if row is None else (row[0], row[1])
