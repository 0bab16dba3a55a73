"""Rollups: finished spans counted by hour and series, with a histogram of their durations."""

import math

from sqlalchemy import Connection, bindparam, delete

from spanbook.spans import Status
from spanbook.store.rows import StoredSpan
from spanbook.store.schema import rollup_latency, rollups, series
from spanbook.store.statements import ADD, KEEP, Insert, Statement

HOUR_NS = 3_600_000_000_000
BUCKET_GROWTH = 1.05  # a bucket of the histogram ends 5 % above where it starts

_ERROR = str(Status.ERROR)
_LOG_GROWTH = math.log(BUCKET_GROWTH)
_KEY = ("project", "kind", "name", "model")
_INSERT_SERIES = Insert(series, _KEY, KEEP)
_ADD = Insert(rollups, rule=ADD)
_ADD_LATENCY = Insert(rollup_latency, rule=ADD)
_DELETE_EMPTY = [
    delete(table).where(
        table.c.hour == bindparam("at"), table.c.series_pk == bindparam("of"), table.c.count <= 0
    )
    for table in (rollups, rollup_latency)
]
_FIND_SERIES = Statement(
    "SELECT pk FROM series WHERE project = ? AND kind = ? AND name = ? AND model = ?"
)

Series = tuple[str, str, str, str]  # project, kind, name, model


def bucket(duration_ns: int) -> int:
    """Return the histogram bucket of a duration: steps of 5 % above one microsecond."""
    return int(math.log(duration_ns / 1000) / _LOG_GROWTH) if duration_ns > 1000 else 0


class _Sums:
    """What spans of one series add to one hour."""

    __slots__ = ("buckets", "cost", "count", "duration", "errors", "input", "output")

    def __init__(self) -> None:
        self.count = self.errors = self.duration = self.input = self.output = self.cost = 0
        self.buckets: dict[int, int] = {}

    def add(self, span: StoredSpan, sign: int) -> None:
        duration = (span.end_ns or 0) - span.start_ns
        duration = max(duration, 0)
        self.count += sign
        self.errors += sign * (span.status == _ERROR)
        self.duration += sign * duration
        if span.counted:
            self.input += sign * (span.input_tokens or 0)
            self.output += sign * (span.output_tokens or 0)
            self.cost += sign * (span.cost or 0)
        step = bucket(duration)
        self.buckets[step] = self.buckets.get(step, 0) + sign


class Rollups:
    """What one batch adds to the rollups."""

    def __init__(self) -> None:
        self._sums: dict[tuple[int, Series], _Sums] = {}
        self._takes_off = False

    def add(self, project: str, span: StoredSpan) -> None:
        """Count a span that has just finished."""
        self._sums_of(project, span).add(span, 1)

    def add_cost(self, project: str, span: StoredSpan, difference: int) -> None:
        """Add to what a span cost that was counted before."""
        self._sums_of(project, span).cost += difference

    def take_off(self, project: str, span: StoredSpan) -> None:
        """Take a finished span off again, which is about to be deleted."""
        self._takes_off = True
        self._sums_of(project, span).add(span, -1)

    def _sums_of(self, project: str, span: StoredSpan) -> _Sums:
        key = (span.start_ns // HOUR_NS, (project, span.kind, span.name, span.model or ""))
        sums = self._sums.get(key)
        if sums is None:
            sums = self._sums[key] = _Sums()
        return sums

    def write(self, connection: Connection, known: dict[Series, int]) -> dict[Series, int]:
        """Add the counts to the store; return the numbers of the series beyond those `known`."""
        found = _find(connection, {key for _, key in self._sums if key not in known})
        rows: list[tuple[int, ...]] = []
        steps: list[tuple[int, ...]] = []
        for (hour, key), sums in self._sums.items():
            place = (hour, known.get(key) or found[key])
            rows.append(
                (*place, sums.count, sums.errors, sums.duration, sums.input, sums.output, sums.cost)
            )
            steps += [(*place, step, count) for step, count in sums.buckets.items()]
        _ADD.run(connection, sorted(rows))
        _ADD_LATENCY.run(connection, sorted(steps))
        if self._takes_off:
            places = [{"at": row[0], "of": row[1]} for row in rows]
            for statement in _DELETE_EMPTY:
                connection.execute(statement, places)
        return found


def _find(connection: Connection, keys: set[Series]) -> dict[Series, int]:
    """Return the numbers of series, which are made where they are new."""
    _INSERT_SERIES.run(connection, list(keys))
    return {key: _FIND_SERIES.run(connection, *key).scalar_one() for key in keys}
