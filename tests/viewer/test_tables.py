"""Recorded tables: what is drawn as one, and what stays nested data."""

import pytest

from spanbook_viewer import samples, values
from spanbook_viewer.tables import table

MORE = {"$": "more", "count": 70}
ROW = {"name": "Books", "days": 30}


def texts(value) -> list[list[str]]:
    found = table(value)
    assert found
    return [found.columns, *([cell.text for cell in row] for row in found.rows)]


def test_records_with_the_same_fields_are_a_table():
    assert texts([ROW, {"days": 0.5, "name": None}]) == [
        ["name", "days"],
        ["Books", "30"],
        ["null", "0.5"],
    ]


@pytest.mark.parametrize(
    "value",
    [
        [],
        [ROW],
        [ROW, {"name": "Books"}],
        [ROW, {**ROW, "more": 1}],
        [ROW, {"name": ["nested"], "days": 1}],
        [ROW, {"name": "x" * 301, "days": 1}],
        [ROW, "text"],
        [{"only": 1}, {"only": 2}],
        [{str(place): 1 for place in range(13)}] * 2,
        [{"$": "cycle"}, {"$": "cycle"}],
        [{"$": "object", "type": "a"}] * 2,
        [ROW, MORE],
        [ROW, ROW, {"$": "more"}],
        [MORE],
        {"$": "table"},
        {"$": "table", "shape": [1, 2], "columns": ["a", "b"], "rows": [[1]]},
        {"$": "table", "shape": [0, 1], "columns": ["a"], "rows": []},
        {"$": "table", "shape": [1, 0], "columns": "ab", "rows": [[1]]},
        ROW,
        "text",
    ],
)
def test_anything_else_is_nested_data(value):
    assert table(value) is None


@pytest.mark.parametrize(
    ("value", "rows", "note"),
    [
        ([ROW] * 50, 50, ""),
        ([ROW] * 60, 50, "and 10 more rows"),
        ([ROW] * 60 + [MORE], 50, "and 80 more rows"),
        ([ROW, ROW, MORE], 2, "and 70 more rows"),
        (samples.PLACEHOLDERS["table"], 2, ""),
    ],
)
def test_a_long_table_says_how_much_is_left_out(value, rows, note):
    found = table(value)

    assert found
    assert (len(found.rows), found.note) == (rows, note)


def test_a_data_frame_is_a_table_of_what_was_recorded():
    columns: list[object] = [f"c{place}" for place in range(20)]
    value = {"$": "table", "shape": [1_000, 20], "columns": columns, "rows": [[1] * 20, MORE]}

    found = table(value)

    assert found
    assert len(found.columns) == 12
    assert found.note == "and 999 more rows, 8 more columns"


def test_only_columns_of_nothing_but_numbers_are_numeric():
    found = table([{"a": 1, "b": "1", "c": True, "d": None}, {"a": 2.5, "b": 2, "c": 1, "d": None}])

    assert found
    assert found.numeric == {0}


def test_a_table_stands_in_the_lines_of_a_value():
    steps = [line.step for line in values.lines({"rows": [ROW, ROW], "n": 2})]

    assert steps == ["open", "open", "table", "close", "leaf", "close"]
