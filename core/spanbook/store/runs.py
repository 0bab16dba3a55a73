"""Runs: one execution of a program each, from its first record to its exit or death."""

from typing import Any

from sqlalchemy import Connection

from spanbook.spans import Status
from spanbook.store.records import Record
from spanbook.store.schema import runs
from spanbook.store.statements import KEEPING, Insert
from spanbook.store.wording import clean

_TEXTS = ("name", "host", "command", "python", "commit", "release", "environment")
_INSERT = Insert(runs, ("run_id", "project", *_TEXTS, "pid", "start_ns", "status"), KEEPING)
_FIND = "SELECT pk FROM runs WHERE run_id = ?"


def run_number(connection: Connection, process: Record) -> int:
    """Return the number of the run that a `process` record names, which is made if it is new."""
    found = connection.exec_driver_sql(_FIND, (process["run"],)).scalar()
    if found is None:
        _INSERT.run(connection, [_row(process)])
        found = connection.exec_driver_sql(_FIND, (process["run"],)).scalar_one()
    return found


def _row(process: Record) -> tuple[Any, ...]:
    pid = process.get("pid")
    return (
        process["run"],
        clean(process.get("project")) or "default",
        *[clean(process.get(name), 1000) for name in _TEXTS],
        pid if type(pid) is int else None,
        process["start"],
        Status.RUNNING,
    )


def end_run(connection: Connection, run_pk: int, at: int) -> None:
    """Note that a run's process ended in order; what it left open is incomplete."""
    connection.exec_driver_sql(
        "UPDATE runs SET status = ?, end_ns = max(coalesce(end_ns, 0), ?) WHERE pk = ?",
        (Status.OK, at, run_pk),
    )
    give_up(connection, run_pk)


def give_up(connection: Connection, run_pk: int) -> None:
    """Mark what a run left running as incomplete, once its process is gone."""
    for statement in _GIVE_UP:
        connection.exec_driver_sql(statement, (run_pk,))


_GIVE_UP = (
    # A trace's row follows its root; without a root, the run that opened it would have sent one.
    "UPDATE traces SET status = 'incomplete' WHERE status = 'running' AND ("
    "(root_id IS NULL AND run_pk = ?1) OR EXISTS (SELECT 1 FROM spans WHERE trace_pk = traces.pk "
    "AND span_id = root_id AND run_pk = ?1 AND status = 'running'))",
    "UPDATE spans SET status = 'incomplete' WHERE run_pk = ?1 AND status = 'running'",
    "UPDATE runs SET status = 'incomplete' WHERE pk = ?1 AND status = 'running'",
)
