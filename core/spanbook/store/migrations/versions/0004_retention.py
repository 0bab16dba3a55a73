"""How long traces are kept."""

from alembic import op
from sqlalchemy import BigInteger, Column, Text

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the rules of retention; there are none yet."""
    op.create_table(
        "retention",
        Column("project", Text(), primary_key=True),
        Column("age_ns", BigInteger()),
        Column("traces", BigInteger()),
        Column("bytes", BigInteger()),
        Column("applied_ns", BigInteger(), nullable=False),
    )
