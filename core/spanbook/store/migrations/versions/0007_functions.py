"""Functions: what observed functions are made of, and which version a span is a call of."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text, text

revision = "0007"
down_revision = "0006"

_pk = BigInteger().with_variant(Integer, "sqlite")
_known = text("version_pk IS NOT NULL")


def upgrade() -> None:
    """Add the tables, and to each span the number of its version."""
    op.create_table(
        "functions",
        Column("hash", Text(), primary_key=True),
        Column("name", Text(), nullable=False),
        Column("unknown", Text(), nullable=False),
        Column("body", Text(), nullable=False),
        Column("first_ns", BigInteger(), nullable=False),
    )
    op.create_table(
        "versions",
        Column("pk", _pk, primary_key=True),
        Column("project", Text(), nullable=False),
        Column("hash", Text(), nullable=False),
        Column("first_ns", BigInteger(), nullable=False),
        Column("message", Text()),
    )
    op.create_index("versions_hash", "versions", ["project", "hash"], unique=True)
    op.add_column("spans", Column("version_pk", _pk))
    op.create_index(
        "spans_version",
        "spans",
        ["version_pk", "start_ns", "end_ns", "status", "trace_pk"],
        unique=False,
        sqlite_where=_known,
        postgresql_where=_known,
    )
