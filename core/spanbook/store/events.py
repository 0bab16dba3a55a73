"""Events: what happened at one moment inside a span."""

from typing import Any

import orjson
from sqlalchemy import Connection

from spanbook.store.compression import Compressor
from spanbook.store.records import Record
from spanbook.store.schema import events
from spanbook.store.statements import Insert, Lookup
from spanbook.store.texts import contents_of
from spanbook.store.wording import clean

_INSERT = Insert(events, ("trace_pk", "span_id", "at_ns", "name", "data"))
_KNOWN = Lookup(events, "span_id", columns=["span_id", "at_ns", "name"], given=["trace_pk"])

EventRow = tuple[int, str, int, str, bytes | None]


class Events:
    """The events of one batch that the store does not hold yet."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: list[EventRow] = []
        self.uses: list[tuple[bytes, int]] = []  # which trace refers to which blob

    def add(self, trace_pk: int, records: list[Record], *, is_new: bool) -> None:
        """Add the events of one trace; the same name at the same moment is the same event."""
        if not records:
            return
        seen: set[tuple[Any, ...]] = set()
        if not is_new:
            seen = self._known(trace_pk, {record["span"] for record in records})
        for record in records:
            name = clean(record["name"]) or ""
            key = (record["span"], record["at"], name)
            if key not in seen:
                seen.add(key)
                data = orjson.dumps(record["data"]) if "data" in record else None
                self._rows.append((trace_pk, *key, data))
                if data is not None and b'"hash":' in data:
                    self.uses += [(digest, trace_pk) for digest in contents_of(record["data"])]

    def _known(self, trace_pk: int, span_ids: set[str]) -> set[tuple[Any, ...]]:
        return set(_KNOWN.run(self._connection, span_ids, trace_pk))

    def write(self, compressor: Compressor) -> None:
        """Store the events."""
        bodies = iter(compressor.shortest([row[4] for row in self._rows if row[4] is not None]))
        rows = [(*row[:4], None if row[4] is None else next(bodies)) for row in self._rows]
        _INSERT.run(self._connection, rows)
