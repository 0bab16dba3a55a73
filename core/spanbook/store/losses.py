"""Losses: what could not be kept of a run, for the viewer to show."""

from dataclasses import dataclass

from sqlalchemy import Connection

from spanbook.store.statements import Statement
from spanbook.store.wording import clean

_SAVE = Statement(
    "INSERT INTO health (run_id, at_ns, dropped, errors, corrupt, note) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (run_id) DO UPDATE SET at_ns = excluded.at_ns, "
    "dropped = CASE WHEN health.dropped > excluded.dropped THEN health.dropped "
    "ELSE excluded.dropped END, "
    "errors = CASE WHEN health.errors > excluded.errors THEN health.errors "
    "ELSE excluded.errors END, "
    "corrupt = health.corrupt + excluded.corrupt, note = coalesce(excluded.note, health.note)",
    clickhousedb="INSERT INTO health (run_id, at_ns, dropped, errors, corrupt, note) "
    "WITH ? AS id, (SELECT (max(dropped), max(errors), max(corrupt), any(note)) FROM health "
    "WHERE run_id = id) AS known SELECT id, ?, greatest(known.1, ?), greatest(known.2, ?), "
    "known.3 + ?, coalesce(?, known.4)",
)


@dataclass(frozen=True, slots=True)
class Losses:
    """What a process lost so far (`dropped`, `errors`), and what is newly found unreadable."""

    dropped: int = 0
    errors: int = 0
    corrupt: int = 0
    note: str = ""

    def __bool__(self) -> bool:
        return bool(self.dropped or self.errors or self.corrupt)


def save_losses(connection: Connection, run_id: str, losses: Losses, at: int) -> None:
    """Add `losses` to what is known of a run."""
    note = clean(losses.note, 500, 2_000)
    _SAVE.run(connection, run_id, at, losses.dropped, losses.errors, losses.corrupt, note)
