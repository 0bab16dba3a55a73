"""The columns that the table of traces can show."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from spanbook.errors import FilterError
from spanbook.reading.rows import TraceRow
from spanbook_viewer.formats import UNKNOWN, count, duration, money, tokens


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its key in the address, its head, and the word that sorts by it, if any.

    `text` writes its cell; without one the template does. `drop` is the order in which default
    columns give way on narrow screens: 0 never does. `classes` are those of its cells.
    """

    key: str
    label: str
    sort: str | None = None
    text: Callable[[TraceRow], str] | None = None
    is_number: bool = False
    is_default: bool = True
    drop: int = 0
    classes: str = field(init=False)

    def __post_init__(self) -> None:
        """Name the classes once, not for each cell."""
        number = " number" if self.is_number else ""
        object.__setattr__(self, "classes", f"c-{self.key} drop-{self.drop}{number}")


def _number(key: str, label: str, sort: str | None, text: Callable[[TraceRow], str]) -> Column:
    return Column(key, label, sort, text, is_number=True)


def _extra(column: Column) -> Column:
    return replace(column, is_default=False)


COLUMNS = (
    Column("name", "Name", "name"),
    Column("status", "Status", "status"),
    Column("started", "Started, UTC", "start", drop=1),
    _number("duration", "Duration", "duration", lambda row: duration(row.duration)),
    replace(_number("in", "In", "tokens", lambda row: tokens(row.usage, "input")), drop=2),
    replace(_number("out", "Out", None, lambda row: tokens(row.usage, "output")), drop=2),
    replace(
        _number("cost", "Cost", "cost", lambda row: money(row.cost, row.unpriced_count)), drop=2
    ),
    Column("input", "Input", "input", lambda row: row.input or UNKNOWN, drop=3),
    Column("output", "Output", "output", lambda row: row.output or UNKNOWN, drop=3),
    Column("model", "Model", "model", lambda row: row.model or UNKNOWN, drop=4),
    Column("session", "Session", "session", drop=5),
    Column("user", "User", "user", drop=5),
    Column("tags", "Tags", "tags", drop=5),
    _extra(_number("tokens", "Tokens", "tokens", lambda row: tokens(row.usage))),
    _extra(_number("cached", "Cached", None, lambda row: tokens(row.usage, "cache_read"))),
    _extra(Column("error", "Error", "error", lambda row: row.error or UNKNOWN)),
    _extra(_number("errors", "Errors", "errors", lambda row: count(row.error_count))),
    _extra(_number("spans", "Spans", "spans", lambda row: count(row.span_count))),
    _extra(Column("kind", "Kind", "kind")),
    _extra(Column("project", "Project")),
    _extra(Column("release", "Release", "release")),
    _extra(Column("version", "Version", "version")),
    _extra(Column("environment", "Environment", "environment")),
)
USUAL = tuple(column for column in COLUMNS if column.is_default)
_BY_KEY = {column.key: column for column in COLUMNS}


def chosen(keys: list[str]) -> tuple[Column, ...]:
    """Return the columns that an address asks for, or the usual ones where it asks for none.

    Raises:
        FilterError: a column that does not exist.
    """
    names = list(dict.fromkeys(name for key in keys for name in key.split(",") if name))
    for name in names:
        if name not in _BY_KEY:
            known = ", ".join(_BY_KEY)
            raise FilterError(f"Unknown column {name!r}; choose from {known}.")
    if not names:
        return USUAL
    # The name is the link to the trace, so it is always there and always first.
    return tuple(_BY_KEY[name] for name in dict.fromkeys(["name", *names]))
