"""Health: what a store could not keep."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, func, select

from spanbook.moments import moment
from spanbook.store.schema import health


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """What was lost or went wrong over all programs that wrote to the store.

    `note` is the last trouble in words, `at` when it was reported.
    """

    dropped: int
    errors: int
    corrupt: int
    note: str | None
    at: datetime | None

    @property
    def is_whole(self) -> bool:
        """Whether nothing was lost."""
        return not (self.dropped or self.errors or self.corrupt)


def store_health(engine: Engine) -> StoreHealth:
    """Return what the store could not keep so far."""
    columns = (health.c.dropped, health.c.errors, health.c.corrupt)
    sums = select(*(func.coalesce(func.sum(column), 0) for column in columns))
    noted = health.c.note.is_not(None)
    last = select(health.c.note, health.c.at_ns).where(noted).order_by(health.c.at_ns.desc())
    with engine.connect() as connection:
        dropped, errors, corrupt = (int(number) for number in connection.execute(sums).one())
        found = connection.execute(last.limit(1)).first()
    note, at = (None, None) if found is None else (str(found[0]), moment(found[1]))
    return StoreHealth(dropped, errors, corrupt, note, at)
