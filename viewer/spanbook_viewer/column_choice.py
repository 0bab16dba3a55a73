"""Which columns an address asks for: their order, their widths, paths among them.

`columns=name,status,cost:120,metadata.customer` is the whole of it. The form that chooses them
sends the ticked ones as `columns`, and beside them `place.cost=2` and `width.cost=120`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from werkzeug.datastructures import MultiDict

from spanbook.errors import ExpressionError, FilterError
from spanbook.reading.arguments import near
from spanbook.reading.expressions import read_path
from spanbook.reading.terms import ROOTS
from spanbook_viewer.columns import Column, usual

MOST = 60
LEAST_WIDTH, LARGEST_WIDTH = 40, 2_000  # pixels
_WORD = re.compile(r"""(?:[^,"]|"(?:[^"\\]|\\.)*"?)+""", re.DOTALL)  # commas in quotes end none
_SPELLED = re.compile(r"(.+?)(?::(\d{1,5}))?", re.DOTALL)
_FORM = ("place.", "width.")


def form_fields(args: MultiDict[str, str]) -> list[str]:
    """Return the names of the form's own fields."""
    return [name for name in args if name.startswith(_FORM)]


def plain_path(path: tuple[str, ...], key: str) -> Column:
    """Return the column of a path that rows are read for, under its key in the address."""
    return Column(key, key, path=path, is_default=False)


@dataclass(frozen=True, slots=True)
class Paths:
    """Which paths can be columns: what they begin with, and the column of one."""

    roots: Sequence[str] = ROOTS
    column: Callable[[tuple[str, ...], str], Column] = plain_path


def chosen(
    args: MultiDict[str, str], columns: tuple[Column, ...], paths: Paths
) -> tuple[Column, ...]:
    """Return the columns that an address asks for, or the usual ones where it asks for none.

    The first of `columns` links to the row's own page, so it is always there and always first.

    Raises:
        FilterError: a column that does not exist, or a width that cannot be.
    """
    words = [word.strip() for text in args.getlist("columns") for word in _WORD.findall(text)]
    found = {one.key: one for one in (_column(word, columns, paths) for word in words if word)}
    if len(found) > MOST:
        raise FilterError(f"columns names {len(found)} columns; {MOST} are the most.")
    if not found:
        return usual(columns)
    first = found.pop(columns[0].key, columns[0])
    rest = [
        _sized(one, args.get(f"width.{one.key}")) for one in _placed(list(found.values()), args)
    ]
    return (_sized(first, args.get(f"width.{first.key}")), *rest)


def spelled(column: Column) -> str:
    """Return a column as an address names it."""
    return column.key if column.width is None else f"{column.key}:{column.width}"


def _column(word: str, columns: Sequence[Column], paths: Paths) -> Column:
    match = _SPELLED.fullmatch(word)
    key, width = match.groups() if match else (word, None)
    known = {column.key: column for column in columns}
    if key in known:
        return _sized(known[key], width)
    root, dot, _ = key.partition(".")
    if root not in paths.roots or not dot:
        *most, last = paths.roots
        advice = f"Or a path below {', '.join(most)} or {last}."
        raise FilterError(f"Unknown column {key!r}. {near(key, list(known))} {advice}")
    try:
        path = read_path(key)
    except ExpressionError:
        raise FilterError(
            f"The column {key!r} is no path; write one as output.documents.0.id."
        ) from None
    return _sized(paths.column(path, key), width)


def _sized(column: Column, width: str | None) -> Column:
    """Return the column as wide as the address says; what it does not say stays."""
    if width is None:
        return column
    if not width.strip():
        return replace(column, width=None)
    if not re.fullmatch(r"\d{1,5}", width, re.ASCII) or not (
        LEAST_WIDTH <= int(width) <= LARGEST_WIDTH
    ):
        raise FilterError(
            f"The width of {column.key} is {width[:20]!r}; "
            f"give pixels from {LEAST_WIDTH} to {LARGEST_WIDTH}."
        )
    return replace(column, width=int(width))


def _placed(columns: list[Column], args: MultiDict[str, str]) -> list[Column]:
    """Return the columns where the form puts them; one that was given another place wins it."""

    def place(now: int) -> float:
        asked = args.get(f"place.{columns[now].key}", "")
        wanted = int(asked) if re.fullmatch(r"\d{1,4}", asked, re.ASCII) else now + 1
        was = now + 1
        return wanted + (0.5 if wanted > was else -0.5 if wanted < was else 0)

    return [columns[now] for now in sorted(range(len(columns)), key=place)]
