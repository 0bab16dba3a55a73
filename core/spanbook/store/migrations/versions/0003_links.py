"""Links between spans."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, Text

revision = "0003"
down_revision = "0002"

_pk = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Add the table of links."""
    op.create_table(
        "links",
        Column("trace_pk", _pk, nullable=False),
        Column("span_id", Text(), nullable=False),
        Column("to_trace_id", Text(), nullable=False),
        Column("to_span_id", Text(), nullable=False),
        Column("name", Text(), nullable=False),
        PrimaryKeyConstraint("trace_pk", "span_id", "to_trace_id", "to_span_id", "name"),
        sqlite_with_rowid=False,
    )
    op.create_index("links_to", "links", ["to_trace_id", "to_span_id"], unique=False)
