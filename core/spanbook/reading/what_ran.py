"""What two traces, or two groups of traces, ran, and what changed from one to the other."""

from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Engine

from spanbook.architecture.changes import Change, changes, headline
from spanbook.reading.architectures import (
    TraceArchitecture,
    get_architecture,
    trace_architecture,
)
from spanbook.reading.comparisons import Group


@dataclass(frozen=True)
class RanChanges:
    """What an earlier and a later trace ran. None: the trace has no spans yet."""

    before: TraceArchitecture | None
    after: TraceArchitecture | None

    @property
    def is_comparable(self) -> bool:
        """Whether both were told, or both are what spans show: those two sorts are not alike."""
        if self.before is None or self.after is None:
            return False
        return self.before.is_observed == self.after.is_observed

    @property
    def is_stored(self) -> bool:
        """Whether both are versions that the store holds."""
        return self.is_comparable and self.after is not None and not self.after.is_observed

    @cached_property
    def changes(self) -> list[Change]:
        """What changed; nothing where the two are not comparable."""
        if not self.is_comparable or self.before is None or self.after is None:
            return []
        return changes(self.before.architecture.root, self.after.architecture.root)

    @property
    def words(self) -> str:
        """What changed in one line."""
        if self.is_comparable:
            observed = self.after is not None and self.after.is_observed
            told = headline(self.changes)
            return (
                f"{told} As far as the spans show: the versions are unknown." if observed else told
            )
        return "The version of one of them is unknown, so they cannot be compared."


def ran_changes(engine: Engine, before: str, after: str) -> RanChanges:
    """Return what changed in what ran, from one trace to another.

    Raises:
        UnknownTraceError: the store does not hold one of them.
    """
    return RanChanges(trace_architecture(engine, before), trace_architecture(engine, after))


@dataclass(frozen=True, slots=True)
class VersionUse:
    """A version that a group of traces ran, and how many did; None: they do not say which."""

    hash: str | None
    name: str | None
    traces: int


@dataclass(frozen=True, slots=True)
class GroupsRan:
    """What two groups ran, the most used first, and what changed between those two."""

    a: tuple[VersionUse, ...]
    b: tuple[VersionUse, ...]
    changes: tuple[Change, ...]

    @property
    def is_known(self) -> bool:
        """Whether any of the traces says what it ran."""
        return any(use.hash is not None for use in (*self.a, *self.b))


def groups_ran(engine: Engine, a: Group, b: Group) -> GroupsRan:
    """Return what changed in what the traces of two groups ran."""
    first, second = _uses(engine, a), _uses(engine, b)
    if first[0].hash is None or second[0].hash is None:
        return GroupsRan(first, second, ())
    old, new = (get_architecture(engine, uses[0].hash or "") for uses in (first, second))
    return GroupsRan(first, second, tuple(changes(old.root, new.root)))


def _uses(engine: Engine, group: Group) -> tuple[VersionUse, ...]:
    return tuple(
        VersionUse(hash, None if hash is None else get_architecture(engine, hash).root.name, count)
        for hash, count in group.ran
    )
