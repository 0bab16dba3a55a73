"""Paths: values inside recorded payloads, by their keys, and what a term says of one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import orjson

from spanbook.reading.terms import COMPARE, Operator, Term, number_of


def value_at(data: Any, keys: Sequence[str]) -> Any:
    """Return the value that `keys` lead to in plain data, None where there is none.

    Items of lists have numbers. Keys with dots between them may also be one key.
    """
    found = _walked(data, keys)
    if found is None and len(keys) > 1:
        return _walked(data, [".".join(keys)])
    return found


def _walked(data: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        match data:
            case dict():
                # The gate doubles the dollar of a key that begins with one.
                stored = "$" + key if key.startswith("$") else key
                data = cast("dict[str, Any]", data).get(stored)
            case list() if key.isascii() and key.isdigit():
                items = cast("list[Any]", data)
                data = items[int(key)] if len(key) < 9 and int(key) < len(items) else None
            case _:
                return None
    return data


def text_of(value: Any) -> str | None:
    """Return a value as text, what is no text as JSON; None stays None."""
    match value:
        case None | str():
            return value
        case _:
            return orjson.dumps(value).decode()


def holds(term: Term, data: Mapping[str, Any]) -> bool:
    """Say whether a term about a payload, `{"input": …, "attributes": …}`, holds."""
    value = value_at(data.get(term.field), term.keys)
    return _plain(term, value) is not term.is_negated


def _plain(term: Term, value: Any) -> bool:
    if term.operator is Operator.NULL or value is None:
        return term.operator is Operator.NULL and value is None
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return _TESTS.get(term.operator, _is_ordered)(term, value, is_number)


def _is_equal(term: Term, value: Any, is_number: bool) -> bool:
    return text_of(value) in term.values or (
        is_number and any(number_of(one) == value for one in term.values)
    )


def _does_contain(term: Term, value: Any, _: bool) -> bool:
    return term.values[0].casefold() in (text_of(value) or "").casefold()


def _is_ordered(term: Term, value: Any, is_number: bool) -> bool:
    return is_number and COMPARE[term.operator](value, term.values[0])


_TESTS: Mapping[Operator, Callable[[Term, Any, bool], bool]] = {
    Operator.EQUAL: _is_equal,
    Operator.CONTAINS: _does_contain,
}
