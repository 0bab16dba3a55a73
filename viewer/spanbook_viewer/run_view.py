"""What the page of one run shows."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from flask import url_for
from sqlalchemy import Engine

from spanbook.reading import queries
from spanbook.reading.filters import TraceFilter
from spanbook.reading.metric_history import History, metric_histories
from spanbook.reading.rows import RunRow, TraceRow
from spanbook.reading.run_pages import Range, leaves, list_ranges
from spanbook_viewer.curves import Picture, pictures
from spanbook_viewer.run_columns import path_column

MOST_CHARTS = 40
MOST_TRACES = 20
MOST_VALUES = 1_000


class RunView:
    """One run."""

    def __init__(self, engine: Engine, run_id: str) -> None:
        """Read the run.

        Raises:
            UnknownRunError: the store does not hold it.
        """
        self._engine = engine
        self.run: RunRow = queries.get_run(engine, run_id)

    @property
    def title(self) -> str:
        """What the run is called."""
        return self.run.name or self.run.command or "(no name)"

    @cached_property
    def config(self) -> list[tuple[str, Any]]:
        """The values of its config by their paths."""
        found = leaves(self.run.config, ("config",))
        return [(path_column(path).label, value) for path, value in found]

    @cached_property
    def ranges(self) -> Mapping[str, Range]:
        """Between which values each metric was."""
        found = list_ranges(self._engine, [self.run.run_id], list(self.run.metrics))
        return {name: one for (_, name), one in found.items()}

    @cached_property
    def histories(self) -> list[History]:
        """How the metrics went, as far as there are charts of them."""
        drawn = sorted(self.ranges)[:MOST_CHARTS]
        return metric_histories(self._engine, [self.run.run_id], drawn)

    @cached_property
    def pictures(self) -> list[Picture]:
        """The charts."""
        return pictures(self.histories, {self.run.run_id: ""})

    @cached_property
    def traces(self) -> tuple[TraceRow, ...]:
        """Its newest traces."""
        filter = TraceFilter(run=self.run.run_id, limit=MOST_TRACES)
        return queries.list_traces(self._engine, filter).rows

    @property
    def alike(self) -> str:
        """The address of the runs of the same name."""
        return url_for("runs.index", name=self.run.name or "(none)")

    def to_data(self) -> dict[str, Any]:
        """Return the page as data, with the whole history of the metrics."""
        history: dict[str, list[Any]] = {}
        for one in queries.list_metrics(self._engine, self.run.run_id):
            history.setdefault(one.name, []).append(
                {"step": one.step, "at": one.at, "value": one.value}
            )
        return {"run": self.run, "history": history}
