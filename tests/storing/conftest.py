"""Stores filled from journals that the tests write line by line."""

import base64
import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import orjson
import pytest
import zstandard

from spanbook.recording.journal import Journal
from spanbook.store.ingester import Ingester

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

    def __init__(self, directory: Path, opening: Record | None = None) -> None:
        self.path = directory / "store.db"
        self.url = f"sqlite:///{self.path}"
        self.opening = opening or process()
        self.journal = Journal(
            directory / "store.db.journal", lambda: line(self.opening), limit=1 << 30
        )
        self.ingester = Ingester(self.url, self.journal, clock=lambda: START)

    def write(self, *records: Record) -> None:
        for record in records:
            self.journal.append(line(record))

    def store(self, *records: Record) -> None:
        """Write and ingest `records` as one batch."""
        self.write(*records)
        assert self.ingester.drain(10)

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.path)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, values)]

    def one(self, query: str, *values: Any) -> dict[str, Any]:
        (row,) = self.rows(query, *values)
        return row

    def trace(self) -> dict[str, Any]:
        return self.one("SELECT * FROM traces")

    def span(self, number: int = 1) -> dict[str, Any]:
        return self.one("SELECT * FROM spans WHERE span_id = ?", span_id(number))

    def payload(self, number: int = 1) -> dict[str, Any]:
        """Return the payload of a span as its blocks hold it, that of the end over the start's."""
        row = self.span(number)
        found: dict[str, Any] = {}
        for pk in (row["start_block"], row["end_block"]):
            if pk is not None:
                body = self.one("SELECT body FROM payloads WHERE pk = ?", pk)["body"]
                entry = orjson.loads(plain(body))[span_id(number)]
                attributes = found.get("attributes", {}) | entry.get("attributes", {})
                found |= entry | ({"attributes": attributes} if attributes else {})
        return found

    def texts(self) -> list[str]:
        """Return the texts among the blobs."""
        rows = self.rows("SELECT body FROM blobs WHERE media_type IS NULL")
        return sorted(plain(row["body"]).decode() for row in rows)

    def found(self, word: str) -> list[str]:
        """Return the traces in which the full-text index finds `word`."""
        query = (
            "SELECT DISTINCT trace_id FROM search JOIN spans ON spans.pk = search.rowid "
            "JOIN traces ON traces.pk = spans.trace_pk WHERE search MATCH ? ORDER BY trace_id"
        )
        return [row["trace_id"] for row in self.rows(query, f'"{word}"')]

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return all rows of all tables but the journal's own."""
        with closing(sqlite3.connect(self.path)) as connection:
            tables = connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'search%'"
            )
            names = {row[0] for row in tables} - {"segments", "sqlite_sequence"}
            return {
                name: sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr)
                for name in names
            }

    def close(self) -> None:
        self.ingester.stop()
        self.journal.close()


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
    except sqlite3.OperationalError:  # not made yet
        return 0


def plain(body: bytes) -> bytes:
    """Return what a column holds that is compressed where that is shorter."""
    return zstandard.decompress(body) if body.startswith(b"\x28\xb5\x2f\xfd") else body


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.close()
