"""A wrapped client below a framework: one model call is one span, and its tokens count once."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

import spanbook
from spanbook.reading.book import Book
from spanbook.recording.recorder import Recorder
from spanbook.spans import SpanKind
from spanbook.usage import Usage
from spanbook_openai import wrap_openai
from tests.integrations.openai_clients import HELLO, aclient, client, texts
from tests.integrations.openai_server import (
    OpenAIServer,
    answer,
    chunks,
    completion,
    embeddings,
    failure,
    response,
    stream,
)
from tests.integrations.recordings import only, recorded
from tests.outlines import outline


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as server:
        yield server


@pytest.fixture
def wrapped(server: OpenAIServer, recorder: Recorder) -> Iterator[Any]:
    with client(server, max_retries=0) as bare:
        yield wrap_openai(bare)


def total(recorder: Recorder, book: Book) -> Usage | None:
    recorder.flush(10)
    usages = [trace.usage for trace in book.traces()]
    return None if usages == [None] else sum((one for one in usages if one), Usage())


# -- spans by hand -------------------------------------------------------------------------------


def test_a_call_stands_below_the_span_around_it(wrapped: Any, recorder: Recorder):
    with spanbook.span("answer", kind="chain"):
        wrapped.chat.completions.create(model="m", messages=HELLO)

    assert outline(recorder) == "chain answer\n  llm chat.completions"


def test_a_span_by_hand_that_repeats_the_usage_counts_once(
    wrapped: Any, recorder: Recorder, book: Book
):
    with spanbook.span("model", kind="llm") as span:
        wrapped.chat.completions.create(model="m", messages=HELLO)
        span.set_usage(Usage(input=9, output=5))

    assert outline(recorder) == "llm model\n  llm chat.completions"
    assert total(recorder, book) == Usage(input=9, output=5)


def test_another_recorders_span_is_no_parent(wrapped: Any, recorder: Recorder, tmp_path: Any):
    other = Recorder(f"sqlite:///{tmp_path / 'other.db'}")

    with spanbook.span("answer", recorder=other):
        wrapped.chat.completions.create(model="m", messages=HELLO)

    assert outline(recorder) == "llm chat.completions"
    other.close()


# -- LangChain -----------------------------------------------------------------------------------

langchain_openai = pytest.importorskip("langchain_openai")

from langchain_core.messages import HumanMessage  # noqa: E402  # after the skip
from langchain_core.output_parsers import StrOutputParser  # noqa: E402  # after the skip
from langchain_core.runnables import RunnableLambda  # noqa: E402

from spanbook_langchain import SpanbookCallbackHandler, SpanbookEmbeddings  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


def chat(server: OpenAIServer, **given: Any) -> Any:
    """Return LangChain's model with both its clients wrapped."""
    model = langchain_openai.ChatOpenAI(
        model="gpt-4.1-mini", api_key="k", base_url=server.url, max_retries=0, **given
    )
    wrap_openai(model.root_client)
    wrap_openai(model.root_async_client)
    return model


def traced() -> Any:
    return {"callbacks": [SpanbookCallbackHandler()]}


def test_a_model_of_langchain_is_one_span_that_knows_what_both_know(
    server: OpenAIServer, recorder: Recorder, book: Book
):
    server.reply(answer(completion(), service_tier="flex"))

    chat(server).invoke("hi", config=traced())

    span = only(recorder)
    assert span.name == "ChatOpenAI"
    assert span.usage == Usage(input=9, output=5)
    assert span.attributes["request_id"] == "req_1"
    assert span.attributes["usage_raw"]["prompt_tokens"] == 9
    assert span.input["messages"] == [{"role": "user", "content": "hi"}]
    assert span.output["messages"][0]["content"] == "hello"
    assert total(recorder, book) == Usage(input=9, output=5)


def test_a_chain_of_langchain_is_recorded_without_doubles(
    server: OpenAIServer, recorder: Recorder, book: Book
):
    (chat(server) | StrOutputParser()).invoke("hi", config=traced())

    assert outline(recorder) == (
        "chain RunnableSequence\n  llm ChatOpenAI\n  parser StrOutputParser"
    )
    assert total(recorder, book) == Usage(input=9, output=5)


async def test_concurrent_models_of_langchain_are_told_apart(
    server: OpenAIServer, recorder: Recorder, book: Book
):
    chain = chat(server) | StrOutputParser()

    await asyncio.gather(*(chain.ainvoke("hi", config=traced()) for _ in range(5)))

    spans = recorded(recorder)
    models = [one for one in spans if one.kind is SpanKind.LLM]
    assert (len(spans), len(models)) == (15, 5)
    assert all("request_id" in one.attributes for one in models)
    assert total(recorder, book) == Usage(input=45, output=25)


def test_a_batch_of_langchain_is_told_apart(server: OpenAIServer, recorder: Recorder, book: Book):
    chat(server).batch(["a", "b", "c"], config=traced())

    spans = recorded(recorder)
    assert [one.kind for one in spans] == ["llm"] * 3
    assert all("request_id" in one.attributes for one in spans)
    assert total(recorder, book) == Usage(input=27, output=15)


def test_prompts_that_langchain_sends_together_are_told_apart(
    server: OpenAIServer, recorder: Recorder, book: Book
):
    first, second = (answer(completion(id=name)) for name in ("chatcmpl-a", "chatcmpl-b"))
    server.reply(first, second)

    prompts = [[HumanMessage("a")], [HumanMessage("b")]]
    chat(server).generate(prompts, callbacks=traced()["callbacks"])

    spans = recorded(recorder)
    found = {one.input["messages"][0]["content"]: one.attributes["response_id"] for one in spans}
    assert found == {"a": "chatcmpl-a", "b": "chatcmpl-b"}
    assert total(recorder, book) == Usage(input=18, output=10)


def test_a_stream_of_langchain_gets_the_usage_that_it_loses(
    server: OpenAIServer, recorder: Recorder, book: Book
):
    server.reply(stream(chunks("one two")))

    list(chat(server, stream_usage=False).stream("hi", config=traced()))

    span = only(recorder)
    assert span.output["messages"][0]["content"] == "one two"
    assert span.usage == Usage(input=9, output=5)
    assert span.first_token is not None


async def test_an_async_stream_of_langchain_is_one_span(
    server: OpenAIServer, recorder: Recorder, book: Book
):
    server.reply(stream(chunks("one two")))

    async for _ in chat(server).astream("hi", config=traced()):
        pass

    assert outline(recorder) == "llm ChatOpenAI"
    assert total(recorder, book) == Usage(input=9, output=5)


def test_the_responses_api_of_langchain_is_one_span(
    server: OpenAIServer, recorder: Recorder, book: Book
):
    server.reply(answer(response()))

    chat(server, use_responses_api=True).invoke("hi", config=traced())

    span = only(recorder)
    assert span.attributes["response_id"] == "resp_1"
    assert total(recorder, book) == Usage(input=20, output=7, cache_read=16, reasoning=4)


def test_a_failing_model_of_langchain_keeps_the_status(server: OpenAIServer, recorder: Recorder):
    server.reply(failure(429))

    with pytest.raises(Exception, match="429"):
        chat(server).invoke("hi", config=traced())

    span = only(recorder)
    assert (span.status, span.attributes["http_status"]) == ("error", 429)


def test_embeddings_of_langchain_are_one_span(server: OpenAIServer, recorder: Recorder, book: Book):
    server.reply(answer(embeddings(1)))
    model = langchain_openai.OpenAIEmbeddings(
        model="text-embedding-3-small",
        api_key="k",
        base_url=server.url,
        check_embedding_ctx_length=False,
        chunk_size=1,
    )
    wrap_openai(model.client._client)

    SpanbookEmbeddings(model).embed_documents(["a", "b"])

    span = only(recorder)
    assert span.input["count"] == 2
    assert span.usage == Usage(input=8)
    assert total(recorder, book) == Usage(input=8)


def test_a_call_of_the_program_while_langchain_streams_is_its_own(
    server: OpenAIServer, wrapped: Any, recorder: Recorder, book: Book
):
    server.reply(stream(chunks("one two")))

    events = chat(server).stream("hi", config=traced())
    next(events)
    texts(wrapped.chat.completions.create(model="gpt-4.1-mini", messages=HELLO, stream=True))
    list(events)

    assert sorted(outline(recorder).splitlines()) == ["llm ChatOpenAI", "llm chat.completions"]
    assert total(recorder, book) == Usage(input=18, output=10)


def test_a_call_inside_a_step_of_langchain_stands_below_it(
    server: OpenAIServer, wrapped: Any, recorder: Recorder
):
    def step(_: str) -> Any:
        return wrapped.chat.completions.create(model="m", messages=HELLO).id

    RunnableLambda(step).invoke("hi", config=traced())

    assert outline(recorder) == "chain step\n  llm chat.completions"


async def test_an_async_client_below_langchain_is_joined(
    server: OpenAIServer, recorder: Recorder, book: Book
):
    async with aclient(server) as bare:
        wrap_openai(bare)
        await chat(server).ainvoke("hi", config=traced())

    assert outline(recorder) == "llm ChatOpenAI"
    assert total(recorder, book) == Usage(input=9, output=5)
