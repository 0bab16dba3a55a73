"""Words: what of a stored trace the full-text index should hold, and that index made anew."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import orjson
from sqlalchemy import Connection, Engine, func, select

from spanbook.store.backends.upkeep import upkeep_of
from spanbook.store.compression import content_of, json_of
from spanbook.store.database import writing
from spanbook.store.pace import at_once
from spanbook.store.schema import blob_uses, blobs, payloads, spans
from spanbook.store.search import worth_indexing, write_search

_CHUNK = 200  # traces whose words are written together


def words_of(connection: Connection, trace_pk: int) -> str:
    """Return the words of a trace: of its spans' names, payloads and the texts outside of these."""
    texts = set(
        connection.execute(select(spans.c.name).where(spans.c.trace_pk == trace_pk)).scalars()
    )
    outside = _outside(connection, trace_pk)
    for body in connection.execute(
        select(payloads.c.body).where(payloads.c.trace_pk == trace_pk)
    ).scalars():
        for payload in orjson.loads(json_of(body)).values():
            parts = [payload.get(part) for part in ("input", "output", "error")]
            texts.update(_texts(parts, outside))
    return worth_indexing(texts, frozenset())


def _outside(connection: Connection, trace_pk: int) -> dict[str, str]:
    """Return the texts that stand outside of the payloads of a trace, by hash."""
    rows = connection.execute(
        select(blobs.c.hash, blobs.c.size, blobs.c.body)
        .join(blob_uses, blob_uses.c.hash == blobs.c.hash)
        .where(blob_uses.c.trace_pk == trace_pk, blobs.c.media_type.is_(None))
    )
    return {
        bytes(hash).hex(): content_of(body, size).decode("utf-8", "replace")
        for hash, size, body in rows
    }


def _texts(value: Any, outside: Mapping[str, str]) -> Iterable[str]:
    """Yield all texts in `value`."""
    waiting: list[Any] = [value]
    while waiting:
        one = waiting.pop()
        match one:
            case str():
                yield one
            case {"$": "text", "blob": str(hash)}:
                yield outside.get(hash, "")
            case dict():
                waiting += cast("dict[str, Any]", one).values()
            case list():
                waiting += cast("list[Any]", one)
            case _:
                pass


def index_anew(engine: Engine, pause: Callable[[], object] = at_once) -> int:
    """Make the full-text index anew, in one transaction; return of how many traces.

    Raises:
        SQLAlchemyError: the store does not answer; the index is as it was.
    """
    last = func.max(spans.c.pk).label("last")
    in_order = select(spans.c.trace_pk, last).group_by(spans.c.trace_pk).order_by(last)
    with engine.connect() as connection, writing(connection):
        found = [(row.trace_pk, row.last) for row in connection.execute(in_order)]
        upkeep_of(connection).empty_index(connection)
        for start in range(0, len(found), _CHUNK):
            part = found[start : start + _CHUNK]
            rows = [(trace, span, words_of(connection, trace)) for trace, span in part]
            write_search(connection, rows)
            pause()
    return len(found)
