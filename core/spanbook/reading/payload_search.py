"""Payload search: which traces or spans have what only their payloads hold.

Payloads are compressed blocks, which no database looks into. So the newest rows that fulfil all
else are read and looked at here, up to a bound, and a list says how many these were.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Select, select

from spanbook.reading import payloads
from spanbook.reading.among import Among
from spanbook.reading.paths import holds
from spanbook.reading.terms import Term
from spanbook.reading.trace_payloads import texts_with
from spanbook.store.schema import payloads as blocks
from spanbook.store.schema import spans, traces

MOST = 5_000  # rows looked at
MOST_BYTES = 64 << 20  # of their blocks, as they are stored
_AT_ONCE = 200  # rows

Refers = tuple[int, int, str | None, int | None, int | None]


def of_spans(*where: Any) -> "Select[*tuple[Any, ...]]":
    """Return the select of the spans to look at, newest first."""
    refers = (spans.c.pk, spans.c.trace_pk, spans.c.span_id, spans.c.start_block, spans.c.end_block)
    newest = (spans.c.start_ns.desc(), spans.c.pk.desc())
    return select(*refers).where(*where).order_by(*newest).limit(MOST + 1)


def of_traces(keys: "Select[Any]") -> "Select[*tuple[Any, ...]]":
    """Return the select of those of the traces `keys` to look at, newest first, by their roots."""
    is_root = (spans.c.trace_pk == traces.c.pk) & (spans.c.span_id == traces.c.root_id)
    refers = (traces.c.pk, traces.c.pk, spans.c.span_id, spans.c.start_block, spans.c.end_block)
    newest = (traces.c.start_ns.desc(), traces.c.pk.desc())
    these = keys.order_by(*newest).limit(MOST + 1)
    found = select(*refers).select_from(traces.outerjoin(spans, is_root))
    return found.where(traces.c.pk.in_(these)).order_by(*newest)


def search_payloads(
    connection: Connection, candidates: "Select[Any]", terms: Sequence[Term]
) -> Among:
    """Return which of the first `MOST` candidates have payloads of which all `terms` hold."""
    rows: list[Refers] = [tuple(row) for row in connection.execute(candidates)]
    found: list[int] = []
    searched = size = 0
    for part in _parts(rows[:MOST]):
        if size > MOST_BYTES:
            break
        records, read = read_records(connection, part)
        found += [
            row[0] for row, record in zip(part, records, strict=True) if _all_hold(terms, record)
        ]
        searched += len(part)
        size += read
    return Among(tuple(found), searched, searched == len(rows))


def _all_hold(terms: Sequence[Term], record: Mapping[str, Any]) -> bool:
    return all(holds(term, record) for term in terms)


def _parts(rows: Iterable[Refers]) -> Iterator[list[Refers]]:
    source = iter(rows)
    while part := list(islice(source, _AT_ONCE)):
        yield part


def read_records(
    connection: Connection, rows: Sequence[Refers]
) -> tuple[list[dict[str, Any]], int]:
    """Return what went into spans and came out, and how many bytes that is as it is stored."""
    wanted = {pk for row in rows for pk in row[3:] if pk is not None}
    of = {row[1] for row in rows}
    statement = select(blocks.c.pk, blocks.c.body).where(
        blocks.c.trace_pk.in_(sorted(of)), blocks.c.pk.in_(sorted(wanted))
    )
    bodies = {pk: bytes(body) for pk, body in connection.execute(statement)}
    unpacked: dict[int | None, Any] = {pk: payloads.unpack(body) for pk, body in bodies.items()}
    records = [_record(unpacked, row) for row in rows]
    texts = texts_with(connection, sorted(payloads.references(records)))
    return payloads.resolve(records, texts), sum(map(len, bodies.values()))


def _record(unpacked: Mapping[int | None, Any], row: Refers) -> dict[str, Any]:
    nothing: dict[str, Any] = {}
    start, end = (unpacked.get(block, nothing).get(row[2], nothing) for block in row[3:])
    return payloads.merge(start, end)
