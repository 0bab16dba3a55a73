"""Runs: one execution of a program, or of a part of it, from its start to its end or death."""

from typing import Any, cast

import orjson
from sqlalchemy import Connection, select

from spanbook.spans import Status
from spanbook.store.records import Record
from spanbook.store.schema import run_metrics, runs
from spanbook.store.statements import KEEP, REPLACE, Insert, Statement
from spanbook.store.wording import clean, error_preview

_TEXTS = ("name", "host", "command", "python", "commit", "release", "environment")
_LONG = 1_000  # characters of each
_NUL = "\\u0000"  # as JSON writes it
_INSERT = Insert(runs, ("run_id", "project", *_TEXTS, "pid", "start_ns", "status"), KEEP)
_INSERT_METRICS = Insert(run_metrics, rule=REPLACE)
_FIND = Statement("SELECT pk FROM runs WHERE run_id = ?")
_END = Statement(
    "UPDATE runs SET status = ?, end_ns = CASE WHEN end_ns > ? THEN end_ns ELSE ? END WHERE pk = ?",
    clickhousedb="INSERT INTO runs SELECT * REPLACE (? AS status, "
    "if(ifNull(end_ns, 0) > ?, end_ns, ?) AS end_ns) FROM runs WHERE pk = ?",
)
_END_OPEN = Statement(
    "UPDATE runs SET status = ?, end_ns = ? WHERE process_pk = ? AND status = 'running'",
    clickhousedb="INSERT INTO runs SELECT * REPLACE (? AS status, ? AS end_ns) FROM runs "
    "WHERE process_pk = ? AND runs.status = 'running'",
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
        *[clean(process.get(name), _LONG, 2 * _LONG) for name in _TEXTS],
        pid if type(pid) is int else None,
        process["start"],
        str(Status.RUNNING),
    )


class Runs:
    """The runs that one batch speaks of, by their ids."""

    def __init__(self, connection: Connection, process_pk: int | None) -> None:
        self._connection = connection
        self._process_pk = process_pk
        self._numbers: dict[str, int] = {}
        self._history: dict[tuple[int, str, int], tuple[int, Any]] = {}
        self._summaries: dict[int, dict[str, Any]] = {}

    def number(self, run_id: str, at: int) -> int:
        """Return the number of a run; one of which nothing is known yet has begun `at` then."""
        known = self._numbers.get(run_id)
        if known is None:
            known = run_number(self._connection, {"run": run_id, "start": at})
            self._numbers[run_id] = known
        return known

    def add(self, record: Record) -> None:
        """Take what a record says of a run."""
        match record["type"]:
            case "run":
                self._start(record)
            case "metrics":
                self._log(record)
            case _:
                self._end(record)

    def _start(self, record: Record) -> None:
        pk = self.number(record["run"], record["start"])
        texts = {name: clean(record.get(name), _LONG, 2 * _LONG) for name in _TEXTS}
        pid = record.get("pid")
        self._change(
            pk,
            **texts,
            project=clean(record.get("project")) or "default",
            pid=pid if type(pid) is int else None,
            start_ns=record["start"],
            config=_json(record.get("config")),
            packages=_json(record.get("packages")),
            process_pk=self._process_pk,
        )

    def _log(self, record: Record) -> None:
        pk = self.number(record["run"], record["at"])
        values = cast("dict[str, Any]", record["values"])
        self._summaries.setdefault(pk, {}).update(values)
        for name, value in values.items():
            if value is None or type(value) in (int, float):
                self._history[pk, clean(name) or "", record["step"]] = (record["at"], value)

    def _end(self, record: Record) -> None:
        pk = self.number(record["run"], record["end"])
        error = error_preview(record.get("error"))
        self._change(pk, status=record["status"], end_ns=record["end"], error=error)

    def _change(self, pk: int, **values: Any) -> None:
        self._connection.execute(runs.update().where(runs.c.pk == pk).values(**values))

    def write(self) -> None:
        """Store the metrics."""
        for pk, values in self._summaries.items():
            before = self._connection.execute(select(runs.c.metrics).where(runs.c.pk == pk))
            known: dict[str, Any] = orjson.loads(before.scalar_one() or "{}")
            self._change(pk, metrics=_json({**known, **values}))
        rows = [(*key, *value) for key, value in self._history.items()]
        _INSERT_METRICS.run(self._connection, rows)


def _json(value: Any) -> str | None:
    if not value:
        return None
    text = orjson.dumps(value).decode()
    # Where these are written, databases refuse to read anything of the JSON.
    return text if _NUL not in text else orjson.dumps(_without_nul(value)).decode()


def _without_nul(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", "")
        case list():
            return [_without_nul(item) for item in cast("list[Any]", value)]
        case dict():
            pairs = cast("dict[str, Any]", value).items()
            return {key.replace("\0", ""): _without_nul(item) for key, item in pairs}
        case _:
            return value


def end_run(connection: Connection, run_pk: int, at: int) -> None:
    """Note that a process, and with it its runs, ended in order; spans left open are incomplete."""
    _END.run(connection, str(Status.OK), at, at, run_pk)
    _END_OPEN.run(connection, str(Status.OK), at, run_pk)
    give_up(connection, run_pk)


def give_up(connection: Connection, run_pk: int) -> None:
    """Mark what a run left running as incomplete, once its process is gone."""
    _GIVE_UP_TRACES.run(connection, run_pk, run_pk)
    _GIVE_UP_SPANS.run(connection, run_pk)
    _GIVE_UP_RUN.run(connection, run_pk, run_pk)


_GIVE_UP_TRACES = Statement(
    # A trace's row follows its root; without a root, the run that opened it would have sent one.
    "UPDATE traces SET status = 'incomplete' WHERE status = 'running' AND ("
    "(root_id IS NULL AND run_pk = ?) OR EXISTS (SELECT 1 FROM spans WHERE trace_pk = traces.pk "
    "AND (span_id = root_id OR root_id IS NULL) AND run_pk = ? AND status = 'running'))",
    clickhousedb="INSERT INTO traces SELECT * REPLACE ('incomplete' AS status) FROM traces "
    "WHERE traces.status = 'running' AND ((root_id IS NULL AND run_pk = ?) OR pk IN "
    "(SELECT trace_pk FROM spans WHERE run_pk = ? AND status = 'running' AND "
    "((trace_pk, span_id) IN (SELECT pk, root_id FROM traces WHERE status = 'running' "
    "AND root_id IS NOT NULL) OR trace_pk IN (SELECT pk FROM traces WHERE root_id IS NULL))))",
)
_GIVE_UP_SPANS = Statement(
    "UPDATE spans SET status = 'incomplete' WHERE run_pk = ? AND status = 'running'",
    clickhousedb="INSERT INTO spans SELECT * REPLACE ('incomplete' AS status) FROM spans "
    "WHERE run_pk = ? AND spans.status = 'running'",
)
_GIVE_UP_RUN = Statement(
    "UPDATE runs SET status = 'incomplete' WHERE (pk = ? OR process_pk = ?) AND status = 'running'",
    clickhousedb="INSERT INTO runs SELECT * REPLACE ('incomplete' AS status) FROM runs "
    "WHERE (pk = ? OR process_pk = ?) AND runs.status = 'running'",
)
