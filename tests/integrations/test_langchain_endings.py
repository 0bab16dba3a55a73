"""How runs end: failures, cancellations, closed streams, and runs that never end."""

import asyncio
import threading
from textwrap import dedent
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.documents import Document
from langchain_core.language_models.llms import BaseLLM
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import ToolException, tool

from spanbook.recording.recorder import Recorder
from spanbook_langchain import SpanbookCallbackHandler
from tests.integrations.chains import Fake, Streaming, chain, settle, usage
from tests.integrations.recordings import only, recorded
from tests.outlines import outline


def config(recorder: Recorder, **more: Any) -> Any:
    return {"callbacks": [SpanbookCallbackHandler(recorder)], **more}


# -- failures -------------------------------------------------------------------------------------


@tool
def explode(q: str) -> str:
    """Explode."""
    raise RuntimeError(f"no {q}")


def test_a_failing_tool_keeps_type_message_and_stack(recorder: Recorder) -> None:
    with pytest.raises(RuntimeError, match="no luck"):
        explode.invoke({"q": "luck"}, config(recorder))

    error = only(recorder).error
    assert (error.type, error.message) == ("RuntimeError", "no luck")
    assert "in explode" in error.stack


def test_an_error_that_is_caught_leaves_its_ancestors_ok(recorder: Recorder) -> None:
    def careful(_: Any) -> str:
        try:
            return explode.invoke({"q": "luck"})
        except RuntimeError:
            return "caught"

    RunnableLambda(careful).invoke({}, config(recorder))

    assert outline(recorder) == "chain careful\n  tool explode !RuntimeError"


@tool
def refuse(q: str) -> str:
    """Refuse."""
    raise ToolException(f"no {q}")


CALL = {"name": "refuse", "args": {"q": "luck"}, "id": "c1", "type": "tool_call"}


def test_a_handled_tool_error_is_an_error_of_the_tool_only(recorder: Recorder) -> None:
    refuse.handle_tool_error = True
    try:
        RunnableLambda(lambda _: refuse.invoke(CALL)).invoke({}, config(recorder))
    finally:
        refuse.handle_tool_error = False

    span = only(recorder, kind="tool")
    assert outline(recorder) == "chain RunnableLambda\n  tool refuse !ToolException"
    assert span.error.message == "no luck"
    assert span.output == "no luck"
    assert span.attributes["tool_call_id"] == "c1"


def test_a_failing_retriever_is_an_error(recorder: Recorder) -> None:
    class Broken(BaseRetriever):
        def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
            raise ConnectionError("down")

    with pytest.raises(ConnectionError):
        Broken().invoke("q", config(recorder))

    assert outline(recorder) == "retriever Broken !ConnectionError"


def test_a_stream_that_fails_keeps_what_it_had_said(recorder: Recorder) -> None:
    model = Streaming(pieces=["a", "b", ValueError("boom")])

    with pytest.raises(ValueError, match="boom"):
        list(model.stream("hi", config(recorder)))

    span = only(recorder)
    assert span.error_type == "ValueError"
    assert span.output["messages"][0]["content"] == "ab"


class ResponseError(Exception):
    """An error as HTTP clients raise it."""

    class Response:
        status_code = 429
        headers = {"set-cookie": "session=verysecretcookie", "x-request-id": "r"}

        def json(self) -> Any:
            return {"error": "body-of-the-failure"}

    response = Response()
    request_id = "req-1"


def test_of_a_failed_request_only_status_and_id_are_kept(recorder: Recorder) -> None:
    with pytest.raises(ResponseError):
        Fake(answers=[ResponseError("too many")]).invoke("hi", config(recorder))

    span = only(recorder)
    assert (span.attributes["http_status"], span.attributes["request_id"]) == (429, "req-1")
    assert not span.has_output
    assert "verysecretcookie" not in repr((span.attributes, span.output, span.error))


@pytest.mark.parametrize("generations", [[], [[]], [[], []]])
def test_an_error_without_any_answer_is_still_recorded(
    recorder: Recorder, generations: list[Any]
) -> None:
    handler = SpanbookCallbackHandler(recorder)
    key = uuid4()

    handler.on_chat_model_start({}, [[HumanMessage("hi")]], run_id=key)
    handler.on_llm_error(ValueError("x"), run_id=key, response=LLMResult(generations=generations))

    assert outline(recorder) == "llm llm !ValueError"


class Mute(Exception):
    """An error whose text cannot be read."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_an_error_whose_text_cannot_be_read_is_recorded(recorder: Recorder) -> None:
    with pytest.raises(Mute):
        Fake(answers=[Mute()]).invoke("hi", config(recorder))

    assert outline(recorder) == "llm Fake !Mute"


def test_a_failing_batch_marks_every_root_and_the_children_tell_the_truth(
    recorder: Recorder,
) -> None:
    def step(given: int) -> int:
        if given == 2:
            raise ValueError("two")
        return given

    steps = RunnableLambda(lambda given: given).with_config(run_name="first") | RunnableLambda(step)

    with pytest.raises(ValueError, match="two"):
        steps.batch([1, 2], config(recorder, max_concurrency=1))

    assert [one.status for one in recorded(recorder, name="step")] == ["ok", "error"]
    assert {one.status for one in recorded(recorder, parent_id=None)} == {"error"}


def test_a_batch_that_returns_exceptions_tells_them_apart(recorder: Recorder) -> None:
    def step(given: int) -> int:
        if given == 2:
            raise ValueError("two")
        return given

    RunnableLambda(step).batch([1, 2], config(recorder), return_exceptions=True)

    statuses = {one.input: one.status for one in recorded(recorder)}
    assert statuses == {1: "ok", 2: "error"}


# -- retries and fallbacks ------------------------------------------------------------------------


def test_a_retried_step_is_ok_with_one_child_an_attempt(recorder: Recorder) -> None:
    tries = iter([ValueError("once"), ValueError("twice"), None])

    def flaky(given: str) -> str:
        failure = next(tries)
        if failure is not None:
            raise failure
        return given

    step = RunnableLambda(flaky).with_retry(stop_after_attempt=3, wait_exponential_jitter=False)
    step.invoke("x", config(recorder))

    assert outline(recorder) == dedent("""\
        chain flaky
          chain flaky !ValueError
          chain flaky !ValueError
          chain flaky""")
    tags = [one.attributes.get("tags") for one in recorded(recorder)[1:]]
    assert tags == [None, ["retry:attempt:2"], ["retry:attempt:3"]]


FALLBACKS = dedent("""\
    chain RunnableSequence
      prompt ChatPromptTemplate
      chain RunnableWithFallbacks
        llm Fake !ValueError
        llm second
      parser StrOutputParser""")


def with_fallbacks() -> Any:
    broken = Fake(answers=[ValueError("boom")])
    return broken.with_fallbacks([Fake().with_config(run_name="second")])


def test_fallbacks_stand_below_what_falls_back(recorder: Recorder) -> None:
    chain(with_fallbacks()).invoke({"q": "hi"}, config(recorder))

    assert outline(recorder) == FALLBACKS


async def test_fallbacks_stand_below_what_falls_back_in_async_code(recorder: Recorder) -> None:
    await chain(with_fallbacks()).ainvoke({"q": "hi"}, config(recorder))

    assert outline(recorder) == FALLBACKS


def test_top_level_fallbacks_are_one_trace(recorder: Recorder) -> None:
    with_fallbacks().invoke("hi", config(recorder))

    assert outline(recorder) == dedent("""\
        chain RunnableWithFallbacks
          llm Fake !ValueError
          llm second""")


# -- stopped from outside -------------------------------------------------------------------------


def test_a_stream_closed_early_keeps_its_tree(recorder: Recorder) -> None:
    stream = chain(Streaming(pieces=["a", "b", "c"])).stream({"q": "hi"}, config(recorder))
    next(stream)
    stream.close()  # type: ignore[attr-defined]

    spans = recorded(recorder)
    root = only(recorder, parent_id=None)
    assert {one.trace_id for one in spans} == {root.trace_id}
    assert not [one for one in spans if one.status in ("running", "error")]
    assert {one.kind for one in spans} == {"chain", "prompt", "llm", "parser"}


async def test_an_async_stream_closed_early_is_cancelled(recorder: Recorder) -> None:
    stream = chain(Streaming(pieces=["a", "b", "c"])).astream({"q": "hi"}, config(recorder))
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    del stream
    await settle(recorder)

    assert outline(recorder) == dedent("""\
        chain RunnableSequence (cancelled)
          prompt ChatPromptTemplate
          llm Streaming (cancelled)
          parser StrOutputParser (cancelled)""")
    assert only(recorder, kind="llm").output["messages"][0]["content"] == "a"


def test_a_model_s_stream_closed_early_is_cancelled_with_partial_text(recorder: Recorder) -> None:
    pieces = ["a", AIMessageChunk(content="b", usage_metadata=usage(13, 2)), "c"]
    stream = Streaming(pieces=pieces).stream("hi", config(recorder))
    next(stream)
    next(stream)
    stream.close()  # type: ignore[attr-defined]

    span = only(recorder)
    assert span.status == "cancelled"
    assert span.output["messages"][0]["content"] == "ab"
    assert span.usage.output == 2


def test_a_keyboard_interrupt_in_a_tool_is_cancelled_and_passes(recorder: Recorder) -> None:
    @tool
    def stop(q: str) -> str:
        """Stop."""
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        RunnableLambda(lambda _: stop.invoke({"q": ""})).invoke({}, config(recorder))

    assert outline(recorder) == "chain RunnableLambda (cancelled)\n  tool stop (cancelled)"


class Waiting(Fake):
    """A model that never answers."""

    started: Any = None

    async def _agenerate(self, *_: Any, **__: Any) -> Any:
        self.started.set()
        await asyncio.Event().wait()


class WaitingRetriever(BaseRetriever):
    """A retriever that never finds anything."""

    started: Any = None

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        return []

    async def _aget_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        self.started.set()
        await asyncio.Event().wait()
        return []


async def cancel(started: asyncio.Event, work: Any) -> None:
    task = asyncio.ensure_future(work)
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def waiting_tool(started: asyncio.Event) -> Any:
    @tool
    async def wait(q: str) -> str:
        """Wait."""
        started.set()
        await asyncio.Event().wait()
        return q

    return wait


CANCELLED = {
    "model": ("llm Waiting", lambda started: Waiting(started=started)),
    "retriever": ("retriever WaitingRetriever", lambda started: WaitingRetriever(started=started)),
    "tool": (
        "tool wait",
        lambda started: RunnableLambda(lambda _: {"q": ""}) | waiting_tool(started),
    ),
}


@pytest.mark.parametrize("what", CANCELLED)
async def test_a_cancelled_step_is_neither_ok_nor_an_error(url: str, what: str) -> None:
    line, make = CANCELLED[what]
    recorder = Recorder(url, grace=0.0)
    started = asyncio.Event()
    steps = RunnableLambda(lambda given: given).with_config(run_name="before") | make(started)

    await cancel(started, steps.ainvoke("hi", config(recorder)))

    lines = {text.strip() for text in outline(recorder).splitlines()}
    recorder.close()
    assert "chain RunnableSequence (cancelled)" in lines
    # LangChain before 1.8 never tells that the step ended, later ones do for tools.
    assert lines & {f"{line} (incomplete)", f"{line} (cancelled)"}
    assert recorder.health.open == 0


async def test_a_late_real_end_replaces_an_incomplete_one(url: str) -> None:
    recorder = Recorder(url, grace=0.0)
    handler = SpanbookCallbackHandler(recorder)
    root, child = uuid4(), uuid4()

    handler.on_chain_start(None, {}, run_id=root, name="root")
    handler.on_chat_model_start({}, [[HumanMessage("hi")]], run_id=child, parent_run_id=root)
    handler.on_chain_end({}, run_id=root)
    assert outline(recorder) == "chain root\n  llm llm (incomplete)"
    handler.on_llm_end(
        LLMResult(generations=[[ChatGeneration(message=AIMessage("a"))]]), run_id=child
    )

    assert outline(recorder) == "chain root\n  llm llm"
    recorder.close()


def test_runs_that_fallbacks_of_a_batch_leave_open_are_not_lost(url: str) -> None:
    recorder = Recorder(url, grace=0.0)
    broken = Fake(answers=[KeyError("boom")])
    guarded = broken.with_fallbacks([Fake()], exceptions_to_handle=(ValueError,))

    with pytest.raises(KeyError):
        guarded.batch(["a", "b"], config(recorder, max_concurrency=1))

    assert len(recorded(recorder)) >= 2
    assert "ok" not in {one.status for one in recorded(recorder, kind="llm")}
    recorder.close()


def test_generate_that_fails_midway_leaves_the_others_unended(recorder: Recorder) -> None:
    model = Fake(answers=[AIMessage("a"), ValueError("b"), AIMessage("c")])

    with pytest.raises(ValueError, match="b"):
        model.generate(
            [[HumanMessage(text)] for text in "abc"], callbacks=[SpanbookCallbackHandler(recorder)]
        )

    assert sorted(one.status for one in recorded(recorder)) == ["error", "running", "running"]


def test_the_first_end_counts(recorder: Recorder) -> None:
    handler = SpanbookCallbackHandler(recorder)
    key = uuid4()

    handler.on_chat_model_start({}, [[HumanMessage("hi")]], run_id=key)
    handler.on_llm_end(LLMResult(generations=[]), run_id=key)
    handler.on_llm_error(asyncio.CancelledError(), run_id=key)

    assert outline(recorder) == "llm llm"


def test_children_that_outlive_their_root_stay_in_its_trace(recorder: Recorder) -> None:
    handler = SpanbookCallbackHandler(recorder)
    root, child, late = uuid4(), uuid4(), uuid4()

    handler.on_chain_start(None, {}, run_id=root, name="root")
    handler.on_chain_start(None, {}, run_id=child, parent_run_id=root, name="child")
    handler.on_chain_end({}, run_id=root)
    handler.on_chain_start(None, {}, run_id=late, parent_run_id=root, name="late")
    handler.on_chain_end({}, run_id=late)
    handler.on_chain_end({}, run_id=child)

    assert outline(recorder) == "chain root\n  chain child\n  chain late"


async def test_a_forgotten_task_s_runs_stay_in_the_trace(recorder: Recorder) -> None:
    go = asyncio.Event()
    tasks: list[asyncio.Task[Any]] = []

    async def later(_: Any) -> Any:
        await go.wait()
        return await Fake().ainvoke("late")

    async def step(given: Any) -> Any:
        tasks.append(asyncio.create_task(later(given)))
        return given

    await RunnableLambda(step).ainvoke("x", config(recorder))
    go.set()
    await asyncio.gather(*tasks)

    assert outline(recorder) == "chain step\n  llm Fake"


def test_a_stream_read_by_another_thread_is_one_span(recorder: Recorder) -> None:
    stream = chain(Streaming(pieces=["a", "b"])).stream({"q": "hi"}, config(recorder))
    next(stream)
    thread = threading.Thread(target=lambda: list(stream))
    thread.start()
    thread.join()

    assert outline(recorder) == dedent("""\
        chain RunnableSequence
          prompt ChatPromptTemplate
          llm Streaming
          parser StrOutputParser""")


def test_text_models_that_fail_are_errors(recorder: Recorder) -> None:
    class Broken(BaseLLM):
        @property
        def _llm_type(self) -> str:
            return "broken"

        def _generate(self, *_: Any, **__: Any) -> Any:
            raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        (Broken() | StrOutputParser()).invoke("hi", config(recorder))

    assert outline(recorder) == "chain RunnableSequence !ValueError\n  llm Broken !ValueError"
