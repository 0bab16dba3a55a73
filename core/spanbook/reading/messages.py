"""Messages about versions of functions, written by a model that the user plugs in."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine

from spanbook.functions.changes import Change, changes, summary
from spanbook.functions.content import FunctionVersion
from spanbook.reading.versions import VersionRow, get_version, list_versions
from spanbook.store.versions import set_message

MOST_CHARACTERS = 10_000


@dataclass(frozen=True, slots=True)
class VersionStep:
    """From one version of a function to the next: what a message is to be written about.

    `summary` is what Spanbook itself says of the `changes`.
    """

    row: VersionRow
    before: FunctionVersion
    after: FunctionVersion
    changes: tuple[Change, ...]

    @property
    def summary(self) -> str:
        """All changes on one line."""
        return summary(list(self.changes))


@dataclass(frozen=True, slots=True)
class Written:
    """How many messages were written, and how many failed, with the last reason."""

    written: int = 0
    failed: int = 0
    note: str = ""


def write_messages(engine: Engine, write: Callable[[VersionStep], str]) -> Written:
    """Have `write` write a message about each version that has none and is not the first."""
    known: dict[tuple[str, str, int], VersionRow] = {}
    for row in list_versions(engine):
        if row.number is not None:
            known[row.project, row.name, row.number] = row
    written = failed = 0
    note = ""
    for (project, name, number), row in sorted(known.items()):
        before = known.get((project, name, number - 1))
        if row.message is not None or before is None:
            continue
        old, new = get_version(engine, before.hash), get_version(engine, row.hash)
        step = VersionStep(row, old, new, tuple(changes(old, new)))
        try:
            message = write(step)
        except Exception as error:  # noqa: BLE001  # the user's: the next may do better
            failed, note = failed + 1, f"{type(error).__qualname__}: {error}"
            continue
        if type(message) is not str or not message.strip():
            failed, note = failed + 1, f"{type(message).__qualname__} is no text"
            continue
        set_message(engine, project, row.hash, message.strip()[:MOST_CHARACTERS])
        written += 1
    return Written(written, failed, note)
