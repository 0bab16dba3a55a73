"""The OpenAI client below LlamaIndex: one model call is one span, and its tokens count once."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from spanbook.reading.book import Book
from spanbook.recording.recorder import Recorder
from spanbook.usage import Usage
from spanbook_llama_index import install, uninstall
from spanbook_openai import wrap_openai
from tests.integrations.openai_server import OpenAIServer, answer, chunks, embeddings, stream
from tests.integrations.recordings import only, recorded
from tests.outlines import outline

openai_llm = pytest.importorskip("llama_index.llms.openai")
openai_embedding = pytest.importorskip("llama_index.embeddings.openai")

from tests.integrations.llamas import Shelf, engine, kept, nodes  # noqa: E402  # after the skip

pytestmark = pytest.mark.usefixtures("nothing_of_ours_fails", "loop_to_borrow")


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as server:
        yield server


@pytest.fixture(autouse=True)
def installed(recorder: Recorder) -> Iterator[None]:
    install()
    yield
    assert kept()[0] == 0
    uninstall()


@pytest.fixture
def model(server: OpenAIServer) -> Iterator[Any]:
    """LlamaIndex's own model with both its clients wrapped."""
    made = openai_llm.OpenAI(
        model="gpt-4.1-mini", api_key="k", api_base=server.url, max_retries=0, reuse_client=True
    )
    wrap_openai(made._get_client())
    wrap_openai(made._get_aclient())
    yield made
    made._get_client().close()


def total(recorder: Recorder, book: Book) -> Usage:
    recorder.flush(10)
    return sum((trace.usage for trace in book.traces() if trace.usage), Usage())


def test_a_model_is_one_span_that_knows_what_both_know(model: Any, recorder: Recorder, book: Book):
    model.complete("hi")

    span = only(recorder)
    assert (span.name, span.provider) == ("OpenAI", "openai")
    assert span.usage == Usage(input=9, output=5)
    assert span.attributes["request_id"] == "req_1"
    assert span.output == {"text": "hello"}
    assert total(recorder, book) == Usage(input=9, output=5)


def test_a_pipeline_counts_once(model: Any, recorder: Recorder, book: Book):
    engine(model).query("hi")

    spans = recorded(recorder)
    assert [one.kind for one in spans] == ["chain", "retriever", "synthesizer", "llm"]
    assert "request_id" in spans[-1].attributes
    assert total(recorder, book) == Usage(input=9, output=5)


def test_a_stream_is_one_span(server: OpenAIServer, model: Any, recorder: Recorder, book: Book):
    server.reply(stream(chunks("one two")))

    response = engine(model, streaming=True).query("hi")
    assert "".join(response.response_gen) == "one two"

    assert outline(recorder).count("llm") == 1
    span = only(recorder, kind="llm")
    assert span.attributes["request_id"]
    assert span.output["messages"][0]["content"] == "one two"
    assert total(recorder, book) == Usage(input=9, output=5)


async def test_async_models_are_told_apart(model: Any, recorder: Recorder, book: Book):
    await asyncio.gather(*(model.acomplete("hi") for _ in range(5)))
    await model._get_aclient().close()

    spans = recorded(recorder)
    assert [one.kind for one in spans] == ["llm"] * 5
    assert all("request_id" in one.attributes for one in spans)
    assert total(recorder, book) == Usage(input=45, output=25)


async def test_an_async_stream_is_one_span(
    server: OpenAIServer, model: Any, recorder: Recorder, book: Book
):
    server.reply(stream(chunks("one two")))

    async for _ in await model.astream_complete("hi"):
        pass
    await model._get_aclient().close()

    assert outline(recorder) == "llm OpenAI"
    assert total(recorder, book) == Usage(input=9, output=5)


def test_embeddings_are_one_span(server: OpenAIServer, recorder: Recorder, book: Book):
    server.reply(answer(embeddings(2)))
    model = openai_embedding.OpenAIEmbedding(
        model="text-embedding-3-small", api_key="k", api_base=server.url, max_retries=0
    )
    wrap_openai(model._get_client())

    model.get_text_embedding_batch(["a", "b"])
    model._get_client().close()

    span = only(recorder)
    assert span.input["count"] == 2
    assert total(recorder, book) == Usage(input=4)


def test_a_client_that_a_program_uses_in_a_step_stands_below_it(
    server: OpenAIServer, model: Any, recorder: Recorder
):
    class Looks(Shelf):
        def _retrieve(self, query_bundle: Any) -> Any:
            hello: Any = [{"role": "user", "content": "hi"}]
            model._get_client().chat.completions.create(model="m", messages=hello)
            return self.nodes

    Looks(nodes()).retrieve("hi")

    assert outline(recorder) == "retriever Looks\n  llm chat.completions"
