"""Quotes: texts that a segment holds once, put back into the records that refer to them."""

from pathlib import Path
from typing import Any, cast

from spanbook.segments import read_quoted

_MARK = b'{"$":"quote","at":'  # as no text contains it: there, quotation marks are escaped
_LOST = {"$": "text"}


class Quotes:
    """The texts of one segment by the byte at which they stand.

    Those of the lines at hand are added; any other is read from the segment's file, `path`. `lost`
    counts those that are not to be had.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.lost = 0
        self._path = path
        self._texts: dict[int, str | None] = {}

    def add(self, at: int, text: str) -> None:
        """Keep a text of the lines at hand."""
        self._texts[at] = text

    def fill(self, record: dict[str, Any], line: bytes) -> None:
        """Put the texts that `line` quotes into its record."""
        if _MARK in line:
            for field in ("input", "output"):
                if field in record:
                    record[field] = self._filled(record[field])

    def _filled(self, value: Any) -> Any:
        if value.__class__ is dict:
            entries = cast("dict[str, Any]", value)
            if entries.get("$") == "quote":
                return self._text(entries.get("at"))
            for key, item in entries.items():
                if item.__class__ is dict or item.__class__ is list:
                    entries[key] = self._filled(item)
        elif value.__class__ is list:
            items = cast("list[Any]", value)
            for index, item in enumerate(items):
                if item.__class__ is dict or item.__class__ is list:
                    items[index] = self._filled(item)
        return value

    def _text(self, at: Any) -> Any:
        text = None
        if at.__class__ is int:
            if at not in self._texts:
                self._texts[at] = None if self._path is None else read_quoted(self._path, at)
            text = self._texts[at]
        if text is None:
            self.lost += 1
            return dict(_LOST)
        return text
