"""Recorded tables: data frames, and lists of records that all have the same fields."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from spanbook_viewer import placeholders
from spanbook_viewer.formats import plural

ROWS = 50
COLUMNS = 12
CELL = 300  # characters


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a table; `is_null` where there is none."""

    text: str
    is_null: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells below the names of their columns.

    `numeric` are the places of columns that hold nothing but numbers, `note` says what is left out.
    """

    columns: list[str]
    rows: list[list[Cell]]
    numeric: frozenset[int]
    note: str = ""

    @property
    def size(self) -> int:
        """How many characters it has, markup aside."""
        return sum(len(cell.text) for row in self.rows for cell in row)


def table(value: Any) -> Table | None:
    """Return `value` as a table, or None where it is better drawn as nested data."""
    if placeholders.mark(value) == "table":
        return _of_frame(value)
    return _of_records(cast("list[Any]", value)) if isinstance(value, list) else None


def _of_frame(value: Mapping[str, Any]) -> Table | None:
    columns, rows = value.get("columns"), value.get("rows")
    if not isinstance(columns, list) or not isinstance(rows, list):
        return None
    names = [str(name) for name in cast("list[Any]", columns) if placeholders.mark(name) is None]
    lists = [cast("list[Any]", row) for row in cast("list[Any]", rows) if isinstance(row, list)]
    if not names or not lists or any(len(row) < len(names) for row in lists):
        return None
    height, width = _shape(value.get("shape"), len(lists), len(names))
    return _table(names, lists, height, width)


def _shape(shape: Any, *recorded: int) -> tuple[int, int]:
    match shape:
        case [int(height), int(width)]:
            return max(height, recorded[0]), max(width, recorded[1])
        case _:
            return recorded[0], recorded[1]


def _of_records(items: list[Any]) -> Table | None:
    more = placeholders.mark(items[-1]) == "more" if items else False
    missing: Any = items[-1].get("count") if more else 0
    records = items[:-1] if more else items
    if len(records) < 2 or not isinstance(missing, int) or not isinstance(records[0], dict):
        return None
    names = list(cast("dict[str, Any]", records[0]))
    if not 2 <= len(names) <= COLUMNS or not all(_is_flat(record, names) for record in records):
        return None
    rows = [[record[name] for name in names] for record in records[:ROWS]]
    shown = [name[1:] if name.startswith("$$") else name for name in names]
    return _table(shown, rows, len(records) + missing, len(names))


def _is_flat(record: Any, names: Sequence[str]) -> bool:
    if not isinstance(record, dict) or "$" in record:
        return False
    fields = cast("dict[str, Any]", record)
    return fields.keys() == set(names) and all(_is_short(value) for value in fields.values())


def _is_short(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= CELL
    return value is None or isinstance(value, (bool, int, float))


def _table(names: list[str], rows: list[list[Any]], height: int, width: int) -> Table:
    names = names[:COLUMNS]
    rows = [row[: len(names)] for row in rows[:ROWS]]
    left_out = [
        plural(number, f"more {word}")
        for number, word in ((height - len(rows), "row"), (width - len(names), "column"))
        if number > 0
    ]
    return Table(
        columns=[_brief(name) for name in names],
        rows=[[_cell(value) for value in row] for row in rows],
        numeric=frozenset(place for place in range(len(names)) if _are_numbers(rows, place)),
        note="and " + ", ".join(left_out) if left_out else "",
    )


def _are_numbers(rows: list[list[Any]], place: int) -> bool:
    values = [row[place] for row in rows if row[place] is not None]
    return bool(values) and all(type(value) in (int, float) for value in values)


def _cell(value: Any) -> Cell:
    if isinstance(value, str):
        return Cell(_brief(value))
    if placeholders.mark(value):
        return Cell(placeholders.words(value))
    return Cell(_brief(json.dumps(value, ensure_ascii=False)), is_null=value is None)


def _brief(text: str) -> str:
    return text if len(text) <= CELL else text[:CELL] + "…"
