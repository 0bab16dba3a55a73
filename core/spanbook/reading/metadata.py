"""Metadata: values inside a JSON column, as each kind of database reaches them."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import JSON, ColumnElement, Float, Text, case, cast, func, type_coerce
from sqlalchemy.dialects import postgresql

from spanbook.errors import FilterError

Reach = Callable[[ColumnElement[Any], Sequence[str]], ColumnElement[Any]]


def text_at(column: ColumnElement[Any], keys: Sequence[str], dialect: str) -> ColumnElement[str]:
    """Return the value at a path of keys as text, what is no text as JSON; NULL: there is none.

    Keys with dots between them may also be one key. Raises `FilterError` for one with quotes.
    """
    return _either(_TEXTS[dialect], column, keys)


def number_at(
    column: ColumnElement[Any], keys: Sequence[str], dialect: str
) -> ColumnElement[float]:
    """Return the number at a path of keys; NULL: there is none, or something else."""
    return _either(_NUMBERS[dialect], column, keys)


def in_order(text: ColumnElement[str], dialect: str) -> ColumnElement[str]:
    """Return a text so that it is compared by its bytes, as columns are."""
    return text.collate("C") if dialect == "postgresql" else text


def can_reach(keys: Sequence[str]) -> bool:
    """Say whether every kind of database can look up what is at a path of keys."""
    return not any('"' in key or "\\" in key for key in keys)  # SQLite's paths cannot spell them


def _either(reach: Reach, column: ColumnElement[Any], keys: Sequence[str]) -> ColumnElement[Any]:
    if not can_reach(keys):
        named = ".".join(keys)
        raise FilterError(f"The key {named!r} cannot be looked up; keys have no quotes here.")
    if len(keys) == 1:
        return reach(column, keys)
    return func.coalesce(reach(column, keys), reach(column, [".".join(keys)]))


def _sqlite_text(column: ColumnElement[Any], keys: Sequence[str]) -> ColumnElement[Any]:
    path = _sqlite_path(keys)
    value = case(
        (func.json_type(column, path) == "text", column.op("->>")(path)),
        (func.json_type(column, path) != "null", column.op("->")(path)),
    )
    return type_coerce(value, Text())


def _sqlite_number(column: ColumnElement[Any], keys: Sequence[str]) -> ColumnElement[Any]:
    path = _sqlite_path(keys)
    is_number = func.json_type(column, path).in_(["integer", "real"])
    return type_coerce(case((is_number, column.op("->>")(path))), Float())


def _sqlite_path(keys: Sequence[str]) -> str:
    return "$" + "".join(f'."{key}"' for key in keys)


def _postgresql_text(column: ColumnElement[Any], keys: Sequence[str]) -> ColumnElement[Any]:
    return func.json_extract_path_text(cast(column, JSON), *keys, type_=Text())


def _postgresql_number(column: ColumnElement[Any], keys: Sequence[str]) -> ColumnElement[Any]:
    kind = func.json_typeof(func.json_extract_path(cast(column, JSON), *keys))
    number = cast(_postgresql_text(column, keys), postgresql.DOUBLE_PRECISION)
    return case((kind == "number", number))


_TEXTS: dict[str, Reach] = {"sqlite": _sqlite_text, "postgresql": _postgresql_text}
_NUMBERS: dict[str, Reach] = {"sqlite": _sqlite_number, "postgresql": _postgresql_number}
