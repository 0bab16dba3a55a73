"""What the page of statistics shows: numbers, charts, and the addresses of the spans behind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from flask import url_for
from sqlalchemy import Engine
from werkzeug.datastructures import MultiDict

from spanbook.reading.filters import SpanFilter
from spanbook.reading.measuring import KEYS
from spanbook.reading.statistics import Bucket, StatisticRow, Statistics, statistics
from spanbook_viewer.charts import Band, Chart, bands, charts
from spanbook_viewer.suggestions import suggestions

_USUAL = "7d"
PRESETS = {
    "1h": "1 hour",
    "1d": "1 day",
    "7d": "7 days",
    "30d": "30 days",
    "90d": "90 days",
    "36500d": "any time",
}
_FOLDED = {"provider", "session", "user", "tag", "release", "version", "environment", "kind"}
_FIELDS = {"since", "until", "project", "name", "model", *_FOLDED}


@dataclass
class StatisticsView:
    """The statistics for one address."""

    engine: Engine
    filter: SpanFilter
    by: str = "name"
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @classmethod
    def from_args(cls, engine: Engine, args: MultiDict[str, str]) -> "StatisticsView":
        """Return the statistics that the arguments of an address ask for.

        Raises:
            FilterError: an unknown field, or a value that does not fit.
        """
        return cls(engine, SpanFilter.from_args(args, ignore=("by",)), args.get("by") or "name")

    @cached_property
    def found(self) -> Statistics:
        """The numbers."""
        filter = self.filter
        if filter.since is None and filter.until is None:
            filter = replace(filter, since=timedelta(days=int(_USUAL[:-1])))
        if filter.since == timedelta(days=36500):
            filter = replace(filter, since=None)
        return statistics(self.engine, filter, self.by, now=self.now)

    @cached_property
    def charts(self) -> list[Chart]:
        """The pictures over time."""
        return charts(self.found.buckets)

    @cached_property
    def bands(self) -> list[Band]:
        """The classes of durations, with their places in the heat map."""
        return bands(self.found.buckets)

    @property
    def step(self) -> timedelta:
        """How long a column of a chart is."""
        first = self.found.buckets[0]
        return first.until - first.since

    @property
    def keys(self) -> list[tuple[str, str]]:
        """What spans can be grouped by, with the addresses."""
        return [(key, self._address(self.filter, by=key)) for key in KEYS]

    @cached_property
    def args(self) -> dict[str, list[str]]:
        """The arguments of the filter."""
        return self.filter.to_args()

    def values(self, name: str) -> Sequence[str]:
        """Return what the form field `name` holds."""
        return self.args.get(name, [])

    def value(self, name: str) -> str:
        """Return what the form field `name` holds, where it holds one value."""
        found = next(iter(self.values(name)), "")
        is_usual = name == "since" and not found and self.filter.until is None
        return _USUAL if is_usual else found

    @property
    def presets(self) -> list[tuple[str, str]]:
        """The choices of the field of times; another time that the address names is one more."""
        since = self.value("since")
        known = list(PRESETS.items())
        return known if since in PRESETS else [*known, (since, since or "the beginning")]

    @property
    def uses_more(self) -> bool:
        """Whether a filter from the folded part of the form is in use."""
        return bool(self.args.keys() & _FOLDED)

    @property
    def is_filtered(self) -> bool:
        """Whether anything but a time is asked for."""
        return bool(self.args.keys() - {"since", "until"})

    @property
    def others(self) -> list[tuple[str, str]]:
        """What the address asks for besides the fields of the form."""
        names = self.args.keys() - _FIELDS
        return [(name, value) for name in sorted(names) for value in self.args[name]]

    @cached_property
    def facets(self) -> Mapping[str, Sequence[str]]:
        """Values that recent traces have, offered while typing."""
        return suggestions(self.engine, self.filter.project)

    # Addresses

    def _address(self, filter: SpanFilter, view: str = "index", by: str = "") -> str:
        by = by or self.by
        pairs = [("by", by)] if by != "name" else []
        return url_for(f"statistics.{view}") + _query(filter, pairs)

    @property
    def address(self) -> str:
        """The address of this page, without what asks for nothing."""
        return self._address(self.filter)

    @property
    def json_address(self) -> str:
        """The address of the same numbers as data."""
        return self._address(self.filter, "index_json")

    def spans(self, row: StatisticRow | Bucket | None = None, **changes: Any) -> str:
        """Return the address of the spans behind a row, or behind all; `changes` are to it."""
        filter = self.found.filter if row is None else row.filter
        return url_for("spans.index") + _query(replace(filter, **changes))

    def during(self, bucket: Bucket) -> str:
        """Return the address of the statistics of one bucket alone."""
        return self._address(replace(self.filter, since=bucket.since, until=bucket.until))

    def narrowed(self, row: StatisticRow) -> str:
        """Return the address of the statistics of one row alone."""
        by = "name" if self.by in ("kind", "model", "provider") else self.by
        chosen = {self.by: getattr(row.filter, self.by)}
        return self._address(replace(self.filter, **chosen), by=by)

    def to_data(self) -> dict[str, Any]:
        """Return the page as data; `spans` are addresses of the spans behind the numbers."""
        found = self.found
        return {
            "filter": found.filter.to_args(),
            "by": found.by,
            "exact": found.is_exact,
            "total": {"statistic": found.total, "spans": self.spans()},
            "rows": [
                {"value": row.value, "statistic": row.statistic, "spans": self.spans(row)}
                for row in found.rows
            ],
            "row_count": found.row_count,
            "buckets": [
                {
                    "since": bucket.since,
                    "until": bucket.until,
                    "statistic": bucket.statistic,
                    "durations": bucket.cells,
                    "spans": self.spans(bucket),
                }
                for bucket in found.buckets
            ],
        }


def _query(filter: SpanFilter, pairs: list[tuple[str, str]] | None = None) -> str:
    asked = [(name, value) for name, values in filter.to_args().items() for value in values]
    asked += pairs or []
    return "?" + urlencode(asked, safe=",:") if asked else ""
