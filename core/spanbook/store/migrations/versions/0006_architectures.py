"""Architectures: what traced objects are made of, and which one a trace has."""

from alembic import op
from sqlalchemy import BigInteger, Column, Text, text

revision = "0006"
down_revision = "0005"

_known = text("architecture IS NOT NULL")


def upgrade() -> None:
    """Add the table, and to each trace the hash of its architecture."""
    op.create_table(
        "architectures",
        Column("hash", Text(), primary_key=True),
        Column("name", Text(), nullable=False),
        Column("body", Text(), nullable=False),
        Column("first_ns", BigInteger(), nullable=False),
    )
    op.add_column("traces", Column("architecture", Text()))
    op.create_index(
        "traces_architecture",
        "traces",
        [
            *("architecture", "start_ns", "pk", "duration_ns", "total_tokens", "cost"),
            "status",
        ],
        unique=False,
        sqlite_where=_known,
        postgresql_where=_known,
    )
