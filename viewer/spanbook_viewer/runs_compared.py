"""What the comparison of runs shows: their configs side by side, their metrics in one chart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask import url_for
from sqlalchemy import Engine
from werkzeug.datastructures import MultiDict

from spanbook.errors import FilterError
from spanbook.reading import queries
from spanbook.reading.metric_history import metric_histories
from spanbook.reading.rows import RunRow
from spanbook.reading.run_filter import RunFilter
from spanbook.reading.run_pages import Range, leaves, list_ranges
from spanbook_viewer.curves import FAMILIES, Picture, pictures
from spanbook_viewer.run_columns import path_column

MOST = len(FAMILIES)
MOST_CHARTS = 40
_LETTERS = "ABCDEFGH"
_CIRCUMSTANCES = ("project", "host", "command", "python", "commit", "release", "environment")
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Setting:
    """A value of each run; None: it has none. `is_known` tells which have one."""

    label: str
    values: tuple[Any, ...]
    is_known: tuple[bool, ...]

    @property
    def differs(self) -> bool:
        """Whether not all runs have the same."""
        return not all(self.is_known) or any(value != self.values[0] for value in self.values)


class RunsCompared:
    """Some runs side by side."""

    def __init__(self, engine: Engine, args: MultiDict[str, str]) -> None:
        """Read the runs that an address asks for.

        Raises:
            FilterError: they are too many.
            UnknownRunError: the store does not hold one of them.
        """
        self._engine = engine
        self.ids = list(dict.fromkeys(text.strip() for text in args.getlist("run") if text.strip()))
        if len(self.ids) > MOST:
            raise FilterError(f"{len(self.ids)} runs are too many to compare; choose up to {MOST}.")
        self.runs = [queries.get_run(engine, run_id) for run_id in self.ids]

    @property
    def letters(self) -> list[tuple[str, str, RunRow]]:
        """The runs with their letters and the families of their colours."""
        return list(zip(_LETTERS, FAMILIES, self.runs, strict=False))

    @cached_property
    def config(self) -> list[Setting]:
        """The values of their configs, by their paths."""
        found = [dict(leaves(run.config, ("config",))) for run in self.runs]
        paths = dict.fromkeys(path for one in found for path in one)
        return [
            _setting(path_column(path).label, [one.get(path, _ABSENT) for one in found])
            for path in paths
        ]

    @cached_property
    def circumstances(self) -> list[Setting]:
        """Where and with what they ran: fields, then packages."""
        fields = [
            _setting(name, [getattr(run, name) for run in self.runs]) for name in _CIRCUMSTANCES
        ]
        packages = [dict(_package(text) for text in run.packages) for run in self.runs]
        names = sorted({name for one in packages for name in one})
        return [
            *fields,
            *(_setting(name, [one.get(name, _ABSENT) for one in packages]) for name in names),
        ]

    @cached_property
    def metric_names(self) -> list[str]:
        """The names of all metrics."""
        return sorted({name for run in self.runs for name in run.metrics})

    @cached_property
    def ranges(self) -> Mapping[tuple[str, str], Range]:
        """Between which values each metric was, by the run's id and the name."""
        return list_ranges(self._engine, self.ids, self.metric_names)

    @cached_property
    def pictures(self) -> list[Picture]:
        """The metrics over steps, all runs in one chart."""
        drawn = sorted({name for _, name in self.ranges})[:MOST_CHARTS]
        histories = metric_histories(self._engine, self.ids, drawn)
        return pictures(histories, dict(zip(self.ids, _LETTERS, strict=False)))

    @property
    def candidates(self) -> Sequence[RunRow]:
        """Recent runs of the same name, to compare with."""
        name = self.runs[0].name if self.runs else None
        found = queries.list_runs(self._engine, RunFilter(name=name, limit=12)).rows
        return [run for run in found if run.run_id not in self.ids]

    def with_run(self, run_id: str) -> str:
        """Return the address of the same comparison with one run more."""
        return url_for("runs.compare", run=[*self.ids, run_id])

    def to_data(self) -> dict[str, Any]:
        """Return the page as data."""
        return {
            "runs": self.runs,
            "config": {one.label: one.values for one in self.config if one.differs},
            "circumstances": {one.label: one.values for one in self.circumstances if one.differs},
            "metrics": {
                name: [
                    {"last": run.metrics.get(name), "range": self.ranges.get((run.run_id, name))}
                    for run in self.runs
                ]
                for name in self.metric_names
            },
        }


def _setting(label: str, values: Sequence[Any]) -> Setting:
    return Setting(
        label,
        tuple(None if value is _ABSENT else value for value in values),
        tuple(value is not _ABSENT for value in values),
    )


def _package(text: str) -> tuple[str, str]:
    name, _, version = text.partition("==")
    return name, version
