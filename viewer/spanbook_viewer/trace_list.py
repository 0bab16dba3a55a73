"""What the table of traces shows: one page of rows, its count, and the addresses around it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import quote, urlencode

from flask import url_for
from sqlalchemy import Engine
from werkzeug.datastructures import MultiDict

from spanbook.reading import queries
from spanbook.reading.filters import TraceFilter
from spanbook.reading.rows import TracePage, TraceRow
from spanbook.spans import Status
from spanbook_viewer import columns
from spanbook_viewer.columns import Column
from spanbook_viewer.suggestions import suggestions

OWN_ARGUMENTS = ("columns", "part")
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
_PLAIN_FIELDS = frozenset({"q", "status", "name", "since", "has_error", "sort", "after", "before"})


@dataclass
class TraceList:
    """One page of the table, for one address."""

    engine: Engine
    filter: TraceFilter
    own_columns: tuple[str, ...] = ()

    @classmethod
    def from_args(cls, engine: Engine, args: MultiDict[str, str]) -> "TraceList":
        """Return the list that the arguments of an address ask for.

        Raises:
            FilterError: an unknown field or column, or a value that does not fit.
        """
        asked = TraceFilter.from_args(args, ignore=OWN_ARGUMENTS)
        chosen = columns.chosen(args.getlist("columns"))
        own = () if chosen == columns.USUAL else tuple(column.key for column in chosen)
        return cls(engine, asked, own)

    @cached_property
    def page(self) -> TracePage:
        """The rows and where the neighbouring pages begin."""
        return queries.list_traces(self.engine, self.filter)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns shown."""
        return columns.chosen(list(self.own_columns))

    @property
    def has_own_columns(self) -> bool:
        """Whether the address names the columns, so that none gives way on a narrow screen."""
        return bool(self.own_columns)

    @property
    def is_live(self) -> bool:
        """Whether a row shown is still running, or the first one is awaited."""
        return self.is_empty or any(row.status == Status.RUNNING for row in self.page.rows)

    @property
    def is_empty(self) -> bool:
        """Whether the store holds no trace at all."""
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
        return not preset or self.has_own_columns or bool(self.args.keys() - _PLAIN_FIELDS)

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
    def sort_arg(self) -> str:
        """The order as the address names it, empty for the usual one."""
        return self.value("sort")

    @cached_property
    def facets(self) -> Mapping[str, Sequence[str]]:
        """Values that recent traces have, offered while typing."""
        return suggestions(self.engine, self.filter.project)

    @cached_property
    def count_words(self) -> str:
        """How many traces match, and how many of them this page shows."""
        found = queries.count_traces(self.engine, self.filter, cap=COUNTED)
        number = f"{found.number:,}" if found.exact else f"more than {found.number:,}"
        noun = "trace" if found.exact and found.number == 1 else "traces"
        shown = len(self.page.rows)
        return f"{number} {noun}" + (f", {shown} shown" if shown < found.number else "")

    def _address(self, filter: TraceFilter, endpoint: str = "traces.index") -> str:
        pairs = [(name, value) for name, values in filter.to_args().items() for value in values]
        pairs += [("columns", ",".join(self.own_columns))] if self.own_columns else []
        return url_for(endpoint) + ("?" + urlencode(pairs, safe=",:") if pairs else "")

    @property
    def address(self) -> str:
        """The address of this page, without what asks for nothing."""
        return self._address(self.filter)

    @property
    def json_address(self) -> str:
        """The address of the same rows as data."""
        return self._address(self.filter, "traces.index_json")

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
    def _listing(self) -> str:
        context = {
            name: values
            for name, values in self.args.items()
            if name not in ("after", "before", "limit")
        }
        return "?" + urlencode(context, doseq=True, safe=",:") if context else ""

    @cached_property
    def _trace_base(self) -> str:
        return url_for("trace.show", trace_id="0").removesuffix("0")

    def trace_address(self, trace_id: str) -> str:
        """Return the address of a trace's page, which remembers this list for its neighbours."""
        return f"{self._trace_base}{trace_id}{self._listing}"

    @cached_property
    def _index(self) -> str:
        return url_for("traces.index")

    def only(self, name: str, value: str) -> str:
        """Return the address of the list of all traces with one value in common."""
        return f"{self._index}?{name}={quote(value, safe='')}"

    def to_data(self) -> dict[str, object]:
        """Return the page as data for its JSON address."""
        found = queries.count_traces(self.engine, self.filter, cap=COUNTED)
        return {
            "traces": list[TraceRow](self.page.rows),
            "count": {"number": found.number, "exact": found.exact},
            "next": self.older and self.page.next,
            "previous": self.newer and self.page.previous,
            "filter": self.args,
        }
