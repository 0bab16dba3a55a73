"""Quoted texts are put back before anything is stored, wherever in the segment they stand."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from spanbook.reading.book import Book
from spanbook.segments import unclaimed
from spanbook.store.backends.choice import backend_at
from spanbook.store.ingester import Ingester
from spanbook.store.takeover import collect
from tests.storing.conftest import START, TRACE, Shelf, end, span_id, start

STORY = "Once there was a text. " * 100


def hold(shelf: Shelf, text: str = STORY) -> dict[str, Any]:
    """Write a text; return the quote of it."""
    place = shelf.journal.hold(orjson.dumps(text))
    assert place is not None
    return {"$": "quote", "at": place[1]}


def test_quotes_are_the_texts(shelf: Shelf) -> None:
    quote = hold(shelf)
    shelf.store(start(input=quote), end(output={"messages": [{"role": "a", "content": quote}]}))

    assert shelf.payload() == {
        "input": STORY,
        "output": {"messages": [{"role": "a", "content": STORY}]},
    }
    assert shelf.trace()["input"] == STORY[:200].strip()
    assert len(shelf.found("Once")) == 1


def test_a_text_of_an_earlier_batch_is_found_by_another_ingester(shelf: Shelf) -> None:
    quote = hold(shelf)
    shelf.store(start(input="short"))
    shelf.ingester.stop()
    shelf.ingester = Ingester(shelf.url, shelf.journal, clock=lambda: START)

    shelf.store(end(output=[quote]))

    assert shelf.payload()["output"] == [STORY]


@pytest.mark.parametrize("size", [200, 5_000, 1 << 20])
def test_what_a_dead_process_quoted_is_found_however_it_is_read(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(type(backend_at(shelf.url)), "chunk_bytes", size)
    texts = [f"{number} {STORY}" for number in range(3)]
    quotes = [hold(shelf, text) for text in texts]
    shelf.write(*(end(number, output=quotes) for number in range(20)))
    shelf.journal.close()

    shelf.collect()

    with Book(shelf.url) as book:
        payloads = [book.trace(TRACE).payload(span_id(number)) for number in range(20)]
    assert [payload.output for payload in payloads] == [texts] * 20
    assert shelf.rows("SELECT * FROM health WHERE corrupt > 0") == []


@pytest.mark.parametrize("at", [0, 7, 1 << 40, -1, None, "x", [1]])
def test_a_quote_of_nothing_costs_the_text_and_not_the_span(shelf: Shelf, at: Any) -> None:
    hold(shelf)
    shelf.store(end(1, output={"a": {"$": "quote", "at": at}, "b": 1}), end(2))

    assert shelf.payload(1)["output"] == {"a": {"$": "text"}, "b": 1}
    assert shelf.span(2)["status"] == "ok"
    assert shelf.one("SELECT corrupt FROM health")["corrupt"] == 1


def test_tokens_are_estimated_from_what_is_quoted(shelf: Shelf) -> None:
    call: dict[str, Any] = {"kind": "llm", "model": "gpt-4o-mini"}
    for number, text in ((1, STORY), (2, hold(shelf))):
        asked = {"messages": [{"role": "user", "content": text}]}
        shelf.store(start(number, **call, input=asked), end(number, **call, output=text))

    tokens = [(row["input_tokens"], row["output_tokens"]) for row in map(shelf.span, (1, 2))]
    assert tokens[0] == tokens[1]
    assert tokens[0][0] > 500


def test_a_segment_carried_elsewhere_brings_its_texts(shelf: Shelf, tmp_path: Path) -> None:
    shelf.write(end(output=hold(shelf)))
    shelf.journal.close()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for segment in unclaimed(shelf.journal.directory):
        segment.close()
        segment.path.rename(elsewhere / segment.path.name)

    collect(shelf.url, elsewhere)

    assert shelf.payload()["output"] == STORY
