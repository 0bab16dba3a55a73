"""Stores that earlier versions wrote, opened by this one."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from spanbook.reading.accounting import account
from spanbook.reading.book import Book
from spanbook.reading.filters import SpanFilter
from spanbook.segments import SUFFIX, health_line
from spanbook.store.database import REVISION, open_engine
from spanbook.store.histograms import unpack
from spanbook.store.takeover import collect
from spanbook.store.upkeep.checking import check
from spanbook.usage import Usage
from tests.storing.test_database import schema_of
from tests.upgrading.history import (
    ANSWER,
    DIGEST,
    HASH,
    JOB,
    LATE_END,
    LONG,
    NIGHTLY,
    PICTURE,
    segment,
    span_id,
    told,
)
from tests.upgrading.keep import WRITTEN, load

REVISIONS = sorted(path.stem for path in WRITTEN.glob("*.sql"))
PRICED = "0002"  # the first whose costs come from prices
DIE = """
import os, signal, sys
from sqlalchemy import Engine, event
from spanbook.store.database import open_engine
left = int(sys.argv[2])
@event.listens_for(Engine, "before_cursor_execute")
def die(connection, cursor, statement, *_):
    global left
    if statement.lstrip().startswith(("CREATE", "ALTER", "UPDATE", "INSERT")):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
open_engine(sys.argv[1]).dispose()
"""


@pytest.fixture(params=REVISIONS)
def revision(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def path(tmp_path: Path, revision: str) -> Path:
    load(revision, tmp_path / "store.db")
    return tmp_path / "store.db"


@pytest.fixture
def book(path: Path) -> Iterator[Book]:
    with Book(f"sqlite:///{path}") as book:
        yield book


def rows(path: Path) -> dict[str, tuple[list[str], list[tuple[Any, ...]]]]:
    """Return the columns and rows of all tables but those that tell the state of the tables."""
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        names = {name for (name,) in tables} - {"alembic_version", "search", "sqlite_sequence"}
        found: dict[str, tuple[list[str], list[tuple[Any, ...]]]] = {}
        for name in names:
            cursor = connection.execute(f'SELECT * FROM "{name}"')
            found[name] = ([column[0] for column in cursor.description], cursor.fetchall())
    return found


def latencies(path: Path) -> list[tuple[Any, ...]]:
    """Return the histograms that rollups hold, packed, as the rows that they were before 0009."""
    with closing(sqlite3.connect(path)) as connection:
        kept = connection.execute("SELECT hour, series_pk, took FROM rollups ORDER BY 1, 2")
        return [
            (hour, series_pk, *counted)
            for hour, series_pk, took in kept
            for counted in unpack(took).items()
        ]


def picked(names: list[str], rows: list[tuple[Any, ...]], wanted: list[str]) -> list[str]:
    """Return the `wanted` values of rows, in one order.

    What has usage and no price says so since 0002, which is all that a migration changes.
    """
    found = [dict(zip(names, row, strict=True)) for row in rows]
    return sorted(repr([row[name] for name in wanted if name != "unpriced"]) for row in found)


def without(columns: list[str], row: tuple[Any, ...], name: str) -> dict[str, Any]:
    return {key: value for key, value in zip(columns, row, strict=True) if key != name}


def test_there_is_a_store_of_every_revision_before_this_one():
    earlier = [f"{number:04}" for number in range(1, int(REVISION))]

    assert [one for one in REVISIONS if one < REVISION] == earlier, "python -m tests.upgrading.keep"


def test_no_row_and_no_value_is_lost(path: Path):
    before = rows(path)

    open_engine(path).dispose()

    after = rows(path)
    if "rollup_latency" in before:
        after["rollup_latency"] = (["hour", "series_pk", "bucket", "count"], latencies(path))
    for table, (columns, old) in before.items():
        names, new = after[table]
        assert picked(names, new, columns) == picked(columns, old, columns), table


def test_the_tables_are_those_of_a_new_store(path: Path, tmp_path: Path):
    open_engine(path).dispose()

    open_engine(tmp_path / "new.db").dispose()

    assert schema_of(path) == schema_of(tmp_path / "new.db")


def test_every_span_reads_as_it_was_told(book: Book, revision: str):
    records = told(revision)
    starts = {record["span"]: record for record in records if record["type"] == "start"}
    ends = {record["span"]: record for record in records if record["type"] == "end"}

    found = {row.span_id: row for trace in (ANSWER, JOB) for row in book.trace(trace).spans}

    assert found.keys() == starts.keys()
    for span, start in starts.items():
        end = ends.get(span, {"status": "incomplete"})
        row, said = found[span], {**start, **end}
        assert (row.trace_id, row.parent_id) == (said["trace"], said.get("parent"))
        assert (row.kind, row.name, row.status) == (said["kind"], said["name"], said["status"])
        assert (row.start_ns, row.end_ns) == (said["start"], end.get("end"))
        assert (row.model, row.provider) == (said.get("model"), said.get("provider"))
        assert row.first_token_ns == said.get("first_token")
        assert row.usage == (Usage.from_dict(said["usage"]) if "usage" in said else None)


def test_every_payload_reads_as_it_was_told(book: Book, revision: str):
    for record in told(revision):
        if record["type"] not in ("start", "end"):
            continue
        payload = book.trace(record["trace"]).payload(record["span"])
        for side in ("input", "output"):
            if side in record:
                assert getattr(payload, side) == record[side]
        for name, value in record.get("attributes", {}).items():
            assert payload.attributes[name] == value
        if "error" in record:
            error = payload.error
            assert error is not None
            assert {"type": error.type, "message": error.message, "stack": error.stack} == record[
                "error"
            ]
    (retry,) = book.trace(ANSWER).payload(span_id(3)).events
    blob = book.blob(DIGEST)
    assert (retry.name, retry.data) == ("retry", {"attempt": 2})
    assert blob is not None
    assert (blob.media_type, blob.content) == ("image/png", PICTURE)


def test_totals_context_and_search_are_there(book: Book):
    job, answer = book.traces()

    assert (answer.name, answer.status, answer.span_count, answer.error_count) == (
        "answer",
        "ok",
        4,
        1,
    )
    assert answer.usage == Usage(1_000, 40, cache_read=200)
    assert (answer.session, answer.user, answer.tags) == ("c-17", "ada", ("beta", "shop"))
    assert (answer.metadata, answer.release, answer.project) == ({"shelf": 3}, "1.4.2", "shop")
    assert (job.status, job.usage) == ("incomplete", Usage(12, 0, estimated=True))
    assert [row.trace_id for row in book.traces(q="bicycle")] == [JOB, ANSWER]
    assert [row.trace_id for row in book.traces(q="handbook")] == [ANSWER]
    assert [row.trace_id for row in book.traces(tag="night")] == [JOB]
    assert LONG in str(book.trace(ANSWER).payload(span_id(2)).output)


def test_accounts_say_what_traces_say(book: Book):
    total = account(book.engine, SpanFilter())

    usages = [row.usage for row in book.traces() if row.usage is not None]
    assert total.usage == sum(usages, Usage())
    assert check(book.engine) == []


def test_costs_prices_and_links_are_there(book: Book, revision: str):
    (answer,) = book.traces(name="answer")
    links = {(row.span_id, row.to_span_id, row.name) for row in book.links(ANSWER)}

    if revision >= PRICED:
        assert answer.cost == Decimal(
            "0.0009"
        )  # 800 at 1 $, 200 at 0.1 $, 40 at 2 $, by the million
        assert book.prices("own-model")[0].model == "own-model"
    else:
        assert answer.cost is None
    assert ((span_id(4), span_id(3), "asked by") in links) == (revision >= "0003")


def test_runs_and_architectures_are_there(book: Book, revision: str):
    if revision >= "0005":
        run = book.run(NIGHTLY)
        assert (run.name, run.config, run.status) == ("nightly", {"top_k": 4}, "ok")
        assert [(row.name, row.step, row.value) for row in book.metrics(NIGHTLY)] == [
            ("accuracy", 1, 0.5)
        ]
    found = book.traces(architecture=HASH)
    assert [row.trace_id for row in found] == ([ANSWER] if revision >= "0006" else [])


def test_an_end_that_comes_after_the_upgrade_completes_its_span(path: Path, book: Book):
    journal = path.with_name("journal")
    journal.mkdir()
    (journal / f"{2:020d}-7-1{SUFFIX}").write_bytes(
        segment(health_line(0, 0, ""), [*told("0001")[:1], LATE_END])
    )

    collect(book.url, journal)

    row = next(row for row in book.trace(JOB).spans if row.span_id == span_id(7))
    assert (row.status, row.end_ns) == ("ok", LATE_END["end"])
    assert book.trace(JOB).payload(span_id(7)).output == LATE_END["output"]


@pytest.mark.parametrize("statements", [0, 1, 12, 25, 40])
def test_a_migration_that_is_killed_midway_can_be_run_again(tmp_path: Path, statements: int):
    path, whole = tmp_path / "store.db", tmp_path / "whole.db"
    load("0001", path)
    load("0001", whole)
    open_engine(whole).dispose()
    before = rows(path)

    died = subprocess.run([sys.executable, "-c", DIE, path, str(statements)], check=False)

    assert died.returncode == -9
    assert rows(path) == before
    open_engine(path).dispose()
    assert rows(path) == rows(whole)
