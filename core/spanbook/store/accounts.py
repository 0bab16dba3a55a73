"""Accounts: counted usage and its cost by UTC day, and by what its trace belongs to."""

from typing import NamedTuple

from sqlalchemy import Connection

from spanbook.store.backends.choice import backend_of
from spanbook.store.rows import StoredSpan, StoredTrace
from spanbook.store.schema import accounts
from spanbook.store.statements import ADD, Insert, Statement
from spanbook.store.totals import tags_of

DAY_NS = 86_400_000_000_000
ALL, SESSION, USER, TAG = "all", "session", "user", "tag"

_KEY = ("dimension", "day", "value", "project", "provider", "model", "tier")
_ADD = Insert(accounts, rule=ADD)
_COUNTED = Statement(
    f"SELECT {', '.join(StoredSpan._fields)} FROM spans WHERE trace_pk = ? AND counted"  # noqa: S608
)
_DELETE_EMPTY = Statement("DELETE FROM accounts WHERE usage_count = 0")
_SUMS = [column.name for column in accounts.c if column.name not in _KEY]

_Key = tuple[str, int, str, str, str, str, str]


class Owner(NamedTuple):
    """What the usage of a trace is booked under."""

    project: str
    session: str | None
    user: str | None
    tags: str | None  # JSON

    @classmethod
    def of(cls, trace: StoredTrace) -> "Owner":
        """Return the owner of the usage in `trace` as its row stands."""
        return cls(trace.project, trace.session, trace.user, trace.tags)


class Accounts:
    """What one batch adds to the accounts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sums: dict[_Key, list[int]] = {}
        self._takes_off = False

    def book(
        self,
        trace: StoredTrace,
        changes: list[tuple[StoredSpan | None, StoredSpan]],
        before: Owner | None,
    ) -> None:
        """Book what `changes` to counted spans of `trace`, old and new, make of its usage.

        `before` is the owner that the store knows; where it is another, all moves to the new one.
        """
        if before is not None and before != Owner.of(trace):
            stored = _COUNTED.run(self._connection, trace.pk)
            moved = [StoredSpan._make(row) for row in stored]
            if moved:
                self._move(trace, moved, before)
        if not changes:
            return
        places = _places(Owner.of(trace))
        for old, new in changes:
            if old is not None and old.counted:
                self._add(places, old, -1)
            if new.counted:
                self._add(places, new, 1)

    def add(self, owner: Owner, span: StoredSpan, sign: int = 1) -> None:
        """Book a span of `owner`; with the sign -1 take it off, since it is about to be deleted."""
        if span.counted:
            self._takes_off = self._takes_off or sign < 0
            self._add(_places(owner), span, sign)

    def _move(self, trace: StoredTrace, moved: list[StoredSpan], before: Owner) -> None:
        old_places, new_places = _places(before), _places(Owner.of(trace))
        for span in moved:
            self._add(old_places, span, -1)
            self._add(new_places, span, 1)

    def _add(self, places: list[tuple[str, str, str]], span: StoredSpan, sign: int) -> None:
        numbers = _numbers(span, sign)
        day = span.start_ns // DAY_NS
        kept = (span.provider or "", span.model or "", span.tier or "")
        for dimension, value, project in places:
            key = (dimension, day, value, project, *kept)
            sums = self._sums.get(key)
            self._sums[key] = (
                numbers if sums is None else [a + b for a, b in zip(sums, numbers, strict=True)]
            )

    def write(self) -> None:
        """Add the sums to the store."""
        if not backend_of(self._connection).keeps_sums:
            return
        _ADD.run(self._connection, sorted((*key, *sums) for key, sums in self._sums.items()))
        if self._takes_off:
            _DELETE_EMPTY.run(self._connection)


def _places(owner: Owner) -> list[tuple[str, str, str]]:
    """Return where usage is booked: dimension, value and project."""
    project = owner.project
    tags = tags_of(owner.tags) or [""]
    return [
        (ALL, "", project),
        (SESSION, owner.session or "", project),
        (USER, owner.user or "", project),
        *((TAG, tag, project) for tag in tags),
    ]


def _numbers(span: StoredSpan, sign: int) -> list[int]:
    """Return what a counted span adds to each sum, in the order of the columns."""
    cost, reported, computed = span.cost, span.reported_cost, span.computed_cost
    numbers = (
        1,
        span.estimated,
        cost is None and span.unpriced is not None,
        span.anomaly is not None,
        cost is not None,
        reported is not None,
        computed is not None,
        span.input_tokens,
        span.output_tokens,
        span.cache_read,
        span.cache_write,
        span.audio_input,
        span.image_input,
        span.reasoning,
        span.audio_output,
        cost,
        reported,
        computed,
    )
    return [sign * (number or 0) for number in numbers]


def rebuild(connection: Connection) -> None:
    """Sum up all spans anew, after their costs were changed."""
    connection.exec_driver_sql("DELETE FROM accounts")
    for dimension, value in _VALUES.items():
        connection.exec_driver_sql(_REBUILD.format(dimension=dimension, value=value))


def _is(condition: str) -> str:
    return f"SUM(CASE WHEN {condition} THEN 1 ELSE 0 END)"


def _sum(name: str) -> str:
    return f"SUM(COALESCE(s.{name}, 0))"


_VALUES = {
    ALL: "''",
    SESSION: "COALESCE(t.session, '')",
    USER: "COALESCE(t.\"user\", '')",
    TAG: "COALESCE(g.tag, '')",
}
_COUNTS = {
    "usage_count": "COUNT(*)",
    "estimated_count": _is("s.estimated"),
    "unpriced_count": _is("s.cost IS NULL AND s.unpriced IS NOT NULL"),
    "anomaly_count": _is("s.anomaly IS NOT NULL"),
    "cost_count": _is("s.cost IS NOT NULL"),
    "reported_count": _is("s.reported_cost IS NOT NULL"),
    "computed_count": _is("s.computed_cost IS NOT NULL"),
}
_PLACE = (
    f"s.start_ns / {DAY_NS}, {{value}}, t.project, "
    "COALESCE(s.provider, ''), COALESCE(s.model, ''), COALESCE(s.tier, '')"
)
_REBUILD = (
    f"INSERT INTO accounts ({', '.join((*_KEY, *_SUMS))}) "  # noqa: S608  # our own
    f"SELECT '{{dimension}}', {_PLACE}, {', '.join(_COUNTS.get(n) or _sum(n) for n in _SUMS)} "
    "FROM spans s JOIN traces t ON t.pk = s.trace_pk "
    f"LEFT JOIN trace_tags g ON g.trace_pk = t.pk AND '{{dimension}}' = '{TAG}' "
    f"WHERE s.counted GROUP BY 2, 3, 4, 5, 6, 7"  # by place: not all databases take constants
)
