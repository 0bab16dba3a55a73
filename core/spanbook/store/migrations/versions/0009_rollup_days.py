"""Rollups by day beside those by hour, with packed histograms and all that statistics show."""

import math
import struct
from collections.abc import Iterator
from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    bindparam,
    column,
    insert,
    table,
    text,
)

revision = "0009"
down_revision = "0008"

_pk = BigInteger().with_variant(Integer, "sqlite")
_HOUR_NS = 3_600_000_000_000
_NUMBERS = (
    *("count", "error_count", "other_count", "duration_ns", "usage_count", "estimated_count"),
    *("unpriced_count", "input_tokens", "output_tokens", "cost", "spoken_tokens", "spoken_ns"),
    *("streamed_count", "waited_ns"),
)
_COLUMNS = (*_NUMBERS, "took", "waited")
_SPANS = text(
    "SELECT t.project, s.kind, s.name, COALESCE(s.model, ''), s.status, s.start_ns, s.end_ns, "
    "s.first_token_ns, s.input_tokens, s.output_tokens, s.estimated, s.counted, s.cost "
    "FROM spans s JOIN traces t ON t.pk = s.trace_pk WHERE s.start_ns >= :since "
    "AND s.start_ns < :until AND s.status NOT IN ('running', 'incomplete')"
)
_NEXT = text("SELECT MIN(start_ns) FROM spans WHERE start_ns >= :since")
_SERIES = text("SELECT pk, project, kind, name, model FROM series")

_Key = tuple[str, str, str, str]
_Row = tuple[list[int], dict[int, int], dict[int, int]]


def upgrade() -> None:
    """Make the tables anew and fill them from the spans, a day at a time."""
    op.drop_table("rollup_latency")
    op.drop_table("rollups")
    for name, unit in (("rollups", "hour"), ("rollup_days", "day")):
        op.create_table(
            name,
            Column(unit, Integer(), nullable=False),
            Column("series_pk", _pk, nullable=False),
            *(Column(one, BigInteger(), nullable=False) for one in _NUMBERS),
            *(Column(one, LargeBinary(), nullable=False) for one in ("took", "waited")),
            PrimaryKeyConstraint(unit, "series_pk"),
        )
    connection = op.get_bind()
    numbers: dict[_Key, int] = {
        (project, kind, name, model): pk
        for pk, project, kind, name, model in connection.execute(_SERIES)
    }
    for day in _days(connection):
        _fill(connection, day, numbers)


def _days(connection: Connection) -> Iterator[int]:
    """Yield the days in which spans began."""
    length = 24 * _HOUR_NS
    since: int | None = connection.execute(text("SELECT MIN(start_ns) FROM spans")).scalar()
    while since is not None:
        yield since // length
        since = connection.execute(_NEXT, {"since": (since // length + 1) * length}).scalar()


def _fill(connection: Connection, day: int, numbers: dict[_Key, int]) -> None:
    hours: dict[tuple[int, int], _Row] = {}
    days: dict[tuple[int, int], _Row] = {}
    window = {"since": day * 24 * _HOUR_NS, "until": (day + 1) * 24 * _HOUR_NS}
    for project, kind, name, model, *span in connection.execute(_SPANS, window):
        pk = _number(connection, (project, kind, name, model), numbers)
        for rows, at in ((hours, span[1] // _HOUR_NS), (days, day)):
            row = rows.setdefault((at, pk), ([0] * len(_NUMBERS), {}, {}))
            _add(row, *span)
    for place, unit, rows in (("rollups", "hour", hours), ("rollup_days", "day", days)):
        target = table(place, *map(column, (unit, "series_pk", *_COLUMNS)))
        values = [
            {
                unit: at,
                "series_pk": pk,
                **dict(zip(_COLUMNS, (*sums, _pack(took), _pack(waited)), strict=True)),
            }
            for (at, pk), (sums, took, waited) in rows.items()
        ]
        if values:
            connection.execute(insert(target), values)


def _number(connection: Connection, key: _Key, numbers: dict[_Key, int]) -> int:
    """Return the number of a series, which is made where it is new."""
    if key not in numbers:
        names = ("project", "kind", "name", "model")
        series = table("series", column("pk"), *map(column, names))
        made = insert(series).values({name: bindparam(name) for name in names})
        connection.execute(made, dict(zip(names, key, strict=True)))
        rows = connection.execute(_SERIES)
        numbers.update({(p, kind, name, model): pk for pk, p, kind, name, model in rows})
    return numbers[key]


def _add(
    row: _Row,
    status: str,
    start: int,
    end: int | None,
    first: int | None,
    read: int | None,
    written: int | None,
    estimated: bool | None,
    counted: bool | None,
    cost: int | None,
) -> None:
    sums, took, waited = row
    duration = max((end or 0) - start, 0)
    added = [1, status == "error", status not in ("ok", "error"), duration, *[0] * 10]
    _count(took, duration)
    if counted and read is not None:
        added[4:10] = [1, bool(estimated), cost is None, read, written or 0, cost or 0]
        if written and duration:
            added[10:12] = [written, duration]
    if first is not None:
        added[12:14] = [1, first - start]
        _count(waited, first - start)
    sums[:] = [one + other for one, other in zip(sums, added, strict=True)]


def _count(counts: dict[int, int], time: int) -> None:
    step = int(math.log(time / 1000) / math.log(1.05)) if time > 1000 else 0
    counts[step] = counts.get(step, 0) + 1


def _pack(counts: dict[int, Any]) -> bytes:
    if not counts:
        return b""
    first, last = min(counts), max(counts)
    lanes = [counts.get(step, 0) for step in range(first, last + 1)]
    return struct.pack(f"<H{len(lanes)}I", first, *lanes)
