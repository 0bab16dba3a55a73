"""List filters: what every list can be asked for, as values and as the address of a page.

A list is one subclass: its fields are what can be asked, `ARGUMENTS` says how each is written in an
address, `SORTS` names the words that the list can be sorted by.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Protocol, Self, TypeAlias, runtime_checkable

from spanbook.errors import FilterError
from spanbook.reading.among import Among
from spanbook.reading.arguments import Argument, near, read_number, write_flag, write_time
from spanbook.reading.cursors import Cursor

NONE = "(none)"  # as a filter's value: there is no such thing
LARGEST_PAGE = 1_000
USUAL_PAGE = 100

_LIMIT = Argument(read_number)
_PLACES = ("limit", "sort", "order", "after", "before")


@runtime_checkable
class MultiValues(Protocol):
    """Arguments of an address in which a name may stand several times, as werkzeug's MultiDict."""

    def __iter__(self) -> Iterator[str]: ...

    def getlist(self, key: str) -> list[str]:
        """Return all values of `key`."""
        ...


Arguments: TypeAlias = Mapping[str, str] | Mapping[str, Iterable[str]] | MultiValues


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFilter:
    """The order of a list and the place of a page in it; subclasses add what to keep.

    `among` are the rows that were found outside of SQL already; no address names it.
    """

    ARGUMENTS: ClassVar[Mapping[str, Argument]] = {}
    SORTS: ClassVar[tuple[str, ...]] = ("start",)

    sort: str = "start"
    descending: bool = True
    after: str | None = field(default=None)
    before: str | None = field(default=None)
    limit: int = field(default=USUAL_PAGE)
    among: Among | None = None

    def __post_init__(self) -> None:
        """Refuse an order, a page size or a cursor that cannot be.

        Raises:
            FilterError: with the field, what is wrong, and what is possible.
        """
        if not self.can_sort_by(self.sort):
            known = near(self.sort, list(self.SORTS))
            raise FilterError(f"Cannot sort by {self.sort!r}. {known}")
        if not 1 <= self.limit <= LARGEST_PAGE:
            raise FilterError(f"limit is {self.limit}; give a number from 1 to {LARGEST_PAGE}.")
        if self.after is not None and self.before is not None:
            raise FilterError("Give either after or before, not both.")
        self.cursor()

    @classmethod
    def can_sort_by(cls, word: str) -> bool:
        """Say whether the list can be sorted by `word`."""
        return word in cls.SORTS

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
        known = [*cls.ARGUMENTS, *_PLACES]
        for name in given:
            if name not in known:
                raise FilterError(f"Unknown filter {name!r}. {near(name, known)}")
        given = {name: values for name, values in given.items() if values}
        arguments = {**cls.ARGUMENTS, "limit": _LIMIT}
        chosen = {
            name: _read(name, argument, given[name])
            for name, argument in arguments.items()
            if name in given
        }
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
        for name, argument in self.ARGUMENTS.items():
            value = getattr(self, name)
            if value is None or value == ():
                continue
            args[name] = [argument.write(one) for one in (value if argument.many else (value,))]
        if self.limit != USUAL_PAGE:
            args["limit"] = [str(self.limit)]
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


def _read(name: str, argument: Argument, values: list[str]) -> Any:
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
