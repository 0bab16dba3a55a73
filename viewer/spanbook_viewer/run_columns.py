"""The columns of the table of runs, and how values of config and metrics are written."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any, cast

from spanbook.reading.expressions import write_path
from spanbook.reading.metadata import can_reach
from spanbook.reading.paths import text_of
from spanbook.reading.rows import RunRow
from spanbook.reading.run_pages import RunKey
from spanbook.reading.terms import RUN_ROOTS
from spanbook_viewer import placeholders
from spanbook_viewer.column_choice import Paths
from spanbook_viewer.columns import Column, extra, number
from spanbook_viewer.formats import UNKNOWN, count, duration

_USUAL_METRICS, _USUAL_CONFIG = 3, 3

RUN_COLUMNS = (
    Column("name", "Name", "name"),
    Column("status", "Status", "status"),
    Column("started", "Started, UTC", "start", drop=2),
    replace(number("duration", "Duration", "duration", lambda row: duration(row.duration)), drop=1),
    Column("traces", "Traces", "traces", is_number=True),
    replace(Column("errors", "Failed", "errors", is_number=True), drop=2),
    replace(number("tokens", "Tokens", "tokens", lambda row: count(row.total_tokens)), drop=3),
    Column("cost", "Cost", "cost", is_number=True, drop=2),
    extra(Column("ended", "Ended, UTC", "end")),
    extra(Column("project", "Project", "project")),
    extra(Column("host", "Host", "host")),
    extra(Column("command", "Command", "command", lambda row: row.command or UNKNOWN)),
    extra(Column("python", "Python", "python", lambda row: row.python or UNKNOWN)),
    extra(Column("commit", "Commit", "commit")),
    extra(Column("release", "Release", "release")),
    extra(Column("environment", "Environment", "environment")),
    extra(Column("error", "Error", "error", lambda row: row.error or UNKNOWN)),
    extra(Column("run", "Run", None, lambda row: row.run_id)),
)


def path_column(path: tuple[str, ...], key: str = "") -> Column:
    """Return the column of a value in config or of a metric."""
    key = key or write_path(path)
    is_metric = path[0] == "metrics"
    label = ".".join(path[1:]) if can_reach(path) else key.partition(".")[2]
    sort = key if can_reach(path) else None
    return Column(
        key,
        label,
        sort,
        is_number=is_metric,
        is_default=False,
        drop=3 if is_metric else 4,
        path=path,
    )


PATHS = Paths(RUN_ROOTS, path_column)


def usual_paths(keys: Sequence[RunKey]) -> list[Column]:
    """Return the columns of what most runs log, then of what differs most in their configs."""
    metrics = [key.path for key in keys if key.path[0] == "metrics"]
    config = [key.path for key in keys if key.path[0] == "config" and key.differs]
    return [path_column(path) for path in (*metrics[:_USUAL_METRICS], *config[:_USUAL_CONFIG])]


def value_of(row: RunRow, path: Sequence[str]) -> Any:
    """Return the value at a path of a run, None where there is none.

    Keys with dots between them may also be one key.
    """
    root, *keys = path
    data: dict[str, Any] = getattr(row, root)
    found: Any = data
    for key in keys:
        found = cast("dict[str, Any]", found).get(key) if isinstance(found, dict) else None
    return data.get(".".join(keys)) if found is None else found


def has_value(row: RunRow, path: Sequence[str]) -> bool:
    """Say whether something was logged at a path, whether or not it is known."""
    root, *keys = path
    data: dict[str, Any] = getattr(row, root)
    return ".".join(keys) in data


def figure(value: float | None) -> str:
    """Return a number of any size in about four digits; – for one that is not known."""
    if value is None or not isfinite(value):
        return UNKNOWN
    if value == int(value) and abs(value) < 1e15:
        return f"{value:,.0f}".replace("-", "−")
    if 1e4 <= abs(value) < 1e15:
        return f"{value:,.0f}".replace("-", "−")
    if 1e-4 <= abs(value) < 1e4:
        text = f"{value:,.4g}"
    else:
        mantissa, _, exponent = f"{value:.3e}".partition("e")
        text = f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return text.replace("-", "−")


def value_text(value: Any) -> str:
    """Return a value of a config or a metric as a cell shows it."""
    match value:
        case None:
            return UNKNOWN
        case bool():
            return "true" if value else "false"
        case int() | float():
            return figure(value)
        case Mapping() if placeholders.mark(value):
            return placeholders.words(cast("Mapping[str, Any]", value))
        case _:
            return text_of(value) or '""'
