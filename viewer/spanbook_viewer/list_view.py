"""What every table of a list shows: one page of rows, its count, and the addresses around it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar
from urllib.parse import quote, urlencode

from flask import Response, url_for
from sqlalchemy import Engine
from werkzeug.datastructures import MultiDict

from spanbook.reading.list_filter import LARGEST_PAGE, USUAL_PAGE, ListFilter
from spanbook.reading.paths import text_of, value_at
from spanbook.reading.rows import Count
from spanbook.reading.terms import Fields
from spanbook_viewer import column_choice, columns, exports, placeholders
from spanbook_viewer.column_choice import Paths
from spanbook_viewer.columns import Column
from spanbook_viewer.export_fields import Field
from spanbook_viewer.formats import UNKNOWN
from spanbook_viewer.suggestions import suggestions

COUNTED = 10_000  # beyond so many matches the count says "more than"
PRESETS = {
    "": "any time",
    "5m": "5 minutes",
    "30m": "30 minutes",
    "1h": "1 hour",
    "6h": "6 hours",
    "1d": "1 day",
    "7d": "7 days",
    "30d": "30 days",
}

_Filter = TypeVar("_Filter", bound=ListFilter)


class ListPage(Protocol):
    """The rows of one page, and the cursors of its neighbours."""

    @property
    def rows(self) -> Sequence[Any]:
        """Its rows."""
        ...

    @property
    def next(self) -> str | None:
        """Where the next page begins."""
        ...

    @property
    def previous(self) -> str | None:
        """Where the page before begins."""
        ...


@dataclass
class ListView(Generic[_Filter]):
    """One page of a table, for one address.

    A subclass says which filter it takes, which columns there are, what an exported row holds,
    which fields of its form are not folded away, what a row is called, and what expressions name.
    """

    engine: Engine
    filter: _Filter
    own_columns: tuple[Column, ...] = ()

    FILTER: ClassVar[type[ListFilter]]
    COLUMNS: ClassVar[tuple[Column, ...]]
    EXPORTED: ClassVar[Sequence[Field]]
    PLAIN_FIELDS: ClassVar[frozenset[str]]
    NOUN: ClassVar[str]
    PATHS: ClassVar[Paths] = Paths()
    WHERE: ClassVar[Fields]

    @classmethod
    def from_args(cls, engine: Engine, args: MultiDict[str, str]) -> Self:
        """Return the list that the arguments of an address ask for.

        Raises:
            FilterError: an unknown field or column, or a value that does not fit.
        """
        own = ("columns", "part", *column_choice.form_fields(args))
        asked: Any = cls.FILTER.from_args(args, ignore=own)
        chosen = column_choice.chosen(args, cls.COLUMNS, cls.PATHS)
        is_usual = chosen == columns.usual(cls.COLUMNS)
        return cls(engine, asked, () if is_usual else chosen)

    @staticmethod
    def is_of_form(args: MultiDict[str, str]) -> bool:
        """Say whether a form sent `args`, with empty fields or such as no address keeps."""
        return bool(column_choice.form_fields(args)) or not all(
            value for _, value in args.items(multi=True)
        )

    @cached_property
    def settled(self) -> _Filter:
        """The filter, with the rows found that have what only payloads hold, if it asks for it."""
        raise NotImplementedError

    @cached_property
    def page(self) -> ListPage:
        """The rows and where the neighbouring pages begin."""
        raise NotImplementedError

    def count(self) -> Count:
        """Return how many rows there are on all pages, up to what is worth counting."""
        raise NotImplementedError

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns shown."""
        return self.own_columns or columns.usual(self.COLUMNS)

    @property
    def other_columns(self) -> Sequence[Column]:
        """The columns that are not shown."""
        shown = {column.key for column in self.columns}
        return [column for column in self.COLUMNS if column.key not in shown]

    @cached_property
    def records(self) -> Mapping[Any, Mapping[str, Any]]:
        """What the rows of the page hold besides their columns, by `row_key`."""
        raise NotImplementedError

    def row_key(self, row: Any) -> Any:
        """Return what tells a row from others."""
        raise NotImplementedError

    def path_text(self, row: Any, column: Column) -> str:
        """Return what the path of a column leads to in a row, as text."""
        root, *keys = column.path
        value = value_at(self.records.get(self.row_key(row), {}).get(root), keys)
        return placeholders.words(value) if placeholders.mark(value) else text_of(value) or UNKNOWN

    @property
    def has_own_columns(self) -> bool:
        """Whether the address names the columns, so that none gives way on a narrow screen."""
        return bool(self.own_columns)

    @property
    def is_empty(self) -> bool:
        """Whether the store holds no row at all."""
        return not self.page.rows and not self.is_filtered

    @cached_property
    def args(self) -> dict[str, list[str]]:
        """The arguments of the filter's own address."""
        return self.filter.to_args()

    @property
    def is_filtered(self) -> bool:
        """Whether anything but order and place is asked for."""
        return bool(self.args.keys() - {"sort", "limit", "after", "before"})

    @property
    def uses_more(self) -> bool:
        """Whether a filter from the folded part of the form is in use."""
        preset = self.value("since") in PRESETS
        asked = self.args.keys() - self.PLAIN_FIELDS - {"sort", "after", "before"}
        return not preset or bool(asked)

    def values(self, name: str) -> Sequence[str]:
        """Return what the form field `name` holds."""
        return self.args.get(name, [])

    def value(self, name: str) -> str:
        """Return what the form field `name` holds, where it holds one value."""
        return next(iter(self.values(name)), "")

    @property
    def presets(self) -> list[tuple[str, str]]:
        """The choices of the time field; another time that the address names is one more."""
        since = self.value("since")
        return [*PRESETS.items(), *([] if since in PRESETS else [(since, since)])]

    @property
    def fields(self) -> Sequence[str]:
        """The fields that an expression can name."""
        return list(self.WHERE)

    @property
    def sort_arg(self) -> str:
        """The order as the address names it, empty for the usual one."""
        return self.value("sort")

    @cached_property
    def facets(self) -> Mapping[str, Sequence[str]]:
        """Values that recent traces have, offered while typing."""
        return suggestions(self.engine, getattr(self.filter, "project", None))

    @cached_property
    def count_words(self) -> str:
        """How many rows match, and how many of them this page shows."""
        found = self.count()
        number = f"{found.number:,}" if found.exact else f"more than {found.number:,}"
        noun = self.NOUN if found.exact and found.number == 1 else f"{self.NOUN}s"
        shown = len(self.page.rows)
        return f"{number} {noun}" + (f", {shown} shown" if shown < found.number else "")

    @property
    def search_note(self) -> str:
        """How far payloads were looked through, where that is not to the end."""
        among = self.settled.among
        if among is None or among.is_whole:
            return ""
        return (
            f"Searched the payloads of the newest {among.searched:,} {self.NOUN}s that fit the "
            "other conditions; there are more. Narrow the time, or search for words as well."
        )

    # Exports

    def all_rows(self) -> Iterator[Any]:
        """Yield the rows of all pages, whichever this one is; ages count back from the first."""
        now = datetime.now(UTC)
        ages = {name: getattr(self.settled, name, None) for name in ("since", "until")}
        moments = {name: now - age for name, age in ages.items() if isinstance(age, timedelta)}
        filter = replace(self.settled, after=None, before=None, limit=LARGEST_PAGE, **moments)
        while True:
            page = replace(self, filter=filter).page
            yield from page.rows
            if page.next is None:
                return
            filter = replace(filter, after=page.next)

    def export(self, form: str) -> Response:
        """Return the rows of all pages as a file."""
        return exports.export(form, f"{self.NOUN}s", self.EXPORTED, self.all_rows())

    @property
    def exports(self) -> list[tuple[str, str]]:
        """The kinds of files that there are, each with its address."""
        first = replace(self.filter, after=None, before=None, limit=USUAL_PAGE)
        plain = replace(self, filter=first, own_columns=())
        files = [
            (form, plain._address(first, "export", form=form))  # noqa: SLF001  # one of us
            for form in exports.forms()
        ]
        whole = plain.json_address
        return [*files, ("json", f"{whole}{'&' if '?' in whole else '?'}limit=all")]

    # Addresses

    def _address(self, filter: ListFilter, view: str = "index", **place: Any) -> str:
        pairs = [(name, value) for name, values in filter.to_args().items() for value in values]
        pairs += self.own_pairs
        endpoint = url_for(f"{self.NOUN}s.{view}", **place)
        return endpoint + ("?" + urlencode(pairs, safe=",:") if pairs else "")

    @property
    def own_pairs(self) -> list[tuple[str, str]]:
        """What the address of this page says besides the filter."""
        return [("columns", self.columns_arg)] if self.own_columns else []

    @property
    def columns_arg(self) -> str:
        """The columns as the address names them, empty for the usual ones."""
        return ",".join(map(column_choice.spelled, self.own_columns))

    @property
    def filter_fields(self) -> Sequence[tuple[str, str]]:
        """What a form sends along to keep the filter and the order."""
        return [
            (name, value)
            for name, values in self.args.items()
            if name not in ("after", "before")
            for value in values
        ]

    @property
    def address(self) -> str:
        """The address of this page, without what asks for nothing."""
        return self._address(self.filter)

    @property
    def json_address(self) -> str:
        """The address of the same rows as data."""
        return self._address(self.filter, "index_json")

    @cached_property
    def whole(self) -> str:
        """The address of the list without any filter."""
        return url_for(f"{self.NOUN}s.index")

    @property
    def usual_columns(self) -> str:
        """The address of the same rows with the usual columns."""
        return replace(self, own_columns=()).address

    def sorted_by(self, column: Column) -> str:
        """Return the address of the list in another order; the present one is turned round."""
        # Texts start with A, numbers and times with the largest.
        down = column.is_number or column.sort == "start"
        if column.sort == self.filter.sort:
            down = not self.filter.descending
        order = replace(self.filter, after=None, before=None)
        return self._address(replace(order, sort=column.sort or "start", descending=down))

    @cached_property
    def older(self) -> str | None:
        """The address of the next page."""
        after = self.page.next
        return after and self._address(replace(self.filter, after=after, before=None))

    @cached_property
    def newer(self) -> str | None:
        """The address of the page before."""
        before = self.page.previous
        return before and self._address(replace(self.filter, after=None, before=before))

    @property
    def _is_newest_first(self) -> bool:
        return (self.filter.sort, self.filter.descending) == ("start", True)

    @property
    def older_label(self) -> str:
        """What the link to the next page says."""
        return "Older" if self._is_newest_first else "Next"

    @property
    def newer_label(self) -> str:
        """What the link to the page before says."""
        return "Newer" if self._is_newest_first else "Previous"

    @cached_property
    def _trace_base(self) -> str:
        return url_for("trace.show", trace_id="0").removesuffix("0")

    def only(self, name: str, value: str) -> str:
        """Return the address of the list of all rows with one value in common."""
        return f"{self.whole}?{name}={quote(value, safe='')}"

    def to_data(self) -> dict[str, object]:
        """Return the page as data for its JSON address."""
        found = self.count()
        return {
            f"{self.NOUN}s": list(self.page.rows),
            "count": {"number": found.number, "exact": found.exact},
            "searched": self.settled.among
            and {"number": self.settled.among.searched, "whole": self.settled.among.is_whole},
            "next": self.page.next,
            "previous": self.page.previous,
            "filter": self.args,
        }
