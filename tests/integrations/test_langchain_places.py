"""Where runs belong: lost parents, foreign parents, ambient spans, many calls at once."""

import asyncio
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from textwrap import dedent
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.callbacks import CallbackManager
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool

import spanbook
from spanbook.recording.recorder import Recorder
from spanbook.usage import Usage
from spanbook_langchain import SpanbookCallbackHandler
from tests.integrations.chains import Fake, chain, usage
from tests.integrations.recordings import only, recorded
from tests.outlines import outline

SHAPE = dedent("""\
    chain RunnableSequence
      prompt ChatPromptTemplate
      llm Fake
      parser StrOutputParser""")


def config(recorder: Recorder, **more: Any) -> Any:
    return {"callbacks": [SpanbookCallbackHandler(recorder)], **more}


def shapes(recorder: Recorder) -> Counter[tuple[str, ...]]:
    """Return how often each tree was recorded, as lines."""
    roots: list[list[str]] = []
    for text in outline(recorder).splitlines():
        if text.startswith(" "):
            roots[-1].append(text)
        else:
            roots.append([text])
    return Counter(tuple(lines) for lines in roots)


# -- parents that LangChain loses -----------------------------------------------------------------


def test_a_step_that_names_the_handler_itself_still_nests(recorder: Recorder) -> None:
    handler = SpanbookCallbackHandler(recorder)
    step = RunnableLambda(lambda _: Fake().invoke("hi", {"callbacks": [handler]}))

    step.invoke({}, {"callbacks": [handler]})

    assert outline(recorder) == "chain RunnableLambda\n  llm Fake"


def test_a_bare_thread_makes_a_trace_of_its_own(recorder: Recorder) -> None:
    handler = SpanbookCallbackHandler(recorder)

    def step(_: Any) -> None:
        thread = threading.Thread(target=lambda: Fake().invoke("hi", {"callbacks": [handler]}))
        thread.start()
        thread.join()

    RunnableLambda(step).invoke({}, {"callbacks": [handler]})

    assert outline(recorder) == "chain step\nllm Fake"


def test_a_handler_on_the_model_alone_makes_a_root(recorder: Recorder) -> None:
    model = Fake().with_config(callbacks=[SpanbookCallbackHandler(recorder)])

    chain(model).invoke({"q": "hi"})  # type: ignore[arg-type]

    span = only(recorder)
    assert span.parent_id is None
    assert len(span.attributes["external_parent"]) == 36


def test_a_parent_of_another_tracer_is_kept_as_an_attribute(recorder: Recorder) -> None:
    foreign = uuid4()
    handlers: Any = [SpanbookCallbackHandler(recorder)]
    manager = CallbackManager(handlers, handlers, parent_run_id=foreign)

    chain().invoke({"q": "hi"}, {"callbacks": manager})

    root = only(recorder, parent_id=None)
    assert root.attributes["external_parent"] == str(foreign)
    assert outline(recorder) == SHAPE


def test_the_handler_given_twice_records_once(recorder: Recorder) -> None:
    handler = SpanbookCallbackHandler(recorder)

    chain().with_config(callbacks=[handler]).invoke({"q": "hi"}, {"callbacks": [handler, handler]})

    assert outline(recorder) == SHAPE


def test_two_handlers_of_one_store_record_once(recorder: Recorder) -> None:
    first, second = SpanbookCallbackHandler(recorder), SpanbookCallbackHandler(recorder)

    chain().invoke({"q": "hi"}, {"callbacks": [first, second]})

    assert outline(recorder) == SHAPE


def test_two_handlers_of_two_stores_record_both(recorder: Recorder, tmp_path: Any) -> None:
    other = Recorder(f"sqlite:///{tmp_path / 'other.db'}")
    handlers: Any = [SpanbookCallbackHandler(recorder), SpanbookCallbackHandler(other)]

    chain().invoke({"q": "hi"}, {"callbacks": handlers})

    assert outline(recorder) == outline(other) == SHAPE
    other.close()


def test_a_run_id_used_again_makes_a_span_of_its_own(recorder: Recorder) -> None:
    key = uuid4()

    for text in ("first", "second"):
        RunnableLambda(lambda given: given).invoke(text, config(recorder, run_id=key))

    spans = recorded(recorder)
    assert [one.input for one in spans] == ["first", "second"]
    assert len({one.span_id for one in spans}) == 2


def test_deep_nesting_is_kept_whole(recorder: Recorder) -> None:
    def dive(depth: int) -> int:
        return depth if depth == 0 else RunnableLambda(dive).invoke(depth - 1)

    RunnableLambda(dive).invoke(70, config(recorder))

    lines = outline(recorder).splitlines()
    assert len(lines) == 71
    assert lines[-1] == "  " * 70 + "chain dive"


# -- beside our own spans -------------------------------------------------------------------------


def test_a_chain_stands_below_the_span_around_it(recorder: Recorder) -> None:
    with spanbook.span("request"):
        RunnableLambda(lambda _: Fake().invoke("hi")).invoke({}, config(recorder))

    assert outline(recorder) == "step request\n  chain RunnableLambda\n    llm Fake"


def test_a_span_inside_a_step_stands_below_it_and_above_what_it_calls(recorder: Recorder) -> None:
    def step(_: Any) -> Any:
        with spanbook.span("rerank", kind="reranker"):
            return Fake().invoke("hi")

    RunnableLambda(step).invoke({}, config(recorder))

    assert outline(recorder) == "chain step\n  reranker rerank\n    llm Fake"


def test_observed_functions_inside_tools_know_where_they_are(recorder: Recorder) -> None:
    seen: list[Any] = []

    @spanbook.observe
    def helper() -> None:
        seen.append(spanbook.current_span_id())

    @tool
    def work(q: str) -> str:
        """Work."""
        seen.append(spanbook.current_span_id())
        helper()
        return q

    work.invoke({"q": "x"}, config(recorder))

    assert outline(recorder) == "tool work\n  step helper"
    assert seen == [one.span_id for one in recorded(recorder)]


def test_an_agent_that_repeats_its_model_s_usage_is_counted_once(recorder: Recorder) -> None:
    with spanbook.span("agent", kind="agent") as span:
        Fake(answers=[AIMessage("x", usage_metadata=usage(13, 7))]).invoke("hi", config(recorder))
        span.set_usage(Usage(13, 7))

    assert only(recorder, kind="llm").trace.usage == Usage(13, 7)


# -- many at once ---------------------------------------------------------------------------------


async def test_fifty_concurrent_calls_are_fifty_trees(recorder: Recorder) -> None:
    handler = SpanbookCallbackHandler(recorder)

    async def call(number: int) -> Any:
        return await chain().ainvoke({"q": str(number)}, {"callbacks": [handler]})

    await asyncio.gather(*(call(number) for number in range(50)))

    assert shapes(recorder) == {tuple(SHAPE.splitlines()): 50}
    for root in recorded(recorder, parent_id=None):
        [prompt] = [
            one for one in recorded(recorder, kind="prompt") if one.trace_id == root.trace_id
        ]
        assert prompt.input == root.input


def test_threads_and_batches_through_one_handler_never_mix(recorder: Recorder) -> None:
    handler = SpanbookCallbackHandler(recorder)

    def work(number: int) -> None:
        inputs = [{"q": f"{number}-{index}"} for index in range(5)]
        chain().batch(inputs, {"callbacks": [handler]})  # type: ignore[arg-type]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))

    assert shapes(recorder) == {tuple(SHAPE.splitlines()): 40}


async def test_tasks_and_threads_together_never_mix(recorder: Recorder) -> None:
    handler = SpanbookCallbackHandler(recorder)

    def work() -> None:
        for _ in range(5):
            chain().invoke({"q": "thread"}, {"callbacks": [handler]})

    async def call() -> None:
        await chain().ainvoke({"q": "task"}, {"callbacks": [handler]})

    await asyncio.gather(*(asyncio.to_thread(work) for _ in range(8)), *(call() for _ in range(20)))

    assert shapes(recorder) == {tuple(SHAPE.splitlines()): 60}


@pytest.mark.parametrize("number", [1, 3])
def test_a_long_lived_handler_keeps_nothing(recorder: Recorder, number: int) -> None:
    handler = SpanbookCallbackHandler(recorder)
    before = dict(vars(handler))

    for _ in range(number * 50):
        chain().invoke({"q": "hi"}, {"callbacks": [handler]})

    assert vars(handler) == before
    assert recorder.health.open == 0
