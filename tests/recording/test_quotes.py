"""A long text that several records carry is written once in each segment, and is never missed."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pytest

from spanbook.reading.book import Book
from spanbook.recording import journal
from spanbook.recording.recorder import Recorder
from spanbook.segments import HEALTH_BYTES, read_lines, read_quoted
from spanbook.spans import SpanKind
from tests.recording.conftest import Records

STORY = "Once there was a text. " * 100


def say(recorder: Recorder, key: str, text: Any) -> None:
    """Record a span that got and gave `text`."""
    recorder.start(key, kind=SpanKind.CHAIN, name=key, parent=None, input={"question": text})
    recorder.finish(key, output=text)


def segments(recorder: Recorder) -> Iterator[tuple[Path, list[bytes]]]:
    for path in sorted(recorder.journal.directory.iterdir()):
        yield path, read_lines(path, HEALTH_BYTES, 1 << 30)[0]


def test_a_long_text_is_written_once(recorder: Recorder, records: Records) -> None:
    say(recorder, "a", STORY)
    say(recorder, "b", "".join(STORY))

    text, first, *others = records()
    assert (text["type"], text["text"]) == ("text", STORY)
    quote = {"$": "quote", "at": text["at"]}
    assert first["input"] == {"question": quote}
    assert [record.get("output") for record in others] == [quote, None, quote]


def test_a_changed_text_is_another_text(recorder: Recorder, records: Records) -> None:
    say(recorder, "a", STORY)
    say(recorder, "b", STORY[:500] + "!" + STORY[501:])

    assert [record["text"][500] for record in records() if record["type"] == "text"] == [
        STORY[500],
        "!",
    ]


def test_what_only_looks_like_a_quote_is_data(recorder: Recorder, records: Records) -> None:
    say(recorder, "a", {"$": "quote", "at": 512})

    assert records()[1]["output"] == {"$$": "quote", "at": 512}


def test_a_text_that_is_no_unicode_stays_in_its_record(
    recorder: Recorder, records: Records
) -> None:
    say(recorder, "a", [STORY, "\ud800" + STORY])

    _, start, end = records()
    assert end["output"] == [STORY, "\ufffd" + STORY]
    assert start["input"] == {"question": end["output"]}


def mask(data: Any) -> Any:
    return orjson.loads(orjson.dumps(data).replace(b"Rosebud", b"***"))


@pytest.mark.parametrize(("masking", "word"), [(None, b"hunter2"), (mask, b"Rosebud")])
def test_no_secret_reaches_the_journal_by_a_quote(url: str, masking: Any, word: bytes) -> None:
    recorder = Recorder(url, ingest=False, mask=masking)
    say(recorder, "a", f"{STORY} https://ada:hunter2@host/ Rosebud")

    [(_, lines)] = segments(recorder)

    assert b"".join(lines).count(b"Once there") == 100
    assert word not in b"".join(lines)
    recorder.journal.close()


def test_every_segment_holds_what_it_quotes(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_FIRST", 1 << 14)
    monkeypatch.setattr(journal, "_LARGEST", 1 << 15)
    recorder = Recorder(url, ingest=False)
    texts = [f"{number} {STORY}" for number in range(20)]

    for number in range(200):
        say(recorder, str(number), random.Random(number).choices(texts, k=3))

    found = dict(segments(recorder))
    assert len(found) > 20
    quoted = 0
    for path, lines in found.items():
        for at in (
            int(part.split(b"}")[0]) for part in b"".join(lines).split(b'"quote","at":')[1:]
        ):
            assert read_quoted(path, at) in texts
            quoted += 1
    assert quoted > 100
    recorder.journal.close()


def test_threads_quote_one_another(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_FIRST", 1 << 15)
    monkeypatch.setattr(journal, "_LARGEST", 1 << 15)
    texts = [f"{number} {STORY}" for number in range(8)]
    recorder = Recorder(url)

    def work(thread: int) -> None:
        for number in range(50):
            say(recorder, f"{thread} {number}", texts[(thread + number) % 8])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))

    assert recorder.flush(30)
    with Book(url) as book:
        spans = book.spans(limit=None)
        assert len(spans) == 300
        for span in spans:
            thread, number = map(int, span.name.split())
            text = texts[(thread + number) % 8]
            payload = book.trace(span.trace_id).payload(span.span_id)
            assert (payload.input, payload.output) == ({"question": text}, text)
    recorder.close()


def test_a_text_too_large_to_be_quoted_is_written_where_it_stands(recorder: Recorder) -> None:
    say(recorder, "a", "\0" * 999_999)  # six bytes each

    lines = [orjson.loads(line) for _, lines in segments(recorder) for line in lines]
    assert [line["type"] for line in lines if line["type"] != "process"] == ["start", "end"]
