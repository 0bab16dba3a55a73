"""LlamaIndex's streams: read to the end, closed early, dropped, failing, never begun."""

import asyncio
import gc
import threading
import weakref
from collections.abc import Iterator
from textwrap import dedent
from typing import Any

import pytest
from llama_index.core.chat_engine import CondensePlusContextChatEngine, SimpleChatEngine
from llama_index.core.instrumentation import get_dispatcher  # pyright: ignore[reportPrivateImportUsage]  # as users import it
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.prompts import PromptTemplate

from spanbook.recording.recorder import Recorder
from spanbook.usage import Usage
from spanbook_llama_index import install, uninstall
from tests.integrations.llamas import Fake, Shelf, engine, kept, nodes, settle
from tests.integrations.recordings import only, recorded
from tests.outlines import outline

pytestmark = pytest.mark.usefixtures("nothing_of_ours_fails", "loop_to_borrow")

TREE = dedent("""\
    chain RetrieverQueryEngine
      retriever Shelf
      synthesizer CompactAndRefine
        llm Fake""")
CLOSED = dedent("""\
    chain RetrieverQueryEngine (cancelled)
      retriever Shelf
      synthesizer CompactAndRefine (cancelled)
        llm Fake (cancelled)""")


@pytest.fixture(autouse=True)
def installed(recorder: Recorder) -> Iterator[None]:
    install()
    yield
    assert kept() == (0, 0)
    uninstall()


def memory() -> ChatMemoryBuffer:
    return ChatMemoryBuffer.from_defaults()


# -- query engines -------------------------------------------------------------------------------


def test_a_streamed_answer_is_one_tree_that_ends_with_the_stream(recorder: Recorder):
    response = engine(streaming=True).query("hi")

    assert recorder.health.open == 2
    assert list(response.response_gen) == ["hel", "lo"]

    assert recorder.health.open == 0
    assert outline(recorder) == TREE
    query, _, synthesizer, model = recorded(recorder)
    assert query.output["response"] == synthesizer.output["response"] == "hello"
    assert [one["id"] for one in query.output["sources"]] == ["n0", "n1"]
    assert model.output == {"text": "hello"}
    assert model.first_token is not None
    assert query.end_ns >= synthesizer.end_ns >= model.end_ns


async def test_a_streamed_answer_in_async_code_is_the_same_tree(recorder: Recorder):
    response = await engine(streaming=True).aquery("hi")

    assert [piece async for piece in response.response_gen] == ["hel", "lo"]

    assert outline(recorder) == TREE
    assert recorded(recorder)[0].output["response"] == "hello"


def test_printing_a_streamed_answer_is_reading_it(recorder: Recorder):
    response = engine(streaming=True).query("hi")

    assert str(response) == "hello"

    assert outline(recorder) == TREE


def test_recording_does_not_read_the_stream(recorder: Recorder):
    model = Fake()

    response = engine(model, streaming=True).query("hi")

    assert model.seen == []
    response.response_gen.close()


def test_a_stream_that_is_closed_early_keeps_what_was_read(recorder: Recorder):
    response = engine(streaming=True).query("hi")

    next(response.response_gen)
    response.response_gen.close()

    assert outline(recorder) == CLOSED
    query, _, _, model = recorded(recorder)
    assert query.output["response"] == "hel"
    assert model.output == {"text": "hel"}
    assert model.error is None
    assert model.attributes["stream_end"] == "closed"


async def test_an_async_stream_that_is_closed_early_keeps_what_was_read(recorder: Recorder):
    response = await engine(streaming=True).aquery("hi")

    await anext(response.response_gen)
    await response.response_gen.aclose()
    await settle(recorder)

    assert outline(recorder) == CLOSED
    assert recorded(recorder)[0].output["response"] == "hel"


def test_a_stream_that_is_dropped_is_closed(recorder: Recorder):
    for _ in engine(streaming=True).query("hi").response_gen:
        break
    gc.collect()

    assert outline(recorder) == CLOSED


def test_a_stream_that_nobody_reads_is_closed(recorder: Recorder):
    engine(streaming=True).query("hi")
    gc.collect()

    assert outline(recorder) == dedent("""\
        chain RetrieverQueryEngine (cancelled)
          retriever Shelf
          synthesizer CompactAndRefine (cancelled)""")


def test_a_response_may_go_before_its_stream(recorder: Recorder):
    pieces = engine(streaming=True).query("hi").response_gen
    gc.collect()

    assert list(pieces) == ["hel", "lo"]
    assert outline(recorder) == TREE


def test_a_failure_amid_a_stream_fails_all_that_return_it(recorder: Recorder):
    error = ValueError("boom")
    response = engine(Fake(pieces=["hel", error]), streaming=True, mode="simple_summarize").query(
        "hi"
    )

    with pytest.raises(ValueError, match="boom") as caught:
        list(response.response_gen)

    assert caught.value is error
    assert outline(recorder) == dedent("""\
        chain RetrieverQueryEngine !ValueError
          retriever Shelf
          synthesizer SimpleSummarize !ValueError
            llm Fake !ValueError""")
    query, _, _, model = recorded(recorder)
    assert (query.output["response"], model.output) == ("hel", {"text": "hel"})


def test_the_consumers_own_steps_are_not_below_the_stream(recorder: Recorder):
    response = engine(streaming=True).query("hi")

    for number, _ in enumerate(response.response_gen):
        Fake(answers=[f"aside {number}"]).complete("aside")

    assert sorted(outline(recorder).split("\nllm")) == [" Fake", " Fake", TREE]


async def test_streams_that_are_read_at_once_never_mix(recorder: Recorder):
    async def read(number: int) -> None:
        found = nodes(query=number)
        response = await engine(Fake(pieces=["q", str(number)]), found, streaming=True).aquery(
            f"q{number}"
        )
        async for _ in response.response_gen:
            await asyncio.sleep(0)

    await asyncio.gather(*(read(number) for number in range(30)))

    assert outline(recorder) == "\n".join([TREE] * 30)
    traces: dict[str, list[Any]] = {}
    for span in recorded(recorder):
        traces.setdefault(span.trace_id, []).append(span)
    for spans in traces.values():
        asked = spans[0].input["query"]
        assert spans[0].output["response"] == asked
        assert spans[3].output == {"text": asked}


def test_the_providers_connection_is_closed_as_soon_as_the_stream_is_dropped(recorder: Recorder):
    closed: list[bool] = []

    class Connected(Fake):
        def _pieces(self) -> Any:
            try:
                yield from super()._pieces()
            finally:
                closed.append(True)

    pieces = engine(Connected(), streaming=True).query("hi").response_gen
    next(pieces)
    del pieces
    gc.collect()

    assert closed == [True]


def test_nothing_keeps_a_stream_alive(recorder: Recorder):
    response = engine(streaming=True).query("hi")
    watched = weakref.ref(response.response_gen)

    del response
    gc.collect()

    assert watched() is None


# -- chat engines --------------------------------------------------------------------------------


def test_a_chat_engine_that_streams_ends_with_its_answer(recorder: Recorder):
    response = SimpleChatEngine.from_defaults(llm=Fake(), memory=memory()).stream_chat("hi")

    assert "".join(response.response_gen) == "hello"

    assert outline(recorder) == "chain SimpleChatEngine\n  llm Fake"
    assert recorded(recorder)[0].output["response"] == "hello"


async def test_a_chat_engine_that_streams_in_async_code_is_the_same_tree(recorder: Recorder):
    chat = SimpleChatEngine.from_defaults(llm=Fake(), memory=memory())
    response = await chat.astream_chat("hi")

    assert "".join([piece async for piece in response.async_response_gen()]) == "hello"
    task = response.awrite_response_to_history_task
    if task is not None:
        await task

    assert outline(recorder) == "chain SimpleChatEngine\n  llm Fake"


def test_a_chat_engine_with_a_retriever_streams_as_one_tree(recorder: Recorder):
    chat = CondensePlusContextChatEngine.from_defaults(Shelf(nodes()), llm=Fake(), memory=memory())

    assert "".join(chat.stream_chat("hi").response_gen) == "hello"

    assert outline(recorder) == dedent("""\
        chain CondensePlusContextChatEngine
          retriever Shelf
          synthesizer CompactAndRefine
            llm Fake""")


def test_a_chat_engine_whose_stream_fails_is_failed(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
):
    # LlamaIndex's thread ends with the error that it hands to the reader.
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    chat = SimpleChatEngine.from_defaults(
        llm=Fake(pieces=["hel", ValueError("boom")]), memory=memory()
    )

    response = chat.stream_chat("hi")
    with pytest.raises(ValueError, match="boom"):
        list(response.response_gen)

    assert outline(recorder) == dedent("""\
        chain SimpleChatEngine !ValueError
          llm Fake !ValueError""")


# -- models --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["stream_complete", "stream_chat"])
def test_a_models_stream_ends_with_its_last_piece(recorder: Recorder, method: str):
    usage = {"usage": {"prompt_tokens": 5, "completion_tokens": 2}}
    model = Fake(last_raw=usage)

    pieces = getattr(model, method)("hi" if method == "stream_complete" else [])
    assert [one.delta for one in pieces] == ["hel", "lo"]

    span = only(recorder)
    assert span.usage == Usage(input=5, output=2)
    assert span.attributes["chunks"] == 2


def test_usage_that_every_piece_repeats_counts_once(recorder: Recorder):
    model = Fake(
        raw={"usage": {"prompt_tokens": 5, "completion_tokens": 1}},
        last_raw={"usage": {"prompt_tokens": 5, "completion_tokens": 2}},
    )

    list(model.stream_complete("hi"))

    assert only(recorder).usage == Usage(input=5, output=2)


def test_a_models_stream_that_nobody_reads_is_closed(recorder: Recorder):
    Fake().stream_complete("hi")
    gc.collect()

    span = only(recorder)
    assert (span.status, span.attributes["stream_end"]) == ("cancelled", "closed")


def test_streamed_text_of_a_prompt_has_the_template(recorder: Recorder):
    assert list(Fake().stream(PromptTemplate("of {what}"), what="x")) == ["hel", "lo"]

    span = only(recorder)
    assert span.attributes["template"] == "of {what}"


def test_a_generator_of_the_programs_own_ends_when_it_is_through(recorder: Recorder):
    @get_dispatcher().span
    def answers() -> Iterator[str]:
        for response in Fake().stream_complete("hi"):
            yield response.delta or ""

    held = answers()
    assert list(held) == ["hel", "lo"]
    Fake().complete("later")

    assert outline(recorder).splitlines() == [
        "step test_a_generator_of_the_programs_own_ends_when_it_is_through.<locals>.answers",
        "  llm Fake",
        "llm Fake",
    ]
