"""Listeners are told everything in order, and can harm neither the program nor each other."""

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

import spanbook
from spanbook.notices import Exporter, Notice
from spanbook.recording import listening
from spanbook.recording.recorder import Recorder

Told = list[Notice]


def kinds(told: Told) -> list[tuple[str, str]]:
    return [(str(notice.kind), notice.span.name) for notice in told]


@pytest.fixture
def told(recorder: Recorder) -> Iterator[Told]:
    """What a listener of all kinds was told."""
    notices: Told = []
    heard = recorder.listen(notices.append)
    yield notices
    heard.stop()


def wait(recorder: Recorder) -> None:
    """Wait until all listeners were told."""
    assert recorder._outlet.listeners is not None
    for one in recorder._outlet.listeners._all:
        assert one.drain(10)


def test_every_nested_span_is_told_from_start_to_end(recorder: Recorder, told: Told):
    with spanbook.span("outer", input={"question": "why?"}) as outer:
        with spanbook.span("inner", kind="tool") as inner:
            inner.record("rows", 3)
            inner.set_output([1, 2])
        with pytest.raises(ValueError, match="no"), spanbook.span("bad"):
            raise ValueError("no")
        outer.set_output("because")
    wait(recorder)

    assert kinds(told) == [
        ("span-start", "outer"),
        ("span-start", "inner"),
        ("span-record", "inner"),
        ("span-success", "inner"),
        ("span-complete", "inner"),
        ("span-start", "bad"),
        ("span-error", "bad"),
        ("span-complete", "bad"),
        ("span-success", "outer"),
        ("span-complete", "outer"),
    ]
    record, end, failed = told[2].record, told[-1].span, told[6].span
    assert record is not None
    assert (record.name, record.data) == ("rows", 3)
    assert (end.input, end.output, end.status) == ({"question": "why?"}, "because", "ok")
    assert failed.error is not None
    assert (failed.error.message, failed.parent_id) == ("no", outer.span_id)
    assert told[4].span.duration is not None


def test_a_cancelled_span_is_neither_a_success_nor_an_error(recorder: Recorder, told: Told):
    with pytest.raises(asyncio.CancelledError), spanbook.span("stopped"):
        raise asyncio.CancelledError
    wait(recorder)

    assert kinds(told) == [("span-start", "stopped"), ("span-complete", "stopped")]
    assert told[-1].span.status == "cancelled"


def test_a_notice_is_a_snapshot_of_its_moment(recorder: Recorder):
    told: Told = []

    def spoil(notice: Notice) -> None:
        notice.span.input["rows"].append("spoilt")

    for listener in (spoil, told.append):
        recorder.listen(listener)
    rows = [1]
    with spanbook.span("work", input={"rows": rows}):
        rows.append(2)
    wait(recorder)

    assert [notice.span.input for notice in told] == [{"rows": [1]}] * 3
    assert told[0].span.end_ns is None
    with pytest.raises(AttributeError):
        told[0].span.name = "other"  # pyright: ignore[reportAttributeAccessIssue]


def test_listeners_get_what_passed_the_gate(url: str):
    recorder = Recorder(url, ingest=False, mask=lambda _: "[masked]")
    told: Told = []
    recorder.listen(told.append)

    with spanbook.span("work", input={"api_key": "sk-123"}, recorder=recorder):
        pass
    recorder.close()

    assert [notice.span.input for notice in told] == ["[masked]"] * 3


def test_a_listener_that_raises_affects_neither_the_program_nor_other_listeners(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
):
    told: Told = []

    def raises(_: Notice) -> None:
        raise RuntimeError("mine")

    def leaves(_: Notice) -> None:
        raise SystemExit

    bad = [recorder.listen(listener) for listener in (raises, leaves)]
    recorder.listen(told.append)
    with spanbook.span("one"):
        pass
    with spanbook.span("two"):
        pass
    wait(recorder)

    assert len(told) == 6
    assert [one.errors for one in bad] == [6, 6]
    assert recorder.health.errors == 12
    assert len([r for r in caplog.records if "listener" in r.getMessage()]) == 2


def test_a_slow_listener_slows_nothing_and_what_it_misses_is_counted(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(listening, "_MOST_BYTES", 2_000)
    go_on = threading.Event()
    heard = recorder.listen(lambda _: go_on.wait(20))

    for number in range(100):
        with spanbook.span(f"span {number}"):
            pass

    assert heard.dropped > 100
    go_on.set()
    wait(recorder)
    assert heard.dropped < 200


def test_an_async_listener_runs_on_the_loop_of_the_program(recorder: Recorder):
    threads: set[int] = set()

    async def listener(_: Notice) -> None:
        await asyncio.sleep(0)
        threads.add(threading.get_ident())

    async def program() -> None:
        heard = recorder.listen(listener)
        async with spanbook.span("work"):
            pass
        await asyncio.to_thread(heard.drain, 10)

    asyncio.run(program())

    assert threads == {threading.get_ident()}


def test_an_async_listener_without_a_loop_runs_on_one_of_ours(recorder: Recorder):
    loops: set[Any] = set()

    async def listener(_: Notice) -> None:
        await asyncio.sleep(0)
        loops.add(asyncio.get_running_loop())

    recorder.listen(listener)
    with spanbook.span("work"):
        pass
    wait(recorder)

    assert len(loops) == 1


def test_an_async_listener_is_told_what_the_loop_had_no_time_for(recorder: Recorder):
    told: Told = []

    async def listener(notice: Notice) -> None:
        told.append(notice)

    async def program() -> None:
        recorder.listen(listener)
        async with spanbook.span("work"):
            pass

    asyncio.run(program())
    wait(recorder)

    assert kinds(told) == [
        ("span-start", "work"),
        ("span-success", "work"),
        ("span-complete", "work"),
    ]


def test_a_flush_on_the_loop_does_not_wait_for_that_loop(recorder: Recorder):
    told: Told = []

    async def listener(notice: Notice) -> None:
        told.append(notice)

    async def program() -> None:
        recorder.listen(listener)
        async with spanbook.span("work"):
            pass
        spanbook.flush(timeout=60)

    started = time.monotonic()
    asyncio.run(program())

    assert time.monotonic() - started < 30
    wait(recorder)
    assert len(told) == 3


def test_an_async_listener_that_raises_or_times_out_is_isolated(recorder: Recorder):
    async def listener(_: Notice) -> None:
        raise TimeoutError

    async def program() -> None:
        heard = recorder.listen(listener)
        async with spanbook.span("work"):
            pass
        await asyncio.to_thread(heard.drain, 10)
        assert heard.errors == 3

    asyncio.run(program())


def test_what_a_listener_records_itself_is_not_told(recorder: Recorder):
    told: Told = []

    def listener(notice: Notice) -> None:
        told.append(notice)
        with spanbook.span("of the listener"):
            pass

    recorder.listen(listener)
    with spanbook.span("of the program"):
        pass
    wait(recorder)

    assert {notice.span.name for notice in told} == {"of the program"}


def test_a_listener_can_choose_and_leave(recorder: Recorder):
    told: Told = []
    heard = recorder.listen(told.append, "span-error", "span-complete")

    with spanbook.span("one"):
        pass
    heard.stop()
    with spanbook.span("two"):
        pass

    assert kinds(told) == [("span-complete", "one")]


def test_an_unknown_kind_is_refused(recorder: Recorder):
    with pytest.raises(ValueError, match="span-stop"):
        recorder.listen(print, "span-stop")


def test_an_exporter_is_told_and_closed_with_the_recorder(url: str):
    class Counter:
        notices = 0
        closed = 0

        def __init__(self) -> None:
            self.threads: set[int] = set()

        def export(self, notice: Notice) -> None:
            self.notices += 1
            self.threads.add(threading.get_ident())

        def close(self) -> None:
            self.closed += 1
            self.threads.add(threading.get_ident())

    counter = Counter()
    recorder = Recorder(url, ingest=False)
    spanbook.listen(counter, recorder=recorder)

    with spanbook.span("work", recorder=recorder):
        pass
    recorder.close()

    assert isinstance(counter, Exporter)
    assert (counter.notices, counter.closed) == (3, 1)
    assert len(counter.threads) == 1


def test_listening_goes_on_after_the_recorder_was_closed(url: str):
    told: Told = []
    recorder = Recorder(url, ingest=False)
    recorder.listen(told.append)

    for name in ("before", "after"):
        with spanbook.span(name, recorder=recorder):
            pass
        recorder.close()

    assert [notice.span.name for notice in told] == ["before"] * 3 + ["after"] * 3


def test_only_followed_spans_and_those_below_them_are_told(recorder: Recorder):
    told: Told = []
    heard = recorder.listen(told.append, "span-start", only_below=True)

    heard.follow("f" * 16)
    with spanbook.span("root"), spanbook.span("mine", span_id="f" * 16), spanbook.span("below"):
        pass
    with spanbook.span("other"), spanbook.span("below the other"):
        pass
    wait(recorder)

    assert kinds(told) == [("span-start", "mine"), ("span-start", "below")]


def test_a_text_that_json_cannot_hold_is_told_repaired(recorder: Recorder, told: Told):
    with spanbook.span("work", input="lone \ud800"):
        pass
    wait(recorder)

    assert [notice.span.input for notice in told] == ["lone \ufffd"] * 3


def test_a_long_input_is_told_at_the_start_only(recorder: Recorder, told: Told):
    with spanbook.span("work", input="x" * 100_000):
        pass
    wait(recorder)

    assert [notice.span.input is None for notice in told] == [False, True, True]


def test_what_is_remembered_of_open_spans_is_bounded(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(listening, "_MOST_OPEN", 10)
    heard = recorder.listen(lambda _: None)

    spans = [spanbook.span(f"{number}").start() for number in range(50)]
    wait(recorder)

    assert len(heard._open) == 10
    for span in spans:
        span.end()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_tells_its_own_spans(recorder: Recorder, told: Told):
    with spanbook.span("of the parent"):
        pass
    wait(recorder)
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        told.clear()
        with spanbook.span("of the child"):
            pass
        wait(recorder)
        os.write(write, ",".join(notice.span.name for notice in told).encode())
        os._exit(0)
    os.waitpid(pid, 0)

    assert os.read(read, 1_000).decode() == ",".join(["of the child"] * 3)
    os.close(read)
    os.close(write)
