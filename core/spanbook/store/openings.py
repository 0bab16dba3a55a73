"""Openings: the process that each journal segment belongs to, told by its first record."""

from collections import OrderedDict
from pathlib import Path

from spanbook.segments import HEALTH_BYTES, read_lines
from spanbook.store.pace import at_once
from spanbook.store.records import Record, decode
from spanbook.store.texts import KnownTexts

_OPENING_BYTES = 65_536  # in which the first record ends
_MOST = 64  # segments remembered


class Openings:
    """The `process` records of segments in one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._known: OrderedDict[str, Record | None] = OrderedDict()

    def of(self, segment: str) -> Record | None:
        """Return the process record of a segment; None if it has none."""
        if segment not in self._known:
            self._known[segment] = _read(self.directory / segment)
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
        return self._known[segment]


def _read(path: Path) -> Record | None:
    try:
        lines, _ = read_lines(path, HEALTH_BYTES, _OPENING_BYTES)
    except OSError:
        return None
    found = decode(lines[:1], KnownTexts(), at_once).processes
    return found[0] if found else None
