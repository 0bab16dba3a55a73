"""Finding: which spans of one trace hold a text in their payloads, and on which side."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, select

from spanbook.errors import UnknownTraceError
from spanbook.store.compression import content_of, json_of
from spanbook.store.schema import blob_uses, blobs, events, payloads, traces

LIMIT = 64_000_000  # bytes of one trace's payloads that are looked through
_SIDES = ("error", "output", "input", "attributes")


@dataclass(frozen=True, slots=True)
class Found:
    """Where each span holds the text; `is_whole` false: only a part was looked through."""

    sides: dict[str, str]
    is_whole: bool


def find(engine: Engine, trace_id: str, text: str, limit: int = LIMIT) -> Found:
    """Return the spans of a trace whose payloads or events hold `text`, without regard to case.

    Raises:
        UnknownTraceError: the store does not hold the trace.
    """
    with engine.connect() as connection:
        pk = connection.scalar(select(traces.c.pk).where(traces.c.trace_id == trace_id))
        if pk is None:
            raise UnknownTraceError(f"The store holds no trace {trace_id!r}; it may be deleted.")
        search = _Search(_folded(orjson.dumps(text)[1:-1]), limit)
        search.look_into_texts(connection, pk)
        sides = search.sides(connection, pk)
    return Found(sides, search.left >= 0)


def _folded(text: bytes) -> str:
    return text.decode("utf-8", "replace").casefold()


class _Search:
    """One search in one trace: what is looked for, as JSON spells it, and how much may be read."""

    def __init__(self, wanted: str, limit: int) -> None:
        self.left = limit
        self._wanted = [wanted]  # the text, and the hashes of long texts that hold it

    def look_into_texts(self, connection: Connection, trace_pk: int) -> None:
        """Look through the texts that are kept outside of payloads."""
        statement = (
            select(blobs.c.hash, blobs.c.size, blobs.c.body)
            .join(blob_uses, blob_uses.c.hash == blobs.c.hash)
            .where(blob_uses.c.trace_pk == trace_pk, blobs.c.media_type.is_(None))
        )
        wanted = orjson.loads(f'"{self._wanted[0]}"').casefold()
        for digest, size, body in connection.execute(statement):
            if not self._may_read(size):
                return
            if wanted in _folded(content_of(body, size)):
                self._wanted.append(bytes(digest).hex())

    def sides(self, connection: Connection, trace_pk: int) -> dict[str, str]:
        """Return where in its payload or events each span holds the text."""
        found: dict[str, str] = {}
        for span_id, side in (
            *self._in_payloads(connection, trace_pk),
            *self._in_events(connection, trace_pk),
        ):
            found.setdefault(span_id, side)
        return found

    def _in_payloads(self, connection: Connection, trace_pk: int) -> Iterator[tuple[str, str]]:
        statement = select(payloads.c.body).where(payloads.c.trace_pk == trace_pk)
        for body in connection.execute(statement.order_by(payloads.c.pk.desc())).scalars():
            block = json_of(body)
            if not self._may_read(len(block)):
                return
            if self._is_in(block):
                for span_id, record in orjson.loads(block).items():
                    yield from ((span_id, side) for side in self._in_record(record))

    def _in_record(self, record: Any) -> Iterator[str]:
        for side in _SIDES:
            if side in record and self._is_in(orjson.dumps(record[side])):
                yield side
                return

    def _in_events(self, connection: Connection, trace_pk: int) -> Iterable[tuple[str, str]]:
        statement = select(events.c.span_id, events.c.name, events.c.data)
        for span_id, name, data in connection.execute(
            statement.where(events.c.trace_pk == trace_pk)
        ):
            text = b"" if data is None else json_of(data)
            if not self._may_read(len(text)):
                return
            if self._is_in(orjson.dumps(name)) or self._is_in(text):
                yield span_id, "events"

    def _may_read(self, size: int) -> bool:
        self.left -= size
        return self.left >= 0

    def _is_in(self, text: bytes) -> bool:
        folded = _folded(text)
        return any(wanted in folded for wanted in self._wanted)
