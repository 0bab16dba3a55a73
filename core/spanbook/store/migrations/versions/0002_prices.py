"""What spans cost, by which price, and what does not add up."""

from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    text,
)

revision = "0002"
down_revision = "0001"

_pk = BigInteger().with_variant(Integer, "sqlite")
_WITH_USAGE = (
    *("end_ns", "kind", "name", "status", "model", "provider", "tier", "input_tokens"),
    *("output_tokens", "cache_read", "cost", "estimated", "counted", "unpriced", "anomaly"),
)
_USAGE = "input_tokens IS NOT NULL"
_INDEXES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("name", ("name", "start_ns"), ""),
    ("duration", ("kind", "end_ns - start_ns", "start_ns"), "end_ns IS NOT NULL"),
    ("model", ("model", "start_ns"), "model IS NOT NULL"),
    ("provider", ("provider", "start_ns"), "provider IS NOT NULL"),
    ("tier", ("tier", "start_ns"), "tier IS NOT NULL"),
    ("tokens", ("input_tokens + output_tokens", "start_ns", "kind"), _USAGE),
    ("input_tokens", ("input_tokens", "start_ns", "kind"), _USAGE),
    ("output_tokens", ("output_tokens", "start_ns", "kind"), _USAGE),
    ("cost", ("cost", "start_ns", "kind"), "cost IS NOT NULL"),
    ("usage", ("start_ns", *_WITH_USAGE), _USAGE),
    ("counted", ("start_ns", "counted"), "counted"),
    ("not_counted", ("start_ns", "counted"), "NOT counted"),
    ("estimated", ("start_ns", "estimated"), "estimated"),
    ("cached", ("start_ns", "cache_read"), "cache_read > 0"),
    ("status", ("status", "start_ns"), "status <> 'ok'"),
    ("unpriced", ("start_ns",), "unpriced IS NOT NULL"),
    ("anomaly", ("start_ns",), "anomaly IS NOT NULL"),
)
_ACCOUNT_KEY = ("dimension", "day", "value", "project", "provider", "model", "tier")
_ACCOUNT_SUMS = (
    "usage_count",
    "estimated_count",
    "unpriced_count",
    "anomaly_count",
    "cost_count",
    "reported_count",
    "computed_count",
    "input_tokens",
    "output_tokens",
    "cache_read",
    "cache_write",
    "audio_input",
    "image_input",
    "reasoning",
    "audio_output",
    "cost",
    "reported_cost",
    "computed_cost",
)
_VALUES = {
    "all": "''",
    "session": "COALESCE(t.session, '')",
    "user": "COALESCE(t.\"user\", '')",
    "tag": "COALESCE(g.tag, '')",
}
_DAY = "s.start_ns / 86400000000000"


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
    for name, columns, condition in _INDEXES:
        where: dict[str, Any] = {
            f"{dialect}_where": text(condition) for dialect in ("sqlite", "postgresql") if condition
        }
        expressions = [text(column) if " " in column else column for column in columns]
        op.create_index(f"spans_{name}", "spans", expressions, unique=False, **where)
    op.execute(
        "UPDATE spans SET unpriced = 'not priced yet' "
        "WHERE counted AND input_tokens IS NOT NULL AND cost IS NULL"
    )
    op.create_table(
        "accounts",
        *(Column(name, Text(), nullable=False) for name in _ACCOUNT_KEY[:1]),
        Column("day", Integer(), nullable=False),
        *(Column(name, Text(), nullable=False) for name in _ACCOUNT_KEY[2:]),
        *(Column(name, BigInteger(), nullable=False) for name in _ACCOUNT_SUMS),
        PrimaryKeyConstraint(*_ACCOUNT_KEY),
        sqlite_with_rowid=False,
    )
    for dimension, value in _VALUES.items():
        op.execute(_account(dimension, value))


def _account(dimension: str, value: str) -> str:
    """Return the statement that sums up the spans stored so far, none of which has a price."""
    known = {
        "usage_count": "COUNT(*)",
        "estimated_count": "SUM(CASE WHEN s.estimated THEN 1 ELSE 0 END)",
        "unpriced_count": "SUM(CASE WHEN s.unpriced IS NOT NULL THEN 1 ELSE 0 END)",
        **{name: f"SUM(COALESCE(s.{name}, 0))" for name in _ACCOUNT_SUMS[7:15]},
    }
    sums = ", ".join(known.get(name, "0") for name in _ACCOUNT_SUMS)
    place = f"{_DAY}, {value}, t.project, COALESCE(s.provider, ''), COALESCE(s.model, '')"
    return (
        f"INSERT INTO accounts ({', '.join((*_ACCOUNT_KEY, *_ACCOUNT_SUMS))}) "  # noqa: S608
        f"SELECT '{dimension}', {place}, '', {sums} FROM spans s "
        "JOIN traces t ON t.pk = s.trace_pk LEFT JOIN trace_tags g "
        f"ON g.trace_pk = t.pk AND '{dimension}' = 'tag' WHERE s.counted GROUP BY {place}"
    )
