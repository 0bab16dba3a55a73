"""The recorder gives spans their ids, parents, times and ends."""

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

import spanbook
from spanbook.errors import SettingsError
from spanbook.recording.identity import is_sampled
from spanbook.recording.recorder import Recorder, status_of
from spanbook.segments import HEALTH_BYTES, read_lines
from spanbook.spans import SpanKind, Status, new_trace_id
from spanbook.usage import Usage
from tests.recording.conftest import Records, read_records

STEP = SpanKind.STEP


def ends(records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {record["name"]: record for record in records if record["type"] == "end"}


def test_a_uuid_maps_to_the_same_ids_in_every_process(recorder: Recorder, records: Records) -> None:
    key = UUID("0199f7a0-1111-7222-8333-444455556666")

    recorder.start(key, kind=STEP, name="a", parent=None)

    [start] = records()
    assert start["trace"] == "0199f7a0111172228333444455556666"
    assert start["span"] == "8333444455556666"


def test_a_child_belongs_to_its_parents_trace(recorder: Recorder, records: Records) -> None:
    root, child = uuid4(), uuid4()

    recorder.start(root, kind=STEP, name="root", parent=None)
    recorder.start(child, kind=STEP, name="child", parent=root)

    above, below = records()
    assert below["trace"] == above["trace"]
    assert below["parent"] == above["span"]


def test_a_child_may_start_after_its_parent_ended(recorder: Recorder, records: Records) -> None:
    recorder.start("root", kind=STEP, name="root", parent=None)
    recorder.finish("root")

    recorder.start("late", kind=STEP, name="late", parent="root")

    start, _, late = records()
    assert late["parent"] == start["span"]


def test_an_unknown_parent_makes_a_root_that_names_it(recorder: Recorder, records: Records) -> None:
    recorder.start("a", kind=STEP, name="a", parent="elsewhere")

    [start] = records()
    assert "parent" not in start
    assert start["attributes"] == {"external_parent": "elsewhere"}


def test_starting_and_ending_twice_records_once(recorder: Recorder, records: Records) -> None:
    for _ in range(2):
        recorder.start("a", kind=STEP, name="a", parent=None)
    for _ in range(2):
        recorder.finish("a")

    assert [record["type"] for record in records()] == ["start", "end"]


def test_a_key_that_is_used_again_names_another_span(recorder: Recorder, records: Records) -> None:
    key = uuid4()
    for _ in range(2):
        recorder.start(key, kind=STEP, name="a", parent=None)
        recorder.finish(key)

    spans = {record["span"] for record in records()}
    assert len(spans) == 2


def test_an_end_never_comes_before_its_start(url: str) -> None:
    times = iter([100, 50, 40, 30])
    recorder = Recorder(url, clock=lambda: next(times), ingest=False)

    recorder.start("a", kind=STEP, name="a", parent=None)
    recorder.finish("a")

    start, end = read_records(recorder)
    assert end["end"] >= start["start"]


def test_explicit_times_are_kept_exactly(recorder: Recorder, records: Records) -> None:
    recorder.start("a", kind=STEP, name="a", parent=None, at=1_000)
    recorder.finish("a", at=5_000)

    start, end = records()
    assert (start["start"], end["start"], end["end"]) == (1_000, 1_000, 5_000)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError(), Status.ERROR),
        (KeyboardInterrupt(), Status.CANCELLED),
        (SystemExit(1), Status.CANCELLED),
        (GeneratorExit(), Status.CANCELLED),
        (__import__("asyncio").CancelledError(), Status.CANCELLED),
    ],
)
def test_being_stopped_from_outside_is_no_failure(error: BaseException, status: Status) -> None:
    assert status_of(error) is status


def test_an_empty_error_has_its_type(recorder: Recorder, records: Records) -> None:
    recorder.start("a", kind=STEP, name="a", parent=None)
    recorder.finish("a", error=ValueError())

    _, end = records()
    assert end["status"] == "error"
    assert end["error"]["type"] == "ValueError"
    assert end["error"]["message"] == ""


def test_the_traceback_stands_with_the_span_that_raised(
    recorder: Recorder, records: Records
) -> None:
    recorder.start("root", kind=STEP, name="root", parent=None)
    recorder.start("child", kind=STEP, name="child", parent="root")
    try:
        raise ValueError("no")
    except ValueError as error:
        recorder.finish("child", error=error)
        recorder.finish("root", error=error)

    ended = ends(records())
    assert "ValueError: no" in ended["child"]["error"]["stack"]
    assert "stack" not in ended["root"]["error"]
    assert ended["root"]["error"]["message"] == "no"


def test_usage_repeated_by_an_ancestor_is_not_counted(recorder: Recorder, records: Records) -> None:
    usage = Usage(input=3, output=2)
    for key, parent in (("agent", None), ("chain", "agent"), ("llm", "chain")):
        recorder.start(key, kind=STEP, name=key, parent=parent)
    recorder.finish("llm", usage=usage)
    recorder.finish("chain")
    recorder.finish("agent", usage=usage)

    ended = ends(records())
    assert "counted" not in ended["llm"]
    assert ended["agent"]["counted"] is False
    assert ended["agent"]["usage"] == {"input": 3, "output": 2}


def test_the_first_token_is_timed_and_pieces_are_counted(url: str) -> None:
    times = iter(range(10, 1_000, 10))
    recorder = Recorder(url, clock=lambda: next(times), ingest=False)

    recorder.start("a", kind=SpanKind.LLM, name="a", parent=None)
    for _ in range(3):
        recorder.token("a")
    recorder.finish("a")

    start, end = read_records(recorder)
    assert end["chunks"] == 3
    assert start["start"] < end["first_token"] < end["end"]


def test_what_stays_open_below_an_ended_root_becomes_incomplete(url: str) -> None:
    now = [0]
    recorder = Recorder(url, clock=lambda: now[0], ingest=False)
    recorder.start("root", kind=STEP, name="root", parent=None)
    recorder.start("lost", kind=STEP, name="lost", parent="root")
    recorder.finish("root")

    now[0] = int(1e9)
    recorder.sweep()
    within_grace = len(read_records(recorder))
    now[0] = int(10e9)
    recorder.sweep()

    [given_up] = read_records(recorder)
    assert within_grace == 3
    assert (given_up["name"], given_up["status"]) == ("lost", "incomplete")
    assert recorder.health.open == 0


def test_a_real_end_after_incomplete_is_recorded(url: str) -> None:
    now = [0]
    recorder = Recorder(url, clock=lambda: now[0], ingest=False)
    recorder.start("root", kind=STEP, name="root", parent=None)
    recorder.start("slow", kind=STEP, name="slow", parent="root")
    recorder.finish("root")
    now[0] = int(10e9)
    recorder.sweep()

    recorder.finish("slow", output="here")

    *_, end = read_records(recorder)
    assert (end["status"], end["output"]) == ("ok", "here")


def test_spans_that_never_end_are_given_up_when_too_many(recorder: Recorder) -> None:
    for number in range(10_050):
        recorder.start(number, kind=STEP, name="a", parent=None)

    assert recorder.health.open == 10_000


def test_a_long_lived_recorder_keeps_nothing_of_what_ended(recorder: Recorder) -> None:
    for number in range(3_000):
        recorder.start(number, kind=STEP, name="a", parent=None)
        recorder.finish(number)

    assert recorder.health.open == 0
    assert len(recorder._spans.ended) <= 1_024


@pytest.mark.parametrize(("rate", "kept"), [(0.0, 0), (1.0, 10_000)])
def test_sampling_nothing_or_everything(rate: float, kept: int) -> None:
    ids = [new_trace_id(str(seed)) for seed in range(10_000)]

    assert sum(is_sampled(trace, rate) for trace in ids) == kept


def test_sampling_half_keeps_about_half() -> None:
    ids = [new_trace_id(str(seed)) for seed in range(10_000)]

    assert 4_800 < sum(is_sampled(trace, 0.5) for trace in ids) < 5_200


def test_a_trace_that_is_not_sampled_drops_its_children(url: str) -> None:
    recorder = Recorder(url, sample=0.0, ingest=False)
    recorder.start("root", kind=STEP, name="root", parent=None)
    recorder.start("child", kind=STEP, name="child", parent="root")
    recorder.event("child", "something")
    recorder.finish("child")
    recorder.finish("root")

    assert read_records(recorder) == []
    assert recorder.health.open == 0


def test_a_recorder_that_is_off_records_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPANBOOK_DISABLED", "1")
    recorder = Recorder(url, ingest=False)

    assert recorder.start("a", kind=STEP, name="a") is None

    assert not recorder.journal.directory.exists()


def test_late_attributes_of_a_trace_are_recorded(recorder: Recorder, records: Records) -> None:
    recorder.start("a", kind=STEP, name="a", parent=None)
    recorder.annotate("a", session="s-1", tags=["beta"])

    start, late = records()
    assert late == {
        "type": "trace",
        "trace": start["trace"],
        "context": {"session": "s-1", "tags": ["beta"]},
    }


def test_a_link_may_be_made_after_the_end(recorder: Recorder, records: Records) -> None:
    recorder.start("a", kind=STEP, name="a", parent=None)
    recorder.finish("a")
    recorder.link("a", "1" * 32, "2" * 16, "uses")

    start, _, link = records()
    assert link == {
        "type": "link",
        "trace": start["trace"],
        "span": start["span"],
        "to_trace": "1" * 32,
        "to_span": "2" * 16,
        "name": "uses",
    }


def test_a_context_stamps_the_traces_that_start_inside(
    recorder: Recorder, records: Records
) -> None:
    with (
        spanbook.context(session="s-1", tags=["outer"], metadata={"a": 1}),
        spanbook.context(user="ada", tags=["inner"], metadata={"b": 2}),
    ):
        recorder.start("a", kind=STEP, name="a")
        recorder.start("b", kind=STEP, name="b", parent="a")
    recorder.start("c", kind=STEP, name="c")

    inside, child, outside = records()
    assert inside["context"] == {
        "session": "s-1",
        "user": "ada",
        "tags": ["outer", "inner"],
        "metadata": {"a": 1, "b": 2},
    }
    assert "context" not in child
    assert "context" not in outside


def test_two_recorders_in_one_process_do_not_mix(tmp_path: Any) -> None:
    first = Recorder(tmp_path / "a.db", ingest=False)
    second = Recorder(tmp_path / "b.db", ingest=False)

    with spanbook.span("outer", recorder=first), spanbook.span("inner", recorder=second):
        pass

    assert [r["name"] for r in read_records(first) if r["type"] == "start"] == ["outer"]
    [inner] = [r for r in read_records(second) if r["type"] == "start"]
    assert "parent" not in inner


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"sample": 2}, "from 0 to 1"),
        ({"hide": ["everything"]}, "choose from"),
        ({"colour": "red"}, "Unknown setting colour"),
        ({"url": "mysql://host/db"}, "No store speaks mysql"),
        ({"url": "sqlite://"}, "must be a file"),
        ({"url": "postgres://host/db"}, "postgresql+psycopg://"),
    ],
)
def test_a_wrong_setting_says_what_to_do(given: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words.replace("+", r"\+")):
        Recorder(**given)


def test_a_wrong_variable_in_the_environment_is_told_and_left_out(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SPANBOOK_SAMPLE", "lots")

    recorder = Recorder(url, ingest=False)

    assert recorder.settings.sample == 1.0
    assert "SPANBOOK_SAMPLE='lots' is not used" in caplog.text


def test_threads_lose_no_record(recorder: Recorder) -> None:
    def work(thread: int) -> None:
        for number in range(500):
            key = (thread, number)
            recorder.start(key, kind=STEP, name="a", parent=None)
            recorder.finish(key, output=number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    segments = recorder.journal.directory.glob("*.jsonl")  # more than the recorder still holds
    lines = [line for path in segments for line in read_lines(path, HEALTH_BYTES, 1 << 30)[0]]
    ends = [record for record in map(orjson.loads, lines) if record["type"] == "end"]
    assert len(ends) == 4_000
    assert len({record["span"] for record in ends}) == 4_000


@pytest.mark.parametrize(
    "call",
    [
        lambda recorder: recorder.start("a", kind=STEP, name=object()),
        lambda recorder: recorder.start("a", kind=STEP, name="a", context=7),
        lambda recorder: recorder.event("a", None),
    ],
)
def test_an_internal_error_is_counted_and_goes_no_further(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, call: Callable[[Recorder], None]
) -> None:
    monkeypatch.setattr("spanbook.recording.guard.strict", False)
    recorder.start("a", kind=STEP, name="a", parent=None)
    recorder.finish("a")

    call(recorder)

    assert recorder.health.errors == 1


def test_half_a_surrogate_costs_only_itself(recorder: Recorder, records: Records) -> None:
    recorder.start("a", kind=STEP, name="half \ud83d", parent=None, input={"\udc00": "x\udc00"})

    [start] = records()
    assert (start["kind"], start["name"]) == ("step", "half \ufffd")
    assert start["input"] == {"\ufffd": "x\ufffd"}


def test_copies_and_pickles_of_a_recorder_write_to_the_same_store(recorder: Recorder) -> None:
    assert copy.deepcopy(recorder) is recorder
    assert pickle.loads(pickle.dumps(recorder)).settings.url == recorder.settings.url
