"""Filters: which traces a list shows and in which order, as values and as an address."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol, Self, TypeAlias, runtime_checkable

from spanbook.errors import FilterError
from spanbook.reading.arguments import (
    Argument,
    choice,
    near,
    read_duration,
    read_flag,
    read_money,
    read_number,
    read_text,
    read_time,
    write_duration,
    write_flag,
    write_money,
    write_time,
)
from spanbook.reading.cursors import Cursor
from spanbook.spans import SpanKind, Status

NONE = "(none)"  # as a filter's value: the trace has no such thing
LARGEST_PAGE = 1_000

# The words that a list can be sorted by.
SORTS = (
    "start",
    "duration",
    "tokens",
    "cost",
    "name",
    "status",
    "kind",
    "model",
    "session",
    "user",
    "spans",
    "errors",
    "release",
    "version",
    "environment",
    "tags",
    "input",
    "output",
    "error",
)

_TEXT = Argument(read_text)
_DURATION = Argument(read_duration, write_duration)
_TIME = Argument(read_time, write_time)
_NUMBER = Argument(read_number)
_MONEY = Argument(read_money, write_money)

_ARGUMENTS: dict[str, Argument] = {
    "project": _TEXT,
    "status": Argument(choice(Status), many=True),
    "name": _TEXT,
    "kind": Argument(choice(SpanKind)),
    "model": _TEXT,
    "tag": Argument(read_text, many=True),
    "session": _TEXT,
    "user": _TEXT,
    "release": _TEXT,
    "version": _TEXT,
    "environment": _TEXT,
    "since": _TIME,
    "until": _TIME,
    "q": _TEXT,
    "input": _TEXT,
    "output": _TEXT,
    "error": _TEXT,
    "min_duration": _DURATION,
    "max_duration": _DURATION,
    "min_tokens": _NUMBER,
    "max_tokens": _NUMBER,
    "min_cost": _MONEY,
    "max_cost": _MONEY,
    "has_error": Argument(read_flag, write_flag),
    "limit": _NUMBER,
}
_KNOWN = [*_ARGUMENTS, "sort", "order", "after", "before"]


@runtime_checkable
class MultiValues(Protocol):
    """Arguments of an address in which a name may stand several times, as werkzeug's MultiDict."""

    def __iter__(self) -> Iterator[str]: ...

    def getlist(self, key: str) -> list[str]:
        """Return all values of `key`."""
        ...


Arguments: TypeAlias = Mapping[str, str] | Mapping[str, Iterable[str]] | MultiValues


@dataclass(frozen=True, slots=True)
class TraceFilter:
    """Which traces to list; whatever is given must hold. None: not asked for.

    `since` is included, `until` is not; a timedelta is an age, counted back from when the query
    runs. `session`, `user`, `model`, `release`, `version` and `environment` may be "(none)".
    `input`, `output` and `error` look inside the previews, without regard to case; `q` finds whole
    words, or their beginnings (`retriev*`), anywhere in the trace. Bounds are included.
    `kind` is the root's.
    """

    project: str | None = None
    status: tuple[Status, ...] = ()
    name: str | None = None
    kind: SpanKind | None = None
    model: str | None = None
    tag: tuple[str, ...] = ()
    session: str | None = None
    user: str | None = None
    release: str | None = None
    version: str | None = None
    environment: str | None = None
    since: datetime | timedelta | None = None
    until: datetime | timedelta | None = None
    q: str | None = None
    input: str | None = None
    output: str | None = None
    error: str | None = None
    min_duration: timedelta | None = None
    max_duration: timedelta | None = None
    min_tokens: int | None = None
    max_tokens: int | None = None
    min_cost: Decimal | None = None
    max_cost: Decimal | None = None
    has_error: bool | None = None
    sort: str = "start"
    descending: bool = True
    after: str | None = field(default=None, kw_only=True)
    before: str | None = field(default=None, kw_only=True)
    limit: int = field(default=100, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse an order, a page size or a cursor that cannot be.

        Raises:
            FilterError: with the field, what is wrong, and what is possible.
        """
        if self.sort not in SORTS:
            raise FilterError(f"Cannot sort by {self.sort!r}. {near(self.sort, list(SORTS))}")
        if not 1 <= self.limit <= LARGEST_PAGE:
            raise FilterError(f"limit is {self.limit}; give a number from 1 to {LARGEST_PAGE}.")
        if self.after is not None and self.before is not None:
            raise FilterError("Give either after or before, not both.")
        self.cursor()

    def cursor(self) -> Cursor | None:
        """Return the place that the page begins after, or ends before."""
        text = self.before if self.after is None else self.after
        return None if text is None else Cursor.decode(text, self.sort, self.descending)

    @classmethod
    def from_args(cls, args: Arguments, *, ignore: Collection[str] = ()) -> Self:
        """Return the filter that the arguments of an address ask for; empty ones ask for nothing.

        `sort=-cost` is the dearest first; `sort=cost&order=desc` is the same. Names in `ignore`
        belong to someone else.

        Raises:
            FilterError: an unknown field, with near matches, or a value that does not fit.
        """
        given = {name: _values(args, name) for name in args if name not in ignore}
        for name in given:
            if name not in _KNOWN:
                raise FilterError(f"Unknown filter {name!r}. {near(name, _KNOWN)}")
        given = {name: values for name, values in given.items() if values}
        chosen = {name: _read(name, given[name]) for name in _ARGUMENTS if name in given}
        for name in given.keys() & {"after", "before"}:
            chosen[name] = _single(name, given[name])
        return cls(**chosen, **_order(given))

    @classmethod
    def of(cls, **given: Any) -> Self:
        """Return a filter from Python values or their text forms: `since="1d"`, `min_cost=0.05`.

        Raises:
            FilterError: as `from_args` does.
        """
        if "descending" in given:
            given["order"] = "desc" if given.pop("descending") else "asc"
        return cls.from_args({name: _texts(value) for name, value in given.items()})

    def to_args(self) -> dict[str, list[str]]:
        """Return the arguments of an address that `from_args` reads as this filter."""
        args: dict[str, list[str]] = {}
        for name, argument in _ARGUMENTS.items():
            value = getattr(self, name)
            if value is None or value == () or (name, value) == ("limit", 100):
                continue
            args[name] = [argument.write(one) for one in (value if argument.many else (value,))]
        if (self.sort, self.descending) != ("start", True):
            args["sort"] = [f"-{self.sort}" if self.descending else self.sort]
        cursors = {"after": self.after, "before": self.before}
        return args | {name: [text] for name, text in cursors.items() if text is not None}


def _values(args: Arguments, name: str) -> list[str]:
    if isinstance(args, MultiValues):
        return [text for text in args.getlist(name) if text.strip()]
    value = args[name]
    return [text for text in ([value] if isinstance(value, str) else value) if text.strip()]


def _single(name: str, values: list[str]) -> str:
    if len(set(values)) > 1:
        raise FilterError(f"{name} is given {len(values)} times; give it once.")
    return values[0]


def _read(name: str, values: list[str]) -> Any:
    argument = _ARGUMENTS[name]
    try:
        if argument.many:
            return tuple(dict.fromkeys(argument.read(text) for text in values))
        return argument.read(_single(name, values))
    except FilterError:
        raise
    except ValueError as error:
        raise FilterError(f"{name} {error}".rstrip(".") + ".") from None


def _order(given: Mapping[str, list[str]]) -> dict[str, Any]:
    if "sort" not in given and "order" not in given:
        return {}
    sort = _single("sort", given.get("sort", ["-start"]))
    descending = sort.startswith("-")
    if "order" in given:
        order = _single("order", given["order"])
        if order not in ("asc", "desc"):
            raise FilterError(f"order is {order!r}; give asc or desc.")
        descending = order == "desc"
    return {"sort": sort.removeprefix("-"), "descending": descending}


def _texts(value: Any) -> list[str]:
    match value:
        case None:
            return []
        case str():
            return [value]
        case bool():
            return [write_flag(value)]
        case datetime() | timedelta():
            return [write_time(value)]
        case int() | float() | Decimal():
            return [f"{Decimal(str(value)):f}"]
        case _:
            return [str(one) for one in value]
