"""Runs that programs begin themselves, and the history of their metrics."""

from alembic import op
from sqlalchemy import BigInteger, Column, Float, Integer, PrimaryKeyConstraint, Text

revision = "0005"
down_revision = "0004"

_pk = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Add what such runs have besides, and a way from a run to its traces."""
    op.add_column("runs", Column("process_pk", _pk))
    op.add_column("runs", Column("packages", Text()))
    op.add_column("runs", Column("error", Text()))
    op.create_table(
        "run_metrics",
        Column("run_pk", _pk, nullable=False),
        Column("name", Text(), nullable=False),
        Column("step", BigInteger(), nullable=False),
        Column("at_ns", BigInteger(), nullable=False),
        Column("value", Float()),
        PrimaryKeyConstraint("run_pk", "name", "step"),
        sqlite_with_rowid=False,
    )
    op.create_index("runs_process", "runs", ["process_pk"], unique=False)
    op.create_index("traces_run", "traces", ["run_pk"], unique=False)
