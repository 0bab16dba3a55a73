"""What the table of runs shows, for one address."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

from flask import Response, url_for
from sqlalchemy import Engine
from werkzeug.datastructures import MultiDict

from spanbook.reading import run_pages
from spanbook.reading.metadata import can_reach
from spanbook.reading.paths import text_of
from spanbook.reading.rows import Count, RunRow
from spanbook.reading.run_filter import RunFilter
from spanbook.reading.run_groups import GROUPED_BY, RunGroup, group_runs, narrowed
from spanbook.reading.run_groups import written as written_value
from spanbook.reading.run_pages import Range, RunPage, Survey
from spanbook.reading.terms import RUN_FIELDS
from spanbook.spans import Status
from spanbook_viewer import exports
from spanbook_viewer.columns import Column, usual
from spanbook_viewer.export_fields import RUN_FIELDS as EXPORTED_FIELDS
from spanbook_viewer.export_fields import Field, Form
from spanbook_viewer.list_view import ListView
from spanbook_viewer.run_columns import (
    PATHS,
    RUN_COLUMNS,
    figure,
    has_value,
    path_column,
    usual_paths,
    value_of,
    value_text,
)

SHOWN_GROUPS = 200
OFFERED_KEYS = 100  # of each root, in the form of columns
SIZES = (10, 25, 50, 100)
_LINKED = 100  # characters of a value that narrows the list


@dataclass
class RunList(ListView[RunFilter]):
    """One page of the table of runs, or with `by` what groups of them come to."""

    by: str = field(default="", kw_only=True)

    FILTER = RunFilter
    COLUMNS = RUN_COLUMNS
    EXPORTED = EXPORTED_FIELDS
    PLAIN_FIELDS = frozenset({"where", "name", "status", "since", "project"})
    NOUN = "run"
    PATHS = PATHS
    WHERE = RUN_FIELDS

    @classmethod
    def from_args(cls, engine: Engine, args: MultiDict[str, str]) -> Self:
        """Return the list that the arguments of an address ask for.

        Raises:
            FilterError: an unknown field or column, or a value that does not fit.
        """
        rest = MultiDict([pair for pair in args.items(multi=True) if pair[0] != "by"])
        return replace(super().from_args(engine, rest), by=args.get("by", "").strip())

    @cached_property
    def settled(self) -> RunFilter:
        """The filter."""
        return self.filter

    @cached_property
    def page(self) -> RunPage:
        """The rows and where the neighbouring pages begin."""
        return run_pages.list_runs(self.engine, self.filter)

    def count(self) -> Count:
        """Return how many runs match."""
        return run_pages.count_runs(self.engine, self.filter)

    @cached_property
    def survey(self) -> Survey:
        """What recent runs have, for what the form offers."""
        return run_pages.survey(self.engine, self.filter.project)

    @cached_property
    def facets(self) -> Mapping[str, Sequence[str]]:
        """Values that recent runs have, offered while typing."""
        return {name: values[:50] for name, values in self.survey.values.items()}

    @property
    def is_live(self) -> bool:
        """Whether a row shown is still running, or the first one is awaited."""
        return self.is_empty or any(row.status == Status.RUNNING for row in self.page.rows)

    # Columns

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns shown; the usual ones go by what recent runs have."""
        return self.own_columns or (*usual(self.COLUMNS), *usual_paths(self.survey.keys))

    @property
    def other_columns(self) -> Sequence[Column]:
        """The columns that are not shown, those of the most frequent keys among them."""
        shown = {column.key for column in self.columns}
        found: list[Column] = []
        for root in PATHS.roots:
            paths = [key.path for key in self.survey.keys if key.path[0] == root]
            found += [path_column(path) for path in paths[:OFFERED_KEYS]]
        labelled = [replace(column, label=column.key) for column in found]
        return [column for column in (*self.COLUMNS, *labelled) if column.key not in shown]

    @property
    def known_paths(self) -> list[str]:
        """All paths that recent runs have, offered while typing."""
        return [path_column(key.path).key for key in self.survey.keys]

    @property
    def metric_columns(self) -> list[Column]:
        """The columns of metrics."""
        return [column for column in self.columns if column.path[:1] == ("metrics",)]

    @cached_property
    def _ranges(self) -> Mapping[tuple[str, str], Range]:
        names = [".".join(column.path[1:]) for column in self.metric_columns]
        ids = [row.run_id for row in self.page.rows]
        return run_pages.list_ranges(self.engine, ids, names)

    def path_text(self, row: RunRow, column: Column) -> str:
        """Return the value at the path of a column, as text."""
        return value_text(value_of(row, column.path))

    def path_title(self, row: RunRow, column: Column) -> str:
        """Return what the cell of a path has no room for: between which values a metric was."""
        value = value_of(row, column.path)
        if column.path[0] != "metrics":
            return "" if value is None else (text_of(value) or "")[:400]
        found = self._ranges.get((row.run_id, ".".join(column.path[1:])))
        exact = "" if value is None else f"last {text_of(value)}"[:400]
        if value is None and has_value(row, column.path):
            exact = "the last value is not a finite number"
        if found is None or found.least is None:
            return exact
        numbers = f"min {figure(found.least)}, max {figure(found.most)}"
        return f"{exact}; {numbers} of {found.count:,}"

    def with_value(self, row: RunRow, column: Column) -> str | None:
        """Return the address of those runs that have the same value; None: none can tell."""
        value = value_of(row, column.path)
        if isinstance(value, (dict, list)) or not can_reach(column.path):
            return None
        text = None if value is None else text_of(value)
        if text is not None and len(text) > _LINKED:
            return None
        whole = replace(self.filter, after=None, before=None)
        return self._address(narrowed(whole, column.path, text))

    # Groups

    @cached_property
    def groups(self) -> list[RunGroup]:
        """What the runs come to, by what they are grouped by."""
        metrics = [column.path for column in self.metric_columns if can_reach(column.path)]
        return group_runs(self.engine, self.filter, self.by, metrics)

    @property
    def by_label(self) -> str:
        """What runs are grouped by, as the head of its column says."""
        return self.by.partition(".")[2] or self.by

    @property
    def groupings(self) -> list[str]:
        """What runs can be grouped by."""
        paths = [key.path for key in self.survey.keys if key.path[0] == "config"]
        known = [*GROUPED_BY, *(path_column(path).key for path in paths[:OFFERED_KEYS])]
        return known if self.by in ("", *known) else [*known, self.by]

    def group_label(self, group: RunGroup) -> str:
        """Return what the runs of a group share."""
        return "(none)" if group.value is None else written_value(group.value)

    def group_address(self, group: RunGroup) -> str:
        """Return the address of the runs of a group."""
        return replace(self, by="", filter=group.filter).address

    def group_sorted(self, sort: str) -> str:
        """Return the address of the groups in another order; the present one is turned round."""
        down = not self.filter.descending if sort == self.filter.sort else True
        return self._address(replace(self.filter, sort=sort, descending=down))

    # Addresses and files

    @property
    def own_pairs(self) -> list[tuple[str, str]]:
        """What the address of this page says besides the filter."""
        return [*super().own_pairs, *([("by", self.by)] if self.by else [])]

    @property
    def sizes(self) -> list[tuple[int, str]]:
        """How many rows a page can have, with the addresses."""
        first = replace(self.filter, after=None, before=None)
        return [(size, self._address(replace(first, limit=size))) for size in SIZES]

    @property
    def exports(self) -> list[tuple[str, str]]:
        """The kinds of files that there are, each with its address; chosen columns go along."""
        first = replace(self.filter, after=None, before=None, limit=100)
        plain = replace(self, filter=first, by="")
        whole = replace(plain, own_columns=()).json_address
        files = [
            (form, plain._address(first, "export", form=form))  # noqa: SLF001  # one of us
            for form in exports.forms()
        ]
        return [*files, ("json", f"{whole}{'&' if '?' in whole else '?'}limit=all")]

    def export(self, form: str) -> Response:
        """Return the rows of all pages as a file, with the values of columns of paths."""
        fields = [*self.EXPORTED, *(_field(column) for column in self.columns if column.path)]
        return exports.export(form, "runs", fields, self.all_rows())

    @property
    def compare_address(self) -> str:
        """The address that chosen runs are sent to."""
        return url_for("runs.compare")

    def to_data(self) -> dict[str, Any]:
        """Return the page as data: its runs, or with `by` the groups."""
        if not self.by:
            return super().to_data()
        return {
            "groups": [
                {
                    **{name: getattr(group, name) for name in _GROUP_FIELDS},
                    "metrics": {
                        ".".join(path[1:]): summary for path, summary in group.metrics.items()
                    },
                    "runs": self.group_address(group),
                }
                for group in self.groups
            ],
            "by": self.by,
            "filter": self.args,
        }


_GROUP_FIELDS = (
    *("value", "run_count", "failed_count", "trace_count", "error_count", "total_tokens", "cost"),
)


def _field(column: Column) -> Field:
    def number(row: RunRow) -> float | None:
        value = value_of(row, column.path)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return float(value) if is_number else None

    if column.path[0] == "metrics":
        return Field(column.key, number, Form.REAL)
    return Field(column.key, lambda row: text_of(value_of(row, column.path)))
