"""Deleted traces are gone with all that hung on them, and nothing else is."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from spanbook.store.database import open_engine
from spanbook.store.upkeep.deleting import Deleted, delete_traces
from tests.storing.conftest import TRACE, Record, Shelf, end, event, media, start, trace_id

LONG = "a text that stands outside its payload " * 200
USAGE = {"input": 10, "output": 2}


def program(trace: str, *, own: str, shared: str = LONG) -> list[Record]:
    """Return the records of a trace that has something of everything."""
    picture = media(own.encode())
    shown = {"$": "media", "media_type": "image/png", "size": 4, "hash": picture["hash"]}
    records = [
        start(1, input={"text": shared, "own": own * 2000}, context={"tags": ["x", own]}),
        end(2, 1, kind="llm", usage=USAGE, model="m", output={"image": shown}),
        event(2, 5, "seen", data={"image": shown}),
        end(3, 1, status="error", error={"type": "ValueError", "message": own}),
        end(1, output="done"),
    ]
    return [picture, *({**record, "trace": trace} for record in records)]


@pytest.fixture
def engine(shelf: Shelf) -> Iterator[Engine]:
    shelf.store()
    engine = open_engine(shelf.url)
    yield engine
    engine.dispose()


def test_a_store_is_as_if_the_trace_had_never_been(shelf: Shelf, engine: Engine) -> None:
    shelf.store(*program(trace_id(1), own="kept"))
    before = shelf.dump()
    shelf.store(*program(trace_id(2), own="gone"))

    deleted = delete_traces(engine, [trace_id(2)])

    assert shelf.dump() == before
    assert deleted == Deleted(traces=1, spans=3, blobs=2)


def test_contents_that_others_use_stay(shelf: Shelf, engine: Engine) -> None:
    shelf.store(*program(trace_id(1), own="same"), *program(trace_id(2), own="same"))
    contents = shelf.rows("SELECT hash FROM blobs ORDER BY hash")

    delete_traces(engine, [trace_id(1)])
    left = shelf.rows("SELECT hash FROM blobs ORDER BY hash")
    delete_traces(engine, [trace_id(2)])

    assert left == contents
    assert shelf.rows("SELECT * FROM blobs") == []


def test_nothing_of_a_deleted_trace_is_found(shelf: Shelf, engine: Engine) -> None:
    shelf.store(*program(trace_id(1), own="needle"))
    assert shelf.found("needle") == [trace_id(1)]

    delete_traces(engine, [trace_id(1)])
    shelf.store(*program(trace_id(2), own="haystack"))

    assert shelf.found("needle") == []


def test_many_traces_go_in_pieces(shelf: Shelf, engine: Engine) -> None:
    shelf.store(*({**end(1), "trace": trace_id(number)} for number in range(120)))
    pieces: list[int] = []

    deleted = delete_traces(
        engine,
        (trace_id(number) for number in range(110)),
        lambda: pieces.append(shelf.one("SELECT count(*) AS n FROM traces")["n"]),
    )

    assert deleted.traces == 110
    assert pieces == [70, 20, 10]


def test_an_unknown_trace_is_no_failure(engine: Engine) -> None:
    assert delete_traces(engine, [TRACE, "nonsense"]) == Deleted()


def test_a_trace_that_goes_on_after_its_deletion_is_a_new_one(shelf: Shelf, engine: Engine) -> None:
    shelf.store(start(1), end(2, 1))
    delete_traces(engine, [TRACE])

    shelf.store(end(1, name="root", output="late"))

    assert shelf.trace()["span_count"] == 1
    assert shelf.payload() == {"output": "late"}
    assert shelf.trace()["status"] == "ok"
