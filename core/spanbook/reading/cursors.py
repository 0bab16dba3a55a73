"""Cursors: a place in a sorted list, as text for an address."""

import base64
import binascii
from dataclasses import dataclass
from math import isfinite
from typing import Any

import orjson

from spanbook.errors import FilterError

_LARGEST = 2**63 - 1
_ADVICE = "Start again from the first page."


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place of one row in a list: what it is sorted by, then start, then row number.

    `value` is None for a row that lacks what the list is sorted by; these come last.
    """

    sort: str
    descending: bool
    value: float | str | None
    start_ns: int
    pk: int

    def encode(self) -> str:
        """Return the cursor as text that needs no quoting in an address."""
        return pack([self.sort, self.descending, self.value, self.start_ns, self.pk])

    @classmethod
    def decode(cls, text: str, sort: str, descending: bool) -> "Cursor":
        """Return the cursor that `encode` wrote, made for this order.

        Raises:
            FilterError: no cursor of ours, or one of a list in another order.
        """
        match unpack(text):
            case [str(by), bool(down), value, int(start_ns), int(pk)] if _fits(value, start_ns, pk):
                cursor = cls(by, down, value, start_ns, pk)
            case _:
                raise FilterError(f"The cursor {text[:40]!r} is not one of ours. {_ADVICE}")
        if (cursor.sort, cursor.descending) != (sort, descending):
            raise FilterError(f"The cursor belongs to a list in another order. {_ADVICE}")
        return cursor


def pack(value: Any) -> str:
    """Return JSON data as url-safe text."""
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")


def unpack(text: str) -> Any:
    """Return what `pack` wrote, or None where `text` is something else."""
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        return orjson.loads(raw)
    except (binascii.Error, ValueError):
        return None


def _fits(value: Any, *numbers: int) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        numbers = (*numbers, value)
    elif not (value is None or isinstance(value, str) or _is_finite(value)):
        return False
    return all(not isinstance(n, bool) and -_LARGEST <= n <= _LARGEST for n in numbers)


def _is_finite(value: Any) -> bool:
    return isinstance(value, float) and isfinite(value)
