"""Progress: how much of each journal segment the store holds, kept with the rows themselves."""

from collections.abc import Iterable

from sqlalchemy import Connection

from spanbook.store.schema import segments
from spanbook.store.statements import Insert, replacing

_INSERT = Insert(segments, rule=replacing(segments, "name"))


def held(connection: Connection, segment: str) -> int:
    """Return how many bytes of `segment` the store holds."""
    found = connection.exec_driver_sql('SELECT "offset" FROM segments WHERE name = ?', (segment,))
    return found.scalar() or 0


def hold(connection: Connection, segment: str, end: int) -> None:
    """Note that the store holds `segment` up to byte `end`."""
    _INSERT.run(connection, [(segment, end)])


def forget(connection: Connection, names: Iterable[str]) -> None:
    """Drop the notes on segments that are gone."""
    for name in names:
        connection.exec_driver_sql("DELETE FROM segments WHERE name = ?", (name,))


def names(connection: Connection) -> list[str]:
    """Return the segments that the store has notes on."""
    return list(connection.exec_driver_sql("SELECT name FROM segments").scalars())
