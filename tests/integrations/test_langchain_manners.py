"""The handler as a guest: copied, pickled, compared, beside others, and light."""

import copy
import pickle
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.messages import HumanMessage
from langchain_core.tracers._streaming import _StreamingCallbackHandler, _V2StreamingCallbackHandler
from langchain_core.tracers.base import BaseTracer
from langgraph.graph import START, StateGraph

from spanbook.recording import guard
from spanbook.recording.recorder import Recorder
from spanbook_langchain import SpanbookCallbackHandler
from tests.integrations.chains import Fake, FakeText, chain
from tests.integrations.recordings import only, recorded
from tests.outlines import outline

SHAPE = "chain RunnableSequence\n  prompt ChatPromptTemplate\n  llm Fake\n  parser StrOutputParser"


@pytest.fixture
def handler(recorder: Recorder) -> SpanbookCallbackHandler:
    return SpanbookCallbackHandler(recorder)


def test_copies_are_the_handler_itself(handler: SpanbookCallbackHandler) -> None:
    assert copy.copy(handler) is handler
    assert copy.deepcopy({"callbacks": [handler]})["callbacks"][0] is handler


def test_a_model_that_carries_the_handler_can_be_copied(
    recorder: Recorder, handler: SpanbookCallbackHandler
) -> None:
    model = Fake(callbacks=[handler]).model_copy(deep=True)

    model.invoke("hi")

    assert outline(recorder) == "llm Fake"


def test_a_pickled_handler_records_into_the_same_store(recorder: Recorder) -> None:
    handler = SpanbookCallbackHandler(recorder, session="s", tags=["t"])

    rebuilt = pickle.loads(pickle.dumps(handler))
    again = pickle.loads(pickle.dumps(handler))
    chain().invoke({"q": "hi"}, {"callbacks": [rebuilt]})

    assert rebuilt.recorder.settings.url == recorder.settings.url
    assert again.recorder is rebuilt.recorder
    rebuilt.recorder.close()
    assert outline(recorder) == SHAPE
    assert only(recorder, parent_id=None).trace.session == "s"


def test_a_handler_that_met_a_graph_can_still_be_pickled(
    recorder: Recorder, handler: SpanbookCallbackHandler
) -> None:
    builder: Any = StateGraph(dict)  # type: ignore[arg-type]
    builder.add_node("one", lambda _: {})
    builder.add_edge(START, "one")
    builder.compile().invoke({}, {"callbacks": [handler]})

    rebuilt = pickle.loads(pickle.dumps(handler))

    assert type(rebuilt) is SpanbookCallbackHandler
    assert isinstance(handler, SpanbookCallbackHandler)
    rebuilt.recorder.close()


def test_subclasses_may_meet_graphs_too(recorder: Recorder) -> None:
    class Own(SpanbookCallbackHandler):
        """A user's own."""

    builder: Any = StateGraph(dict)  # type: ignore[arg-type]
    builder.add_node("one", lambda _: {})
    builder.add_edge(START, "one")
    handler = Own(recorder)

    builder.compile().invoke({}, {"callbacks": [handler]})

    assert isinstance(handler, Own)
    assert outline(recorder) == "chain LangGraph\n  chain one"


def test_handlers_are_equal_only_to_themselves(recorder: Recorder) -> None:
    first, second = SpanbookCallbackHandler(recorder), SpanbookCallbackHandler(recorder)

    assert first != second
    assert len({first, second, first}) == 2


def test_it_is_no_streaming_handler_and_no_tracer(handler: SpanbookCallbackHandler) -> None:
    assert not isinstance(handler, _StreamingCallbackHandler)
    assert not isinstance(handler, (_V2StreamingCallbackHandler, BaseTracer, AsyncCallbackHandler))
    assert (handler.run_inline, handler.raise_error) == (True, False)


class Slow(BaseCallbackHandler):
    """Somebody else's handler, called in a thread."""

    def __init__(self) -> None:
        self.ended = 0

    def on_llm_end(self, *_: Any, **__: Any) -> None:
        self.ended += 1


@pytest.mark.parametrize("first", [True, False])
async def test_starts_of_text_models_arrive_beside_other_handlers(
    recorder: Recorder, handler: SpanbookCallbackHandler, first: bool
) -> None:
    other = Slow()

    await FakeText().ainvoke("hi", {"callbacks": [handler, other] if first else [other, handler]})

    assert outline(recorder) == "llm FakeText"
    assert other.ended == 1


def test_what_langchain_shares_with_others_is_not_changed(
    recorder: Recorder, handler: SpanbookCallbackHandler
) -> None:
    seen: list[Any] = []

    class Watch(BaseCallbackHandler):
        run_inline = True

        def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
            kept = {name: kwargs[name] for name in ("metadata", "invocation_params", "tags")}
            seen.append(copy.deepcopy((serialized, kept)))

    watch = Watch()
    callbacks = [watch, handler, watch]

    Fake().bind(api_key="k", tools=[{"name": "t"}]).invoke(
        "hi", {"callbacks": callbacks, "metadata": {"session_id": "s"}, "tags": ["t"]}
    )

    assert seen[0] == seen[1]


def test_one_warning_a_cause_and_the_failure_is_counted(
    recorder: Recorder,
    handler: SpanbookCallbackHandler,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(guard, "strict", False)
    monkeypatch.setattr(guard, "_said", set())

    for _ in range(5):
        handler.on_chat_model_start({}, None, run_id=uuid4())  # type: ignore[arg-type]

    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert recorder.health.errors == 5


@pytest.mark.parametrize(
    "odd",
    [
        {"tags": None, "metadata": None},
        {"tags": [], "metadata": {"ls_model_name": 7, "ls_provider": None}},
        {"invocation_params": None},
        {"invocation_params": {"tools": "none", "stop": None, "model": 3}},
        {"invocation_params": {"tools": [None, 3, {}, []]}},
        {"name": ""},
        {"serialized": None},
        {"options": ..., "batch_size": 1, "something": "new"},
    ],
    ids=repr,
)
def test_odd_or_missing_details_lose_no_span(
    recorder: Recorder, handler: SpanbookCallbackHandler, odd: dict[str, Any]
) -> None:
    key = uuid4()

    handler.on_chat_model_start(
        odd.pop("serialized", {}), [[HumanMessage("hi")]], run_id=key, **odd
    )

    assert recorder.health.open == 1
    assert len(recorded(recorder)) == 1


def test_a_closed_recorder_records_again(recorder: Recorder) -> None:
    handler = SpanbookCallbackHandler(recorder)
    chain().invoke({"q": "hi"}, {"callbacks": [handler]})
    recorder.close()
    chain().invoke({"q": "hi"}, {"callbacks": [handler]})

    assert outline(recorder) == f"{SHAPE}\n{SHAPE}"


class Unreadable:
    """Stands where a tool, a format or an answer should be, and hates to be looked at."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("no attributes")

    def __bool__(self) -> bool:
        raise RuntimeError("no truth")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no equality")

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize("place", ["tools", "functions", "response_format", "stop", "model"])
def test_unreadable_parameters_lose_no_span(
    recorder: Recorder, handler: SpanbookCallbackHandler, place: str
) -> None:
    params: dict[str, Any] = {place: [Unreadable()] if place == "tools" else Unreadable()}

    handler.on_chat_model_start(
        {}, [[HumanMessage("hi")]], run_id=uuid4(), invocation_params={"seed": 1, **params}
    )

    assert only(recorder).attributes["parameters"]["seed"] == 1


def test_an_unreadable_answer_still_ends_its_span(
    recorder: Recorder, handler: SpanbookCallbackHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "strict", False)
    key = uuid4()

    handler.on_chat_model_start({}, [[HumanMessage("hi")]], run_id=key)
    handler.on_llm_end(Unreadable(), run_id=key)  # type: ignore[arg-type]

    assert only(recorder).status == "ok"
    assert recorder.health.errors == 1
