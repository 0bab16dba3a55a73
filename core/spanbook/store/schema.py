"""The tables of a store, as SQLAlchemy knows them.

Times are integer nanoseconds since 1970 UTC. Money is integer 10⁻¹² US dollars, so that sums in SQL
are exact. Trace ids are 32 hex digits, span ids 16. `pk` columns are local to one store.

Payloads (input, output, attributes, error of spans) live in *blocks*: one zstd frame of JSON
`{span id: {"input": …, "output": …, "attributes": …, "error": …}}` for the spans of one trace that
were ingested together. A span refers to the block of its start and to the block of its end, so
nothing is rewritten when a span ends; where both came together it is the same block. Very long
texts, and long ones that came before in another trace, stand in a block as
`{"$": "text", "blob": hash}` and once in `blobs`.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

metadata = MetaData()
_pk = BigInteger().with_variant(Integer, "sqlite")

runs = Table(
    "runs",
    metadata,
    Column("pk", _pk, primary_key=True),
    Column("run_id", Text, nullable=False, unique=True),
    Column("project", Text, nullable=False),
    Column("name", Text),
    Column("host", Text),
    Column("pid", Integer),
    Column("command", Text),
    Column("python", Text),
    Column("commit", Text),
    Column("release", Text),
    Column("environment", Text),
    Column("start_ns", BigInteger, nullable=False),
    Column("end_ns", BigInteger),
    Column("status", Text, nullable=False),
    Column("config", Text),  # JSON object
    Column("metrics", Text),  # JSON object: the last value of each
    Column("process_pk", _pk),  # run of the process that began it; NULL: it is a process's own
    Column("packages", Text),  # JSON list of name==version
    Column("error", Text),  # preview: type and message
    Index("runs_process", "process_pk"),
)

run_metrics = Table(
    "run_metrics",
    metadata,
    Column("run_pk", _pk, nullable=False),
    Column("name", Text, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("value", Float),  # NULL: not a number, or not finite
    PrimaryKeyConstraint("run_pk", "name", "step"),
    sqlite_with_rowid=False,
)

traces = Table(
    "traces",
    metadata,
    Column("pk", _pk, primary_key=True),
    Column("trace_id", Text, nullable=False, unique=True),
    Column("run_pk", _pk),
    Column("project", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("root_id", Text),  # NULL: the root has not arrived, name and times are provisional
    Column("start_ns", BigInteger, nullable=False),
    Column("end_ns", BigInteger),
    Column("duration_ns", BigInteger),
    Column("span_count", Integer, nullable=False),
    Column("error_count", Integer, nullable=False),  # spans with status error, root included
    Column("usage_count", Integer, nullable=False),  # counted spans that carry usage; 0: unknown
    Column("estimated_count", Integer, nullable=False),  # of those, estimated
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("total_tokens", BigInteger),  # NULL while usage_count is 0
    Column("cache_read", BigInteger, nullable=False),
    Column("cache_write", BigInteger, nullable=False),
    Column("audio_input", BigInteger, nullable=False),
    Column("image_input", BigInteger, nullable=False),
    Column("reasoning", BigInteger, nullable=False),
    Column("audio_output", BigInteger, nullable=False),
    Column("cost", BigInteger),  # NULL: nothing in the trace has a price
    Column("unpriced_count", Integer, nullable=False),  # counted spans with usage and no price
    Column("model", Text),  # of the first model call
    Column("session", Text),
    Column("user", Text),
    Column("release", Text),
    Column("version", Text),
    Column("environment", Text),
    Column("tags", Text),  # JSON list
    Column("metadata", Text),  # JSON object
    Column("input", Text),  # preview
    Column("output", Text),  # preview
    Column("error", Text),  # preview: type and message of the root's or the first failed span
    # Counted spans whose usage does not add up.
    Column("anomaly_count", Integer, nullable=False, server_default=text("0")),
)
# A list is found in one of these alone, and only the rows of its page are read: each starts with
# what is filtered or sorted by, goes on in the order of the list, and holds the measures, which may
# be bounded or sorted by as well. Without a better one, `traces_start` holds the rest.
_place = (traces.c.start_ns, traces.c.pk)
_measures = (traces.c.duration_ns, traces.c.total_tokens, traces.c.cost)
_rest = ("project", "environment", "release", "version")
Index("traces_start", *_place, *_measures, *(traces.c[name] for name in _rest))
Index("traces_duration", traces.c.duration_ns, *_place, traces.c.total_tokens, traces.c.cost)
Index("traces_tokens", traces.c.total_tokens, *_place, traces.c.duration_ns, traces.c.cost)
Index("traces_cost", traces.c.cost, *_place, traces.c.duration_ns, traces.c.total_tokens)
Index("traces_spans", traces.c.span_count, *_place)
Index("traces_errors", traces.c.error_count, *_place)
Index("traces_name", traces.c.name, *_place, *_measures)
Index("traces_kind", traces.c.kind, *_place, *_measures)
Index("traces_status", traces.c.status, *_place, *_measures)
_given: dict[str, dict[str, Any]] = {
    name: {f"{dialect}_where": text(condition) for dialect in ("sqlite", "postgresql")}
    for name, condition in {
        "session": "session IS NOT NULL",
        "user": '"user" IS NOT NULL',
        "model": "model IS NOT NULL",
        "error_count": "error_count > 0",
    }.items()
}
Index("traces_session", traces.c.session, *_place, *_measures, **_given["session"])
Index("traces_user", traces.c.user, *_place, *_measures, **_given["user"])
Index("traces_model", traces.c.model, *_place, *_measures, **_given["model"])
Index("traces_run", traces.c.run_pk)
Index("traces_failed", *_place, *_measures, traces.c.error_count, **_given["error_count"])

trace_tags = Table(
    "trace_tags",
    metadata,
    Column("tag", Text, nullable=False),
    Column("start_ns", BigInteger, nullable=False),
    Column("trace_pk", _pk, nullable=False),
    PrimaryKeyConstraint("tag", "start_ns", "trace_pk"),
    Index("trace_tags_trace", "trace_pk"),
    sqlite_with_rowid=False,
)

spans = Table(
    "spans",
    metadata,
    Column("pk", _pk, primary_key=True),
    Column("trace_pk", _pk, nullable=False),
    Column("run_pk", _pk),
    Column("span_id", Text, nullable=False),
    Column("parent_id", Text),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("start_ns", BigInteger, nullable=False),
    Column("end_ns", BigInteger),
    Column("first_token_ns", BigInteger),
    Column("model", Text),
    Column("provider", Text),
    Column("input_tokens", BigInteger),  # NULL: no usage known
    Column("output_tokens", BigInteger),
    Column("cache_read", BigInteger),
    Column("cache_write", BigInteger),
    Column("audio_input", BigInteger),
    Column("image_input", BigInteger),
    Column("reasoning", BigInteger),
    Column("audio_output", BigInteger),
    Column("estimated", Boolean),
    Column("counted", Boolean),  # false: a span below already reported this usage
    Column("cost", BigInteger),
    Column("error_type", Text),
    Column("start_block", _pk),
    Column("end_block", _pk),
    # Where both are known, `cost` is the reported one.
    Column("reported_cost", BigInteger),  # what the provider says it charged
    Column("computed_cost", BigInteger),  # usage by price
    Column("price_pk", _pk),  # the price that gave `computed_cost`
    Column("tier", Text),  # such as flex, batch, long context; NULL: standard
    Column("unpriced", Text),  # why usage has no computed cost
    Column("anomaly", Text),  # what does not add up in the usage
    sqlite_autoincrement=True,  # a number is never used again: the full-text index goes by it
)
Index("spans_trace", spans.c.trace_pk, spans.c.span_id, unique=True)
# A list of spans is walked in the order of one of these, or of what it is filtered by; usage and
# costs are those of few spans, and so are their indexes. Where the kind is in an index it spares
# reading the rows of other kinds; `spans_usage` holds all that model calls are asked for.
_usage_known = "input_tokens IS NOT NULL"
_with_usage = (
    *("end_ns", "kind", "name", "status", "model", "provider", "tier", "input_tokens"),
    *("output_tokens", "cache_read", "cost", "estimated", "counted", "unpriced", "anomaly"),
)
_start = spans.c.start_ns
_indexes: tuple[tuple[str, tuple[ColumnElement[Any], ...], str], ...] = (
    ("start", (_start,), ""),
    ("kind", (spans.c.kind, _start), ""),
    ("name", (spans.c.name, _start), ""),
    ("duration", (spans.c.kind, spans.c.end_ns - _start, _start), "end_ns IS NOT NULL"),
    ("model", (spans.c.model, _start), "model IS NOT NULL"),
    ("provider", (spans.c.provider, _start), "provider IS NOT NULL"),
    ("tier", (spans.c.tier, _start), "tier IS NOT NULL"),
    ("tokens", (spans.c.input_tokens + spans.c.output_tokens, _start, spans.c.kind), _usage_known),
    ("input_tokens", (spans.c.input_tokens, _start, spans.c.kind), _usage_known),
    ("output_tokens", (spans.c.output_tokens, _start, spans.c.kind), _usage_known),
    ("cost", (spans.c.cost, _start, spans.c.kind), "cost IS NOT NULL"),
    ("usage", (_start, *(spans.c[name] for name in _with_usage)), _usage_known),
    ("counted", (_start, spans.c.counted), "counted"),
    ("not_counted", (_start, spans.c.counted), "NOT counted"),
    ("estimated", (_start, spans.c.estimated), "estimated"),
    ("cached", (_start, spans.c.cache_read), "cache_read > 0"),
    ("status", (spans.c.status, _start), "status <> 'ok'"),
    ("running", (spans.c.run_pk,), "status = 'running'"),
    ("unpriced", (_start,), "unpriced IS NOT NULL"),
    ("anomaly", (_start,), "anomaly IS NOT NULL"),
)
for _name, _columns, _condition in _indexes:
    _where: dict[str, Any] = {
        f"{dialect}_where": text(_condition) for dialect in ("sqlite", "postgresql") if _condition
    }
    Index(f"spans_{_name}", *_columns, **_where)

# Every price that gave a cost, by its content: what a span cost stays explained when prices change.
prices = Table(
    "prices",
    metadata,
    Column("pk", _pk, primary_key=True),
    Column(
        "hash", LargeBinary, nullable=False, unique=True
    ),  # first 16 bytes of sha256 of the rest
    Column("provider", Text),
    Column("model", Text, nullable=False),  # of the list, which may be a family's name
    Column("source", Text, nullable=False),  # the list and its version, or `own`
    Column("start_ns", BigInteger),  # from when on it holds; NULL: always
    Column("rates", Text, nullable=False),  # JSON: US dollars for a million tokens, as text
)

# Prices that the user added; they win over any list.
own_prices = Table(
    "own_prices",
    metadata,
    Column("pk", _pk, primary_key=True),
    Column("provider", Text),  # NULL: any
    Column("model", Text, nullable=False),  # matched whole, without regard to case
    Column("start_ns", BigInteger),  # from when on it holds; NULL: always
    Column("rates", Text, nullable=False),
    Column("added_ns", BigInteger, nullable=False),
    Index("own_prices_model", "model"),
)

payloads = Table(
    "payloads",
    metadata,
    Column("pk", _pk, primary_key=True),
    Column("trace_pk", _pk, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
Index("payloads_trace", payloads.c.trace_pk)

events = Table(
    "events",
    metadata,
    Column("pk", _pk, primary_key=True),
    Column("trace_pk", _pk, nullable=False),
    Column("span_id", Text, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("data", LargeBinary),  # JSON, zstd where that is shorter
)
Index("events_span", events.c.trace_pk, events.c.span_id, events.c.at_ns)

# What a span refers to: such as another span whose output it used. The other one may be in another
# trace, and need not be in this store.
links = Table(
    "links",
    metadata,
    Column("trace_pk", _pk, nullable=False),
    Column("span_id", Text, nullable=False),
    Column("to_trace_id", Text, nullable=False),
    Column("to_span_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    PrimaryKeyConstraint("trace_pk", "span_id", "to_trace_id", "to_span_id", "name"),
    Index("links_to", "to_trace_id", "to_span_id"),
    sqlite_with_rowid=False,
)

blobs = Table(
    "blobs",
    metadata,
    Column("hash", LargeBinary, nullable=False),  # first 16 bytes of sha256 of the content
    Column("size", BigInteger, nullable=False),  # bytes of the content
    Column("media_type", Text),  # NULL: text
    Column("body", LargeBinary, nullable=False),  # zstd where that is shorter
    PrimaryKeyConstraint("hash"),
)

blob_uses = Table(
    "blob_uses",
    metadata,
    Column("hash", LargeBinary, nullable=False),
    Column("trace_pk", _pk, nullable=False),
    PrimaryKeyConstraint("trace_pk", "hash"),
    Index("blob_uses_hash", "hash"),
    sqlite_with_rowid=False,
)

series = Table(
    "series",
    metadata,
    Column("pk", _pk, primary_key=True),
    Column("project", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("model", Text, nullable=False),  # "" where the span has none
    Index("series_key", "project", "kind", "name", "model", unique=True),
)

rollups = Table(
    "rollups",
    metadata,
    Column("hour", Integer, nullable=False),  # hours since 1970 UTC of the span's start
    Column("series_pk", _pk, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("error_count", BigInteger, nullable=False),
    Column("duration_ns", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cost", BigInteger, nullable=False),
    PrimaryKeyConstraint("hour", "series_pk"),
    sqlite_with_rowid=False,
)

rollup_latency = Table(
    "rollup_latency",
    metadata,
    Column("hour", Integer, nullable=False),
    Column("series_pk", _pk, nullable=False),
    Column("bucket", Integer, nullable=False),  # floor(log(duration in µs) / log(1.05)), ≥ 0
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("hour", "series_pk", "bucket"),
    sqlite_with_rowid=False,
)

# Counted usage by UTC day, once over all and once for each thing that traces are grouped by.
accounts = Table(
    "accounts",
    metadata,
    Column("dimension", Text, nullable=False),  # all, session, user or tag
    Column("day", Integer, nullable=False),  # days since 1970 UTC of the span's start
    Column("value", Text, nullable=False),  # of the dimension; "" where the trace has none
    Column("project", Text, nullable=False),
    Column("provider", Text, nullable=False),  # "" where the span has none; so are the next two
    Column("model", Text, nullable=False),
    Column("tier", Text, nullable=False),
    Column("usage_count", BigInteger, nullable=False),  # counted spans that carry usage
    Column("estimated_count", BigInteger, nullable=False),  # of those, estimated
    Column("unpriced_count", BigInteger, nullable=False),  # without any cost, with the reason
    Column("anomaly_count", BigInteger, nullable=False),  # whose usage does not add up
    Column("cost_count", BigInteger, nullable=False),  # with a cost
    Column("reported_count", BigInteger, nullable=False),  # with a reported cost
    Column("computed_count", BigInteger, nullable=False),  # with a computed cost
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cache_read", BigInteger, nullable=False),
    Column("cache_write", BigInteger, nullable=False),
    Column("audio_input", BigInteger, nullable=False),
    Column("image_input", BigInteger, nullable=False),
    Column("reasoning", BigInteger, nullable=False),
    Column("audio_output", BigInteger, nullable=False),
    Column("cost", BigInteger, nullable=False),
    Column("reported_cost", BigInteger, nullable=False),
    Column("computed_cost", BigInteger, nullable=False),
    PrimaryKeyConstraint("dimension", "day", "value", "project", "provider", "model", "tier"),
    sqlite_with_rowid=False,
)

segments = Table(
    "segments",
    metadata,
    Column("name", Text, primary_key=True),  # journal segment file
    Column("offset", BigInteger, nullable=False),  # bytes of it that this store holds
)

# How long traces are kept, by project; see `store/retention.py`.
retention = Table(
    "retention",
    metadata,
    Column("project", Text, primary_key=True),  # "" for the whole store
    Column("age_ns", BigInteger),
    Column("traces", BigInteger),
    Column("bytes", BigInteger),
    Column("applied_ns", BigInteger, nullable=False),  # when last; 0: never
)

health = Table(
    "health",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("at_ns", BigInteger, nullable=False),
    Column("dropped", BigInteger, nullable=False),  # records that could not be kept
    Column("errors", BigInteger, nullable=False),  # internal errors caught at the border
    Column("corrupt", BigInteger, nullable=False),  # journal lines that could not be read
    Column("note", Text),  # the last of these, in words
)
