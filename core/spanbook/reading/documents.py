"""Documents: one trace with everything that the store holds of it, as plain data to take along."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import orjson
from sqlalchemy import Connection, Engine, Row, RowMapping, select

from spanbook.errors import UnknownTraceError
from spanbook.moments import money, written
from spanbook.reading import payloads, queries
from spanbook.reading.costs import price_of
from spanbook.reading.records import SPAN_COLUMNS, TRACE_COLUMNS, fields_of, span_rows, trace_row
from spanbook.reading.rows import TraceRow
from spanbook.reading.trees import Tree, build
from spanbook.store.schema import (
    architectures,
    events,
    functions,
    links,
    prices,
    runs,
    spans,
    traces,
    versions,
)
from spanbook.store.schema import payloads as blocks

FORMAT = 1  # raised when an older Spanbook could not read what is written

_CONTEXT = ("project", "name", "session", "user", "release", "version", "environment")
_OF_SPANS = ("model", "architecture", "input", "output", "error")
_RUN = ("name", "project", "host", "pid", "command", "python", "commit", "release", "environment")
_RUN_DATA = ("config", "metrics", "packages")  # of runs that the program begins
_MONEY = ("cost", "reported_cost", "computed_cost")
_CHARGED = (*_MONEY, "tier", "unpriced", "anomaly")
_AT_ONCE = 500  # keys of one query


@dataclass(frozen=True, slots=True)
class Document:
    """One trace as data. `spans` stand in the order of the tree, each with the id of its parent.

    `media` maps hashes to media type and content in base64. `architecture` is what the trace ran,
    `functions` are the versions that spans are calls of, by hash. None of it refers to the store.
    """

    row: TraceRow
    tree: Tree
    trace: dict[str, Any]
    run: dict[str, Any] | None
    spans: list[dict[str, Any]]
    media: dict[str, dict[str, str]]
    architecture: dict[str, Any] | None
    functions: dict[str, Any]


def read_document(engine: Engine, trace_id: str) -> Document:
    """Return everything that the store holds of a trace.

    Raises:
        UnknownTraceError: the store does not hold it.
    """
    with engine.connect() as connection:
        columns = (*TRACE_COLUMNS, traces.c.run_pk)
        found = connection.execute(select(*columns).where(traces.c.trace_id == trace_id)).first()
        if found is None:
            raise UnknownTraceError(
                f"The store holds no trace {trace_id!r}. Its id is in the address of its page."
            )
        pk = fields_of(found)["pk"]
        row = trace_row(found)
        tree, rows = _tree(connection, pk, trace_id)
        records = _records(connection, pk)
        happened = _grouped(_events(connection, pk))
        linked = _grouped(_links(connection, pk))
        priced = _prices(connection, pk)
        called = _functions(connection, pk)
        listed = [
            _span(rows[span_id], records.get(span_id, {}), happened, linked, priced, called)
            for span_id in (node.span.span_id for node in tree.nodes)
        ]
        texts = _texts(connection, payloads.references(listed))
        payloads.resolve(listed, texts)
        return Document(
            row,
            tree,
            _trace(row),
            _run(connection, fields_of(found)["run_pk"]),
            listed,
            _media(engine, listed),
            _architecture(connection, row.architecture),
            {function.hash: orjson.loads(function.body) for function in called.values()},
        )


def _tree(
    connection: Connection, trace_pk: int, trace_id: str
) -> tuple[Tree, dict[str, RowMapping]]:
    here = spans.c.trace_pk == trace_pk
    order = (spans.c.start_ns, spans.c.pk)
    found = connection.execute(select(*SPAN_COLUMNS).where(here).order_by(*order)).all()
    rows = connection.execute(select(spans).where(here)).mappings()
    return build(span_rows(found, trace_id)), {row["span_id"]: row for row in rows}


def _records(connection: Connection, trace_pk: int) -> dict[str, dict[str, Any]]:
    """Return the payload of each span, start and end taken together."""
    statement = select(blocks.c.pk, blocks.c.body).where(blocks.c.trace_pk == trace_pk)
    read = {pk: payloads.unpack(body) for pk, body in connection.execute(statement)}
    refers = select(spans.c.span_id, spans.c.start_block, spans.c.end_block)
    return {
        span_id: payloads.merge(
            read.get(start, {}).get(span_id, {}), read.get(end, {}).get(span_id, {})
        )
        for span_id, start, end in connection.execute(refers.where(spans.c.trace_pk == trace_pk))
    }


def _events(connection: Connection, trace_pk: int) -> Iterator[tuple[str, dict[str, Any]]]:
    statement = (
        select(events.c.span_id, events.c.at_ns, events.c.name, events.c.data)
        .where(events.c.trace_pk == trace_pk)
        .order_by(events.c.at_ns, events.c.pk)
    )
    for span_id, at, name, data in connection.execute(statement):
        event: dict[str, Any] = {"at": written(at), "name": name}
        if data is not None:
            event["data"] = payloads.unpack(data)
        yield span_id, event


def _links(connection: Connection, trace_pk: int) -> Iterator[tuple[str, dict[str, Any]]]:
    place = (links.c.span_id, links.c.to_trace_id, links.c.to_span_id, links.c.name)
    statement = select(*place).where(links.c.trace_pk == trace_pk).order_by(*place)
    for span_id, trace, span, name in connection.execute(statement):
        yield span_id, {"trace": trace, "span": span, "name": name}


def _prices(connection: Connection, trace_pk: int) -> dict[int, dict[str, Any]]:
    """Return the prices that gave the costs of a trace, by their numbers."""
    used = select(spans.c.price_pk).where(spans.c.trace_pk == trace_pk)
    found = connection.execute(select(prices).where(prices.c.pk.in_(used))).mappings()
    return {row["pk"]: price_of(cast("Mapping[str, Any]", row)).to_dict() for row in found}


def _functions(connection: Connection, trace_pk: int) -> dict[int, Row[int, str, str]]:
    """Return the versions that spans of a trace are calls of, by their numbers."""
    called = select(spans.c.version_pk).where(spans.c.trace_pk == trace_pk)
    found = connection.execute(
        select(versions.c.pk, versions.c.hash, functions.c.body)
        .join(functions, functions.c.hash == versions.c.hash)
        .where(versions.c.pk.in_(called))
    )
    return {row.pk: row for row in found}


def _architecture(connection: Connection, hash: str | None) -> dict[str, Any] | None:
    body = connection.scalar(select(architectures.c.body).where(architectures.c.hash == hash))
    return None if body is None else orjson.loads(body)


def _grouped(pairs: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def _texts(connection: Connection, hashes: Iterable[str]) -> dict[str, str]:
    wanted = sorted(hashes)
    found: dict[str, str] = {}
    for first in range(0, len(wanted), _AT_ONCE):
        found |= queries.read_texts(connection, wanted[first : first + _AT_ONCE])
    return found


def _span(
    row: RowMapping,
    record: Mapping[str, Any],
    happened: Mapping[str, list[dict[str, Any]]],
    linked: Mapping[str, list[dict[str, Any]]],
    priced: Mapping[int, dict[str, Any]],
    called: Mapping[int, Row[int, str, str]],
) -> dict[str, Any]:
    """Return a span: what is known of it, in a fixed order, nothing that is not."""
    span: dict[str, Any] = {
        "id": row["span_id"],
        "parent": row["parent_id"],
        "kind": row["kind"],
        "name": row["name"],
        "status": row["status"],
        "start": written(row["start_ns"]),
        "end": None if row["end_ns"] is None else written(row["end_ns"]),
        "first_token": None if row["first_token_ns"] is None else written(row["first_token_ns"]),
        "model": row["model"],
        "provider": row["provider"],
        "function": called[row["version_pk"]].hash if row["version_pk"] in called else None,
        "usage": _usage(row),
        "charged": _charged(row, priced),
        "error": record.get("error"),
        "attributes": record.get("attributes") or None,
        "events": happened.get(row["span_id"]),
        "links": linked.get(row["span_id"]),
    }
    span = {key: value for key, value in span.items() if value is not None}
    return span | {key: record[key] for key in ("input", "output") if key in record}


def _usage(row: RowMapping) -> dict[str, Any] | None:
    if row["input_tokens"] is None:
        return None
    parts = ("cache_read", "cache_write", "audio_input", "image_input", "reasoning", "audio_output")
    usage = {"input": row["input_tokens"], "output": row["output_tokens"]}
    usage |= {part: row[part] for part in parts if row[part]}
    return usage | {"estimated": bool(row["estimated"]), "counted": bool(row["counted"])}


def _charged(row: RowMapping, priced: Mapping[int, dict[str, Any]]) -> dict[str, Any] | None:
    """Return what is known of a span's cost, in US dollars, and the price that gave it."""
    found: dict[str, Any] = {name: row[name] for name in _CHARGED if row[name] is not None}
    for name in _MONEY:
        if name in found:
            found[name] = f"{money(found[name]):f}"
    if row["price_pk"] in priced:
        found["price"] = priced[row["price_pk"]]
    return found or None


def _trace(row: TraceRow) -> dict[str, Any]:
    """Return the trace itself: what its spans do not say, and totals for whoever reads it."""
    about = {name: getattr(row, name) for name in (*_CONTEXT, *_OF_SPANS)}
    return {
        "id": row.trace_id,
        **{name: value for name, value in about.items() if value is not None},
        "tags": list(row.tags),
        "metadata": row.metadata,
        "status": row.status,
        "start": written(row.start_ns),
        "duration_ms": None if row.duration_ns is None else row.duration_ns / 1e6,
        "spans": row.span_count,
        "errors": row.error_count,
        "usage": None if row.usage is None else row.usage.to_dict(),
        "cost": None if row.cost is None else f"{row.cost:f}",
    }


def _run(connection: Connection, run_pk: int | None) -> dict[str, Any] | None:
    row = connection.execute(select(runs).where(runs.c.pk == run_pk)).mappings().first()
    if row is None:
        return None
    run: dict[str, Any] = {"id": row["run_id"], "start": written(row["start_ns"])}
    if row["end_ns"] is not None:
        run |= {"end": written(row["end_ns"]), "status": row["status"]}
    run |= {name: row[name] for name in _RUN if row[name] is not None}
    run |= {name: orjson.loads(row[name]) for name in _RUN_DATA if row[name] is not None}
    process = _run(connection, row["process_pk"])
    return run if process is None else run | {"process": process}


def _media(engine: Engine, data: Any) -> dict[str, dict[str, str]]:
    """Return the images, sounds and files that `data` names, by hash."""
    found: dict[str, dict[str, str]] = {}
    for digest in sorted(set(_hashes(data))):
        blob = queries.get_blob(engine, digest)
        if blob is not None:
            content = b64encode(blob.content).decode()
            found[digest] = {"media_type": blob.media_type or "", "data": content}
    return found


def _hashes(data: Any) -> Iterator[str]:
    pending: list[Any] = [data]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            mapping = cast("dict[str, Any]", item)
            if mapping.get("$") == "media" and isinstance(mapping.get("hash"), str):
                yield mapping["hash"]
            pending += mapping.values()
        elif isinstance(item, list):
            pending += cast("list[Any]", item)
