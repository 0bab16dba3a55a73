"""What was different when a trace of the same name last ended well."""

from typing import Any

from spanbook.reading.book import Book
from spanbook.recording.recorder import Recorder
from spanbook.spans import SpanKind

MINUTE = 60_000_000_000
START = 1_780_000_000_000_000_000


def ask(recorder: Recorder, minute: int, name: str = "ask", **more: Any) -> None:
    error = more.pop("error", None)
    at = START + minute * MINUTE
    recorder.start(minute, kind=SpanKind.CHAIN, name=name, at=at, **more)
    recorder.finish(minute, at=at + 1, error=error)


def test_the_last_good_one_of_the_same_name_and_before_is_found(recorder: Recorder, book: Book):
    ask(recorder, 0)
    ask(recorder, 1, input="one", context={"release": "1.0"})
    ask(recorder, 2, error=ValueError("no"))
    ask(recorder, 3, name="other")
    ask(recorder, 4, input="two", context={"release": "1.1"}, error=ValueError("no"))
    ask(recorder, 5)
    recorder.flush(30)
    bad = next(trace for trace in book.traces() if trace.start_ns == START + 4 * MINUTE)

    since = book.trace(bad.trace_id).since_last_good()

    assert since is not None
    assert since.good.start_ns == START + MINUTE
    assert since.has_same_input is False
    release = next(one for one in since.circumstances if one.name == "release")
    assert (release.then, release.now, release.is_same) == ("1.0", "1.1", False)
    assert since.ran.words.startswith("No change. As far as the spans show")


def test_without_a_good_one_there_is_nothing_to_tell(recorder: Recorder, book: Book):
    ask(recorder, 0, error=ValueError("no"))
    recorder.flush(30)

    assert book.trace(book.traces()[0].trace_id).since_last_good() is None


def test_an_input_that_was_not_recorded_is_not_said_to_be_the_same(recorder: Recorder, book: Book):
    ask(recorder, 0)
    ask(recorder, 1, input="one")
    recorder.flush(30)

    since = book.trace(book.traces()[0].trace_id).since_last_good()

    assert since is not None
    assert since.has_same_input is None
