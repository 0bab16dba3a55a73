"""Amounts as people type them: how long, how large."""

import re
from datetime import timedelta
from typing import Any

import click

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


class Age(click.ParamType[timedelta]):
    """A span of time such as 30d or 12h."""

    name = "age"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Return the span of time."""
        from spanbook.reading.arguments import read_duration

        try:
            return read_duration(str(value))
        except ValueError as error:
            self.fail(f"{value!r} is no age: it {error}.", param, ctx)


class Size(click.ParamType[int]):
    """Bytes, such as 500MB or 2GB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the bytes; k, M, G and T are powers of 1000."""
        match = _SIZE.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is no size; give bytes such as 500MB or 2GB.", param, ctx)
        return int(float(match[1]) * _UNITS[match[2].lower()])
