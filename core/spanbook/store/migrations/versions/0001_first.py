"""The first tables.

Generated from the tables of this revision; never changed afterwards.
"""

import sqlite3

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    text,
)

revision = "0001"
down_revision = None

_pk = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Create all tables and the full-text index."""
    op.create_table(
        "blob_uses",
        Column("hash", LargeBinary(), nullable=False),
        Column("trace_pk", _pk, nullable=False),
        PrimaryKeyConstraint("trace_pk", "hash"),
        sqlite_with_rowid=False,
    )
    op.create_index("blob_uses_hash", "blob_uses", ["hash"], unique=False)
    op.create_table(
        "blobs",
        Column("hash", LargeBinary(), nullable=False),
        Column("size", BigInteger(), nullable=False),
        Column("media_type", Text(), nullable=True),
        Column("body", LargeBinary(), nullable=False),
        PrimaryKeyConstraint("hash"),
    )
    op.create_table(
        "events",
        Column("pk", _pk, nullable=False),
        Column("trace_pk", _pk, nullable=False),
        Column("span_id", Text(), nullable=False),
        Column("at_ns", BigInteger(), nullable=False),
        Column("name", Text(), nullable=False),
        Column("data", LargeBinary(), nullable=True),
        PrimaryKeyConstraint("pk"),
    )
    op.create_index("events_span", "events", ["trace_pk", "span_id", "at_ns"], unique=False)
    op.create_table(
        "health",
        Column("run_id", Text(), nullable=False),
        Column("at_ns", BigInteger(), nullable=False),
        Column("dropped", BigInteger(), nullable=False),
        Column("errors", BigInteger(), nullable=False),
        Column("corrupt", BigInteger(), nullable=False),
        Column("note", Text(), nullable=True),
        PrimaryKeyConstraint("run_id"),
    )
    op.create_table(
        "payloads",
        Column("pk", _pk, nullable=False),
        Column("trace_pk", _pk, nullable=False),
        Column("body", LargeBinary(), nullable=False),
        PrimaryKeyConstraint("pk"),
    )
    op.create_index("payloads_trace", "payloads", ["trace_pk"], unique=False)
    op.create_table(
        "rollup_latency",
        Column("hour", Integer(), nullable=False),
        Column("series_pk", _pk, nullable=False),
        Column("bucket", Integer(), nullable=False),
        Column("count", BigInteger(), nullable=False),
        PrimaryKeyConstraint("hour", "series_pk", "bucket"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rollups",
        Column("hour", Integer(), nullable=False),
        Column("series_pk", _pk, nullable=False),
        Column("count", BigInteger(), nullable=False),
        Column("error_count", BigInteger(), nullable=False),
        Column("duration_ns", BigInteger(), nullable=False),
        Column("input_tokens", BigInteger(), nullable=False),
        Column("output_tokens", BigInteger(), nullable=False),
        Column("cost", BigInteger(), nullable=False),
        PrimaryKeyConstraint("hour", "series_pk"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "runs",
        Column("pk", _pk, nullable=False),
        Column("run_id", Text(), nullable=False),
        Column("project", Text(), nullable=False),
        Column("name", Text(), nullable=True),
        Column("host", Text(), nullable=True),
        Column("pid", Integer(), nullable=True),
        Column("command", Text(), nullable=True),
        Column("python", Text(), nullable=True),
        Column("commit", Text(), nullable=True),
        Column("release", Text(), nullable=True),
        Column("environment", Text(), nullable=True),
        Column("start_ns", BigInteger(), nullable=False),
        Column("end_ns", BigInteger(), nullable=True),
        Column("status", Text(), nullable=False),
        Column("config", Text(), nullable=True),
        Column("metrics", Text(), nullable=True),
        PrimaryKeyConstraint("pk"),
        UniqueConstraint("run_id"),
    )
    op.create_table(
        "segments",
        Column("name", Text(), nullable=False),
        Column("offset", BigInteger(), nullable=False),
        PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "series",
        Column("pk", _pk, nullable=False),
        Column("project", Text(), nullable=False),
        Column("kind", Text(), nullable=False),
        Column("name", Text(), nullable=False),
        Column("model", Text(), nullable=False),
        PrimaryKeyConstraint("pk"),
    )
    op.create_index("series_key", "series", ["project", "kind", "name", "model"], unique=True)
    op.create_table(
        "spans",
        Column("pk", _pk, nullable=False),
        Column("trace_pk", _pk, nullable=False),
        Column("run_pk", _pk, nullable=True),
        Column("span_id", Text(), nullable=False),
        Column("parent_id", Text(), nullable=True),
        Column("kind", Text(), nullable=False),
        Column("name", Text(), nullable=False),
        Column("status", Text(), nullable=False),
        Column("start_ns", BigInteger(), nullable=False),
        Column("end_ns", BigInteger(), nullable=True),
        Column("first_token_ns", BigInteger(), nullable=True),
        Column("model", Text(), nullable=True),
        Column("provider", Text(), nullable=True),
        Column("input_tokens", BigInteger(), nullable=True),
        Column("output_tokens", BigInteger(), nullable=True),
        Column("cache_read", BigInteger(), nullable=True),
        Column("cache_write", BigInteger(), nullable=True),
        Column("audio_input", BigInteger(), nullable=True),
        Column("image_input", BigInteger(), nullable=True),
        Column("reasoning", BigInteger(), nullable=True),
        Column("audio_output", BigInteger(), nullable=True),
        Column("estimated", Boolean(), nullable=True),
        Column("counted", Boolean(), nullable=True),
        Column("cost", BigInteger(), nullable=True),
        Column("error_type", Text(), nullable=True),
        Column("start_block", _pk, nullable=True),
        Column("end_block", _pk, nullable=True),
        PrimaryKeyConstraint("pk"),
        sqlite_autoincrement=True,
    )
    op.create_index("spans_kind", "spans", ["kind", "start_ns"], unique=False)
    op.create_index(
        "spans_running",
        "spans",
        ["run_pk"],
        unique=False,
        sqlite_where=text("status = 'running'"),
        postgresql_where=text("status = 'running'"),
    )
    op.create_index("spans_start", "spans", ["start_ns"], unique=False)
    op.create_index("spans_trace", "spans", ["trace_pk", "span_id"], unique=True)
    op.create_table(
        "trace_tags",
        Column("tag", Text(), nullable=False),
        Column("start_ns", BigInteger(), nullable=False),
        Column("trace_pk", _pk, nullable=False),
        PrimaryKeyConstraint("tag", "start_ns", "trace_pk"),
        sqlite_with_rowid=False,
    )
    op.create_index("trace_tags_trace", "trace_tags", ["trace_pk"], unique=False)
    op.create_table(
        "traces",
        Column("pk", _pk, nullable=False),
        Column("trace_id", Text(), nullable=False),
        Column("run_pk", _pk, nullable=True),
        Column("project", Text(), nullable=False),
        Column("name", Text(), nullable=False),
        Column("kind", Text(), nullable=False),
        Column("status", Text(), nullable=False),
        Column("root_id", Text(), nullable=True),
        Column("start_ns", BigInteger(), nullable=False),
        Column("end_ns", BigInteger(), nullable=True),
        Column("duration_ns", BigInteger(), nullable=True),
        Column("span_count", Integer(), nullable=False),
        Column("error_count", Integer(), nullable=False),
        Column("usage_count", Integer(), nullable=False),
        Column("estimated_count", Integer(), nullable=False),
        Column("input_tokens", BigInteger(), nullable=False),
        Column("output_tokens", BigInteger(), nullable=False),
        Column("total_tokens", BigInteger(), nullable=True),
        Column("cache_read", BigInteger(), nullable=False),
        Column("cache_write", BigInteger(), nullable=False),
        Column("audio_input", BigInteger(), nullable=False),
        Column("image_input", BigInteger(), nullable=False),
        Column("reasoning", BigInteger(), nullable=False),
        Column("audio_output", BigInteger(), nullable=False),
        Column("cost", BigInteger(), nullable=True),
        Column("unpriced_count", Integer(), nullable=False),
        Column("model", Text(), nullable=True),
        Column("session", Text(), nullable=True),
        Column("user", Text(), nullable=True),
        Column("release", Text(), nullable=True),
        Column("version", Text(), nullable=True),
        Column("environment", Text(), nullable=True),
        Column("tags", Text(), nullable=True),
        Column("metadata", Text(), nullable=True),
        Column("input", Text(), nullable=True),
        Column("output", Text(), nullable=True),
        Column("error", Text(), nullable=True),
        PrimaryKeyConstraint("pk"),
        UniqueConstraint("trace_id"),
    )
    op.create_index(
        "traces_cost",
        "traces",
        ["cost", "start_ns", "pk", "duration_ns", "total_tokens"],
        unique=False,
    )
    op.create_index(
        "traces_duration",
        "traces",
        ["duration_ns", "start_ns", "pk", "total_tokens", "cost"],
        unique=False,
    )
    op.create_index("traces_errors", "traces", ["error_count", "start_ns", "pk"], unique=False)
    op.create_index(
        "traces_failed",
        "traces",
        ["start_ns", "pk", "duration_ns", "total_tokens", "cost", "error_count"],
        unique=False,
        sqlite_where=text("error_count > 0"),
        postgresql_where=text("error_count > 0"),
    )
    op.create_index(
        "traces_kind",
        "traces",
        ["kind", "start_ns", "pk", "duration_ns", "total_tokens", "cost"],
        unique=False,
    )
    op.create_index(
        "traces_model",
        "traces",
        ["model", "start_ns", "pk", "duration_ns", "total_tokens", "cost"],
        unique=False,
        sqlite_where=text("model IS NOT NULL"),
        postgresql_where=text("model IS NOT NULL"),
    )
    op.create_index(
        "traces_name",
        "traces",
        ["name", "start_ns", "pk", "duration_ns", "total_tokens", "cost"],
        unique=False,
    )
    op.create_index(
        "traces_session",
        "traces",
        ["session", "start_ns", "pk", "duration_ns", "total_tokens", "cost"],
        unique=False,
        sqlite_where=text("session IS NOT NULL"),
        postgresql_where=text("session IS NOT NULL"),
    )
    op.create_index("traces_spans", "traces", ["span_count", "start_ns", "pk"], unique=False)
    op.create_index(
        "traces_start",
        "traces",
        [
            "start_ns",
            "pk",
            "duration_ns",
            "total_tokens",
            "cost",
            "project",
            "environment",
            "release",
            "version",
        ],
        unique=False,
    )
    op.create_index(
        "traces_status",
        "traces",
        ["status", "start_ns", "pk", "duration_ns", "total_tokens", "cost"],
        unique=False,
    )
    op.create_index(
        "traces_tokens",
        "traces",
        ["total_tokens", "start_ns", "pk", "duration_ns", "cost"],
        unique=False,
    )
    op.create_index(
        "traces_user",
        "traces",
        ["user", "start_ns", "pk", "duration_ns", "total_tokens", "cost"],
        unique=False,
        sqlite_where=text('"user" IS NOT NULL'),
        postgresql_where=text('"user" IS NOT NULL'),
    )
    deletable = ", contentless_delete = 1" if sqlite3.sqlite_version_info >= (3, 43) else ""
    op.execute(
        "CREATE VIRTUAL TABLE search USING fts5 (text, content = '', detail = none, "
        f"tokenize = 'unicode61 remove_diacritics 2'{deletable})"
    )
