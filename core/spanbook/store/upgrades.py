"""Upgrades: run the migrations that an older store has not seen yet."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

_MIGRATIONS = Path(__file__).with_name("migrations")


def is_known(revision: str) -> bool:
    """Say whether a migration of this Spanbook leads to `revision`."""
    try:
        _scripts().get_revision(revision)
    except CommandError:
        return False
    return True


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the tables to `revision`, within the connection's transaction."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def newest() -> str | None:
    """Return the revision that the last migration leads to."""
    return _scripts().get_current_head()


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(_MIGRATIONS))
