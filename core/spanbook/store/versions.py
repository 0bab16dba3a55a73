"""Versions of functions: what they are made of once, by its hash, and each project's numbers."""

from collections.abc import Sequence

from sqlalchemy import Connection, Engine, select, update

from spanbook.store.database import writing
from spanbook.store.records import Record
from spanbook.store.schema import functions, versions
from spanbook.store.statements import KEEP, Insert
from spanbook.store.wording import clean

_INSERT_FUNCTIONS = Insert(functions, rule=KEEP)
_INSERT = Insert(versions, ["project", "hash", "first_ns"], KEEP)


def write_functions(connection: Connection, told: Sequence[Record], at: int) -> None:
    """Store the functions of one batch, which the store may hold already."""
    rows = {
        record["hash"]: (
            record["hash"],
            clean(record["name"]) or "",
            clean(record["unknown"]) or "",
            record["body"],
            at,
        )
        for record in told
    }
    _INSERT_FUNCTIONS.run(connection, list(rows.values()))


class VersionNumbers:
    """The numbers that versions have in one store, for one transaction."""

    def __init__(self, connection: Connection, at: int) -> None:
        self._connection = connection
        self._at = at
        self._known: dict[tuple[str, str], int] = {}

    def of(self, project: str, hash: str) -> int:
        """Return the number of a version, which is stored if it is new."""
        found = self._known.get((project, hash))
        if found is None:
            found = self._known[project, hash] = self._find(project, hash)
        return found

    def _find(self, project: str, hash: str) -> int:
        wanted = select(versions.c.pk).where(versions.c.project == project, versions.c.hash == hash)
        found = self._connection.execute(wanted).scalar()
        if found is None:
            _INSERT.run(self._connection, [(project, hash, self._at)])
            found = self._connection.execute(wanted).scalar_one()
        return found


def set_message(engine: Engine, project: str, hash: str, message: str) -> None:
    """Keep what was written about a version."""
    mine = (versions.c.project == project, versions.c.hash == hash)
    with engine.connect() as connection, writing(connection):
        connection.execute(update(versions).where(*mine).values(message=clean(message)))
