"""What went into all spans of a trace and came out of them, read at once."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, select

from spanbook.reading import payloads
from spanbook.reading.rows import Payload
from spanbook.store.compression import content_of
from spanbook.store.schema import blobs, events, spans, traces
from spanbook.store.schema import payloads as blocks

_AT_ONCE = 500  # values of one statement


def trace_payloads(engine: Engine, trace_id: str, limit: int | None = None) -> dict[str, Payload]:
    """Return the payloads of the spans of a trace, of the first `limit` by start, by span id."""
    with engine.connect() as connection:
        statement = (
            select(spans.c.trace_pk, spans.c.span_id, spans.c.start_block, spans.c.end_block)
            .join(traces, traces.c.pk == spans.c.trace_pk)
            .where(traces.c.trace_id == trace_id)
            .order_by(spans.c.start_ns, spans.c.pk)
            .limit(limit)
        )
        rows = connection.execute(statement).all()
        if not rows:
            return {}
        read = _blocks(connection, sorted({pk for row in rows for pk in row[2:] if pk is not None}))
        happened = _events(connection, rows[0][0])
        nothing: dict[str, Any] = {}
        records = {
            span_id: payloads.merge(
                read.get(start, nothing).get(span_id, nothing),
                read.get(end, nothing).get(span_id, nothing),
            )
            for _, span_id, start, end in rows
        }
        found = {span_id: happened[span_id] for span_id in records if span_id in happened}
        data: list[Any] = [records, found]
        texts = texts_with(connection, sorted(payloads.references(data)))
    records, found = payloads.resolve(data, texts)
    return {
        span_id: payloads.payload(record, found.get(span_id, ()))
        for span_id, record in records.items()
    }


def _blocks(connection: Connection, pks: Sequence[int]) -> dict[int | None, Any]:
    read: dict[int | None, Any] = {}
    for start in range(0, len(pks), _AT_ONCE):
        wanted = blocks.c.pk.in_(pks[start : start + _AT_ONCE])
        for pk, body in connection.execute(select(blocks.c.pk, blocks.c.body).where(wanted)):
            read[pk] = payloads.unpack(body)
    return read


def _events(connection: Connection, trace_pk: int) -> dict[str, list[list[Any]]]:
    statement = (
        select(events.c.span_id, events.c.at_ns, events.c.name, events.c.data)
        .where(events.c.trace_pk == trace_pk)
        .order_by(events.c.span_id, events.c.at_ns, events.c.pk)
    )
    found: dict[str, list[list[Any]]] = defaultdict(list)
    for span_id, at, name, data in connection.execute(statement):
        found[span_id].append([at, name, data and payloads.unpack(data)])
    return dict(found)


def texts_with(connection: Connection, hashes: Sequence[str]) -> dict[str, str]:
    """Return the texts with these hashes, as far as the store holds them."""
    found: dict[str, str] = {}
    for start in range(0, len(hashes), _AT_ONCE):
        wanted = [bytes.fromhex(key) for key in hashes[start : start + _AT_ONCE]]
        statement = select(blobs.c.hash, blobs.c.size, blobs.c.body).where(blobs.c.hash.in_(wanted))
        for key, size, body in connection.execute(statement):
            text = content_of(body, size).decode("utf-8", "surrogatepass")
            found[bytes(key).hex()] = text
    return found
