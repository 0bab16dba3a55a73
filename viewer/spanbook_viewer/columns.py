"""The columns that a table can show, and those of the table of traces.

Which of them an address asks for is read by `column_choice`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from markupsafe import Markup

from spanbook_viewer.formats import UNKNOWN, count, duration, tokens


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its key in the address, its head, and the word that sorts by it, if any.

    `text` writes its cell; without one the template does. `drop` is the order in which default
    columns give way on narrow screens: 0 never does. A column of a `path` shows what it leads to in
    metadata or payloads: the root, then keys. `width` is in pixels, if someone chose it.
    `classes` and `style` are those of its cells.
    """

    key: str
    label: str
    sort: str | None = None
    text: Callable[[Any], str] | None = None
    is_number: bool = False
    is_default: bool = True
    drop: int = 0
    path: tuple[str, ...] = ()
    width: int | None = None
    classes: str = field(init=False)
    style: Markup = field(init=False)

    def __post_init__(self) -> None:
        """Name the classes once, not for each cell."""
        number = " number" if self.is_number else ""
        sized = "" if self.width is None else " sized"
        name = "path" if self.path else self.key
        object.__setattr__(self, "classes", f"c-{name} drop-{self.drop}{number}{sized}")
        style = f' style="--w: {self.width}px"' if self.width else ""
        object.__setattr__(self, "style", Markup(style))  # noqa: S704  # a number alone


def number(key: str, label: str, sort: str | None, text: Callable[[Any], str]) -> Column:
    """Return a column of numbers."""
    return Column(key, label, sort, text, is_number=True)


def extra(column: Column) -> Column:
    """Return the column as one that is shown when asked for."""
    return replace(column, is_default=False)


def part_of(name: str) -> Callable[[Any], str]:
    """Return what writes a part of a row's usage."""
    return lambda row: tokens(row.usage, name)


COLUMNS = (
    Column("name", "Name", "name"),
    Column("status", "Status", "status"),
    Column("started", "Started, UTC", "start", drop=1),
    number("duration", "Duration", "duration", lambda row: duration(row.duration)),
    replace(number("in", "In", "tokens", lambda row: tokens(row.usage, "input")), drop=2),
    replace(number("out", "Out", None, lambda row: tokens(row.usage, "output")), drop=2),
    Column("cost", "Cost", "cost", is_number=True, drop=2),
    Column("input", "Input", "input", lambda row: row.input or UNKNOWN, drop=3),
    Column("output", "Output", "output", lambda row: row.output or UNKNOWN, drop=3),
    Column("model", "Model", "model", lambda row: row.model or UNKNOWN, drop=4),
    Column("session", "Session", "session", drop=5),
    Column("user", "User", "user", drop=5),
    Column("tags", "Tags", "tags", drop=5),
    extra(number("tokens", "Tokens", "tokens", lambda row: tokens(row.usage))),
    extra(number("cached", "Cached", None, lambda row: tokens(row.usage, "cache_read"))),
    extra(number("cache_write", "Cache written", None, part_of("cache_write"))),
    extra(number("reasoning", "Reasoning", None, part_of("reasoning"))),
    extra(number("audio_in", "Audio in", None, part_of("audio_input"))),
    extra(number("audio_out", "Audio out", None, part_of("audio_output"))),
    extra(number("unpriced", "Unpriced", None, lambda row: count(row.unpriced_count))),
    extra(number("anomalies", "Anomalies", None, lambda row: count(row.anomaly_count))),
    extra(Column("error", "Error", "error", lambda row: row.error or UNKNOWN)),
    extra(number("errors", "Errors", "errors", lambda row: count(row.error_count))),
    extra(number("spans", "Spans", "spans", lambda row: count(row.span_count))),
    extra(Column("kind", "Kind", "kind")),
    extra(Column("project", "Project")),
    extra(Column("release", "Release", "release")),
    extra(Column("version", "Version", "version")),
    extra(Column("environment", "Environment", "environment")),
    extra(Column("architecture", "Architecture")),
)


def usual(columns: tuple[Column, ...] = COLUMNS) -> tuple[Column, ...]:
    """Return those of `columns` that are shown where an address asks for none."""
    return tuple(column for column in columns if column.is_default)
