"""Payloads: what went into a span and came out, put together from the store's pieces."""

from typing import Any

import pytest
import zstandard
from sqlalchemy import Engine

from spanbook.errors import UnknownTraceError
from spanbook.moments import moment
from spanbook.reading import queries
from spanbook.reading.rows import Payload
from spanbook.spans import SpanError, SpanEvent
from tests.reading.shelves import BASE, Shelf

KEY = "ab" * 16


def packed(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def read(shelf: Shelf, start: dict[str, Any] | None, end: dict[str, Any] | None) -> Payload:
    """Return the payload of a span with these records at its start and its end."""
    trace_id = shelf.trace()
    blocks: dict[str, Any] = {
        name: shelf.block(pk, {"5" * 16: record})
        for pk, (name, record) in enumerate([("start_block", start), ("end_block", end)], 1)
        if record is not None
    }
    shelf.span(trace_id, span_id="5" * 16, **blocks)
    return queries.get_payload(shelf.engine, trace_id, "5" * 16)


def test_the_end_wins_and_attributes_are_merged(shelf: Shelf):
    payload = read(
        shelf,
        {"input": "early", "attributes": {"a": 1, "b": 1}},
        {"input": "late", "output": [1], "attributes": {"b": 2}},
    )

    assert (payload.input, payload.output) == ("late", [1])
    assert payload.attributes == {"a": 1, "b": 2}


def test_none_is_not_the_same_as_nothing(shelf: Shelf):
    payload = read(shelf, {"input": None}, None)

    assert (payload.has_input, payload.input) == (True, None)
    assert (payload.has_output, payload.output) == (False, None)


def test_a_span_without_blocks_has_an_empty_payload(shelf: Shelf):
    assert read(shelf, None, None) == Payload(None, None, False, False, {}, (), None)


def test_an_error_keeps_its_traceback(shelf: Shelf):
    error = {"type": "builtins.ValueError", "message": "no", "stack": "Traceback"}

    assert read(shelf, None, {"error": error}).error == SpanError(**error)


def test_a_compressed_block_reads_as_a_plain_one(shelf: Shelf, engine: Engine):
    trace_id = shelf.trace()
    shelf.block(1, packed(b'{"5555555555555555":{"input":"x"}}'))
    shelf.span(trace_id, span_id="5" * 16, end_block=1)

    assert queries.get_payload(engine, trace_id, "5" * 16).input == "x"


@pytest.mark.parametrize("body", [b"a long \xc3\xa4 text", packed(b"a long \xc3\xa4 text")])
def test_long_texts_are_put_back(shelf: Shelf, body: bytes):
    shelf.blob(KEY, body, size=len(b"a long \xc3\xa4 text"))
    reference = {"$": "text", "blob": KEY}

    payload = read(shelf, {"input": {"messages": [{"content": reference}], "again": reference}},
                   {"output": reference, "attributes": {"prompt": reference}})  # fmt: skip

    assert payload.input == {"messages": [{"content": "a long ä text"}], "again": "a long ä text"}
    assert (payload.output, payload.attributes["prompt"]) == ("a long ä text",) * 2


def test_a_text_that_is_gone_stays_a_reference(shelf: Shelf):
    assert read(shelf, None, {"output": {"$": "text", "blob": KEY}}).output["blob"] == KEY


def test_other_placeholders_and_escaped_keys_are_left_to_the_viewer(shelf: Shelf):
    output = {"image": {"$": "media", "hash": KEY}, "own": {"$$": "text", "blob": KEY}}

    assert read(shelf, None, {"output": output}).output == output


def test_events_come_in_order_with_their_data(shelf: Shelf, engine: Engine):
    trace_id = shelf.trace()
    first_span = queries.list_spans(engine, trace_id)[0].span_id
    shelf.blob(KEY, b"long", size=4)
    shelf.event(
        first_span,
        BASE + 2000,
        "second",
        packed(b'{"text":{"$":"text","blob":"%s"}}' % KEY.encode()),
    )
    shelf.event(first_span, BASE + 1000, "first", None)

    assert queries.get_payload(engine, trace_id, first_span).events == (
        SpanEvent(moment(BASE + 1000), "first"),
        SpanEvent(moment(BASE + 2000), "second", {"text": "long"}),
    )


def test_an_unknown_span_says_what_to_do(shelf: Shelf, engine: Engine):
    trace_id = shelf.trace()

    with pytest.raises(UnknownTraceError, match=r"has no span 'x'.*list the trace's spans"):
        queries.get_payload(engine, trace_id, "x")
    with pytest.raises(UnknownTraceError, match="holds no trace"):
        queries.get_payload(engine, "x", "x")


def test_media_come_with_their_type(shelf: Shelf, engine: Engine):
    shelf.blob(KEY, packed(b"x" * 500), size=500, media_type="image/png")

    blob = queries.get_blob(engine, KEY)

    assert blob is not None
    assert (blob.media_type, blob.size, blob.content) == ("image/png", 500, b"x" * 500)


def test_a_file_that_is_itself_compressed_stays_so(shelf: Shelf, engine: Engine):
    archive = packed(b"x" * 500)
    shelf.blob(KEY, archive, size=len(archive), media_type="application/zstd")

    blob = queries.get_blob(engine, KEY)

    assert blob is not None
    assert blob.content == archive


@pytest.mark.parametrize("key", ["", "xyz", "00" * 16, "0"])
def test_an_unknown_blob_is_none(engine: Engine, key: str):
    assert queries.get_blob(engine, key) is None
