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
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import TEXT

from spanbook.store.hexadecimal import Hex

metadata = MetaData()
# Compared by their bytes everywhere, so that lists have the same order.
_text = Text().with_variant(TEXT(collation="C"), "postgresql")
_bytes = LargeBinary().with_variant(Hex(), "clickhousedb")
_pk = BigInteger().with_variant(Integer, "sqlite")

runs = Table(
    "runs",
    metadata,
    Column("pk", _pk, primary_key=True),
    Column("run_id", _text, nullable=False, unique=True),
    Column("project", _text, nullable=False),
    Column("name", _text),
    Column("host", _text),
    Column("pid", Integer),
    Column("command", _text),
    Column("python", _text),
    Column("commit", _text),
    Column("release", _text),
    Column("environment", _text),
    Column("start_ns", BigInteger, nullable=False),
    Column("end_ns", BigInteger),
    Column("status", _text, nullable=False),
    Column("config", _text),  # JSON object
    Column("metrics", _text),  # JSON object: the last value of each
    Column("process_pk", _pk),  # run of the process that began it; NULL: it is a process's own
    Column("packages", _text),  # JSON list of name==version
    Column("error", _text),  # preview: type and message
    Index("runs_process", "process_pk"),
)

run_metrics = Table(
    "run_metrics",
    metadata,
    Column("run_pk", _pk, nullable=False),
    Column("name", _text, nullable=False),
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
    Column("trace_id", _text, nullable=False, unique=True),
    Column("run_pk", _pk),
    Column("project", _text, nullable=False),
    Column("name", _text, nullable=False),
    Column("kind", _text, nullable=False),
    Column("status", _text, nullable=False),
    Column("root_id", _text),  # NULL: the root has not arrived, name and times are provisional
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
    Column("model", _text),  # of the first model call
    Column("session", _text),
    Column("user", _text),
    Column("release", _text),
    Column("version", _text),
    Column("environment", _text),
    Column("tags", _text),  # JSON list
    Column("metadata", _text),  # JSON object
    Column("input", _text),  # preview
    Column("output", _text),  # preview
    Column("error", _text),  # preview: type and message of the root's or the first failed span
    # Counted spans whose usage does not add up.
    Column("anomaly_count", Integer, nullable=False, server_default=text("0")),
    Column("architecture", _text),  # hash of what its root is made of
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
        "architecture": "architecture IS NOT NULL",
        "error_count": "error_count > 0",
        **{
            name: f"{name} IS NOT NULL"
            for name in ("release", "version", "environment", "tags", "input", "output", "error")
        },
    }.items()
}
Index("traces_session", traces.c.session, *_place, *_measures, **_given["session"])
Index("traces_user", traces.c.user, *_place, *_measures, **_given["user"])
Index("traces_model", traces.c.model, *_place, *_measures, **_given["model"])
Index(
    "traces_architecture",
    *(traces.c.architecture, *_place, *_measures, traces.c.status),
    **_given["architecture"],
)
Index("traces_run", traces.c.run_pk)
Index("traces_failed", *_place, *_measures, traces.c.error_count, **_given["error_count"])

for _name in ("release", "version", "environment"):
    Index(f"traces_{_name}", traces.c[_name], *_place, *_measures, **_given[_name])

BEGINNING = 32  # characters of a long text that lists are sorted by


def beginning(column: ColumnElement[Any]) -> ColumnElement[str]:
    """Return what lists are sorted by where a column holds long texts: an index of these is small.

    Its numbers are literals, since SQLite knows an indexed expression by its text.
    """
    return func.substr(column, literal_column("1"), literal_column(str(BEGINNING)))


for _name in ("tags", "input", "output", "error"):
    Index(f"traces_{_name}", beginning(traces.c[_name]), *_place, **_given[_name])

# What traced objects are made of, by the sha256 of their canonical JSON; kept when traces go.
architectures = Table(
    "architectures",
    metadata,
    Column("hash", _text, primary_key=True),
    Column("name", _text, nullable=False),  # of the root component
    Column("body", _text, nullable=False),  # the canonical JSON
    Column("first_ns", BigInteger, nullable=False),  # when it first reached this store
)

# What observed functions are made of, by the sha256 of that; kept when traces go.
functions = Table(
    "functions",
    metadata,
    Column("hash", _text, primary_key=True),
    Column("name", _text, nullable=False),
    Column("unknown", _text, nullable=False),  # why nothing else is known; "": it is
    Column("body", _text, nullable=False),  # canonical JSON
    Column("first_ns", BigInteger, nullable=False),  # when it first reached this store
)

# Which of them calls in a project were of, so that each project counts its own.
versions = Table(
    "versions",
    metadata,
    Column("pk", _pk, primary_key=True),
    Column("project", _text, nullable=False),
    Column("hash", _text, nullable=False),
    Column("first_ns", BigInteger, nullable=False),  # when it first reached this store
    Column("message", _text),  # what changed since the one before, as the user's model tells it
    Index("versions_hash", "project", "hash", unique=True),
)

trace_tags = Table(
    "trace_tags",
    metadata,
    Column("tag", _text, nullable=False),
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
    Column("span_id", _text, nullable=False),
    Column("parent_id", _text),
    Column("kind", _text, nullable=False),
    Column("name", _text, nullable=False),
    Column("status", _text, nullable=False),
    Column("start_ns", BigInteger, nullable=False),
    Column("end_ns", BigInteger),
    Column("first_token_ns", BigInteger),
    Column("model", _text),
    Column("provider", _text),
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
    Column("error_type", _text),
    Column("start_block", _pk),
    Column("end_block", _pk),
    # Where both are known, `cost` is the reported one.
    Column("reported_cost", BigInteger),  # what the provider says it charged
    Column("computed_cost", BigInteger),  # usage by price
    Column("price_pk", _pk),  # the price that gave `computed_cost`
    Column("tier", _text),  # such as flex, batch, long context; NULL: standard
    Column("unpriced", _text),  # why usage has no computed cost
    Column("anomaly", _text),  # what does not add up in the usage
    Column("version_pk", _pk),  # version of the function that it is a call of
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
    (
        "version",
        (spans.c.version_pk, _start, *(spans.c[name] for name in ("end_ns", "status", "trace_pk"))),
        "version_pk IS NOT NULL",
    ),
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
    Column("hash", _bytes, nullable=False, unique=True),  # first 16 bytes of sha256 of the rest
    Column("provider", _text),
    Column("model", _text, nullable=False),  # of the list, which may be a family's name
    Column("source", _text, nullable=False),  # the list and its version, or `own`
    Column("start_ns", BigInteger),  # from when on it holds; NULL: always
    Column("rates", _text, nullable=False),  # JSON: US dollars for a million tokens, as text
)

# Prices that the user added; they win over any list.
own_prices = Table(
    "own_prices",
    metadata,
    Column("pk", _pk, primary_key=True),
    Column("provider", _text),  # NULL: any
    Column("model", _text, nullable=False),  # matched whole, without regard to case
    Column("start_ns", BigInteger),  # from when on it holds; NULL: always
    Column("rates", _text, nullable=False),
    Column("added_ns", BigInteger, nullable=False),
    Index("own_prices_model", "model"),
)

payloads = Table(
    "payloads",
    metadata,
    Column("pk", _pk, primary_key=True),
    Column("trace_pk", _pk, nullable=False),
    Column("body", _bytes, nullable=False),
)
Index("payloads_trace", payloads.c.trace_pk)

events = Table(
    "events",
    metadata,
    Column("pk", _pk, primary_key=True),
    Column("trace_pk", _pk, nullable=False),
    Column("span_id", _text, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("name", _text, nullable=False),
    Column("data", _bytes),  # JSON, zstd where that is shorter
)
Index("events_span", events.c.trace_pk, events.c.span_id, events.c.at_ns)

# What a span refers to: such as another span whose output it used. The other one may be in another
# trace, and need not be in this store.
links = Table(
    "links",
    metadata,
    Column("trace_pk", _pk, nullable=False),
    Column("span_id", _text, nullable=False),
    Column("to_trace_id", _text, nullable=False),
    Column("to_span_id", _text, nullable=False),
    Column("name", _text, nullable=False),
    PrimaryKeyConstraint("trace_pk", "span_id", "to_trace_id", "to_span_id", "name"),
    Index("links_to", "to_trace_id", "to_span_id"),
    sqlite_with_rowid=False,
)

blobs = Table(
    "blobs",
    metadata,
    Column("hash", _bytes, nullable=False),  # first 16 bytes of sha256 of the content
    Column("size", BigInteger, nullable=False),  # bytes of the content
    Column("media_type", _text),  # NULL: text
    Column("body", _bytes, nullable=False),  # zstd where that is shorter
    PrimaryKeyConstraint("hash"),
)

blob_uses = Table(
    "blob_uses",
    metadata,
    Column("hash", _bytes, nullable=False),
    Column("trace_pk", _pk, nullable=False),
    PrimaryKeyConstraint("trace_pk", "hash"),
    Index("blob_uses_hash", "hash"),
    sqlite_with_rowid=False,
)

series = Table(
    "series",
    metadata,
    Column("pk", _pk, primary_key=True),
    Column("project", _text, nullable=False),
    Column("kind", _text, nullable=False),
    Column("name", _text, nullable=False),
    Column("model", _text, nullable=False),  # "" where the span has none
    Index("series_key", "project", "kind", "name", "model", unique=True),
)


def _sums() -> tuple[Column[Any], ...]:
    """Return what the spans of a series that began in an hour or a day, and ended, add up to."""
    counted = (
        *("count", "error_count", "other_count"),  # other: neither ok nor error
        "duration_ns",
        *("usage_count", "estimated_count", "unpriced_count"),  # counted spans that carry usage
        *("input_tokens", "output_tokens", "cost"),  # of these
        *("spoken_tokens", "spoken_ns"),  # output and time of those of them that gave any
        *("streamed_count", "waited_ns"),  # spans with a first token, and the time until it
    )
    return (
        *(Column(name, BigInteger, nullable=False) for name in counted),
        # How many of these times are in each bucket, packed as `store/histograms.py` says.
        Column("took", _bytes, nullable=False),
        Column("waited", _bytes, nullable=False),
    )


rollups = Table(
    "rollups",
    metadata,
    Column("hour", Integer, nullable=False),  # hours since 1970 UTC of the span's start
    Column("series_pk", _pk, nullable=False),
    *_sums(),
    PrimaryKeyConstraint("hour", "series_pk"),
)

rollup_days = Table(
    "rollup_days",
    metadata,
    Column("day", Integer, nullable=False),  # days since 1970 UTC of the span's start
    Column("series_pk", _pk, nullable=False),
    *_sums(),
    PrimaryKeyConstraint("day", "series_pk"),
)

# Counted usage by UTC day, once over all and once for each thing that traces are grouped by.
accounts = Table(
    "accounts",
    metadata,
    Column("dimension", _text, nullable=False),  # all, session, user or tag
    Column("day", Integer, nullable=False),  # days since 1970 UTC of the span's start
    Column("value", _text, nullable=False),  # of the dimension; "" where the trace has none
    Column("project", _text, nullable=False),
    Column("provider", _text, nullable=False),  # "" where the span has none; so are the next two
    Column("model", _text, nullable=False),
    Column("tier", _text, nullable=False),
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
    Column("name", _text, primary_key=True),  # journal segment file
    Column("offset", BigInteger, nullable=False),  # bytes of it that this store holds
)

# How long traces are kept, by project; see `store/retention.py`.
retention = Table(
    "retention",
    metadata,
    Column("project", _text, primary_key=True),  # "" for the whole store
    Column("age_ns", BigInteger),
    Column("traces", BigInteger),
    Column("bytes", BigInteger),
    Column("applied_ns", BigInteger, nullable=False),  # when last; 0: never
)

health = Table(
    "health",
    metadata,
    Column("run_id", _text, primary_key=True),
    Column("at_ns", BigInteger, nullable=False),
    Column("dropped", BigInteger, nullable=False),  # records that could not be kept
    Column("errors", BigInteger, nullable=False),  # internal errors caught at the border
    Column("corrupt", BigInteger, nullable=False),  # journal lines that could not be read
    Column("note", _text),  # the last of these, in words
)
