"""Stores filled from journals that the tests write line by line."""

import base64
import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import orjson
import pytest
import zstandard
from sqlalchemy import Select, exc, select

from spanbook.reading.search import index_of
from spanbook.recording.journal import Journal
from spanbook.store.backends.choice import backend_at
from spanbook.store.ingester import Ingester
from spanbook.store.schema import blobs, metadata, payloads, traces
from spanbook.store.takeover import collect

TRACE = "a" * 32
START = 1_790_000_000_000_000_000
MS = 1_000_000

Record = dict[str, Any]


def span_id(number: int) -> str:
    return f"{number:016x}"


def trace_id(number: int) -> str:
    return f"{number:032x}"


def start(number: int = 1, parent: int | None = None, **fields: Any) -> Record:
    """Return the start of span `number`, which begins so many milliseconds after the first."""
    record: Record = {
        "type": "start",
        "trace": TRACE,
        "span": span_id(number),
        "kind": "chain",
        "name": f"span {number}",
        "start": START + number * MS,
    }
    if parent is not None:
        record["parent"] = span_id(parent)
    return record | fields


def end(number: int = 1, parent: int | None = None, **fields: Any) -> Record:
    """Return the end of span `number`, which took ten milliseconds."""
    record = start(number, parent) | {"type": "end", "end": START + (number + 10) * MS}
    return record | {"status": "ok"} | fields


def event(number: int, at: int, name: str, **fields: Any) -> Record:
    return {
        "type": "event",
        "trace": TRACE,
        "span": span_id(number),
        "at": START + at,
        "name": name,
        **fields,
    }


def media(content: bytes, media_type: str = "image/png") -> Record:
    return {
        "type": "blob",
        "hash": hashlib.sha256(content).hexdigest()[:32],
        "media_type": media_type,
        "data": base64.b64encode(content).decode(),
    }


def process(run: str = "1" * 32, **fields: Any) -> Record:
    return {
        "type": "process",
        "version": 1,
        "run": run,
        "name": "program",
        "project": "default",
        "host": "here",
        "pid": 7,
        "command": "program.py",
        "python": "3.11.0",
        "start": START,
        **fields,
    }


def line(record: Record) -> bytes:
    return orjson.dumps(record) + b"\n"


class Shelf:
    """A store, the journal before it and the ingester between them."""

    def __init__(
        self, directory: Path, opening: Record | None = None, url: str | None = None
    ) -> None:
        self.path = directory / "store.db"
        self.url = url or f"sqlite:///{self.path}"
        self.opening = opening or process()
        self.folder = directory / "store.db.journal"
        self.journal = Journal(self.folder, lambda: line(self.opening), limit=1 << 30)
        self.ingester = Ingester(self.url, self.journal, clock=lambda: START)
        self._backend = backend_at(self.url)
        self._engine = self._backend.engine(self.url, 5.0, None)

    def write(self, *records: Record) -> None:
        for record in records:
            self.journal.append(line(record))

    def store(self, *records: Record) -> None:
        """Write and ingest `records` as one batch."""
        self.write(*records)
        assert self.ingester.drain(10)

    def collect(self) -> int:
        """Take over what the dead have left."""
        return collect(self.url, self.folder)

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        with self._engine.connect() as connection:
            found = connection.exec_driver_sql(self._backend.spelled(query), values)
            rows = [dict(row) for row in found.mappings()]
        self._engine.dispose()  # a test may look which files are open
        return rows

    def one(self, query: str, *values: Any) -> dict[str, Any]:
        (row,) = self.rows(query, *values)
        return row

    def trace(self) -> dict[str, Any]:
        return self.one("SELECT * FROM traces")

    def trace_of(self, number: int) -> dict[str, Any]:
        return self.one("SELECT * FROM traces WHERE trace_id = ?", trace_id(number))

    def span(self, number: int = 1) -> dict[str, Any]:
        return self.one("SELECT * FROM spans WHERE span_id = ?", span_id(number))

    def payload(self, number: int = 1) -> dict[str, Any]:
        """Return the payload of a span as its blocks hold it, that of the end over the start's."""
        row = self.span(number)
        found: dict[str, Any] = {}
        for pk in (row["start_block"], row["end_block"]):
            if pk is not None:
                (body,) = self.bodies(select(payloads.c.body).where(payloads.c.pk == pk))
                entry = orjson.loads(plain(body))[span_id(number)]
                attributes = found.get("attributes", {}) | entry.get("attributes", {})
                found |= entry | ({"attributes": attributes} if attributes else {})
        return found

    def texts(self) -> list[str]:
        """Return the texts among the blobs."""
        bodies = self.bodies(select(blobs.c.body).where(blobs.c.media_type.is_(None)))
        return sorted(plain(body).decode() for body in bodies)

    def bodies(self, wanted: Select[Any]) -> list[Any]:
        """Return the bytes that a column of bytes holds."""
        with self._engine.connect() as connection:
            found = list(connection.execute(wanted).scalars())
        self._engine.dispose()
        return found

    def found(self, word: str) -> list[str]:
        """Return the traces in which the full-text index finds `word`."""
        with self._engine.connect() as connection:
            having = index_of(connection.dialect.name).traces_with(f"{word}")
            query = select(traces.c.trace_id).where(traces.c.pk.in_(having))
            return sorted(connection.execute(query).scalars())

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return all rows of all tables but the journal's own."""
        with self._engine.connect() as connection:
            return {
                table.name: sorted(
                    (tuple(row) for row in connection.execute(table.select())), key=repr
                )
                for table in metadata.sorted_tables
                if table.name != "segments"
            }

    def close(self) -> None:
        self.ingester.stop()
        self.journal.close()
        self._engine.dispose()


def until(claim: Callable[[], bool]) -> bool:
    """Say whether `claim` comes true within some seconds."""
    deadline = time.monotonic() + 20
    while not claim():
        if time.monotonic() > deadline:
            return False
        Event().wait(0.01)
    return True


def count(shelf: Shelf) -> int:
    try:
        return shelf.one("SELECT count(*) AS n FROM spans")["n"]
    except exc.DBAPIError:  # not made yet
        return 0


def plain(body: bytes) -> bytes:
    """Return what a column holds that is compressed where that is shorter."""
    return zstandard.decompress(body) if body.startswith(b"\x28\xb5\x2f\xfd") else body


@pytest.fixture
def shelf(tmp_path: Path, store_url: str) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path, url=store_url)
    yield shelf
    shelf.close()
