"""Progress: how much of each journal segment the store holds, kept with the rows themselves."""

from collections.abc import Iterable

from sqlalchemy import Connection

from spanbook.store.schema import segments
from spanbook.store.statements import REPLACE, Insert, Statement

_INSERT = Insert(segments, rule=REPLACE)
_HELD = Statement('SELECT "offset" FROM segments WHERE name = ?')
_NAMES = Statement("SELECT name FROM segments")
_FORGET = Statement("DELETE FROM segments WHERE name = ?")


def held(connection: Connection, segment: str) -> int:
    """Return how many bytes of `segment` the store holds."""
    return _HELD.run(connection, segment).scalar() or 0


def hold(connection: Connection, segment: str, end: int) -> None:
    """Note that the store holds `segment` up to byte `end`."""
    _INSERT.run(connection, [(segment, end)])


def forget(connection: Connection, names: Iterable[str]) -> None:
    """Drop the notes on segments that are gone."""
    for name in names:
        _FORGET.run(connection, name)


def names(connection: Connection) -> list[str]:
    """Return the segments that the store has notes on."""
    return list(_NAMES.run(connection).scalars())
