"""A trace as a file, and back: nothing is lost, and what is no trace of ours is refused."""

import csv
import io
import json
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

import spanbook
from spanbook.errors import TraceFileError, UnknownTraceError
from spanbook.gate.media import Media
from spanbook.reading.book import Book
from spanbook.reading.costs import explain_cost
from spanbook.reading.documents import read_document
from spanbook.reading.exports import FORMATS
from spanbook.reading.trees import build
from spanbook.recording.recorder import Recorder
from spanbook.recording.runs import Run
from spanbook.spans import SpanKind
from spanbook.store.imports import import_trace
from spanbook.usage import Usage
from tests.viewer import stories, trees


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    """A store of finished traces of every sort; the program that recorded them is gone."""
    url = f"sqlite:///{tmp_path_factory.mktemp('full') / 'full.db'}"
    recorder = Recorder(url, release="1.4", environment="test")
    for story in (
        stories.refund_question,
        stories.overlapping,
        stories.hostile,
        stories.pictures,
        stories.long_output,
        stories.orphan,
        _everything,
    ):
        story(recorder)
    stories.deep(recorder, 180)
    stories.wide(recorder, groups=3, each=40)
    assert recorder.flush(30)
    recorder.close()
    with Book(url) as book:
        book.collect()
        yield book


def _everything(recorder: Recorder) -> None:
    """One trace with whatever the other stories lack."""
    story = stories.Story(recorder, "everything")
    context = {
        "session": "s",
        "user": "u",
        "tags": ["b", "a"],
        "metadata": {"plan": "gold", "n": [1, 2.5, None, "é\u2028"]},
        "version": "7",
        "name": "another name",
    }
    story.begin("root", "chain", 0, name="everything", input=None, context=context)
    story.begin("stream", "llm", 1.25, "root", input={"prompt": "Say hi."}, model="gpt-4o-mini")
    recorder.token(story.key("stream"))
    recorder.token(story.key("stream"))
    recorder.event(story.key("stream"), "retry", {"attempt": 2}, at=story.at(1.75) + 7)
    recorder.event(story.key("stream"), "bare", at=story.at(1.8))
    usage = Usage(10, 5, 2, 1, 0, 0, 3, 0)
    recorder.finish(
        story.key("stream"),
        usage=usage,
        output={"text": "hi"},
        provider="openai",
        attributes={"reported_cost": "0.5"},
    )
    story.step("guess", "llm", (2, 3), "root", input={"prompt": "x" * 40}, output={"text": "y"})
    story.step("stopped", "tool", (3, 4), "root", error=KeyboardInterrupt())
    story.step("broken", "tool", (4, 5), "root", error=ValueError())
    recorder.start(
        story.key("lost"), kind=SpanKind.STEP, name="lost", parent=story.key("root"), at=story.at(5)
    )
    story.end("root", 6, output=[1, {"a": []}])


def exported(book: Book, trace_id: str, format: str) -> bytes:
    return b"".join(FORMATS[format](read_document(book.engine, trace_id)))


def ids(book: Book) -> list[str]:
    return [trace.trace_id for trace in book.traces()]


@pytest.mark.parametrize("format", ["json", "jsonl"])
def test_an_import_gives_back_the_identical_trace(format: str, full: Book, url: str):
    before = {trace_id: exported(full, trace_id, format) for trace_id in ids(full)}

    for content in before.values():
        assert import_trace(url, content).is_new

    with Book(url) as copy:
        assert set(ids(copy)) == set(before)
        for trace_id in before:
            for name in FORMATS:
                assert exported(copy, trace_id, name) == exported(full, trace_id, name)
            assert copy.trace(trace_id).row == full.trace(trace_id).row
            assert build(copy.trace(trace_id).spans, 0) == build(full.trace(trace_id).spans, 0)
            for span in full.trace(trace_id).spans:
                payload = full.trace(trace_id).payload(span.span_id)
                assert copy.trace(trace_id).payload(span.span_id) == payload


def test_images_and_sounds_travel_along(full: Book, url: str):
    trace = next(trace for trace in full.traces() if trace.name == "look at pictures")
    dot = b64decode(stories.DOT)

    import_trace(url, exported(full, trace.trace_id, "json"))

    with Book(url) as copy:
        blob = copy.blob(Media.of(dot).hash)
    assert blob is not None
    assert (blob.content, blob.media_type) == (dot, "image/png")


def test_the_imported_trace_is_found_by_its_words(full: Book, url: str):
    import_trace(url, exported(full, _id(full, "answer question"), "jsonl"))

    with Book(url) as copy:
        assert [trace.name for trace in copy.traces(q="tickets")] == ["answer question"]


def _id(book: Book, name: str) -> str:
    return next(trace.trace_id for trace in book.traces() if trace.name == name)


def test_the_json_holds_spans_inside_each_other(full: Book):
    trace_id = _id(full, "answer question")

    whole = json.loads(exported(full, trace_id, "json"))

    (root,) = whole["spans"]
    assert [child["name"] for child in root["children"]] == ["policy index", "policy agent"]
    assert root["start"] == "2026-05-04T09:30:00.000000000Z"
    assert whole["trace"]["usage"] == {"input": 2732, "output": 298, "cache_read": 2048}


def test_the_lines_are_the_trace_its_spans_and_its_media(full: Book):
    lines = exported(full, _id(full, "look at pictures"), "jsonl").splitlines()

    assert [next(iter(json.loads(line))) for line in lines] == [
        *("spanbook", "span"),
        *("media", "media", "media"),
    ]


def test_the_table_has_tokens_and_no_cell_that_a_spreadsheet_would_run(recorder, book):
    story = stories.Story(recorder, "formula")
    story.step(
        "root", "llm", (0, 2.5), name="=1+1", input={"prompt": "-1"}, tokens=(7, 3), model="@m"
    )
    assert recorder.flush(10)
    (trace,) = book.traces()

    text = exported(book, trace.trace_id, "csv").decode()

    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["input_tokens"], row["output_tokens"], row["total_tokens"]) == ("7", "3", "10")
    assert (row["name"], row["model"], row["duration_ms"]) == ("'=1+1", "'@m", "2.5")
    assert row["input"] == '{"prompt":"-1"}'


def test_costs_come_back_as_they_were(full: Book, url: str):
    whole = json.loads(exported(full, _id(full, "answer question"), "json"))
    (model,) = [s for s in whole["spans"][0]["children"][1]["children"] if s["kind"] == "llm"][:1]
    model["charged"] = {"cost": "0.0125", "computed_cost": "0.0125", "tier": "flex"}

    import_trace(url, json.dumps(whole).encode())

    with Book(url) as copy:
        (trace,) = copy.traces()
        again = json.loads(exported(copy, trace.trace_id, "json"))
    (known,) = [span for span in _flat(again["spans"]) if span["id"] == model["id"]]
    others = [
        Decimal(span["charged"]["cost"])
        for span in _flat(whole["spans"])
        if span is not model and "cost" in span.get("charged", {})
    ]
    assert trace.cost == Decimal("0.0125") + sum(others)
    assert known["charged"] == {
        "cost": "0.012500000000",
        "computed_cost": "0.012500000000",
        "tier": "flex",
    }


def test_a_cost_stays_explained_by_its_price(full: Book, url: str):
    trace_id = _id(full, "answer question")
    priced = [span for span in full.trace(trace_id).spans if span.computed_cost]

    import_trace(url, exported(full, trace_id, "json"))

    with Book(url) as copy:
        for span in priced:
            before = explain_cost(full.engine, trace_id, span.span_id)
            assert before.price is not None
            assert explain_cost(copy.engine, trace_id, span.span_id) == before
    assert priced


def test_a_run_travels_along_with_its_config_and_metrics(tmp_path: Path, url: str):
    here = f"sqlite:///{tmp_path / 'runs.db'}"
    recorder = Recorder(here)
    with Run("nightly", config={"top_k": 4}, recorder=recorder) as one:
        one.log({"score": 0.5})
        stories.overlapping(recorder)
    assert recorder.flush(30)
    recorder.close()

    with Book(here) as book, Book(url) as copy:
        book.collect()
        (trace,) = book.traces()
        content = exported(book, trace.trace_id, "json")
        import_trace(url, content)

        assert exported(copy, trace.trace_id, "json") == content
        (told,) = [one for one in copy.runs() if one.name == "nightly"]
        (before,) = [one for one in book.runs() if one.name == "nightly"]
        assert told == before
        assert told.config == {"top_k": 4}


def test_an_import_leaves_a_run_that_is_there_as_it_is(tmp_path: Path):
    here = f"sqlite:///{tmp_path / 'runs.db'}"
    recorder = Recorder(here)
    with Run("nightly", config={"top_k": 4}, recorder=recorder) as one:
        stories.overlapping(recorder)
        assert recorder.flush(30)
        with Book(here) as book:
            content = exported(book, book.traces()[0].trace_id, "json")
        one.log({"score": 0.5})
    recorder.close()

    with Book(here) as book:
        book.collect()
        before = book.runs()
        other = json.loads(content)
        other["trace"]["id"] = "ab" * 16
        other["run"] |= {"config": {"top_k": 9}, "metrics": {"score": 0.1}}
        assert import_trace(here, json.dumps(other).encode()).is_new

        told = {run.name: (run.status, run.end, run.config, run.metrics) for run in book.runs()}
        assert told == {run.name: (run.status, run.end, run.config, run.metrics) for run in before}
        assert len(book.traces(run=one.run_id)) == 2


def answer(question: str) -> str:
    return question.upper()


@pytest.fixture
def ran(recorder: Recorder, book: Book) -> Book:
    """A trace of a chain whose components are known, and a call of an observed function."""

    def made() -> str | None:
        return recorder.made_architecture("support", lambda: trees.support(0.2))

    recorder.start("chain", kind=SpanKind.CHAIN, name="support", made_of=made)
    recorder.finish("chain")
    spanbook.observe(answer)("why?")
    assert recorder.flush()
    return book


@pytest.mark.parametrize("format", ["json", "jsonl"])
def test_what_ran_travels_along(format: str, ran: Book, tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'other.db'}"
    chain, call = _id(ran, "support"), _id(ran, "answer")

    for trace_id in (chain, call):
        import_trace(url, exported(ran, trace_id, format))

    with Book(url) as copy:
        for book in (ran, copy):
            found = book.trace(chain).architecture()
            assert found is not None
            assert (found.is_observed, found.architecture.root) == (False, trees.support(0.2))
            (version,) = book.versions()
            assert "question.upper()" in book.version(version.hash).source
            assert version.figures.call_count == 1
        for trace_id in (chain, call):
            assert exported(copy, trace_id, format) == exported(ran, trace_id, format)


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        ("support", "gpt-4.1-mini", "gpt-4.1", "not the one that the trace names"),
        ("support", '"role": "chain"', '"rule": "chain"', "no tree of components"),
        ("answer", '"code": "', '"code": "x', "not what its hash says"),
        ("answer", '"kind": "function"', '"kind": "dream"', "no version of one"),
    ],
)
def test_what_ran_must_be_what_its_hash_says(
    name: str, old: str, new: str, reason: str, ran: Book, tmp_path: Path
):
    whole = json.dumps(json.loads(exported(ran, _id(ran, name), "json")))
    assert old in whole

    with pytest.raises(TraceFileError, match=reason):
        import_trace(f"sqlite:///{tmp_path / 'other.db'}", whole.replace(old, new).encode())


def _flat(spans: list) -> list:
    return [one for span in spans for one in (span, *_flat(span.get("children", [])))]


def test_a_trace_that_is_there_stays_as_it_is(full: Book, url: str):
    content = exported(full, _id(full, "overlapping"), "json")
    import_trace(url, content)

    again = import_trace(url, content.replace(b'"overlapping"', b'"changed"'))

    assert not again.is_new
    with Book(url) as copy:
        assert [trace.name for trace in copy.traces()] == ["overlapping"]


def test_a_running_span_becomes_one_that_never_ended(recorder, book, tmp_path: Path):
    stories.running(recorder, datetime(2026, 5, 4, tzinfo=UTC))
    assert recorder.flush(10)
    (trace,) = book.traces()
    other = f"sqlite:///{tmp_path / 'other.db'}"

    import_trace(other, exported(book, trace.trace_id, "json"))

    with Book(other) as copy:
        nodes = build(copy.trace(trace.trace_id).spans).nodes
    assert [(node.span.name, node.span.status) for node in nodes] == [
        ("still running", "incomplete"),
        ("done", "ok"),
        ("thinking", "incomplete"),
    ]
    assert book.traces()[0].status == "running"


def test_an_import_ends_no_program_that_runs(recorder, book, url: str):
    stories.refund_question(recorder)
    stories.running(recorder, datetime(2026, 5, 4, tzinfo=UTC))
    assert recorder.flush(10)
    whole = json.loads(exported(book, _id(book, "answer question"), "json"))
    text = json.dumps(whole).replace(whole["trace"]["id"], "ab" * 16)

    import_trace(url, text.encode())

    assert {trace.name: trace.status for trace in book.traces()}["still running"] == "running"


def test_an_unknown_trace_cannot_be_exported(full: Book):
    with pytest.raises(UnknownTraceError, match="holds no trace"):
        read_document(full.engine, "00" * 16)


@pytest.fixture(scope="module")
def whole(full: Book) -> str:
    return exported(full, _id(full, "answer question"), "json").decode()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "no trace that Spanbook exported"),
        ("\x00\x01", "no trace that Spanbook exported"),
        ("<html></html>", "no trace that Spanbook exported"),
        ("[1, 2]", "no trace that Spanbook exported"),
        ('{"a": 1}', "no trace that Spanbook exported"),
        ('{"spanbook": {"format": 1}, "spans": []}', "trace should be an object"),
        ('{"spanbook": {"format": 1}}\n{"x"', "line 2 is no JSON"),
        ('{"spanbook": {"format": 1}}\n{"x": 1}', "line 2 is neither"),
        ('{"span": {}}\n{"span": {}}', "the line that describes the trace is missing"),
        ('{"spanbook": {"format": 99}, "spans": []}', "newer Spanbook wrote this file"),
    ],
)
def test_what_is_no_exported_trace_is_refused(content: str, reason: str, url: str):
    with pytest.raises(TraceFileError, match=reason):
        import_trace(url, content.encode())


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"kind": "agent"', '"kind": "dream"', "does not know"),
        ('"status": "ok"', '"status": "fine"', "does not know"),
        ('"start": "2026', '"start": "x2026', "should be a moment"),
        ('"start": "2026-05-04T09:30:00', '"start": "9999-05-04T09:30:00', "should be a"),
        ('"input": 1240', '"input": -1', "whole number"),
        ('"input": 1240', '"input": 99999999999999999999', "whole number"),
        ('"name": "policy index"', '"name": {"a": 1}', "should be text"),
        ('"tags": [', '"tags": "', "no JSON|no trace"),
        ('"children": [', '"children": 5, "more": [', "should be a list"),
    ],
)
def test_a_damaged_file_is_refused_with_the_place_and_nothing_is_stored(
    old: str, new: str, reason: str, whole: str, url: str
):
    about, mark, spans = whole.rpartition('"spans": [')
    text = about.replace(old, new, 1) + mark + spans.replace(old, new, 1)
    assert text != whole

    with pytest.raises(TraceFileError, match=reason):
        import_trace(url, text.encode())

    with Book(url) as book:
        assert book.traces() == []


def test_media_must_be_what_their_hash_says(full: Book, url: str):
    whole = json.loads(exported(full, _id(full, "look at pictures"), "json"))
    for media in whole["media"].values():
        media["data"] = "aGFybQ=="

    with pytest.raises(TraceFileError, match="is another one"):
        import_trace(url, json.dumps(whole).encode())


def test_an_id_is_never_more_than_digits(whole: str, url: str):
    span = json.loads(whole)["spans"][0]["children"][0]["id"]

    with pytest.raises(TraceFileError, match="16 hexadecimal digits"):
        import_trace(url, whole.replace(span, '\\"><script>____').encode())
