"""Runs, with the totals of their traces and the history of their metrics."""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Engine, func, select

from spanbook.errors import UnknownRunError
from spanbook.moments import money
from spanbook.reading.pages import AnyRow
from spanbook.reading.records import fields_of
from spanbook.reading.rows import MetricRow, RunRow
from spanbook.spans import Status
from spanbook.store.schema import run_metrics, runs, traces

_OWN = (
    *("run_id", "project", "name", "start_ns", "end_ns", "host", "pid", "command", "python"),
    *("commit", "release", "environment", "error"),
)
_JSON = ("config", "metrics", "packages")


def list_runs(
    engine: Engine,
    *,
    project: str | None = None,
    name: str | None = None,
    limit: int | None = None,
) -> list[RunRow]:
    """Return runs, the newest first.

    A process is left out where all that it recorded belongs to runs that it began itself.
    """
    given = {"project": project, "name": name}
    where = [runs.c[field] == value for field, value in given.items() if value is not None]
    own, inner = traces.alias(), runs.alias()
    has_traces = select(own.c.pk).where(own.c.run_pk == runs.c.pk).exists()
    has_runs = select(inner.c.pk).where(inner.c.process_pk == runs.c.pk).exists()
    return _read(engine, [*where, has_traces | ~has_runs], limit)


def get_run(engine: Engine, run_id: str) -> RunRow:
    """Return one run.

    Raises:
        UnknownRunError: the store does not hold it.
    """
    found = _read(engine, [runs.c.run_id == run_id], 1)
    if not found:
        raise UnknownRunError(
            f"The store holds no run {run_id!r}. Run ids are 32 hexadecimal digits; look one up "
            "in the list of runs, or see that this is the store it was written to."
        )
    return found[0]


def _read(engine: Engine, where: Sequence[ColumnElement[bool]], limit: int | None) -> list[RunRow]:
    chosen = (
        select(runs)
        .where(*where)
        .order_by(runs.c.start_ns.desc(), runs.c.pk.desc())
        .limit(limit)
        .subquery()
    )
    totals = (
        select(
            traces.c.run_pk,
            func.count().label("trace_count"),
            func.count().filter(traces.c.status == Status.ERROR.value).label("error_count"),
            func.sum(traces.c.total_tokens).label("total_tokens"),
            func.sum(traces.c.cost).label("cost"),
        )
        .where(traces.c.run_pk.in_(select(chosen.c.pk)))
        .group_by(traces.c.run_pk)
        .subquery()
    )
    statement = (
        select(chosen, *(column for column in totals.c if column.name != "run_pk"))
        .outerjoin(totals, totals.c.run_pk == chosen.c.pk)
        .order_by(chosen.c.start_ns.desc(), chosen.c.pk.desc())
    )
    with engine.connect() as connection:
        return [_row(row) for row in connection.execute(statement)]


def _row(row: AnyRow) -> RunRow:
    found = fields_of(row)
    own: dict[str, Any] = {name: found[name] for name in _OWN}
    config, metrics, packages = (orjson.loads(found[name] or "null") for name in _JSON)
    return RunRow(
        **own,
        status=Status(found["status"]),
        is_process=found["pid"] is not None and found["process_pk"] is None,
        trace_count=found["trace_count"] or 0,
        error_count=found["error_count"] or 0,
        total_tokens=None if found["total_tokens"] is None else int(found["total_tokens"]),
        cost=None if found["cost"] is None else money(int(found["cost"])),
        config=config or {},
        metrics=metrics or {},
        packages=tuple(packages or ()),
    )


def list_metrics(engine: Engine, run_id: str, name: str | None = None) -> list[MetricRow]:
    """Return the history of a run's metrics, or of one, by name and step."""
    statement = (
        select(run_metrics.c.name, run_metrics.c.step, run_metrics.c.at_ns, run_metrics.c.value)
        .join(runs, runs.c.pk == run_metrics.c.run_pk)
        .where(runs.c.run_id == run_id)
        .order_by(run_metrics.c.name, run_metrics.c.step)
    )
    if name is not None:
        statement = statement.where(run_metrics.c.name == name)
    with engine.connect() as connection:
        return [MetricRow(*row) for row in connection.execute(statement)]
