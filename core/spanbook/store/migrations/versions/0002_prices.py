"""What spans cost, by which price, and what does not add up."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Text, UniqueConstraint, text

revision = "0002"
down_revision = "0001"

_pk = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Add prices and the columns that refer to them; what was stored before has no price yet."""
    op.create_table(
        "prices",
        Column("pk", _pk, primary_key=True),
        Column("hash", LargeBinary(), nullable=False),
        Column("provider", Text()),
        Column("model", Text(), nullable=False),
        Column("source", Text(), nullable=False),
        Column("start_ns", BigInteger()),
        Column("rates", Text(), nullable=False),
        UniqueConstraint("hash"),
    )
    op.create_table(
        "own_prices",
        Column("pk", _pk, primary_key=True),
        Column("provider", Text()),
        Column("model", Text(), nullable=False),
        Column("start_ns", BigInteger()),
        Column("rates", Text(), nullable=False),
        Column("added_ns", BigInteger(), nullable=False),
    )
    op.create_index("own_prices_model", "own_prices", ["model"], unique=False)
    count = Column("anomaly_count", Integer(), nullable=False, server_default=text("0"))
    op.add_column("traces", count)
    for name, kind in (
        ("reported_cost", BigInteger()),
        ("computed_cost", BigInteger()),
        ("price_pk", _pk),
        ("tier", Text()),
        ("unpriced", Text()),
        ("anomaly", Text()),
    ):
        op.add_column("spans", Column(name, kind))
    for name in ("unpriced", "anomaly"):
        condition = text(f"{name} IS NOT NULL")
        op.create_index(
            f"spans_{name}",
            "spans",
            ["start_ns"],
            unique=False,
            sqlite_where=condition,
            postgresql_where=condition,
        )
    op.execute(
        "UPDATE spans SET unpriced = 'not priced yet' "
        "WHERE counted AND input_tokens IS NOT NULL AND cost IS NULL"
    )
