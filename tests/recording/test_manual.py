"""Spans opened by hand take ids, parents and times as they are given."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import spanbook
from spanbook.reading.book import Book
from spanbook.recording.recorder import Recorder
from tests.recording.conftest import Records, read_records

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def of_type(records: list[dict[str, Any]], type: str) -> list[dict[str, Any]]:
    return [record for record in records if record["type"] == type]


def test_a_span_is_stored_exactly_as_given(recorder: Recorder, records: Records) -> None:
    parent = spanbook.SpanReference(TRACE, SPAN)
    begin = datetime(2026, 1, 2, 3, 4, 5, 678_901, UTC)

    span = spanbook.span("late", parent=parent, span_id="1" * 16, model="m", provider="p")
    span.start(at=begin)
    span.finish(at=1_790_000_000_123_456_789)

    start, end = records()
    assert (start["trace"], start["parent"], start["span"]) == (TRACE, SPAN, "1" * 16)
    assert start["start"] == 1_767_323_045_678_901_000
    assert end["end"] == 1_790_000_000_123_456_789
    assert (end["trace"], end["parent"], end["span"]) == (TRACE, SPAN, "1" * 16)
    assert (start["model"], start["provider"]) == ("m", "p")
    assert span.reference == spanbook.SpanReference(TRACE, "1" * 16, True)


def test_a_parent_is_named_by_its_span(recorder: Recorder, records: Records) -> None:
    outer = spanbook.span("outer").start()
    with spanbook.span("current"):
        spanbook.span("inner", parent=outer).start().finish()
        spanbook.span("root", parent=None).start().finish()
    outer.finish()

    starts = {record["name"]: record for record in of_type(records(), "start")}
    assert starts["inner"]["parent"] == starts["outer"]["span"]
    assert starts["inner"]["trace"] == starts["outer"]["trace"] != starts["current"]["trace"]
    assert "parent" not in starts["root"]


def test_a_frameworks_span_may_be_a_parent(recorder: Recorder, records: Records) -> None:
    live = recorder.start("run", kind=spanbook.SpanKind.CHAIN, name="chain", parent=None)
    with spanbook.recording.ambient.held(spanbook.recording.ambient.current, live):
        above = spanbook.current_span()
    spanbook.span("below", parent=above).start().finish()

    chain, below, _ = records()
    assert below["parent"] == chain["span"]


def test_a_parent_that_is_not_recorded_is_none(
    recorder: Recorder, records: Records, url: str
) -> None:
    with spanbook.paused():
        unrecorded = spanbook.span("unrecorded").start()
    elsewhere = spanbook.span("elsewhere", recorder=Recorder(url, ingest=False)).start()
    for parent in (unrecorded, elsewhere):
        spanbook.span("root", parent=parent).start().finish()

    starts = of_type(records(), "start")
    assert [("parent" in one, one.get("attributes")) for one in starts] == [(False, None)] * 2


def test_a_parent_of_this_process_is_found_by_its_ids(url: str) -> None:
    recorder = Recorder(url, ingest=False)
    usage = spanbook.Usage(input=3, output=1)

    outer = spanbook.span("agent", recorder=recorder).start()
    inner = spanbook.span("model", kind="llm", parent=outer.reference, recorder=recorder).start()
    inner.set_usage(usage)
    inner.finish()
    outer.set_usage(usage)
    outer.finish()

    ends = {record["name"]: record for record in of_type(read_records(recorder), "end")}
    assert ends["model"]["parent"] == ends["agent"]["span"]
    assert ends["agent"]["counted"] is False


def test_a_seeded_trace_is_the_same_every_time(recorder: Recorder, records: Records) -> None:
    ids = [spanbook.new_trace_id(seed) for seed in ("request-17", "request-17", "request-18")]

    with (
        spanbook.span("request", trace_id=ids[0]),
        spanbook.span("inside", trace_id=ids[1]),
        spanbook.span("elsewhere", trace_id=ids[2]),
    ):
        pass

    request, inside, elsewhere = of_type(records(), "start")
    assert ids[0] == ids[1] == request["trace"] == inside["trace"]
    assert inside["parent"] == request["span"]
    assert elsewhere["trace"] == ids[2] != ids[0]
    assert "parent" not in elsewhere
    assert len(ids[0]) == 32


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: spanbook.span("a", trace_id="12"), "Give 32 hexadecimal digits"),
        (lambda: spanbook.span("a", span_id="12"), "Give 16 hexadecimal digits"),
        (lambda: spanbook.span("a", kind="llama"), "llama"),
        (lambda: spanbook.span("a", colour="red"), "A trace has no colour"),  # pyright: ignore
        (lambda: spanbook.span("a", tags="beta"), "Give a list"),
        (lambda: spanbook.span("a").start(at=datetime(2026, 1, 1)), "with a time zone"),  # noqa: DTZ001
        (lambda: spanbook.span("a").start().finish(at=1.5), "nanoseconds"),  # pyright: ignore
        (lambda: spanbook.span("a").start().add_event("e", at=-1), "nanoseconds"),
        (lambda: spanbook.span("a").set_status("running"), "is not running"),
        (lambda: spanbook.span("a").set_status("fine"), "fine"),
        (lambda: spanbook.span("a").annotate(colour="red"), "metadata"),  # pyright: ignore
        (
            lambda: spanbook.span(
                "a", parent=spanbook.SpanReference(TRACE, SPAN), trace_id="1" * 32
            ),
            "to refer to a span of another trace, use link",
        ),
    ],
)
def test_what_cannot_be_is_refused_where_it_is_written(
    recorder: Recorder, call: Any, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        call()


def test_recorded_values_are_kept_in_order_and_the_last_by_name(
    recorder: Recorder, records: Records
) -> None:
    with spanbook.span("search") as span:
        span.record("hits", 3)
        span.record("query", "owls")
        span.record("hits", 5)

    found = records()
    events = [(event["name"], event["data"]) for event in of_type(found, "event")]
    assert events == [("hits", 3), ("query", "owls"), ("hits", 5)]
    [end] = of_type(found, "end")
    assert end["attributes"] == {"hits": 5, "query": "owls"}


def test_an_event_may_have_happened_before(recorder: Recorder, records: Records) -> None:
    with spanbook.span("a") as span:
        span.add_event("then", at=1_000)

    [event] = of_type(records(), "event")
    assert event["at"] == 1_000


def test_spans_are_linked(recorder: Recorder, records: Records) -> None:
    with spanbook.span("search") as search:
        pass
    with spanbook.span("answer") as answer:
        answer.link(search)
        answer.link(spanbook.SpanReference(TRACE, SPAN), "continues")
        answer.link(None)

    first, second = of_type(records(), "link")
    assert (first["trace"], first["span"]) == (answer.trace_id, answer.span_id)
    assert (first["to_trace"], first["to_span"]) == (search.trace_id, search.span_id)
    assert first["name"] == "uses"
    assert (second["to_trace"], second["to_span"], second["name"]) == (TRACE, SPAN, "continues")


def test_a_status_may_have_a_message(recorder: Recorder, records: Records) -> None:
    with spanbook.span("a") as span:
        span.set_status("error", "the token=abc123abc123abc123 was refused")

    [end] = of_type(records(), "end")
    assert end["status"] == "error"
    assert end["error"]["type"] == "error"
    assert end["error"]["message"].endswith("was refused")


def test_an_exception_says_more_than_a_status(recorder: Recorder, records: Records) -> None:
    span = spanbook.span("a").start()
    span.set_status("ok")
    span.finish(ValueError("no"))

    [end] = of_type(records(), "end")
    assert (end["status"], end["error"]["type"]) == ("error", "ValueError")


def test_the_first_token_is_timed(recorder: Recorder, records: Records) -> None:
    with spanbook.span("stream", kind="llm") as span:
        span.token()
        span.token()

    start, end = records()
    assert start["start"] < end["first_token"] < end["end"]
    assert end["chunks"] == 2


def test_the_current_span_can_be_added_to(recorder: Recorder, records: Records) -> None:
    @spanbook.observe(name="work")
    def work() -> str:
        here = spanbook.current_span()
        assert here is not None
        here.set_input("what it was about")
        here.set_output("what came out")
        here.set_attributes(size=3)
        here.set_model("m", "p")
        return "something else"

    work()

    [end] = of_type(records(), "end")
    assert (end["input"], end["output"]) == ("what it was about", "what came out")
    assert end["attributes"] == {"size": 3}
    assert (end["model"], end["provider"]) == ("m", "p")


def test_a_frameworks_span_can_be_added_to(recorder: Recorder, records: Records) -> None:
    live = recorder.start("run", kind=spanbook.SpanKind.CHAIN, name="chain", parent=None)
    assert live is not None
    spanbook.recording.ambient.current.set(live)
    here = spanbook.current_span()
    assert here is not None
    here.set_attributes(size=3)
    here.set_usage(spanbook.Usage(input=2, output=1))
    here.set_status("interrupted")
    here.set_output("partly")
    here.record("step", 1)
    here.annotate(user="ada")
    here.finish()
    recorder.finish("run", output="whole", attributes={"own": 1})
    spanbook.recording.ambient.current.set(None)

    *_, end = records()
    assert end["attributes"] == {"own": 1, "size": 3, "step": 1}
    assert end["usage"] == {"input": 2, "output": 1}
    assert (end["status"], end["output"]) == ("interrupted", "partly")


def test_below_a_trace_that_is_not_sampled_nothing_is_recorded(url: str) -> None:
    recorder = Recorder(url, sample=0.5)

    for number in range(10_000):
        trace_id = spanbook.new_trace_id(str(number))
        root = spanbook.span("root", trace_id=trace_id, recorder=recorder)
        with root, spanbook.span("child", recorder=recorder):
            pass

    assert recorder.close(60)
    with Book(url) as book:
        traces = book.traces()
    assert 4_800 < len(traces) < 5_200
    assert {(trace.name, trace.span_count) for trace in traces} == {("root", 2)}


def test_processes_keep_the_same_traces_by_their_ids(tmp_path: Path) -> None:
    here, there = (Recorder(tmp_path / f"{name}.db", sample=0.5, ingest=False) for name in "ab")

    for number in range(1_000):
        trace_id = spanbook.new_trace_id(str(number))
        with spanbook.span("root", trace_id=trace_id, recorder=here):
            parent = spanbook.SpanReference(trace_id, SPAN)  # as a message names it, without a flag
            spanbook.span("part", parent=parent, recorder=there).start().finish()

    kept = [{record["trace"] for record in read_records(one)} for one in (here, there)]
    assert kept[0] == kept[1]
    assert 400 < len(kept[0]) < 600


@pytest.mark.parametrize(("flag", "kept"), [("00", 0), ("01", 2)])
def test_whether_a_trace_is_kept_is_decided_where_it_began(url: str, flag: str, kept: int) -> None:
    recorder = Recorder(url, sample=1.0 - int(flag), ingest=False)

    with (
        spanbook.continued(f"00-{TRACE}-{SPAN}-{flag}"),
        spanbook.span("a", recorder=recorder),
        spanbook.span("b", recorder=recorder),
    ):
        pass

    assert len(of_type(read_records(recorder), "start")) == kept


def test_a_trace_that_is_not_sampled_has_no_current_id(url: str, recorder: Recorder) -> None:
    unsampled = spanbook.recording.defaults.configure(url, sample=0.0)
    with spanbook.span("a") as span:
        span.set_output(1)
        span.record("k", 1)
        span.link(span)
        assert (span.trace_id, span.span_id) == (None, None)
        assert spanbook.current_span() is None
        assert (spanbook.current_trace_id(), spanbook.current_span_id()) == (None, None)
        header = spanbook.traceparent()
    assert header is not None
    assert header.endswith("-00")
    assert unsampled.health.open == 0
