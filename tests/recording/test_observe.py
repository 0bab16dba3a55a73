"""`@observe` and `span` record calls without changing what they wrap."""

import asyncio
import gc
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import Any

import pytest

import spanbook
from spanbook.recording.recorder import Recorder
from tests.recording.conftest import Records, read_records


def tree(records: list[dict[str, Any]]) -> dict[str, str | None]:
    """Return the parent's name of each span."""
    names = {record["span"]: record["name"] for record in records if record["type"] == "start"}
    return {
        record["name"]: names.get(record.get("parent", ""))
        for record in records
        if record["type"] == "start"
    }


def ended(records: list[dict[str, Any]], name: str) -> dict[str, Any]:
    [end] = [r for r in records if r["type"] == "end" and r["name"] == name]
    return end


def test_a_function_keeps_its_nature_signature_and_docstring() -> None:
    def plain(a: int, /, b: int = 2, *, c: int = 3) -> int:
        """Add."""
        return a + b + c

    async def coroutine() -> None: ...
    def generator() -> Iterator[int]:
        yield 1

    async def async_generator() -> AsyncIterator[int]:
        yield 1

    observed = spanbook.observe(plain)
    assert inspect.signature(observed) == inspect.signature(plain)
    assert (observed.__doc__, observed.__name__) == ("Add.", "plain")
    assert inspect.iscoroutinefunction(spanbook.observe(coroutine))
    assert inspect.isgeneratorfunction(spanbook.observe(generator))
    assert inspect.isasyncgenfunction(spanbook.observe(async_generator))


def test_arguments_result_and_name_are_recorded(recorder: Recorder, records: Records) -> None:
    @spanbook.observe
    def add(a: int, b: int = 2, *rest: int, **more: int) -> int:
        return a + b

    assert add(1, 5, 9, x=7) == 6

    start, end = records()
    assert start["name"] == "add"
    assert start["kind"] == "step"
    assert start["input"] == {"a": 1, "b": 5, "args": [9], "x": 7}
    assert (end["status"], end["output"]) == ("ok", 6)


def test_self_and_cls_are_left_out(recorder: Recorder, records: Records) -> None:
    class Shop:
        @spanbook.observe
        def sell(self, item: str) -> str:
            return item

        @spanbook.observe
        @classmethod
        def open(cls, town: str) -> str:
            return town

        @classmethod
        @spanbook.observe(kind="tool", name="shut")
        def close(cls, town: str) -> str:
            return town

    assert (Shop().sell("tea"), Shop.open("Bath"), Shop.close("York")) == ("tea", "Bath", "York")

    starts = [record for record in records() if record["type"] == "start"]
    assert [start["input"] for start in starts] == [
        {"item": "tea"},
        {"town": "Bath"},
        {"town": "York"},
    ]
    assert [(s["kind"], s["name"]) for s in starts][2] == ("tool", "shut")


def test_calls_nest(recorder: Recorder, records: Records) -> None:
    @spanbook.observe(name="inner")
    def inner() -> None: ...

    @spanbook.observe(name="outer")
    def outer() -> None:
        inner()
        with spanbook.span("block", kind="tool"):
            inner()

    outer()

    starts = [(r["name"], r.get("parent")) for r in records() if r["type"] == "start"]
    assert [name for name, _ in starts] == ["outer", "inner", "block", "inner"]
    assert len({parent for _, parent in starts}) == 3


async def test_gathered_children_overlap_under_their_step(
    recorder: Recorder, records: Records
) -> None:
    both = asyncio.Barrier(2)

    @spanbook.observe(name="child")
    async def child(number: int) -> int:
        await both.wait()
        return number

    @spanbook.observe(name="step")
    async def step() -> list[int]:
        return list(await asyncio.gather(child(1), child(2)))

    assert await step() == [1, 2]

    found = records()
    children = [r for r in found if r["type"] == "end" and r["name"] == "child"]
    parent = ended(found, "step")["span"]
    assert [child["parent"] for child in children] == [parent, parent]
    assert max(c["start"] for c in children) <= min(c["end"] for c in children)


async def test_eight_children_of_one_name_are_eight_spans(
    recorder: Recorder, records: Records
) -> None:
    @spanbook.observe(name="child")
    async def child() -> None: ...

    @spanbook.observe(name="step")
    async def step() -> None:
        for _ in range(4):
            await child()
        await asyncio.gather(*(child() for _ in range(4)))

    await step()

    assert len({r["span"] for r in records() if r["name"] == "child"}) == 8


@pytest.mark.parametrize("error", [ValueError(), KeyboardInterrupt(), SystemExit(3)])
def test_exceptions_pass_unchanged(
    recorder: Recorder, records: Records, error: BaseException
) -> None:
    @spanbook.observe(name="work")
    def work() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        work()

    assert caught.value is error
    end = ended(records(), "work")
    assert end["status"] == ("error" if isinstance(error, ValueError) else "cancelled")
    assert end["error"]["type"] == type(error).__name__


async def test_a_timeout_cancels_the_span_and_reaches_the_caller(
    recorder: Recorder, records: Records
) -> None:
    @spanbook.observe(name="slow")
    async def slow() -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(slow(), timeout=0.001)

    assert ended(records(), "slow")["status"] == "cancelled"


async def test_cancelling_a_task_cancels_its_span(recorder: Recorder, records: Records) -> None:
    started = asyncio.Event()

    @spanbook.observe(name="slow")
    async def slow() -> None:
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(slow())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert ended(records(), "slow")["status"] == "cancelled"


@spanbook.observe(name="words")
def words(count: int) -> Generator[str]:
    """Yield numbers in words, or so."""
    with spanbook.span("inside"):
        pass
    for number in range(count):
        yield f"{number} "


def test_an_exhausted_generator_is_one_span_with_its_items(
    recorder: Recorder, records: Records
) -> None:
    assert "".join(words(3)) == "0 1 2 "

    end = ended(records(), "words")
    assert (end["status"], end["output"], end["attributes"]) == ("ok", "0 1 2 ", {"item_count": 3})


def test_a_generator_closed_early_is_cancelled_with_what_it_gave(
    recorder: Recorder, records: Records
) -> None:
    generator = words(3)
    next(generator)
    generator.close()

    end = ended(records(), "words")
    assert (end["status"], end["output"]) == ("cancelled", "0 ")


def test_a_collected_generator_ends_its_span(recorder: Recorder, records: Records) -> None:
    generator = words(3)
    next(generator)
    del generator
    gc.collect()

    assert ended(records(), "words")["status"] == "cancelled"


def test_a_failing_generator_is_an_error(recorder: Recorder, records: Records) -> None:
    @spanbook.observe(name="bad")
    def bad() -> Iterator[int]:
        yield 1
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(bad())

    end = ended(records(), "bad")
    assert (end["status"], end["output"]) == ("error", [1])


def test_send_throw_and_return_reach_the_generator(recorder: Recorder) -> None:
    @spanbook.observe
    def echo() -> Any:
        got = yield "ready"
        try:
            yield got
        except KeyError:
            yield "caught"
        return "done"

    generator = echo()
    assert next(generator) == "ready"
    assert generator.send("hello") == "hello"
    assert generator.throw(KeyError()) == "caught"
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == "done"


def test_a_generators_consumer_is_not_its_child(recorder: Recorder, records: Records) -> None:
    for _ in words(1):
        with spanbook.span("consumer"):
            pass

    parents = tree(records())
    assert parents == {"words": None, "inside": "words", "consumer": None}


async def test_async_generators_behave_alike(recorder: Recorder, records: Records) -> None:
    @spanbook.observe(name="stream")
    async def stream() -> AsyncGenerator[int]:
        with spanbook.span("inside"):
            pass
        for number in range(3):
            yield number

    assert [number async for number in stream()] == [0, 1, 2]
    exhausted = records()
    early = stream()
    async for _ in early:
        with spanbook.span("consumer"):
            pass
        break
    await early.aclose()
    closed = records()

    assert ended(exhausted, "stream")["output"] == [0, 1, 2]
    assert tree(exhausted) == {"stream": None, "inside": "stream"}
    assert ended(closed, "stream")["status"] == "cancelled"
    assert tree(closed)["consumer"] is None


async def test_a_collected_async_generator_ends_its_span(
    recorder: Recorder, records: Records
) -> None:
    @spanbook.observe(name="stream")
    async def stream() -> AsyncIterator[int]:
        yield 1
        yield 2

    generator = stream()
    await anext(generator)
    del generator
    gc.collect()
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert ended(records(), "stream")["status"] == "cancelled"


def test_what_is_not_captured_is_not_recorded(recorder: Recorder, records: Records) -> None:
    @spanbook.observe(capture_input=False, capture_output=False)
    def secret(word: str) -> str:
        return word

    secret("sesame")

    assert "sesame" not in str(records())


def test_named_arguments_are_kept_alone(recorder: Recorder, records: Records) -> None:
    @spanbook.observe(capture_input=["question"], capture_output=len)
    def answer(question: str, key: str) -> str:
        return question * 2

    assert answer("why", key="sesame") == "whywhy"

    start, end = records()
    assert (start["input"], end["output"]) == ({"question": "why"}, 6)


def test_a_function_chooses_what_is_kept(recorder: Recorder, records: Records) -> None:
    @spanbook.observe(capture_input=sorted, capture_output=sum)
    def count(first: int, last: int) -> Iterator[int]:
        yield from range(first, last)

    assert list(count(1, last=4)) == [1, 2, 3]

    start, end = records()
    assert (start["input"], end["output"]) == (["first", "last"], 6)


def test_a_choice_that_fails_costs_only_what_it_would_choose(
    recorder: Recorder, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spanbook.recording.guard.strict", False)

    @spanbook.observe(capture_input=lambda given: given["no"], capture_output=len)
    def answer(question: str) -> int:
        return 7

    assert answer("why") == 7

    start, end = records()
    assert "input" not in start
    assert "output" not in end
    assert end["status"] == "ok"
    assert recorder.health.errors == 2


def test_tags_and_version_stamp_the_trace(recorder: Recorder, records: Records) -> None:
    @spanbook.observe(tags=["beta"], version="2")
    def answer() -> None: ...

    for _ in range(2):
        answer()

    found = records()
    assert [r["context"]["tags"] for r in found if r["type"] == "start"] == [["beta"], ["beta"]]
    assert [r["context"] for r in found if r["type"] == "trace"] == [{"version": "2"}] * 2
    assert found[0]["attributes"] == {"version": "2"}


def test_tags_are_a_list_of_them() -> None:
    with pytest.raises(ValueError, match="Give a list"):
        spanbook.observe(tags="beta")


def test_a_streamed_answer_of_a_model_has_a_first_token(
    recorder: Recorder, records: Records
) -> None:
    @spanbook.observe(kind="llm")
    def stream() -> Iterator[str]:
        yield "one "
        yield "two"

    assert "".join(stream()) == "one two"

    start, end = records()
    assert start["start"] < end["first_token"] < end["end"]
    assert end["chunks"] == 2


def test_paused_code_is_not_recorded(recorder: Recorder, records: Records) -> None:
    @spanbook.observe(name="work")
    def work() -> int:
        with spanbook.span("inside"):
            return 7

    with spanbook.span("outer") as outer:
        with spanbook.paused():
            assert work() == 7
            assert recorder.start("run", kind=spanbook.SpanKind.CHAIN, name="chain") is None
            outer.add_event("still here")
        work()

    found = records()
    assert [r["name"] for r in found if r["type"] == "start"] == ["outer", "work", "inside"]
    assert [r["name"] for r in found if r["type"] == "event"] == ["still here"]


async def test_tasks_begun_while_paused_are_not_recorded(
    recorder: Recorder, records: Records
) -> None:
    @spanbook.observe
    async def work() -> int:
        await asyncio.sleep(0)
        return 7

    with spanbook.paused():
        task = asyncio.create_task(work())
    assert await task == 7

    assert records() == []


def test_a_function_opted_out_is_given_back_as_it_was() -> None:
    def plain() -> None: ...

    assert spanbook.observe(enabled=False)(plain) is plain


def test_recording_off_changes_nothing(url: str) -> None:
    recorder = Recorder(url, enabled=False)

    @spanbook.observe(recorder=recorder)
    def add(a: int) -> int:
        return a + 1

    @spanbook.observe(recorder=recorder)
    def count() -> Iterator[int]:
        yield from (1, 2)

    assert add(1) == 2
    assert list(count()) == [1, 2]
    assert not recorder.journal.directory.exists()


def test_a_span_takes_output_usage_attributes_and_events(
    recorder: Recorder, records: Records
) -> None:
    with spanbook.span("call", kind="llm", input="hi", attributes={"a": 1}) as span:
        span.set_output("ho")
        span.set_usage(spanbook.Usage(input=3, output=1))
        span.set_attributes(b=2)
        span.add_event("retry", {"attempt": 2})
        ids = (spanbook.current_trace_id(), spanbook.current_span_id())

    start, event, end = records()
    assert ids == (start["trace"], start["span"]) == (span.trace_id, span.span_id)
    assert (event["name"], event["data"]) == ("retry", {"attempt": 2})
    assert end["output"] == "ho"
    assert end["usage"] == {"input": 3, "output": 1}
    assert end["attributes"] == {"a": 1, "b": 2}


async def test_a_span_works_in_async_code(recorder: Recorder, records: Records) -> None:
    async with spanbook.span("outer"), spanbook.span("inner"):
        await asyncio.sleep(0)

    assert tree(records()) == {"outer": None, "inner": "outer"}


def test_an_unknown_kind_is_refused_where_it_is_written() -> None:
    with pytest.raises(ValueError, match="llama"):
        spanbook.observe(kind="llama")


def test_outside_any_span_there_is_no_current_one(recorder: Recorder) -> None:
    assert spanbook.current_span_id() is None
    assert spanbook.current_trace_id() is None


def test_records_of_a_closed_recorder_are_kept_for_the_next(recorder: Recorder) -> None:
    recorder.start("a", kind=spanbook.SpanKind.STEP, name="a", parent=None)
    recorder.close()
    recorder.finish("a")

    assert [r["type"] for r in read_records(recorder)] == ["end"]
