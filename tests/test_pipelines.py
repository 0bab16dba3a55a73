"""Pipelines: both styles, nested and in parallel, make one tree of spans."""

import asyncio
import functools
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from textwrap import dedent
from typing import Any
from xml.etree import ElementTree

import pytest
from langchain_core.runnables import RunnableLambda

import spanbook
from spanbook.errors import UnknownTraceError
from spanbook.notices import Notice
from spanbook.pipelines import Pipeline, Step
from spanbook.reading.book import Book
from spanbook.reading.rows import SpanRow
from spanbook.recording.recorder import Recorder
from spanbook_langchain import SpanbookCallbackHandler
from tests.outlines import outline


@pytest.fixture
def pipeline(recorder: Recorder) -> Pipeline:
    return Pipeline("digest")


def double(number: int) -> int:
    return 2 * number


async def adouble(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


def test_steps_given_as_functions_nest(pipeline: Pipeline, recorder: Recorder):
    def inner(step: Step, number: int) -> int:
        return step.step("double", double, number, kind="tool") + 1

    def main(step: Step, number: int) -> int:
        return step.step("inner", inner, number)

    assert pipeline.run(main, 4) == 9
    assert outline(recorder) == dedent("""\
        chain digest
          step inner
            tool double""")


async def test_async_steps_are_awaited(pipeline: Pipeline, recorder: Recorder):
    async def main(step: Step) -> int:
        return await step.step("double", adouble, 3) + step.step("double", double, 1)

    assert await pipeline.run(main) == 8
    assert outline(recorder) == "chain digest\n  step double\n  step double"


def test_decorated_and_given_steps_blocks_and_functions_are_one_tree(
    pipeline: Pipeline, recorder: Recorder
):
    @pipeline.step
    def decorated() -> str:
        with spanbook.span("block", kind="tool"):
            return observed()

    @pipeline.step(name="named", kind="retriever")
    def other() -> None:
        pass

    @spanbook.observe
    def observed() -> str:
        other()
        return "done"

    def main(step: Step) -> str:
        return step.step("given", decorated)

    assert pipeline.run(main) == "done"
    assert outline(recorder).replace(f"{main.__qualname__.rpartition('.')[0]}.", "") == dedent("""\
        chain digest
          step given
            step decorated
              tool block
                step observed
                  retriever named""")


def test_a_decorated_step_keeps_its_nature(pipeline: Pipeline):
    @pipeline.step
    async def work(number: int) -> int:
        """Work."""
        return number

    assert asyncio.iscoroutinefunction(work)
    assert (work.__name__, work.__doc__) == ("work", "Work.")


async def test_eight_steps_of_one_name_are_eight_spans(pipeline: Pipeline, book: Book):
    async def main(step: Step) -> None:
        for number in range(4):
            await step.step("child", adouble, number)
        await asyncio.gather(*(step.step("child", adouble, number) for number in range(4)))

    await pipeline.run(main)

    with pipeline.trace() as trace:
        children = [span for span in trace.spans if span.name == "child"]
        (root,) = [span for span in trace.spans if span.parent_id is None]
    assert len({span.span_id for span in children}) == 8
    assert {span.parent_id for span in children} == {root.span_id}


async def test_parallel_steps_overlap_and_are_drawn_on_lines_of_their_own(pipeline: Pipeline):
    both = asyncio.Barrier(2)

    async def wait() -> None:
        await both.wait()
        await asyncio.sleep(0.002)
        await both.wait()

    async def main(step: Step) -> None:
        await asyncio.gather(step.step("a", wait), step.step("b", wait))

    await pipeline.run(main)

    with pipeline.trace() as trace:
        spans = {span.name: span for span in trace.spans}
        lanes = dict(
            zip([node.span.name for node in trace.tree().nodes], trace.tree().lanes(), strict=True)
        )
    a, b = spans["a"], spans["b"]
    assert a.start_ns < ended(b)
    assert b.start_ns < ended(a)
    assert a.parent_id == b.parent_id == spans["digest"].span_id
    assert len(set(lanes.values())) == 3


def ended(span: SpanRow) -> int:
    assert span.end_ns is not None
    return span.end_ns


def test_steps_in_threads_stand_below_the_step_that_they_were_given_to(
    pipeline: Pipeline, recorder: Recorder
):
    def main(step: Step) -> list[int]:
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(functools.partial(step.step, "double", double), [1, 2]))

    assert pipeline.run(main) == [2, 4]
    assert outline(recorder) == "chain digest\n  step double\n  step double"


def test_what_a_sync_function_returns_to_be_awaited_is_part_of_its_step(
    pipeline: Pipeline, recorder: Recorder, book: Book
):
    async def work() -> str:
        with spanbook.span("inside"):
            return "done"

    def start(function: Any) -> Any:
        return function()

    async def main(step: Step) -> str:
        return await step.step("given", functools.partial(start, work))

    assert asyncio.run(pipeline.run(main)) == "done"
    assert outline(recorder) == "chain digest\n  step given\n    step inside"
    (given,) = book.spans(name="given")
    assert book.trace(given.trace_id).payload(given.span_id).output == "done"


def test_generators_as_steps_are_spans_of_their_items(pipeline: Pipeline, book: Book):
    def words() -> Iterator[str]:
        yield "one "
        yield "two"

    def main(step: Step) -> str:
        return "".join(step.step("words", words))

    assert pipeline.run(main) == "one two"
    pipeline.recorder.flush()
    (span,) = book.spans(name="words")
    payload = book.trace(span.trace_id).payload(span.span_id)
    assert (payload.output, payload.attributes["item_count"]) == ("one two", 2)


@pytest.mark.parametrize("is_async", [False, True])
def test_an_exception_ends_its_steps_and_goes_on_unchanged(
    pipeline: Pipeline, recorder: Recorder, is_async: bool
):
    error = ValueError()

    def fail() -> None:
        raise error

    async def afail() -> None:
        raise error

    def main(step: Step) -> None:
        step.step("fail", fail)

    async def amain(step: Step) -> None:
        await step.step("fail", afail)

    def program() -> None:
        if is_async:
            asyncio.run(pipeline.run(amain))
        else:
            pipeline.run(main)

    with pytest.raises(ValueError) as caught:  # noqa: PT011  # it has no message
        program()

    assert caught.value is error
    assert outline(recorder) == "chain digest !ValueError\n  step fail !ValueError"


def test_a_step_that_takes_too_long_is_cancelled_and_the_caller_told(
    pipeline: Pipeline, recorder: Recorder
):
    async def main(step: Step) -> None:
        await asyncio.wait_for(step.step("waits", asyncio.Event().wait), 0.001)

    with pytest.raises(TimeoutError):
        asyncio.run(pipeline.run(main))

    assert outline(recorder) == "chain digest !TimeoutError\n  step waits (cancelled)"


def test_inputs_are_kept_by_name_without_the_step(pipeline: Pipeline, book: Book):
    def work(step: Step, first: int, *rest: int, **named: int) -> str:
        step.record("rows", 1)
        step.record("rows", 2)
        return "done"

    pipeline.run(lambda step: step.step("work", work, 1, 2, 3, last=4))

    with pipeline.trace() as trace:
        (span,) = [span for span in trace.spans if span.name == "work"]
        payload = trace.payload(span.span_id)
    assert payload.input == {"first": 1, "rest": [2, 3], "last": 4}
    assert payload.output == "done"
    assert [(event.name, event.data) for event in payload.events] == [("rows", 1), ("rows", 2)]
    assert payload.attributes["rows"] == 2


def test_a_builtin_can_be_a_step(pipeline: Pipeline, book: Book):
    assert pipeline.run(lambda step: step.step("largest", max, 3, 4)) == 4


def test_arguments_that_do_not_fit_fail_as_they_do_without_a_pipeline(pipeline: Pipeline):
    with pytest.raises(TypeError, match="double"):
        pipeline.run(double, 1, 2, 3)


def test_a_pipeline_can_be_a_block(pipeline: Pipeline, recorder: Recorder):
    with pipeline.open(question="why?") as step:
        step.step("double", double, 1)

    assert outline(recorder) == "chain digest\n  step double"
    with pipeline.trace() as trace:
        assert trace.to_dict()["spans"][0]["input"] == {"question": "why?"}


def test_a_pipeline_inside_another_trace_is_a_part_of_it(pipeline: Pipeline, recorder: Recorder):
    with spanbook.span("request"):
        pipeline.run(double, 1)

    assert outline(recorder) == "step request\n  chain digest"


def test_listeners_hear_of_the_steps_of_their_pipeline_only(pipeline: Pipeline, recorder: Recorder):
    told: list[str] = []

    @pipeline.on("span-start")
    def start(notice: Notice) -> None:
        told.append(f"start {notice.span.name}")

    @pipeline.on("span-record")
    async def record(notice: Notice) -> None:
        assert notice.record is not None
        told.append(f"record {notice.record.name}={notice.record.data}")

    def fails(_: Notice) -> None:
        raise RuntimeError("mine")

    pipeline.on("span-complete", fails)
    with spanbook.span("other"):
        pass
    pipeline.run(lambda step: step.step("work", lambda step: step.record("rows", 3)))
    Pipeline("another").run(double, 1)
    recorder.flush()

    assert sorted(told) == ["record rows=3", "start digest", "start work"]


def test_listeners_follow_to_another_recorder(pipeline: Pipeline, url: str):
    told: list[str] = []
    pipeline.on("span-complete", lambda notice: told.append(notice.span.name))
    pipeline.run(double, 1)

    spanbook.configure(url)
    pipeline.run(double, 2)
    spanbook.flush()

    assert told == ["digest", "digest"]


def test_a_trace_of_a_pipeline_is_data_and_drawings(pipeline: Pipeline):
    def main(step: Step) -> None:
        for number in range(3):
            step.step("child", double, number)

    pipeline.run(main)

    with pipeline.trace() as trace:
        nested = json.loads(json.dumps(trace.to_dict()))
        assert [span["name"] for span in nested["spans"][0]["spans"]] == ["child"] * 3
        ElementTree.fromstring(trace.gantt())
        assert "3 ×" in trace.graph("mermaid")
        assert trace.to_html().startswith("<!doctype html>")


def test_tokens_are_summed_by_model_below_a_step(pipeline: Pipeline):
    def ask(step: Step, model: str) -> None:
        step.set_model(model)
        step.set_usage(spanbook.Usage(input=5, output=1))

    def main(step: Step) -> str | None:
        part = Step("part", parent=step)
        with part:
            part.step("ask", ask, "small", kind="llm")
            part.step("ask", ask, "small", kind="llm")
        step.step("ask", ask, "large", kind="llm")
        return part.span_id

    part = pipeline.run(main)

    with pipeline.trace() as trace:
        assert trace.usage() == {
            "small": spanbook.Usage(input=10, output=2),
            "large": spanbook.Usage(input=5, output=1),
        }
        assert trace.usage(part) == {"small": spanbook.Usage(input=10, output=2)}


def test_nothing_to_read_says_what_to_do(recorder: Recorder):
    with pytest.raises(UnknownTraceError, match="Run it first"), Pipeline("unused").trace():
        pass


def test_a_pipeline_works_where_recording_is_off(url: str):
    pipeline = Pipeline("digest", recorder=Recorder(url, enabled=False))

    assert pipeline.run(lambda step: step.step("double", double, 2)) == 4


def test_a_long_pipeline_keeps_nothing_in_memory(url: str):
    recorder = Recorder(url, ingest=False)
    pipeline = Pipeline("long", recorder=recorder)
    told: list[Any] = []
    pipeline.on("span-error", told.append)

    with pipeline.open() as step:
        for number in range(3_000):
            step.step("work", double, number)

    assert len(recorder._spans.open) == 0
    assert len(recorder._spans.ended) <= 1_024
    (heard,) = pipeline._listening
    assert heard.drain(20)
    assert len(heard._open) == 0
    assert len(heard._ended) <= 1_024
    recorder.journal.close()


def test_runs_at_the_same_time_are_traces_of_their_own(pipeline: Pipeline, book: Book):
    start = threading.Barrier(4)

    def main(step: Step, number: int) -> int:
        start.wait(10)
        return step.step("double", double, number)

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(functools.partial(pipeline.run, main), range(4)))

    pipeline.recorder.flush()
    assert results == [0, 2, 4, 6]
    assert [trace.span_count for trace in book.traces()] == [2] * 4


def test_a_chain_inside_a_step_is_below_it(pipeline: Pipeline, recorder: Recorder):
    handler = SpanbookCallbackHandler(recorder)
    words = RunnableLambda(str.upper, name="upper") | RunnableLambda(len, name="count")

    @pipeline.step
    def measure(text: str) -> int:
        return words.invoke(text, config={"callbacks": [handler]})

    assert pipeline.run(lambda step: step.step("given", measure, "owl")) == 3
    assert outline(recorder).splitlines()[-3:] == [
        "      chain RunnableSequence",
        "        chain upper",
        "        chain count",
    ]
