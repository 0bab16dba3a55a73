"""Embeddings become spans through a wrapper, for LangChain has no callbacks for them."""

from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.runnables import RunnableLambda
from langchain_core.vectorstores import InMemoryVectorStore

import spanbook
from spanbook.recording.recorder import Recorder
from spanbook_langchain import SpanbookCallbackHandler, SpanbookEmbeddings
from tests.integrations.recordings import only, recorded
from tests.outlines import outline


class FakeEmbeddings(Embeddings):
    """Embeds a text as its length."""

    model = "class-level"

    def __init__(self) -> None:
        self.model_name = "embed-1"
        self.extra = 7

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[float(len(text)), 0.5, 1.0] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def test_documents_keep_texts_count_dimension_and_model(recorder: Recorder) -> None:
    vectors = SpanbookEmbeddings(FakeEmbeddings(), recorder).embed_documents(["a", "bb"])

    span = only(recorder)
    assert vectors == [[1.0, 0.5, 1.0], [2.0, 0.5, 1.0]]
    assert (span.kind, span.name, span.model) == ("embedding", "FakeEmbeddings", "embed-1")
    assert span.input == {"count": 2, "texts": ["a", "bb"]}
    assert span.output == {"count": 2, "dimension": 3}


def test_a_query_is_one_text(recorder: Recorder) -> None:
    assert SpanbookEmbeddings(FakeEmbeddings(), recorder).embed_query("abc") == [3.0, 0.5, 1.0]

    assert only(recorder).input == {"count": 1, "texts": ["abc"]}


async def test_async_calls_are_recorded(recorder: Recorder) -> None:
    embeddings = SpanbookEmbeddings(FakeEmbeddings(), recorder)

    assert await embeddings.aembed_query("abc") == [3.0, 0.5, 1.0]
    assert await embeddings.aembed_documents(["a"]) == [[1.0, 0.5, 1.0]]

    assert outline(recorder) == "embedding FakeEmbeddings\nembedding FakeEmbeddings"


def test_vectors_are_kept_when_asked_for(recorder: Recorder) -> None:
    SpanbookEmbeddings(FakeEmbeddings(), recorder, vectors=True).embed_query("abc")

    assert only(recorder).output["vectors"] == [[3.0, 0.5, 1.0]]


def test_vectors_that_are_hidden_stay_hidden(tmp_path: Any) -> None:
    recorder = Recorder(f"sqlite:///{tmp_path / 'h.db'}", hide={"vectors"})

    SpanbookEmbeddings(FakeEmbeddings(), recorder, vectors=True).embed_query("abc")

    assert "vectors" not in only(recorder).output
    recorder.close()


def test_an_embedding_stands_below_the_run_that_makes_it(recorder: Recorder) -> None:
    store = InMemoryVectorStore.from_texts(
        ["one", "three"], SpanbookEmbeddings(FakeEmbeddings(), recorder)
    )
    step: Any = RunnableLambda(store.similarity_search).with_config(run_name="search")

    step.invoke("three", {"callbacks": [SpanbookCallbackHandler(recorder)]})

    lines = outline(recorder).splitlines()
    assert lines[0] == "embedding FakeEmbeddings"  # filling the store is a trace of its own
    assert lines[1:] == ["chain search", "  embedding FakeEmbeddings"]


async def test_a_retriever_s_embedding_stands_below_our_own_span(recorder: Recorder) -> None:
    embeddings = SpanbookEmbeddings(FakeEmbeddings(), recorder)

    with spanbook.span("index"):
        await embeddings.aembed_documents(["a"])

    assert outline(recorder) == "step index\n  embedding FakeEmbeddings"


def test_errors_pass_unchanged(recorder: Recorder) -> None:
    error = ValueError("boom")

    class Broken(FakeEmbeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            raise error

    with pytest.raises(ValueError, match="boom") as caught:
        SpanbookEmbeddings(Broken(), recorder).embed_documents(["a"])

    assert caught.value is error
    assert outline(recorder) == "embedding Broken !ValueError"


def test_everything_else_is_passed_on(recorder: Recorder) -> None:
    embeddings = SpanbookEmbeddings(FakeEmbeddings(), recorder)

    assert embeddings.extra == 7
    with pytest.raises(AttributeError):
        _ = embeddings.missing


def test_with_recording_off_it_only_embeds(tmp_path: Any) -> None:
    off = Recorder(f"sqlite:///{tmp_path / 'off.db'}", enabled=False)

    assert SpanbookEmbeddings(FakeEmbeddings(), off).embed_query("abc") == [3.0, 0.5, 1.0]


def test_no_text_is_no_vector(recorder: Recorder) -> None:
    assert SpanbookEmbeddings(FakeEmbeddings(), recorder).embed_documents([]) == []

    assert [one.output for one in recorded(recorder)] == [{"count": 0}]
