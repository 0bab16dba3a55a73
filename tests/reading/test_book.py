"""The book: a store as notebooks and scripts read it."""

import sys
from datetime import timedelta

import pytest
from sqlalchemy import Engine

import spanbook
from spanbook.errors import FilterError, SpanbookError, UnknownTraceError
from spanbook.reading import list_filter
from spanbook.reading.book import Book
from spanbook.recording.recorder import Recorder
from spanbook.spans import SpanKind
from spanbook.usage import Usage
from tests.reading.shelves import BASE, SECOND, Shelf


def record(recorder: Recorder) -> None:
    """Record one trace: a chain that calls a model."""
    recorder.start(
        "chain", kind=SpanKind.CHAIN, name="answer", parent=None, input={"question": "why"}
    )
    recorder.start("model", kind=SpanKind.LLM, name="gpt", parent="chain", model="some-model")
    recorder.finish("model", output={"text": "x" * 5_000}, usage=Usage(input=7, output=3))
    recorder.finish("chain", output="because")
    assert recorder.flush(10)


def test_what_was_recorded_is_read_back(recorder: Recorder, book: Book):
    record(recorder)

    (row,) = book.traces(status="ok", since="1d")
    trace = book.trace(row.trace_id)

    assert [span.name for span in trace.spans] == ["answer", "gpt"]
    assert [node.depth for node in trace.tree().nodes] == [0, 1]
    assert trace.payload(trace.spans[0].span_id).output == "because"
    assert trace.payload(trace.spans[1].span_id).output == {"text": "x" * 5_000}
    assert row.usage == Usage(input=7, output=3)
    assert book.traces(q="because why") == [row]
    assert book.health().is_whole


def test_all_pages_are_read_or_as_many_as_asked(
    shelf: Shelf, url: str, monkeypatch: pytest.MonkeyPatch
):
    from spanbook.reading import book as module

    monkeypatch.setattr(module, "LARGEST_PAGE", 3)
    for i in range(8):
        shelf.trace(cost=i % 4)

    with spanbook.open(url) as book:
        assert len(book.traces()) == 8
        assert len(book.traces(limit=5)) == 5
        assert book.traces(limit=0) == []
        assert book.traces(sort="-cost", limit=4) == book.traces(sort="-cost")[:4]


def test_wrong_filters_and_ids_are_refused(engine: Engine, url: str):
    with Book(url) as book:
        with pytest.raises(FilterError, match="Did you mean status"):
            book.traces(stats="ok")
        with pytest.raises(FilterError, match="Did you mean kind"):
            book.spans(kinds="llm")
        with pytest.raises(FilterError, match="kind is 'model'"):
            book.spans(kind="model")
        with pytest.raises(UnknownTraceError):
            book.trace("0" * 32)


def test_spans_are_chosen_across_traces(shelf: Shelf, url: str):
    first = shelf.trace(session="s")
    shelf.span(first, kind="llm", name="gpt", model="m", status="error", start_ns=BASE + SECOND)
    shelf.span(shelf.trace(), kind="llm", name="other", start_ns=BASE)

    with Book(url) as book:
        assert [span.name for span in book.spans(kind="llm")] == ["gpt", "other"]
        assert [span.trace_id for span in book.spans(model="m")] == [first]
        assert len(book.spans(session="s")) == 2
        assert len(book.spans(trace_id=first, status="error")) == 1
        assert len(book.spans(status=["ok", "error"])) == 4
        assert len(book.spans(limit=3)) == 3
        assert len(book.spans(since="1d")) == 0


def test_spans_become_a_data_frame(shelf: Shelf, url: str):
    trace_id = shelf.trace()
    shelf.span(
        trace_id,
        kind="llm",
        start_ns=BASE + SECOND,
        end_ns=BASE + 3 * SECOND,
        input_tokens=7,
        output_tokens=3,
        cost=2_500_000,
        counted=True,
    )

    with Book(url) as book:
        frame = book.spans(kind="llm").to_pandas()
        empty = book.spans(kind="tool").to_pandas()

    (row,) = frame.to_dict("records")
    assert row["trace_id"] == trace_id
    assert row["duration"] == timedelta(seconds=2)
    assert row["total_tokens"] == 10
    assert row["cost"] == pytest.approx(0.0000025)
    assert str(frame["start"].dt.tz) == "UTC"
    assert list(empty.columns) == list(frame.columns)


def test_without_pandas_it_says_how_to_get_it(
    engine: Engine, url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.delitem(sys.modules, "spanbook.reading.frames", raising=False)

    with Book(url) as book, pytest.raises(SpanbookError, match="pip install pandas"):
        book.spans().to_pandas()


def test_a_book_opens_late_and_can_be_opened_again(url: str):
    book = Book(url)

    assert book.traces() == []
    book.close()
    assert book.traces() == []
    book.close()
    book.close()


def test_a_book_without_a_url_is_the_configured_one(url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SPANBOOK_URL", url)

    assert Book().url == url


def test_a_page_holds_a_thousand_at_most():
    assert list_filter.LARGEST_PAGE == 1_000
