"""Parameters of components as text."""

from typing import Any

import orjson

_ONE_LINE = 80  # characters of data that stands on one line


def parameter_text(value: Any) -> str:
    """Return a parameter as text."""
    if isinstance(value, str):
        return value
    short = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    if len(short) <= _ONE_LINE:
        return short.decode()
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode()
