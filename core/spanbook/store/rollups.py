"""Rollups: finished spans counted by series, hour and day, with histograms of their times.

A row is read, changed and put back within the transaction that changes its spans: writers take
turns, and rows as a whole can be held by databases that only append.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete

from spanbook.spans import Status
from spanbook.store.backends.choice import backend_of
from spanbook.store.histograms import bucket, pack, unpack
from spanbook.store.rows import StoredSpan
from spanbook.store.schema import rollup_days, rollups, series
from spanbook.store.statements import KEEP, REPLACE, Insert, Lookup, Statement

HOUR_NS = 3_600_000_000_000
DAY_HOURS = 24
NUMBERS = tuple(column.name for column in rollups.c)[2:-2]  # without key and histograms

_OK, _ERROR = str(Status.OK), str(Status.ERROR)
_KEY = ("project", "kind", "name", "model")
_INSERT_SERIES = Insert(series, _KEY, KEEP)
_FIND_SERIES = Statement(
    "SELECT pk FROM series WHERE project = ? AND kind = ? AND name = ? AND model = ?"
)

Series = tuple[str, str, str, str]  # project, kind, name, model


@dataclass(slots=True)
class Sums:
    """What finished spans add up to: the columns of a rollup, times as counts by bucket."""

    count: int = 0
    error_count: int = 0
    other_count: int = 0
    duration_ns: int = 0
    usage_count: int = 0
    estimated_count: int = 0
    unpriced_count: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0
    spoken_tokens: int = 0
    spoken_ns: int = 0
    streamed_count: int = 0
    waited_ns: int = 0
    took: dict[int, int] = field(default_factory=dict[int, int])
    waited: dict[int, int] = field(default_factory=dict[int, int])

    def add(self, span: StoredSpan, sign: int = 1) -> None:
        """Add a span; with the sign -1 take it off."""
        took = max((span.end_ns or 0) - span.start_ns, 0)
        self.count += sign
        if span.status == _ERROR:
            self.error_count += sign
        elif span.status != _OK:
            self.other_count += sign
        self.duration_ns += sign * took
        _count(self.took, took, sign)
        if span.first_token_ns is not None:
            waited = span.first_token_ns - span.start_ns
            self.streamed_count += sign
            self.waited_ns += sign * waited
            _count(self.waited, waited, sign)
        if span.counted and span.input_tokens is not None:
            self._add_usage(span, took, sign)

    def _add_usage(self, span: StoredSpan, took: int, sign: int) -> None:
        output = span.output_tokens or 0
        self.usage_count += sign
        self.estimated_count += sign * bool(span.estimated)
        self.unpriced_count += sign * (span.cost is None)
        self.input_tokens += sign * (span.input_tokens or 0)
        self.output_tokens += sign * output
        self.cost += sign * (span.cost or 0)
        if output and took:
            self.spoken_tokens += sign * output
            self.spoken_ns += sign * took

    def merge(self, other: "Sums") -> None:
        """Add all that `other` holds."""
        for name in NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        _merge(self.took, other.took)
        _merge(self.waited, other.waited)

    def row(self, stored: tuple[Any, ...] | None = None) -> tuple[Any, ...]:
        """Return the columns after those of the key, added to those of a row that is stored."""
        numbers = _NUMBERS(self)
        if stored is None:
            return (*numbers, pack(self.took), pack(self.waited))
        *known, took, waited = stored
        added = [a + b for a, b in zip(known, numbers, strict=True)]
        return (*added, _added(took, self.took), _added(waited, self.waited))


_NUMBERS = attrgetter(*NUMBERS)


def _count(counts: dict[int, int], time_ns: int, sign: int) -> None:
    step = bucket(time_ns)
    counts[step] = counts.get(step, 0) + sign


def _merge(counts: dict[int, int], others: Mapping[int, int]) -> None:
    for step, count in others.items():
        counts[step] = counts.get(step, 0) + count


def _added(packed: bytes, counts: Mapping[int, int]) -> bytes:
    if not any(counts.values()):
        return packed
    known = unpack(bytes(packed))
    _merge(known, counts)
    return pack(known)


class _Kept:
    """One of the two tables: rows by hour, or by day."""

    def __init__(self, table: Table, time: str) -> None:
        self._find = Lookup(table, "series_pk", given=[time])
        self._replace = Insert(table, rule=REPLACE)
        place = (table.c[time] == bindparam("at"), table.c.series_pk == bindparam("of"))
        self._delete = delete(table).where(*place)

    def write(self, connection: Connection, at: int, sums: Mapping[int, Sums]) -> None:
        """Add to the rows of one hour or day, by series. Rows of no span go."""
        stored = {row[1]: row[2:] for row in self._find.run(connection, list(sums), at)}
        rows = [(at, pk, *one.row(stored.get(pk))) for pk, one in sorted(sums.items())]
        self._replace.run(connection, [row for row in rows if row[2] > 0])
        empty = [{"at": row[0], "of": row[1]} for row in rows if row[2] <= 0]
        if empty:
            connection.execute(self._delete, empty)


_HOURS, _DAYS = _Kept(rollups, "hour"), _Kept(rollup_days, "day")


class Rollups:
    """What one batch adds to the rollups."""

    def __init__(self) -> None:
        self._sums: dict[tuple[int, Series], Sums] = {}

    def add(self, project: str, span: StoredSpan) -> None:
        """Count a span that has just finished."""
        self._sums_of(project, span).add(span)

    def take_off(self, project: str, span: StoredSpan) -> None:
        """Take a finished span off again, which is about to be deleted or changed."""
        self._sums_of(project, span).add(span, -1)

    def _sums_of(self, project: str, span: StoredSpan) -> Sums:
        key = (span.start_ns // HOUR_NS, (project, span.kind, span.name, span.model or ""))
        sums = self._sums.get(key)
        if sums is None:
            sums = self._sums[key] = Sums()
        return sums

    def hours(self) -> dict[int, dict[Series, Sums]]:
        """Return what is added, by hour and series."""
        found: dict[int, dict[Series, Sums]] = {}
        for (hour, key), sums in self._sums.items():
            found.setdefault(hour, {})[key] = sums
        return found

    def days(self) -> dict[int, dict[Series, Sums]]:
        """Return what is added, by UTC day and series."""
        parts: dict[tuple[int, Series], list[Sums]] = {}
        for (hour, key), sums in self._sums.items():
            parts.setdefault((hour // DAY_HOURS, key), []).append(sums)
        found: dict[int, dict[Series, Sums]] = {}
        for (day, key), sums in parts.items():
            found.setdefault(day, {})[key] = sums[0] if len(sums) == 1 else _together(sums)
        return found

    def write(self, connection: Connection, known: dict[Series, int]) -> dict[Series, int]:
        """Add the counts to the store; return the numbers of the series beyond those `known`."""
        if not backend_of(connection).keeps_sums:
            return {}
        found = _find(connection, {key for _, key in self._sums if key not in known})
        for kept, places in ((_HOURS, self.hours()), (_DAYS, self.days())):
            for at, sums in sorted(places.items()):
                by_number = {known.get(key) or found[key]: one for key, one in sums.items()}
                kept.write(connection, at, by_number)
        return found


def _together(parts: Sequence[Sums]) -> Sums:
    whole = Sums()
    for part in parts:
        whole.merge(part)
    return whole


def _find(connection: Connection, keys: set[Series]) -> dict[Series, int]:
    """Return the numbers of series, which are made where they are new."""
    _INSERT_SERIES.run(connection, list(keys))
    return {key: _FIND_SERIES.run(connection, *key).scalar_one() for key in keys}
