"""Groups: the traces of one session or one user, summed up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import ColumnElement, Engine, Select, func, select

from spanbook.errors import UnknownTraceError
from spanbook.moments import duration, moment, money
from spanbook.store.schema import traces

By = Literal["session", "user"]
RECENT = 20_000  # traces that a list of groups is made from, the newest


@dataclass(frozen=True, slots=True)
class GroupRow:
    """What the traces of one session or user come to.

    `tokens_in` and `tokens_out` are None where no trace reported any; `cost` is None where nothing
    has a price, and with `unpriced_count` above 0 a lower bound. `busy_ns` is the time that its
    traces took.
    """

    name: str
    trace_count: int
    error_count: int
    running_count: int
    start_ns: int
    last_ns: int
    busy_ns: int
    tokens_in: int | None
    tokens_out: int | None
    estimated: bool
    cost: Decimal | None
    unpriced_count: int

    @property
    def start(self) -> datetime:
        """When its first trace began."""
        return moment(self.start_ns)

    @property
    def last(self) -> datetime:
        """When its last trace began."""
        return moment(self.last_ns)

    @property
    def busy(self) -> timedelta:
        """How long its traces took, all together."""
        return duration(self.busy_ns)


def list_groups(
    engine: Engine, by: By, *, user: str | None = None, limit: int = 100
) -> tuple[GroupRow, ...]:
    """Return the sessions, or users, of recent traces with their sums, the latest first.

    `user` keeps the sessions of one person.
    """
    where: list[ColumnElement[bool]] = [traces.c[by].is_not(None)]
    if user is not None:
        where.append(traces.c.user == user)
    recent = select(traces).where(*where).order_by(traces.c.start_ns.desc()).limit(RECENT)
    found = recent.subquery()
    statement = _sums(found.c, by).group_by(found.c[by])
    with engine.connect() as connection:
        rows = connection.execute(
            statement.order_by(func.max(found.c.start_ns).desc()).limit(limit)
        ).all()
    return tuple(_row(row) for row in rows)


def get_group(engine: Engine, by: By, name: str) -> GroupRow:
    """Return the sums over all traces of one session or user.

    Raises:
        UnknownTraceError: no trace names it.
    """
    statement = _sums(traces.c, by).where(traces.c[by] == name).group_by(traces.c[by])
    with engine.connect() as connection:
        row = connection.execute(statement).first()
    if row is None:
        raise UnknownTraceError(f"No trace belongs to the {by} {name!r:.200}.")
    return _row(row)


def _sums(columns: Any, by: By) -> "Select[*tuple[Any, ...]]":
    failed: ColumnElement[Any] = columns.status == "error"
    running: ColumnElement[Any] = columns.status == "running"
    known: ColumnElement[Any] = columns.usage_count
    return select(
        columns[by],
        func.count(),
        func.count().filter(failed),
        func.count().filter(running),
        func.min(columns.start_ns),
        func.max(columns.start_ns),
        func.sum(columns.duration_ns),
        func.sum(columns.input_tokens),
        func.sum(columns.output_tokens),
        func.sum(known),
        func.sum(columns.estimated_count),
        func.sum(columns.cost),
        func.sum(columns.unpriced_count),
    )


def _row(row: Sequence[Any]) -> GroupRow:
    name, count, failed, running, first, last, busy, taken, given, known, estimated, cost, open = (
        row
    )
    return GroupRow(
        name=name,
        trace_count=count,
        error_count=failed,
        running_count=running,
        start_ns=first,
        last_ns=last,
        busy_ns=int(busy or 0),
        tokens_in=int(taken) if known else None,
        tokens_out=int(given) if known else None,
        estimated=bool(estimated),
        cost=None if cost is None else money(int(cost)),
        unpriced_count=int(open),
    )
