"""Run pages: which runs stand on a page of their list, and what its columns can be."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

import orjson
from sqlalchemy import ColumnElement, Connection, Engine, func, null, select, tuple_

from spanbook.moments import money
from spanbook.reading.cursors import Cursor
from spanbook.reading.pages import AnyRow, cut
from spanbook.reading.records import fields_of
from spanbook.reading.rows import Count, RunRow
from spanbook.reading.run_conditions import (
    TOTALS,
    TRACE_TOTALS,
    Part,
    parts_of,
    run_conditions,
    source,
)
from spanbook.reading.run_filter import RunFilter
from spanbook.spans import Status
from spanbook.store.schema import run_metrics, runs, traces

_OWN = (
    *("run_id", "project", "name", "start_ns", "end_ns", "host", "pid", "command", "python"),
    *("commit", "release", "environment", "error"),
)
_JSON = ("config", "metrics", "packages")
_OFFERED = ("project", "name", "host", "commit", "release", "environment")
_RECENT = 100  # runs that are looked at for what others may have
_DEEPEST = 6  # keys inside keys


@dataclass(frozen=True, slots=True)
class RunPage:
    """A page of runs; `next` and `previous` are cursors of the neighbouring pages."""

    rows: tuple[RunRow, ...]
    next: str | None
    previous: str | None


@dataclass(frozen=True, slots=True)
class Range:
    """The values of one metric of a run, over its steps: how many are numbers, between which."""

    count: int
    least: float | None
    most: float | None


@dataclass(frozen=True, slots=True)
class RunKey:
    """A path to values of runs, how many runs have it, and whether they differ there."""

    path: tuple[str, ...]
    count: int
    differs: bool


@dataclass(frozen=True, slots=True)
class Survey:
    """What recent runs have: paths below `config` and `metrics`, and values of fields."""

    keys: tuple[RunKey, ...]
    values: Mapping[str, tuple[str, ...]]


def list_runs(engine: Engine, filter: RunFilter) -> RunPage:
    """Return the page of runs that `filter` asks for.

    Raises:
        FilterError: the filter's cursor belongs to a list in another order.
    """
    with engine.connect() as connection:
        keys = _keys(connection, filter)
        found = cut(filter, keys, lambda row: _cursor(filter, row))
        rows = read_runs(connection, [row[0] for row in found.rows])
    return RunPage(tuple(rows), found.next, found.previous)


def _cursor(filter: RunFilter, row: AnyRow) -> Cursor:
    pk, start_ns, value = row
    if isinstance(value, Decimal):  # sums of integers are that on some databases
        value = int(value)
    return Cursor(filter.sort, filter.descending, value, start_ns, pk)


def _keys(connection: Connection, filter: RunFilter) -> list[AnyRow]:
    """Return number, start and sorted value of the page's runs and one more, as they are read."""
    dialect = connection.dialect.name
    where = run_conditions(filter, dialect)
    cursor, backward = filter.cursor(), filter.before is not None
    parts = parts_of(filter.sort, dialect)
    rows: list[AnyRow] = []
    for part in _beyond(parts[::-1] if backward else parts, cursor):
        missing = filter.limit + 1 - len(rows)
        by: list[ColumnElement[Any]] = [] if part.value is None else [part.value]
        columns = [*by, runs.c.start_ns, runs.c.pk]
        downward = filter.descending != backward
        order = [column.desc() if downward else column.asc() for column in columns]
        found = select(runs.c.pk, runs.c.start_ns, *by or [null()])
        found = found.select_from(source(filter)).where(*where, *part.where)
        if cursor is not None and isinstance(cursor.value, part.takes):
            values = (cursor.value, cursor.start_ns, cursor.pk)[-len(columns) :]
            place = tuple_(*columns)
            found = found.where(place < values if downward else place > values)
        rows += connection.execute(found.order_by(*order).limit(missing)).all()
        if len(rows) > filter.limit:
            break
    return rows


def _beyond(parts: Sequence[Part], cursor: Cursor | None) -> Sequence[Part]:
    """Return the parts from the one on that the cursor is in."""
    if cursor is None:
        return parts
    here = [isinstance(cursor.value, part.takes) for part in parts]
    return parts[here.index(True) :] if any(here) else []


def read_runs(connection: Connection, pks: Sequence[int]) -> list[RunRow]:
    """Return the runs with these numbers, in their order."""
    own = connection.execute(select(runs).where(runs.c.pk.in_(pks)))
    sums = connection.execute(TRACE_TOTALS.where(traces.c.run_pk.in_(pks)))
    totals: dict[int, dict[str, Any]] = {
        row[0]: dict(zip(TOTALS, row[1:], strict=True)) for row in sums
    }
    found = {row.pk: _row(row, totals.get(row.pk, {})) for row in own}
    return [found[pk] for pk in pks if pk in found]


def _row(row: AnyRow, totals: Mapping[str, Any]) -> RunRow:
    found = fields_of(row)
    own: dict[str, Any] = {name: found[name] for name in _OWN}
    config, metrics, packages = (orjson.loads(found[name] or "null") for name in _JSON)
    tokens, cost = totals.get("total_tokens"), totals.get("cost")
    return RunRow(
        **own,
        status=Status(found["status"]),
        is_process=found["pid"] is not None and found["process_pk"] is None,
        trace_count=totals.get("trace_count", 0),
        error_count=int(totals.get("error_count", 0)),
        total_tokens=None if tokens is None else int(tokens),
        cost=None if cost is None else money(int(cost)),
        config=config or {},
        metrics=metrics or {},
        packages=tuple(packages or ()),
    )


def count_runs(engine: Engine, filter: RunFilter) -> Count:
    """Return how many runs match, on all pages."""
    with engine.connect() as connection:
        where = run_conditions(filter, connection.dialect.name)
        counted = select(func.count(runs.c.pk)).select_from(source(filter)).where(*where)
        return Count(connection.execute(counted).scalar_one(), exact=True)


def list_ranges(
    engine: Engine, run_ids: Collection[str], names: Collection[str]
) -> dict[tuple[str, str], Range]:
    """Return between which values the metrics of these names were, by the run's id and name."""
    values = (func.count(run_metrics.c.value), func.min(run_metrics.c.value))
    statement = (
        select(runs.c.run_id, run_metrics.c.name, *values, func.max(run_metrics.c.value))
        .join(runs, runs.c.pk == run_metrics.c.run_pk)
        .where(runs.c.run_id.in_(run_ids), run_metrics.c.name.in_(names))
        .group_by(runs.c.run_id, run_metrics.c.name)
    )
    with engine.connect() as connection:
        return {(row[0], row[1]): Range(*row[2:]) for row in connection.execute(statement)}


def survey(engine: Engine, project: str | None = None) -> Survey:
    """Return what recent runs have: keys and values, the most frequent first."""
    columns = (runs.c.config, runs.c.metrics, *(runs.c[name] for name in _OFFERED))
    statement = select(*columns).order_by(runs.c.start_ns.desc()).limit(_RECENT)
    if project is not None:
        statement = statement.where(runs.c.project == project)
    with engine.connect() as connection:
        rows = connection.execute(statement).all()
    values = {
        name: tuple(value for value, _ in Counter(found).most_common() if value is not None)
        for name, found in zip(_OFFERED, [*zip(*rows, strict=True)][2:], strict=False)
    }
    return Survey(_keys_of(rows), values)


def _keys_of(rows: Sequence[AnyRow]) -> tuple[RunKey, ...]:
    counts: Counter[tuple[str, ...]] = Counter()
    first: dict[tuple[str, ...], Any] = {}
    differing: set[tuple[str, ...]] = set()
    for config, metrics, *_ in rows:
        for root, text in (("config", config), ("metrics", metrics)):
            for path, value in leaves(orjson.loads(text or "{}"), (root,)):
                counts[path] += 1
                if first.setdefault(path, value) != value:
                    differing.add(path)
    return tuple(
        RunKey(path, count, path in differing or count < len(rows))
        for path, count in counts.most_common()
    )


def leaves(
    data: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the values inside nested data with the paths to them; lists are values."""
    for key, value in data.items():
        path = (*above, key)
        inside = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
        if inside and "$" not in inside and len(path) < _DEEPEST:
            yield from leaves(inside, path)
        else:
            yield path, value
