"""LangChain chains become spans: the shared contract, and how runs are named and told apart."""

from collections.abc import Iterator
from textwrap import dedent
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.agents import AgentAction, AgentFinish
from langchain_core.callbacks import BaseCallbackHandler, dispatch_custom_event
from langchain_core.callbacks.manager import adispatch_custom_event
from langchain_core.documents import Document
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import JsonOutputParser, StrOutputParser
from langchain_core.prompts import PromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import (
    Runnable,
    RunnableBranch,
    RunnableGenerator,
    RunnableLambda,
    RunnableParallel,
    RunnablePassthrough,
)
from langchain_core.tools import tool

from spanbook.recording.recorder import Recorder
from spanbook_langchain import SpanbookCallbackHandler
from tests.integrations.chains import Fake, FakeText, Streaming, chain, failing
from tests.integrations.contract import IntegrationContract
from tests.integrations.recordings import only, recorded
from tests.outlines import outline


def config(recorder: Recorder, **more: Any) -> Any:
    return {"callbacks": [SpanbookCallbackHandler(recorder)], **more}


class TestLangChain(IntegrationContract):
    shape = dedent("""\
        chain RunnableSequence
          prompt ChatPromptTemplate
          llm Fake
          parser StrOutputParser""")
    broken = dedent("""\
        chain RunnableSequence !{error}
          prompt ChatPromptTemplate
          llm Fake !{error}""")

    def call(self, recorder: Recorder, value: Any = "hi") -> Any:
        return chain().invoke({"q": "hi", "extra": value}, config(recorder))

    async def acall(self, recorder: Recorder, value: Any = "hi") -> Any:
        return await chain().ainvoke({"q": "hi", "extra": value}, config(recorder))

    def fail(self, recorder: Recorder, error: BaseException) -> None:
        failing(error).invoke({"q": "hi"}, config(recorder))

    async def afail(self, recorder: Recorder, error: BaseException) -> None:
        await failing(error).ainvoke({"q": "hi"}, config(recorder))


# -- the tree is LangChain's ----------------------------------------------------------------------


class Runs(BaseCallbackHandler):
    """Notes the ids that LangChain gives."""

    run_inline = True

    def __init__(self) -> None:
        self.parents: dict[str, str | None] = {}

    def _note(self, *_: Any, run_id: Any, parent_run_id: Any = None, **__: Any) -> None:
        short = None if parent_run_id is None else parent_run_id.hex[16:]
        self.parents[run_id.hex[16:]] = short

    on_chain_start = on_chat_model_start = on_llm_start = on_tool_start = _note
    on_retriever_start = _note


def test_span_ids_and_parents_are_those_of_langchain(recorder: Recorder) -> None:
    runs = Runs()

    chain().invoke({"q": "hi"}, {"callbacks": [SpanbookCallbackHandler(recorder), runs]})

    assert {one.span_id: one.parent_id for one in recorded(recorder)} == runs.parents


PARALLEL = dedent("""\
    chain RunnableParallel<a,b>
      chain RunnableSequence
        prompt ChatPromptTemplate
        llm Fake
        parser StrOutputParser
      chain b""")


def test_parallel_steps_are_siblings(recorder: Recorder) -> None:
    both = RunnableParallel(
        a=chain(), b=RunnableLambda(lambda given: given).with_config(run_name="b")
    )

    both.invoke({"q": "hi"}, config(recorder, max_concurrency=1))

    assert outline(recorder) == PARALLEL


async def test_parallel_steps_are_siblings_in_async_code(recorder: Recorder) -> None:
    both = RunnableParallel(
        a=chain(), b=RunnableLambda(lambda given: given).with_config(run_name="b")
    )

    await both.ainvoke({"q": "hi"}, config(recorder))

    spans = recorded(recorder)
    names = {one.span_id: one.name for one in spans}
    assert sorted((one.name, names.get(one.parent_id)) for one in spans) == [
        ("ChatPromptTemplate", "RunnableSequence"),
        ("Fake", "RunnableSequence"),
        ("RunnableParallel<a,b>", None),
        ("RunnableSequence", "RunnableParallel<a,b>"),
        ("StrOutputParser", "RunnableSequence"),
        ("b", "RunnableParallel<a,b>"),
    ]


def test_a_batch_is_separate_roots(recorder: Recorder) -> None:
    chain().batch([{"q": str(number)} for number in range(3)], config(recorder))

    roots = recorded(recorder, parent_id=None)
    assert [one.input for one in roots] == [{"q": "0"}, {"q": "1"}, {"q": "2"}]
    assert len(recorded(recorder)) == 12


async def test_an_async_batch_is_separate_roots(recorder: Recorder) -> None:
    await chain().abatch([{"q": str(number)} for number in range(3)], config(recorder))

    assert len(recorded(recorder, parent_id=None)) == 3
    assert len(recorded(recorder)) == 12


def test_a_batch_inside_a_step_is_siblings_below_it(recorder: Recorder) -> None:
    step = RunnableLambda(lambda _: chain().batch([{"q": "1"}, {"q": "2"}, {"q": "3"}]))

    step.invoke({}, config(recorder))

    root = only(recorder, parent_id=None)
    below = recorded(recorder, name="RunnableSequence")
    assert [one.parent_id for one in below] == [root.span_id] * 3


STREAMED = dedent("""\
    chain RunnableSequence
      prompt ChatPromptTemplate
      llm Streaming
      parser StrOutputParser""")


def test_a_streamed_chain_has_the_same_tree(recorder: Recorder) -> None:
    assert list(chain(Streaming(pieces=["a", "b"])).stream({"q": "hi"}, config(recorder)))

    assert outline(recorder) == STREAMED


async def test_an_async_stream_has_the_same_tree(recorder: Recorder) -> None:
    streaming = chain(Streaming(pieces=["a", "b"]))

    assert [piece async for piece in streaming.astream({"q": "hi"}, config(recorder))]

    assert outline(recorder) == STREAMED


async def test_stream_events_have_the_same_tree(recorder: Recorder) -> None:
    streaming = chain(Streaming(pieces=["a", "b"]))

    async for _ in streaming.astream_events({"q": "hi"}, config(recorder), version="v2"):
        pass

    assert outline(recorder) == STREAMED


@pytest.mark.filterwarnings("ignore:astream_log is deprecated")
async def test_a_stream_log_has_the_same_tree(recorder: Recorder) -> None:
    streaming = chain(Streaming(pieces=["a", "b"]))

    async for _ in streaming.astream_log({"q": "hi"}, config(recorder)):
        pass

    assert outline(recorder) == STREAMED


def test_a_stream_s_input_replaces_the_placeholder(recorder: Recorder) -> None:
    list(chain(Streaming(pieces=["a", "b"])).stream({"q": "hi"}, config(recorder)))

    assert only(recorder, name="RunnableSequence").input == {"q": "hi"}
    assert only(recorder, kind="parser").input == {"role": "assistant", "content": "ab"}
    assert only(recorder, kind="parser").output == "ab"


def test_a_failing_stream_s_input_replaces_the_placeholder(recorder: Recorder) -> None:
    streaming = chain(Streaming(pieces=["a", ValueError("boom")]))

    with pytest.raises(ValueError, match="boom"):
        list(streaming.stream({"q": "hi"}, config(recorder)))

    assert only(recorder, name="RunnableSequence").input == {"q": "hi"}


def test_an_input_that_looks_like_the_placeholder_is_kept(recorder: Recorder) -> None:
    RunnableLambda(lambda given: given).invoke({"input": ""}, config(recorder))

    assert only(recorder).input == {"input": ""}


def test_a_generator_step_gets_its_whole_input(recorder: Recorder) -> None:
    def upper(pieces: Iterator[str]) -> Iterator[str]:
        for piece in pieces:
            yield piece.upper()

    streaming = Streaming(pieces=["a", "b"]) | StrOutputParser() | RunnableGenerator(upper)

    assert "".join(streaming.stream("hi", config(recorder))) == "AB"

    step = only(recorder, name="upper")
    assert (step.input, step.output) == ("ab", "AB")


# -- names and kinds ------------------------------------------------------------------------------


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


class Shelf(BaseRetriever):
    """A retriever with two documents."""

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        return [
            Document("first", id="d1", metadata={"score": 0.9, "page": 1}),
            Document("second", metadata={}),
        ]


NAMED = [
    (RunnableLambda(lambda given: given), "chain RunnableLambda"),
    (RunnableLambda(lambda given: given).with_config(run_name="mine"), "chain mine"),
    (RunnablePassthrough(), "chain RunnablePassthrough"),
    (PromptTemplate.from_template("{q}"), "prompt PromptTemplate"),
    (Fake() | JsonOutputParser(), "parser JsonOutputParser"),
    (Fake(), "llm Fake"),
    (Fake().with_config(run_name="my model"), "llm my model"),
    (FakeText(), "llm FakeText"),
    (Shelf(), "retriever Shelf"),
    (RunnableLambda(lambda _: add.invoke({"a": 1, "b": 2})), "tool add"),
    (
        RunnableLambda(lambda x: x).with_config(run_name="agentic_docs_loader"),
        "chain agentic_docs_loader",
    ),
    (RunnableLambda(lambda x: x).with_config(run_name="AgentExecutor"), "chain AgentExecutor"),
    (RunnableBranch((lambda _: True, Fake()), Fake()), "chain RunnableBranch"),
]


@pytest.mark.parametrize(("runnable", "line"), NAMED, ids=[line for _, line in NAMED])
def test_runs_have_their_kind_and_name(
    recorder: Recorder, runnable: Runnable[Any, Any], line: str
) -> None:
    answer = '{"q": 1}'
    if isinstance(runnable, Fake):
        runnable.answers = [AIMessage(answer)]
    given: Any = {"q": "hi"} if line.split()[0] in ("prompt", "chain") else "hi"
    if isinstance(runnable, RunnableBranch):
        given = "hi"

    if "JsonOutputParser" in line:
        runnable = Fake(answers=[AIMessage(answer)]) | JsonOutputParser()
    runnable.invoke(given, config(recorder))

    assert line in [text.strip() for text in outline(recorder).splitlines()]


@pytest.mark.parametrize(
    "serialized",
    [None, {}, {"id": []}, {"id": None}, {"name": None}, {"name": 3, "id": [1]}, "text", 5],
    ids=repr,
)
def test_a_run_without_a_name_still_becomes_a_span(recorder: Recorder, serialized: Any) -> None:
    handler = SpanbookCallbackHandler(recorder)
    key = uuid4()

    handler.on_chain_start(serialized, {}, run_id=key)
    handler.on_chain_end({}, run_id=key)

    assert outline(recorder) == "chain chain"


@pytest.mark.parametrize(
    ("serialized", "name"),
    [
        ({"name": "given", "id": ["a", "Class"]}, "given"),
        ({"id": ["langchain", "chains", "LLMChain"]}, "LLMChain"),
    ],
)
def test_older_chains_are_named_by_what_they_serialise(
    recorder: Recorder, serialized: Any, name: str
) -> None:
    handler = SpanbookCallbackHandler(recorder)
    key = uuid4()

    handler.on_chain_start(serialized, {}, run_id=key)
    handler.on_chain_end({}, run_id=key)

    assert only(recorder).name == name


def test_a_prompt_keeps_its_template_and_its_variables(recorder: Recorder) -> None:
    chain().invoke({"q": "hi"}, config(recorder))

    prompt = only(recorder, kind="prompt")
    assert [part["template"] for part in prompt.attributes["template"]] == ["be brief", "{q}"]
    assert prompt.input == {"q": "hi"}
    assert prompt.output == {
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "hi"},
        ]
    }


# -- tools and retrievers -------------------------------------------------------------------------


def test_a_tool_keeps_arguments_and_the_id_of_the_call(recorder: Recorder) -> None:
    call = {"name": "add", "args": {"a": 1, "b": 2}, "id": "call-7", "type": "tool_call"}

    add.invoke(call, config(recorder))

    span = only(recorder, kind="tool")
    assert span.name == "add"
    assert span.input == {"a": 1, "b": 2}
    assert span.output == "3"
    assert span.attributes["tool_call_id"] == "call-7"


def test_a_tool_without_a_call_keeps_its_own_output(recorder: Recorder) -> None:
    add.invoke({"a": 1, "b": 2}, config(recorder))

    assert only(recorder).output == 3


def test_a_tool_s_artifact_is_kept_beside_its_content(recorder: Recorder) -> None:
    @tool(response_format="content_and_artifact")
    def look(q: str) -> tuple[str, Any]:
        """Look."""
        return "seen", {"rows": [1, 2]}

    look.invoke(
        {"name": "look", "args": {"q": "x"}, "id": "c", "type": "tool_call"}, config(recorder)
    )

    span = only(recorder)
    assert span.output == "seen"
    assert span.attributes["artifact"] == {"rows": [1, 2]}


def test_a_retriever_keeps_query_and_documents_in_order(recorder: Recorder) -> None:
    Shelf().invoke("what", config(recorder))

    span = only(recorder)
    assert span.input == {"query": "what"}
    assert span.output == {
        "documents": [
            {"id": "d1", "text": "first", "score": 0.9, "metadata": {"score": 0.9, "page": 1}},
            {"text": "second", "metadata": {}},
        ]
    }
    assert span.attributes["document_count"] == 2


# -- moments inside a run -------------------------------------------------------------------------


def test_custom_events_belong_to_the_step_that_sends_them(recorder: Recorder) -> None:
    def step(given: Any) -> Any:
        dispatch_custom_event("progress", {"done": 3})
        return given

    (RunnableLambda(step) | RunnableLambda(lambda x: x)).invoke(1, config(recorder))

    [event] = next(one for one in recorded(recorder) if one.events).events
    assert (event.name, event.data) == ("progress", {"done": 3})
    assert [len(one.events) for one in recorded(recorder)] == [0, 1, 0]


async def test_async_custom_events_belong_to_the_step_that_sends_them(recorder: Recorder) -> None:
    async def step(given: Any) -> Any:
        await adispatch_custom_event("progress", 1)
        return given

    await RunnableLambda(step).ainvoke(1, config(recorder))

    assert [event.name for event in only(recorder).events] == ["progress"]


def test_legacy_agent_steps_make_their_run_an_agent(recorder: Recorder) -> None:
    def step(_: Any, run_manager: Any) -> str:
        run_manager.on_agent_action(AgentAction("add", {"a": 1}, "I add"))
        run_manager.on_agent_finish(AgentFinish({"output": 3}, "done"))
        return "done"

    RunnableLambda(step).invoke({}, config(recorder))

    span = only(recorder)
    assert span.kind == "agent"
    assert [(event.name, event.data) for event in span.events] == [
        ("agent_action", {"tool": "add", "input": {"a": 1}, "log": "I add"}),
        ("agent_finish", {"output": {"output": 3}, "log": "done"}),
    ]


def test_texts_of_older_chains_are_events(recorder: Recorder) -> None:
    def step(_: Any, run_manager: Any) -> None:
        run_manager.on_text("thinking", color="green")

    RunnableLambda(step).invoke({}, config(recorder))

    assert [(event.name, event.data) for event in only(recorder).events] == [("text", "thinking")]


def test_retries_of_a_call_are_events(recorder: Recorder) -> None:
    tenacity = pytest.importorskip("tenacity")
    tries = iter([ValueError("once"), None])

    def step(_: Any, run_manager: Any) -> str:
        @tenacity.retry(
            stop=tenacity.stop_after_attempt(3),
            wait=tenacity.wait_none(),
            before_sleep=run_manager.on_retry,
        )
        def attempt() -> str:
            failure = next(tries)
            if failure is not None:
                raise failure
            return "fine"

        return attempt()

    RunnableLambda(step).invoke({}, config(recorder))

    assert [(event.name, event.data) for event in only(recorder).events] == [
        ("retry", {"attempt": 1, "error": "ValueError"})
    ]


def test_events_of_unknown_runs_are_ignored(recorder: Recorder) -> None:
    handler = SpanbookCallbackHandler(recorder)
    unknown = uuid4()

    handler.on_custom_event("x", object(), run_id=unknown)
    handler.on_text("x", run_id=unknown)
    handler.on_agent_action(AgentAction("a", "b", "c"), run_id=unknown)
    handler.on_agent_finish(AgentFinish({}, ""), run_id=unknown)
    handler.on_llm_new_token("x", run_id=unknown)
    handler.on_chain_end({}, run_id=unknown)
    handler.on_chain_error(ValueError(), run_id=unknown)
    handler.on_tool_end("x", run_id=unknown)
    handler.on_retriever_end([], run_id=unknown)

    assert recorded(recorder) == []
