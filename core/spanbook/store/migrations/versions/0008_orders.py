"""Indexes for the other orders of a list of traces."""

from typing import Any

from alembic import op
from sqlalchemy import text

revision = "0008"
down_revision = "0007"

_WORDS = ("release", "version", "environment")
_LONG = ("tags", "input", "output", "error")


def upgrade() -> None:
    """Add an index for each; of long texts it holds the beginning."""
    measures = ("duration_ns", "total_tokens", "cost")
    for name in _WORDS:
        _index(name, [name, "start_ns", "pk", *measures])
    for name in _LONG:
        _index(name, [text(f"substr({name}, 1, 32)"), "start_ns", "pk"])


def _index(name: str, columns: list[Any]) -> None:
    known = text(f"{name} IS NOT NULL")
    op.create_index(
        f"traces_{name}",
        "traces",
        columns,
        unique=False,
        sqlite_where=known,
        postgresql_where=known,
    )
