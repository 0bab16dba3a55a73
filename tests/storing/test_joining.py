"""How records of one span become its row."""

import pytest
from sqlalchemy import select

from spanbook.store.schema import events
from tests.storing.conftest import MS, START, Shelf, end, event, media, span_id, start


def test_a_start_alone_is_a_running_span(shelf: Shelf) -> None:
    shelf.store(start(1, input={"question": "why"}))

    assert shelf.span()["status"] == "running"
    assert shelf.span()["end_ns"] is None
    assert shelf.payload() == {"input": {"question": "why"}}


def test_an_end_alone_is_a_whole_span(shelf: Shelf) -> None:
    shelf.store(end(1, input="in", output="out"))

    assert (shelf.span()["status"], shelf.span()["end_ns"]) == ("ok", START + 11 * MS)
    assert shelf.payload() == {"input": "in", "output": "out"}


@pytest.mark.parametrize("batches", [1, 2], ids=["together", "apart"])
def test_start_and_end_make_one_row(shelf: Shelf, batches: int) -> None:
    records = [
        start(1, input="in", attributes={"a": 1, "b": 1}, model="m-1", provider="p"),
        end(1, output="out", attributes={"b": 2}, model="m-1-2026"),
    ]
    for batch in _split(records, batches):
        shelf.store(*batch)

    span = shelf.span()
    assert (span["status"], span["model"], span["provider"]) == ("ok", "m-1-2026", "p")
    assert shelf.payload() == {"input": "in", "output": "out", "attributes": {"a": 1, "b": 2}}


def _split(records, batches):
    return [records] if batches == 1 else [[record] for record in records]


def test_an_end_may_come_before_its_start(shelf: Shelf) -> None:
    shelf.store(end(1, output="out"))
    shelf.store(start(1, input="in"))

    assert shelf.span()["status"] == "ok"
    assert shelf.payload() == {"input": "in", "output": "out"}


def test_an_input_given_at_the_end_replaces_that_of_the_start(shelf: Shelf) -> None:
    shelf.store(start(1, input="before"), end(1, input="after"))

    assert shelf.payload() == {"input": "after"}


@pytest.mark.parametrize("batches", [1, 2], ids=["together", "apart"])
def test_the_first_end_counts(shelf: Shelf, batches: int) -> None:
    for batch in _split([end(1, output="first"), end(1, status="error", output="2nd")], batches):
        shelf.store(*batch)

    assert shelf.span()["status"] == "ok"
    assert shelf.payload() == {"output": "first"}
    assert shelf.trace()["error_count"] == 0


@pytest.mark.parametrize("batches", [1, 2], ids=["together", "apart"])
def test_a_real_end_replaces_incomplete(shelf: Shelf, batches: int) -> None:
    records = [end(1, status="incomplete"), end(1, status="error", error={"type": "E"})]
    for batch in _split(records, batches):
        shelf.store(*batch)

    assert (shelf.span()["status"], shelf.trace()["status"]) == ("error", "error")
    assert shelf.trace()["error_count"] == 1


def test_incomplete_does_not_replace_a_real_end(shelf: Shelf) -> None:
    shelf.store(end(1))
    shelf.store(end(1, status="incomplete"))

    assert shelf.span()["status"] == "ok"


def test_nobody_knows_when_an_incomplete_span_ended(shelf: Shelf) -> None:
    shelf.store(start(1), end(1, status="incomplete"))

    assert shelf.span()["end_ns"] is None
    assert (shelf.trace()["end_ns"], shelf.trace()["duration_ns"]) == (None, None)


def test_kind_and_name_of_the_end_are_final(shelf: Shelf) -> None:
    shelf.store(start(1, kind="chain", name="RunnableLambda"))
    shelf.store(end(1, kind="tool", name="search"))

    assert (shelf.span()["kind"], shelf.span()["name"]) == ("tool", "search")
    assert (shelf.trace()["kind"], shelf.trace()["name"]) == ("tool", "search")


def test_an_unknown_kind_is_a_step(shelf: Shelf) -> None:
    shelf.store(end(1, kind="dreaming"))

    assert shelf.span()["kind"] == "step"


def test_names_are_clean_and_short(shelf: Shelf) -> None:
    shelf.store(end(1, name="a\0b" + "c" * 500))

    assert shelf.span()["name"] == "ab" + "c" * 197


def test_usage_of_zero_is_not_unknown_usage(shelf: Shelf) -> None:
    shelf.store(end(1, kind="llm", usage={}))

    assert (shelf.span()["input_tokens"], shelf.span()["counted"]) == (0, 1)
    assert (shelf.trace()["total_tokens"], shelf.trace()["usage_count"]) == (0, 1)


def test_the_number_of_streamed_chunks_is_an_attribute(shelf: Shelf) -> None:
    shelf.store(end(1, kind="llm", first_token=START + 2 * MS, chunks=17))

    assert shelf.span()["first_token_ns"] == START + 2 * MS
    assert shelf.payload() == {"attributes": {"chunks": 17}}


def test_a_span_without_payload_needs_no_block(shelf: Shelf) -> None:
    shelf.store(start(1), end(1))

    assert shelf.rows("SELECT * FROM payloads") == []


def test_a_value_that_is_nested_too_deep_says_so(shelf: Shelf) -> None:
    shelf.journal.append(
        b'{"type":"end","trace":"%s","span":"%s","kind":"tool","name":"n","start":1,"end":2,'
        b'"status":"ok","input":"fine","output":%s%s}\n'
        % (b"a" * 32, span_id(1).encode(), b"[" * 400, b"]" * 400)
    )
    assert shelf.ingester.drain(10)

    assert shelf.payload() == {"input": "fine", "output": {"$": "depth"}}


def test_events_are_kept_once(shelf: Shelf) -> None:
    records = [event(1, 5, "retry", data={"attempt": 1}), event(1, 9, "note")]
    shelf.store(start(1), *records)
    shelf.store(*records, event(1, 7, "retry"))

    rows = shelf.rows("SELECT at_ns - ? AS at, name FROM events ORDER BY at_ns", START)
    assert rows == [
        {"at": 5, "name": "retry"},
        {"at": 7, "name": "retry"},
        {"at": 9, "name": "note"},
    ]
    data = shelf.bodies(select(events.c.data).order_by(events.c.at_ns))
    assert data == [b'{"attempt":1}', None, None]


def test_media_are_kept_once_by_the_hash_of_their_content(shelf: Shelf) -> None:
    shelf.store(media(b"picture" * 1000), media(b"picture" * 1000), start(1))
    shelf.store(media(b"picture" * 1000))

    row = shelf.one("SELECT media_type, size FROM blobs")
    assert row == {"media_type": "image/png", "size": 7000}
