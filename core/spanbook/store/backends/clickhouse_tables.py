"""The tables of a store as ClickHouse has them."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, Table

from spanbook.store.accounts import DAY_NS
from spanbook.store.histograms import BUCKET_GROWTH
from spanbook.store.rollups import HOUR_NS
from spanbook.store.schema import metadata

VIEWS = ("series", "rollups", "rollup_days", "accounts")
BYTES = ("hash", "body", "data", "took", "waited")

# What identifies a row, which is also the order of rows on disk; else the primary key does.
_ORDER = {
    "runs": ("run_id",),
    "traces": ("trace_id",),
    "spans": ("trace_pk", "span_id"),
    "payloads": ("trace_pk", "pk"),
    "events": ("trace_pk", "span_id", "at_ns", "name"),
    "prices": ("hash",),
    "versions": ("project", "hash"),
}
# Tables of others are numbered by the pipeline; these number themselves.
_NUMBERED = {
    "runs": "run_id",
    "events": "trace_pk, span_id, at_ns, name",
    "prices": "hash",
    "own_prices": "ifNull(provider, ''), model, ifNull(start_ns, 0)",
    "versions": "project, hash",
}
_PARTITIONS = {"spans": "toMonday(fromUnixTimestamp64Nano(start_ns, 'UTC'))"}
_FEW_VALUES = (
    *("kind", "status", "provider", "model", "project", "environment", "tier", "release"),
    *("version", "unpriced", "anomaly", "error_type", "dimension"),
)
_INDEXES = {
    "traces": (
        "INDEX traces_pk pk TYPE bloom_filter(0.01) GRANULARITY 1",
        "INDEX traces_start start_ns TYPE minmax GRANULARITY 1",
        "INDEX traces_session session TYPE bloom_filter(0.01) GRANULARITY 1",
        "INDEX traces_user user TYPE bloom_filter(0.01) GRANULARITY 1",
    ),
    "spans": (
        "INDEX spans_pk pk TYPE bloom_filter(0.01) GRANULARITY 1",
        "INDEX spans_start start_ns TYPE minmax GRANULARITY 1",
        "INDEX spans_run run_pk TYPE bloom_filter(0.01) GRANULARITY 1",
        "INDEX spans_version version_pk TYPE bloom_filter(0.01) GRANULARITY 1",
    ),
    "payloads": ("INDEX payloads_pk pk TYPE bloom_filter(0.01) GRANULARITY 1",),
    "blob_uses": ("INDEX blob_uses_hash hash TYPE bloom_filter(0.01) GRANULARITY 1",),
}
_NOW = "toUnixTimestamp64Nano(now64(9))"
# Of equal rows the first stays in these, and the last in others.
_KEPT = ("architectures", "functions", "blobs", "blob_uses", "prices")
_SEARCH = f"""
CREATE TABLE search (trace_pk Int64, words Array(String), written Int64 MATERIALIZED {_NOW},
INDEX search_words words TYPE bloom_filter(0.01) GRANULARITY 1)
ENGINE = ReplacingMergeTree(written) ORDER BY (trace_pk, cityHash64(words))
"""
_SPANS = """
FROM (SELECT pk, project, session, user, tags FROM traces FINAL) AS trace
JOIN (SELECT * FROM spans FINAL WHERE {where}) AS span ON span.trace_pk = trace.pk
"""
_FINISHED = _SPANS.format(where="status NOT IN ('running', 'incomplete')")
_KEY = "trace.project, span.kind, span.name, ifNull(span.model, '')"
_SERIES_PK = f"toInt64(bitShiftRight(sipHash64({_KEY}), 1))"
_TOOK = "greatest(ifNull(span.end_ns, 0) - span.start_ns, 0)"
_WAITED = "ifNull(span.first_token_ns - span.start_ns, 0)"
_STREAMED = "isNotNull(span.first_token_ns)"
_USED = "(ifNull(span.counted, false) AND isNotNull(span.input_tokens))"
_OUTPUT = "ifNull(span.output_tokens, 0)"
_SPOKEN = f"({_USED} AND {_OUTPUT} > 0 AND {_TOOK} > 0)"
_SERIES = f"""
CREATE VIEW series AS SELECT DISTINCT {_SERIES_PK} AS pk, trace.project AS project,
span.kind AS kind, span.name AS name, ifNull(span.model, '') AS model {_FINISHED}
"""
_SUMS = f"""
count() AS `count`, countIf(span.status = 'error') AS error_count,
countIf(span.status NOT IN ('ok', 'error')) AS other_count, sum({_TOOK}) AS duration_ns,
countIf({_USED}) AS usage_count,
countIf({_USED} AND ifNull(span.estimated, false)) AS estimated_count,
countIf({_USED} AND isNull(span.cost)) AS unpriced_count,
sumIf(ifNull(span.input_tokens, 0), {_USED}) AS input_tokens,
sumIf({_OUTPUT}, {_USED}) AS output_tokens, sumIf(ifNull(span.cost, 0), {_USED}) AS cost,
sumIf({_OUTPUT}, {_SPOKEN}) AS spoken_tokens, sumIf({_TOOK}, {_SPOKEN}) AS spoken_ns,
countIf({_STREAMED}) AS streamed_count, sumIf({_WAITED}, {_STREAMED}) AS waited_ns
"""


def _buckets(time: str, condition: str) -> str:
    """Return the counts by bucket, as two arrays."""
    bucket = f"if({time} > 1000, toUInt16(log({time} / 1000) / log({BUCKET_GROWTH})), 0)"
    return f"sumMapIf([{bucket}], [toUInt32(1)], {condition})"


def _packed(buckets: str) -> str:
    """Return counts by bucket as `store/histograms.py` packs them."""
    steps, counts = f"{buckets}.1", f"{buckets}.2"
    lane = ", ".join(f"bitAnd(bitShiftRight(n, {shift}), 255)" for shift in (0, 8, 16, 24))
    lanes = (
        f"arrayMap(step -> {counts}[indexOf({steps}, step)], "
        f"range(toUInt16({steps}[1]), toUInt16({steps}[-1] + 1)))"
    )
    return (
        f"if(empty({steps}), '', concat("
        f"char(bitAnd({steps}[1], 255), bitShiftRight({steps}[1], 8)), "
        f"arrayStringConcat(arrayMap(n -> char({lane}), {lanes}))))"
    )


def _rollups(table: str, unit: str, unit_ns: int) -> str:
    names = [column.name for column in metadata.tables[table].c][2:-2]
    return (
        f"CREATE VIEW {table} AS SELECT {unit}, series_pk, "  # noqa: S608  # our own
        f"{', '.join(f'toInt64(`{name}`) AS `{name}`' for name in names)}, "
        f"{_packed('took_counts')} AS took, {_packed('waited_counts')} AS waited "
        f"FROM (SELECT intDiv(span.start_ns, {unit_ns}) AS {unit}, {_SERIES_PK} AS series_pk, "
        f"{_SUMS}, {_buckets(_TOOK, 'true')} AS took_counts, "
        f"{_buckets(_WAITED, _STREAMED)} AS waited_counts {_FINISHED} GROUP BY {unit}, series_pk)"
    )


_PLACES = """
arrayConcat([('all', ''), ('session', ifNull(trace.session, '')), ('user', ifNull(trace.user, ''))],
arrayMap(tag -> ('tag', tag), if(empty(JSONExtract(ifNull(trace.tags, '[]'), 'Array(String)')),
[''], JSONExtract(ifNull(trace.tags, '[]'), 'Array(String)'))))
"""
_COUNTS = {
    "usage_count": "count()",
    "estimated_count": "countIf(ifNull(span.estimated, false))",
    "unpriced_count": "countIf(isNull(span.cost) AND isNotNull(span.unpriced))",
    "anomaly_count": "countIf(isNotNull(span.anomaly))",
    "cost_count": "countIf(isNotNull(span.cost))",
    "reported_count": "countIf(isNotNull(span.reported_cost))",
    "computed_count": "countIf(isNotNull(span.computed_cost))",
}


def _accounts() -> str:
    keys = [column.name for column in metadata.tables["accounts"].primary_key]
    sums = [column.name for column in metadata.tables["accounts"].c if column.name not in keys]
    added = [f"{_COUNTS.get(n) or f'sum(ifNull(span.{n}, 0))'} AS {n}" for n in sums]
    return (
        f"CREATE VIEW accounts AS SELECT place.1 AS dimension, day, place.2 AS value, project, "  # noqa: S608  # our own
        f"provider, model, tier, {', '.join(f'toInt64(sum({n})) AS {n}' for n in sums)} "
        f"FROM (SELECT {_PLACES} AS places, intDiv(span.start_ns, {DAY_NS}) AS day, "
        "trace.project AS project, ifNull(span.provider, '') AS provider, "
        "ifNull(span.model, '') AS model, ifNull(span.tier, '') AS tier, "
        f"{', '.join(added)} {_SPANS.format(where='counted')} GROUP BY ALL) AS booked "
        "ARRAY JOIN places AS place "
        "GROUP BY dimension, day, value, project, provider, model, tier"
    )


def statements() -> list[str]:
    """Return what makes all tables and views."""
    tables = [_create(table) for table in metadata.sorted_tables if table.name not in VIEWS]
    rollups = [_rollups("rollups", "hour", HOUR_NS), _rollups("rollup_days", "day", DAY_NS)]
    return [*tables, _SEARCH, _SERIES, *rollups, _accounts()]


def _create(table: Table) -> str:
    parts = [_column(table, column) for column in table.c]
    version = f"-{_NOW}" if table.name in _KEPT else _NOW
    parts += [f"written Int64 MATERIALIZED {version}", *_INDEXES.get(table.name, ())]
    order = _ORDER.get(table.name) or tuple(column.name for column in table.primary_key)
    partition = _PARTITIONS.get(table.name)
    return (
        f"CREATE TABLE `{table.name}` ({', '.join(parts)}) ENGINE = ReplacingMergeTree(written) "
        + (f"PARTITION BY {partition} " if partition else "")
        + f"ORDER BY ({', '.join(f'`{name}`' for name in order)})"
    )


def _column(table: Table, column: Column[Any]) -> str:
    kind = _type(column)
    few = column.name in _FEW_VALUES and kind == "String"
    if column.nullable and not column.primary_key:
        kind = f"Nullable({kind})"
    if few:
        kind = f"LowCardinality({kind})"
    default = ""
    if column.name == "pk" and table.name in _NUMBERED:
        default = f" DEFAULT toInt64(bitShiftRight(sipHash64({_NUMBERED[table.name]}), 1))"
    elif column.server_default is not None:
        default = " DEFAULT 0"
    return f"`{column.name}` {kind}{default}"


def _type(column: Column[Any]) -> str:
    kind = column.type
    if isinstance(kind, (BigInteger, Integer)):
        return "Int64"
    if isinstance(kind, Boolean):
        return "Bool"
    return "Float64" if isinstance(kind, Float) else "String"
