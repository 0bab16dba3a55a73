"""Retention: how long traces are kept, by age, number and size, and the deletion of the others."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVarTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    delete,
    func,
    insert,
    select,
    update,
)

from spanbook.errors import SettingsError
from spanbook.moments import duration, duration_ns
from spanbook.spans import Status
from spanbook.store.backends.upkeep import upkeep_of
from spanbook.store.database import writing
from spanbook.store.pace import at_once
from spanbook.store.records import Pause
from spanbook.store.schema import retention, traces
from spanbook.store.upkeep.deleting import CHUNK, Deleted, delete_chosen

Columns = TypeVarTuple("Columns")

EVERY_NS = 3_600_000_000_000  # between two times that rules are applied by programs


@dataclass(frozen=True, slots=True)
class Rule:
    """What is kept: whatever breaks one of the bounds goes, the oldest first. None: no bound.

    `traces` counts those of the project. `size` is in bytes, and of the whole store: a database
    does not know how much of it a project takes. Traces that still run are never deleted.
    """

    project: str | None = None  # None: all projects together
    age: timedelta | None = None
    traces: int | None = None
    size: int | None = None

    def __post_init__(self) -> None:
        """Refuse bounds that cannot be.

        Raises:
            SettingsError: which, and what to do.
        """
        if self.age is not None and self.age <= timedelta(0):
            raise SettingsError("The age to keep traces for must be above zero, such as 30d.")
        for name in ("traces", "size"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise SettingsError(f"The bound on {name} is {value}; it cannot be negative.")
        if self.size is not None and self.project is not None:
            raise SettingsError("A size is kept for the whole store; leave the project out.")

    @property
    def bounds_nothing(self) -> bool:
        """Whether everything is kept."""
        return self.age is None and self.traces is None and self.size is None


@dataclass(frozen=True, slots=True)
class Expected:
    """What a rule would delete now. With a size it is an estimate, from the average of a span."""

    traces: int = 0
    spans: int = 0
    is_estimate: bool = False


# -- the rules that a store carries ----------------------------------------------------------------


def rules(connection: Connection) -> list[Rule]:
    """Return the rules that the store carries."""
    columns = (retention.c.project, retention.c.age_ns, retention.c.traces, retention.c.bytes)
    rows = connection.execute(select(*columns).order_by(retention.c.project))
    return [
        Rule(project or None, None if age is None else duration(age), count, size)
        for project, age, count, size in rows
    ]


def set_rule(engine: Engine, rule: Rule) -> None:
    """Let the store carry `rule` in place of its project's; one without bounds only ends that.

    Raises:
        StoreError: nothing can be deleted from stores of this kind.
    """
    project = rule.project or ""
    upkeep_of(engine)  # or the rule could not be kept
    with engine.connect() as connection, writing(connection):
        connection.execute(delete(retention).where(retention.c.project == project))
        if not rule.bounds_nothing:
            age = None if rule.age is None else duration_ns(rule.age)
            row = {"project": project, "age_ns": age, "traces": rule.traces, "bytes": rule.size}
            connection.execute(insert(retention).values(**row, applied_ns=0))


# -- applying them ---------------------------------------------------------------------------------


def expect(engine: Engine, rule: Rule, now: int | None = None) -> Expected:
    """Return what `prune` would delete."""
    with engine.connect() as connection:
        chosen = _outdated(rule, connection, now)
        counts = select(func.count(), func.coalesce(func.sum(traces.c.span_count), 0))
        gone, spans = connection.execute(counts.where(traces.c.pk.in_(chosen))).one()
        if rule.size is None:
            return Expected(gone, spans)
        return _expect_for_size(connection, rule.size, gone, spans)


def _expect_for_size(connection: Connection, size: int, gone: int, spans: int) -> Expected:
    all_spans = connection.execute(
        select(func.coalesce(func.sum(traces.c.span_count), 0))
    ).scalar_one()
    used = upkeep_of(connection).bytes_used(connection)
    excess = all_spans * (used - size) // used if used > size else 0
    rows = connection.execute(_oldest(None).with_only_columns(traces.c.span_count))
    found = [0, 0]
    while found[1] < excess and (row := rows.fetchone()) is not None:
        found = [found[0] + 1, found[1] + row[0]]
    rows.close()
    return Expected(max(found[0], gone), max(found[1], spans), is_estimate=True)


def prune(engine: Engine, rule: Rule, *, now: int | None = None, pause: Pause = at_once) -> Deleted:
    """Delete what breaks `rule`, a few traces in each transaction; return how much that was.

    The space is free for new traces at once; the file shrinks when it is vacuumed.

    Raises:
        SQLAlchemyError: the store does not answer. What is gone until then is gone whole.
    """
    gone = Deleted()
    for deleted in _pruned(engine, rule, now):
        gone += deleted
        pause()
    return gone


def _pruned(engine: Engine, rule: Rule, now: int | None) -> Iterator[Deleted]:
    """Delete piece by piece until nothing breaks the rule."""
    at = time.time_ns() if now is None else now
    while True:
        with engine.connect() as connection:
            chosen = _outdated(rule, connection, at).limit(CHUNK)
            pks = list(connection.execute(chosen).scalars())
            if (
                not pks
                and rule.size is not None
                and upkeep_of(connection).bytes_used(connection) > rule.size
            ):
                pks = list(connection.execute(_oldest(None).limit(CHUNK)).scalars())
        if not pks:
            return
        yield delete_chosen(engine, select(traces.c.pk).where(traces.c.pk.in_(pks)))


def _outdated(rule: Rule, connection: Connection, now: int | None) -> Select[Any]:
    """Select the numbers of the traces that are too old or too many, the oldest first."""
    at = time.time_ns() if now is None else now
    breaks: list[ColumnElement[bool]] = []
    if rule.age is not None:
        breaks.append(traces.c.start_ns < at - duration_ns(rule.age))
    if rule.traces is not None:
        place: Select[Any, Any] = select(traces.c.start_ns, traces.c.pk)
        newest = _of(rule.project, place)
        newest = newest.order_by(traces.c.start_ns.desc(), traces.c.pk.desc())
        last = connection.execute(newest.offset(rule.traces).limit(1)).first()
        if last is not None:
            start, pk = last
            older = traces.c.start_ns < start
            breaks.append(older | ((traces.c.start_ns == start) & (traces.c.pk <= pk)))
    oldest = _oldest(rule.project)
    if not breaks:
        return oldest.where(traces.c.pk < 0)  # none
    return oldest.where(breaks[0] | breaks[1] if len(breaks) > 1 else breaks[0])


def _oldest(project: str | None) -> Select[Any]:
    wanted = _of(project, select(traces.c.pk)).where(traces.c.status != str(Status.RUNNING))
    return wanted.order_by(traces.c.start_ns, traces.c.pk)


def _of(project: str | None, wanted: Select[*Columns]) -> Select[*Columns]:
    return wanted if project is None else wanted.where(traces.c.project == project)


def prune_if_due(engine: Engine, pause: Pause, clock: Callable[[], int] = time.time_ns) -> Deleted:
    """Apply the rules that the store carries, at most once an hour whoever asks."""
    now = clock()
    gone = Deleted()
    for rule in _due(engine, now):
        gone += prune(engine, rule, now=now, pause=pause)
    return gone


def _due(engine: Engine, now: int) -> list[Rule]:
    """Return the rules whose hour has come, noting that it is us who apply them."""
    late = retention.c.applied_ns < now - EVERY_NS
    with engine.connect() as connection:
        if connection.execute(select(retention.c.project).where(late).limit(1)).first() is None:
            return []
    with engine.connect() as connection, writing(connection):
        due = set(connection.execute(select(retention.c.project).where(late)).scalars())
        connection.execute(update(retention).where(late).values(applied_ns=now))
        return [rule for rule in rules(connection) if (rule.project or "") in due]
