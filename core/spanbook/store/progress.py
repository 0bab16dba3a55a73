"""Progress: how much of each journal segment the store holds, kept with the rows themselves."""

import hashlib
import socket
from pathlib import Path

from sqlalchemy import Connection

from spanbook.addresses import journal_directory, sqlite_path, store_url
from spanbook.store.schema import segments
from spanbook.store.statements import REPLACE, Insert, Statement

_INSERT = Insert(segments, rule=REPLACE)
_HELD = Statement('SELECT "offset" FROM segments WHERE name = ?')
_NAMES = Statement("SELECT name FROM segments")
_FORGET = Statement("DELETE FROM segments WHERE name = ?")


class Progress:
    """The notes on the segments of one journal.

    Several machines, each with a journal of its own, may fill one store: each one's notes have a
    mark in front of the segment's name. The journal beside a file needs none.
    """

    def __init__(self, url: str, directory: Path) -> None:
        self._mark = _mark(store_url(url), directory)

    def held(self, connection: Connection, segment: str) -> int:
        """Return how many bytes of `segment` the store holds."""
        return _HELD.run(connection, self._mark + segment).scalar() or 0

    def hold(self, connection: Connection, segment: str, end: int) -> None:
        """Note that the store holds `segment` up to byte `end`."""
        _INSERT.run(connection, [(self._mark + segment, end)])

    def all(self, connection: Connection) -> dict[str, int]:
        """Return how many bytes of each segment the store holds."""
        rows = connection.execute(segments.select()).all()
        return {row[0].removeprefix(self._mark): row[1] for row in rows if self._is_mine(row[0])}

    def forget_gone(self, connection: Connection, directory: Path) -> None:
        """Drop the notes on segments whose files are gone."""
        for name in list(_NAMES.run(connection).scalars()):
            segment = name.removeprefix(self._mark)
            if self._is_mine(name) and not (directory / segment).exists():
                _FORGET.run(connection, name)

    def _is_mine(self, name: str) -> bool:
        return name.startswith(self._mark) and "/" not in name.removeprefix(self._mark)


def _mark(url: str, directory: Path) -> str:
    if sqlite_path(url) is not None and directory == journal_directory(url):
        return ""
    place = f"{socket.gethostname()}:{directory.absolute()}"
    return f"{hashlib.sha256(place.encode()).hexdigest()[:12]}/"
