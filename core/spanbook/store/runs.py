"""Runs: one execution of a program each, from its first record to its exit or death."""

from typing import Any

from sqlalchemy import Connection

from spanbook.spans import Status
from spanbook.store.records import Record
from spanbook.store.schema import runs
from spanbook.store.statements import KEEP, Insert, Statement
from spanbook.store.wording import clean

_TEXTS = ("name", "host", "command", "python", "commit", "release", "environment")
_INSERT = Insert(runs, ("run_id", "project", *_TEXTS, "pid", "start_ns", "status"), KEEP)
_FIND = Statement("SELECT pk FROM runs WHERE run_id = ?")
_END = Statement(
    "UPDATE runs SET status = ?, end_ns = CASE WHEN end_ns > ? THEN end_ns ELSE ? END WHERE pk = ?"
)


def run_number(connection: Connection, process: Record) -> int:
    """Return the number of the run that a `process` record names, which is made if it is new."""
    found = _FIND.run(connection, process["run"]).scalar()
    if found is None:
        _INSERT.run(connection, [_row(process)])
        found = _FIND.run(connection, process["run"]).scalar_one()
    return found


def _row(process: Record) -> tuple[Any, ...]:
    pid = process.get("pid")
    return (
        process["run"],
        clean(process.get("project")) or "default",
        *[clean(process.get(name), 1000) for name in _TEXTS],
        pid if type(pid) is int else None,
        process["start"],
        str(Status.RUNNING),
    )


def end_run(connection: Connection, run_pk: int, at: int) -> None:
    """Note that a run's process ended in order; what it left open is incomplete."""
    _END.run(connection, str(Status.OK), at, at, run_pk)
    give_up(connection, run_pk)


def give_up(connection: Connection, run_pk: int) -> None:
    """Mark what a run left running as incomplete, once its process is gone."""
    _GIVE_UP_TRACES.run(connection, run_pk, run_pk)
    _GIVE_UP_SPANS.run(connection, run_pk)
    _GIVE_UP_RUN.run(connection, run_pk)


_GIVE_UP_TRACES = Statement(
    # A trace's row follows its root; without a root, the run that opened it would have sent one.
    "UPDATE traces SET status = 'incomplete' WHERE status = 'running' AND ("
    "(root_id IS NULL AND run_pk = ?) OR EXISTS (SELECT 1 FROM spans WHERE trace_pk = traces.pk "
    "AND span_id = root_id AND run_pk = ? AND status = 'running'))"
)
_GIVE_UP_SPANS = Statement(
    "UPDATE spans SET status = 'incomplete' WHERE run_pk = ? AND status = 'running'"
)
_GIVE_UP_RUN = Statement(
    "UPDATE runs SET status = 'incomplete' WHERE pk = ? AND status = 'running'"
)
