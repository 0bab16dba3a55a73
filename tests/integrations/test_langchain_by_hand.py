"""What is recorded by hand and what LangChain reports make one tree."""

from concurrent.futures import ThreadPoolExecutor
from textwrap import dedent
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool

import spanbook
from spanbook.reading.book import Book
from spanbook.recording.recorder import Recorder
from spanbook_langchain import SpanbookCallbackHandler
from tests.outlines import outline


def config(recorder: Recorder) -> Any:
    return {"callbacks": [SpanbookCallbackHandler(recorder)]}


@spanbook.observe(name="observed")
def observed(word: str) -> str:
    return word.upper()


@tool
def shout(word: str) -> str:
    """Shout."""
    here = spanbook.current_span()
    assert here is not None
    here.set_attributes(loud=True)
    here.add_event("shouted")
    with spanbook.span("block"), ThreadPoolExecutor(1) as pool:
        return pool.submit(spanbook.carried(observed), word).result()


def test_functions_blocks_threads_and_a_handler_make_one_tree(
    recorder: Recorder, book: Book
) -> None:
    chain = RunnableLambda(lambda word: {"word": word}) | shout
    outer = spanbook.span("outer").start()
    outer.resume()
    with spanbook.run("nightly") as run, spanbook.context(session="too late for this trace"):
        assert chain.invoke("hi", config(recorder)) == "HI"
    outer.pause()
    outer.finish()

    assert outline(recorder) == dedent("""\
        step outer
          chain RunnableSequence
            chain RunnableLambda
            tool shout
              step block
                step observed""")
    [trace] = book.traces()
    [called] = [span for span in book.trace(trace.trace_id).spans if span.kind == "tool"]
    payload = book.trace(trace.trace_id).payload(called.span_id)
    assert payload.attributes["loud"] is True
    assert [event.name for event in payload.events] == ["shouted"]
    assert trace.session is None
    assert book.traces(run=run.run_id) == []


def test_a_chain_belongs_to_the_run_and_context_around_it(recorder: Recorder, book: Book) -> None:
    chain = RunnableLambda(lambda word: word)

    with spanbook.context(user="ada", release="7"), spanbook.run("nightly") as run:
        chain.batch(["a", "b"], config(recorder))

    recorder.flush()
    assert [trace.release for trace in book.traces(run=run.run_id, user="ada")] == ["7", "7"]


def test_a_chain_continues_the_trace_of_another_process(recorder: Recorder, book: Book) -> None:
    with spanbook.continued(f"00-{'a' * 32}-{'b' * 16}-01"):
        RunnableLambda(lambda word: word).invoke("a", config(recorder))

    recorder.flush()
    [span] = book.trace("a" * 32).spans
    assert span.parent_id == "b" * 16


NOT_SAMPLED = "f" * 32  # at any rate below 1


@pytest.mark.parametrize(
    ("sample", "around"),
    [(1.0, spanbook.paused), (0.5, lambda: spanbook.span("root", trace_id=NOT_SAMPLED))],
)
def test_a_chain_in_code_that_is_not_recorded_is_not_either(
    url: str, sample: float, around: Any
) -> None:
    recorder = spanbook.configure(url, sample=sample)
    chain = RunnableLambda(lambda word: {"word": word}) | plain

    with around():
        assert chain.batch(["a"] * 20, config(recorder)) == ["a"] * 20

    assert not recorder.journal.used
    assert recorder.health.open == 0
    recorder.close()


@tool
def plain(word: str) -> str:
    """Say."""
    with spanbook.span("block"):
        return word
