"""Manners: switching on and off, what is left out, tags, masks, usage of every provider."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse
from llama_index.core.callbacks import CBEventType
from llama_index.core.instrumentation.event_handlers import NullEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.span_handlers import NullSpanHandler
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.dispatcher import instrument_tags

import spanbook
from spanbook.recording.recorder import Recorder
from spanbook.usage import Usage
from spanbook_llama_index import install, tracing, uninstall
from spanbook_llama_index.answers import read_answer
from tests.integrations.llamas import Fake, Shelf, engine, nodes
from tests.integrations.recordings import only, recorded
from tests.outlines import outline

pytestmark = pytest.mark.usefixtures("nothing_of_ours_fails", "loop_to_borrow")
dispatcher = get_dispatcher()


@pytest.fixture(autouse=True)
def uninstalled() -> Iterator[None]:
    yield
    uninstall()


# -- on and off ----------------------------------------------------------------------------------


def test_installed_it_records_until_uninstalled(recorder: Recorder):
    Fake().complete("before")
    install(recorder)
    Fake().complete("while")
    uninstall()
    Fake().complete("after")

    assert only(recorder).input == {"prompt": "while"}


def test_installing_again_replaces_what_was_installed(recorder: Recorder):
    install(recorder)
    install(recorder)

    Fake().complete("hi")

    assert outline(recorder) == "llm Fake"


def test_the_handlers_of_others_stay():
    spans, events = NullSpanHandler(), NullEventHandler()
    dispatcher.add_span_handler(spans)
    dispatcher.add_event_handler(events)
    before = (list(dispatcher.span_handlers), list(dispatcher.event_handlers))

    install()
    assert len(dispatcher.span_handlers) == len(before[0]) + 1
    uninstall()

    assert (dispatcher.span_handlers, dispatcher.event_handlers) == before
    dispatcher.span_handlers.remove(spans)
    dispatcher.event_handlers.remove(events)


def test_what_is_open_when_it_is_uninstalled_is_incomplete(recorder: Recorder):
    class Ends(Shelf):
        def _retrieve(self, query_bundle: Any) -> Any:
            uninstall()
            return self.nodes

    install(recorder)
    Ends(nodes()).retrieve("hi")

    assert outline(recorder) == "retriever Ends (incomplete)"
    assert recorder.health.open == 0


def test_what_was_open_before_it_was_installed_is_no_parent(recorder: Recorder):
    class Begins(Shelf):
        def _retrieve(self, query_bundle: Any) -> Any:
            install(recorder)
            Fake().complete("hi")
            return self.nodes

    Begins(nodes()).retrieve("hi")

    assert outline(recorder) == "llm Fake"


def test_a_dispatcher_that_is_shut_down_closes_what_is_open(recorder: Recorder):
    class Ends(Shelf):
        def _retrieve(self, query_bundle: Any) -> Any:
            dispatcher.shutdown()
            return self.nodes

    install(recorder)
    Ends(nodes()).retrieve("hi")

    assert outline(recorder) == "retriever Ends (incomplete)"


def test_it_uses_the_default_recorder_of_the_moment(recorder: Recorder, tmp_path: Path):
    install()
    Fake().complete("one")
    other = spanbook.configure(f"sqlite:///{tmp_path / 'other.db'}")
    Fake().complete("two")

    assert only(recorder).input == {"prompt": "one"}
    assert only(other).input == {"prompt": "two"}
    other.close()


PROGRAM = """
import spanbook, sys
from llama_index.core.llms import MockLLM
MockLLM().complete("hi")
spanbook.flush()
print([trace.name for trace in spanbook.open("sqlite:///spanbook.db").traces()])
"""


@pytest.mark.parametrize(("value", "expected"), [("1", "['MockLLM']\n"), ("0", "[]\n")])
def test_a_variable_switches_it_on_without_a_change_to_the_program(
    tmp_path: Path, value: str, expected: str
):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={**os.environ, "SPANBOOK_LLAMA_INDEX": value},
        check=True,
        capture_output=True,
        text=True,
    )

    assert done.stdout == expected
    assert not done.stderr


def test_without_llama_index_it_says_what_to_install():
    script = "import sys; sys.modules['llama_index'] = None; import spanbook_llama_index"

    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )

    assert "pip install 'spanbook[llama-index]'" in done.stderr


# -- what is left out ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ignore", "shape"),
    [
        (["synthesizer"], ["chain RetrieverQueryEngine", "  retriever Shelf", "  llm Fake"]),
        ([CBEventType.QUERY], ["retriever Shelf", "synthesizer CompactAndRefine", "  llm Fake"]),
        (
            ["retriever", "llm"],
            ["chain RetrieverQueryEngine", "  synthesizer CompactAndRefine"],
        ),
    ],
    ids=str,
)
def test_ignored_kinds_hand_their_children_up(recorder: Recorder, ignore: Any, shape: list[str]):
    install(recorder, ignore=ignore)

    engine().query("hi")

    assert outline(recorder).splitlines() == shape


def test_an_ignored_model_that_streams_leaves_nothing(recorder: Recorder):
    install(recorder, ignore="llm")

    list(Fake().stream_complete("hi"))

    assert outline(recorder) == ""
    assert tracing.installed is not None
    assert tracing.installed.open == 0


def test_a_name_that_cannot_be_ignored_is_refused():
    with pytest.raises(ValueError, match=r"Cannot ignore 'embeding'.*embedding"):
        install(ignore=["embeding"])

    assert tracing.installed is None


def test_a_mask_sees_everything_first(tmp_path: Path):
    def mask(value: Any) -> Any:
        return str(value).replace("secret", "***")

    file = tmp_path / "masked.db"
    recorder = Recorder(f"sqlite:///{file}", mask=mask)
    install(recorder)
    model = Fake(answers=["the secret answer"])

    engine(model, nodes(note="secret metadata")).query("a secret question")
    with pytest.raises(ValueError, match="secret"):
        Fake(answers=[ValueError("secret failure")]).complete("hi")
    recorder.close()

    assert b"secret" not in b"".join(path.read_bytes() for path in tmp_path.glob("masked*.db"))


# -- tags and events -----------------------------------------------------------------------------


def test_tags_are_of_the_trace(recorder: Recorder):
    install(recorder)

    with instrument_tags({"session_id": "s-1", "user_id": "ada", "tags": ["beta"], "tenant": 7}):
        engine().query("hi")

    spans = recorded(recorder)
    trace = spans[0].trace
    assert (trace.session, trace.user, list(trace.tags)) == ("s-1", "ada", ["beta"])
    assert all("metadata" not in one.attributes for one in spans[1:])


def test_tags_that_are_new_inside_stand_with_their_step(recorder: Recorder):
    class Tagged(Shelf):
        def _retrieve(self, query_bundle: Any) -> Any:
            with instrument_tags({"attempt": 2}):
                Fake().complete("hi")
            return self.nodes

    install(recorder)
    Tagged(nodes()).retrieve("hi")

    assert only(recorder, kind="llm").attributes["metadata"] == {"attempt": 2}


def test_an_event_of_the_programs_own_is_noted(recorder: Recorder):
    class Noticed(BaseEvent):
        what: str

    class Notices(Shelf):
        def _retrieve(self, query_bundle: Any) -> Any:
            dispatcher.event(Noticed(what="an owl"))
            return self.nodes

    install(recorder)
    Notices(nodes()).retrieve("hi")

    (event,) = only(recorder).events
    assert event.data == {"what": "an owl"}


# -- functions of the program's own --------------------------------------------------------------


def test_a_function_with_a_span_of_its_own_is_a_step(recorder: Recorder):
    @dispatcher.span
    def count(text: str, *, twice: bool) -> int:
        return len(Fake().complete(text).text) * (2 if twice else 1)

    install(recorder)
    count("hi", twice=True)

    step, _ = recorded(recorder)
    assert step.name.endswith("count")
    assert (step.input, step.output) == ({"text": "hi", "twice": True}, 10)


async def test_a_future_is_waited_for_and_what_follows_stays_in_its_trace(recorder: Recorder):
    @dispatcher.span
    def later() -> Any:
        return asyncio.ensure_future(Fake().acomplete("inside"))

    install(recorder)
    await later()
    await asyncio.sleep(0)
    await Fake().acomplete("after")

    spans = recorded(recorder)
    assert spans[0].status == "ok"
    assert len({one.trace_id for one in spans}) == 1
    assert recorder.health.open == 0


def test_values_that_cannot_be_read_do_no_harm(recorder: Recorder):
    class Hostile:
        def __repr__(self) -> str:
            raise RuntimeError("no")

        __str__ = __len__ = __iter__ = __eq__ = __repr__  # type: ignore[assignment]
        __hash__ = None  # type: ignore[assignment]

    @dispatcher.span
    def takes(value: Any) -> Any:
        return value

    install(recorder)
    takes(Hostile())

    assert only(recorder).status == "ok"


# -- usage ---------------------------------------------------------------------------------------

COUNTED = Usage(input=7, output=3)
OPENAI = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
NEW = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
GEMINI = {"prompt_token_count": 7, "candidates_token_count": 3, "total_token_count": 10}


def named(**fields: Any) -> SimpleNamespace:
    """Return an object as SDKs make them."""
    return SimpleNamespace(**fields)


@pytest.mark.parametrize(
    ("raw", "extra", "said"),
    [
        (named(usage=named(**OPENAI)), {}, {}),
        (named(usage=named(**OPENAI)), OPENAI, {}),
        (None, OPENAI, {}),
        (None, {"usage": named(**NEW)}, {}),
        (named(response=named(usage=named(**NEW))), {}, {}),
        ({"usage": named(input_tokens=7, output_tokens=3)}, {}, {}),
        (None, {}, {"usage": {"input_tokens": 7, "output_tokens": 3}}),
        ({"usage_metadata": GEMINI}, {}, {}),
        ({"_raw_response": named(usage_metadata=named(**GEMINI))}, {}, {}),
        ({"usage": {"inputTokens": 7, "outputTokens": 3, "totalTokens": 10}}, {}, {}),
        ({"metadata": {"usage": {"inputTokens": 7, "outputTokens": 3}}}, {}, {}),
        ({"prompt_eval_count": 7, "eval_count": 3}, {}, {}),
        ({"data": {"usage": OPENAI}}, {}, {}),
        (named(x_groq={"usage": OPENAI}), {}, {}),
        ({"meta": {"billed_units": {"input_tokens": 7.0, "output_tokens": 3.0}}}, {}, {}),
    ],
    ids=[
        *("openai", "openai-twice", "openai-extra", "responses-extra", "responses-event"),
        *("anthropic", "anthropic-stream", "gemini", "vertex", "bedrock", "bedrock-stream"),
        *("ollama", "mistral", "groq", "cohere"),
    ],
)
def test_usage_is_found_wherever_a_provider_puts_it(raw: Any, extra: Any, said: Any):
    message = ChatMessage(role="assistant", content="x", additional_kwargs=said)

    answer = read_answer(ChatResponse(message=message, raw=raw, additional_kwargs=extra))

    assert answer.usage == COUNTED


@pytest.mark.parametrize("raw", [None, {}, {"usage": None}, {"usage": {}}, named(usage=None), "x"])
def test_usage_that_is_not_reported_is_unknown(raw: Any):
    assert read_answer(CompletionResponse(text="x", raw=raw)).usage is None


def test_a_usage_of_zero_is_a_usage():
    raw = {"usage": {"prompt_tokens": 0, "completion_tokens": 0}}

    assert read_answer(CompletionResponse(text="x", raw=raw)).usage == Usage()


def test_the_model_that_answered_and_why_it_stopped_are_known():
    raw = {"model": "m-2", "id": "r-1", "choices": [{"finish_reason": "length"}]}

    answer = read_answer(CompletionResponse(text="x", raw=raw))

    assert answer.model == "m-2"
    assert answer.attributes == {"finish_reason": "length", "response_id": "r-1"}


def test_a_model_that_calls_itself_is_one_call_with_its_inner_usage(recorder: Recorder):
    class Delegates(Fake):
        def chat(self, messages: Any, **kwargs: Any) -> Any:
            said = self.complete("inner").text
            return ChatResponse(message=ChatMessage(role="assistant", content=said))

    install(recorder)
    Delegates(raw={"usage": OPENAI}).chat([ChatMessage("hi")])

    span = only(recorder)
    assert span.input == {"messages": [{"role": "user", "content": "hi"}]}
    assert span.usage == COUNTED


def test_an_error_that_a_synthesizer_swallows_is_the_models_alone(recorder: Recorder):
    install(recorder)

    engine(Fake(answers=[ValueError("boom")])).query("hi")

    assert outline(recorder) == dedent("""\
        chain RetrieverQueryEngine
          retriever Shelf
          synthesizer CompactAndRefine
            llm Fake !ValueError""")
