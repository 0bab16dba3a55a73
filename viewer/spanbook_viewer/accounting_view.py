"""What the page of accounts shows: sums, and the addresses of the spans behind each of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from flask import url_for
from sqlalchemy import Engine
from werkzeug.datastructures import MultiDict

from spanbook.reading.accounting import Account, Accounting, AccountRow, AccountTable, accounting
from spanbook.reading.filters import SpanFilter
from spanbook_viewer.suggestions import suggestions

_DAY = timedelta(days=1)
_USUAL = "30d"
PRESETS = {
    "1d": "today",
    "7d": "7 days",
    "30d": "30 days",
    "90d": "90 days",
    "365d": "365 days",
    "36500d": "any time",
}
HEADINGS = {
    "model": "By model",
    "day": "By day, UTC",
    "project": "By project",
    "session": "By session",
    "user": "By user",
    "tag": "By tag",
    "provider": "By provider",
    "tier": "By tier",
}
NOTES = {
    "tag": "A call whose trace has two tags stands in both rows, so these rows may add up to more "
    "than the total.",
    "tier": "Calls without a tier were charged at the standard rates, or have no price.",
}


@dataclass
class AccountingView:
    """The accounts for one address."""

    engine: Engine
    filter: SpanFilter
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @classmethod
    def from_args(cls, engine: Engine, args: MultiDict[str, str]) -> "AccountingView":
        """Return the accounts that the arguments of an address ask for.

        Raises:
            FilterError: an unknown field, or a value that does not fit.
        """
        return cls(engine, SpanFilter.from_args(args))

    @cached_property
    def accounts(self) -> Accounting:
        """The sums."""
        return accounting(self.engine, whole_days(self.filter, self.now), now=self.now)

    @property
    def total(self) -> Account:
        """The sum over all calls."""
        return self.accounts.total

    @property
    def tables(self) -> list[tuple[str, str, str, AccountTable]]:
        """The key, the heading and the note of each table, and the table."""
        found = self.accounts.tables
        return [(key, HEADINGS[key], NOTES.get(key, ""), found[key]) for key in HEADINGS]

    @cached_property
    def args(self) -> dict[str, list[str]]:
        """The arguments of the page's own address."""
        return self.filter.to_args()

    def value(self, name: str) -> str:
        """Return what the form field `name` holds."""
        found = next(iter(self.args.get(name, [])), "")
        is_usual = name == "since" and not found and self.filter.until is None
        return _USUAL if is_usual else found

    @property
    def presets(self) -> list[tuple[str, str]]:
        """The choices of the field of times; another time that the address names is one more."""
        known = list(PRESETS.items())
        since = self.value("since")
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

    @property
    def address(self) -> str:
        """The address of this page, without what asks for nothing."""
        return url_for("accounting.index") + _query(self.filter)

    @property
    def json_address(self) -> str:
        """The address of the same sums as data."""
        return url_for("accounting.index_json") + _query(self.filter)

    def spans(self, row: AccountRow | None = None, **changes: Any) -> str:
        """Return the address of the spans behind a row, or behind all; `changes` are to the filter.

        `sort` puts the largest first.
        """
        filter = self.accounts.filter if row is None else row.filter
        if row is not None and row.filter.sort != "start":
            filter = replace(filter, sort="start", descending=True)
        return url_for("spans.index") + _query(replace(filter, **changes))

    def narrowed(self, key: str, row: AccountRow) -> str:
        """Return the address of the accounts of one row alone."""
        names = ("since", "until") if key == "day" else (key,)
        chosen = {name: getattr(row.filter, name) for name in names}
        return url_for("accounting.index") + _query(replace(self.filter, **chosen))

    def part(self, table: AccountTable, row: AccountRow) -> float:
        """Return how long the bar of a row is, in percent of the longest: by cost, else tokens."""
        measures = [_measure(one.account) for one in table.rows]
        by = 0 if any(cost for cost, _ in measures) else 1
        most = max(measure[by] for measure in measures)
        return 100 * _measure(row.account)[by] / most if most else 0.0

    def to_data(self) -> dict[str, Any]:
        """Return the page as data; `spans` are addresses of the spans behind a sum."""
        return {
            "filter": self.accounts.filter.to_args(),
            "total": {"account": self.total, "spans": self.spans()},
            "tables": {
                key: {
                    "count": table.total,
                    "rows": [
                        {"value": row.value, "account": row.account, "spans": self.spans(row)}
                        for row in table.rows
                    ],
                }
                for key, table in self.accounts.tables.items()
            },
        }


_FOLDED = {"provider", "tier", "session", "user", "tag", "release", "environment"}
_FIELDS = {"since", "until", "project", "model", *_FOLDED}


def whole_days(filter: SpanFilter, now: datetime) -> SpanFilter:
    """Return the filter with ages of days turned into the starts of as many days, today included.

    Without any time it asks for the last thirty.
    """
    since = filter.since
    if since is None and filter.until is None:
        since = timedelta(days=int(_USUAL[:-1]))
    if isinstance(since, timedelta) and since >= _DAY and since % _DAY == timedelta():
        since = datetime.combine(now.date(), time(), UTC) - (since - _DAY)
    return replace(filter, since=since)


def _measure(account: Account) -> tuple[float, float]:
    return float(account.cost or 0), float(account.usage.total)


def _query(filter: SpanFilter) -> str:
    pairs = [(name, value) for name, values in filter.to_args().items() for value in values]
    return "?" + urlencode(pairs, safe=",:") if pairs else ""
