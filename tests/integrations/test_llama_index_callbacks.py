"""LlamaIndex's older callbacks: the handler by itself, and beside the dispatcher."""

import asyncio
import copy
import pickle
from collections.abc import Iterator
from textwrap import dedent
from typing import Any

import llama_index.core
import pytest
from llama_index.core import Document, Settings, VectorStoreIndex
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload
from llama_index.core.chat_engine import CondensePlusContextChatEngine
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.query_engine import CustomQueryEngine

from spanbook.recording.recorder import Recorder
from spanbook.usage import Usage
from spanbook_llama_index import SpanbookCallbackHandler, install, uninstall
from tests.integrations.contract import IntegrationContract
from tests.integrations.llamas import Fake, Shelf, embedding, engine, nodes
from tests.integrations.recordings import only, recorded
from tests.outlines import outline

pytestmark = pytest.mark.usefixtures("nothing_of_ours_fails", "loop_to_borrow")

MODE = "simple_summarize"
TREE = dedent("""\
    chain query
      retriever retrieve
      synthesizer synthesize
        llm Fake""")


def manager(recorder: Recorder | None = None, **options: Any) -> CallbackManager:
    return CallbackManager([SpanbookCallbackHandler(recorder, **options)])


class TestCallbacks(IntegrationContract):
    """The contract, by way of the handler alone."""

    shape = TREE
    broken = dedent("""\
        chain query !{error}
          retriever retrieve
          synthesizer synthesize !{error}
            llm Fake !{error}""")

    def call(self, recorder: Recorder, value: Any = "hi") -> Any:
        found = nodes(value=value)
        return str(engine(found=found, manager=manager(recorder), mode=MODE).query("hi"))

    async def acall(self, recorder: Recorder, value: Any = "hi") -> Any:
        found = nodes(value=value)
        return str(await engine(found=found, manager=manager(recorder), mode=MODE).aquery("hi"))

    def fail(self, recorder: Recorder, error: BaseException) -> None:
        engine(Fake(answers=[error]), manager=manager(recorder), mode=MODE).query("hi")

    async def afail(self, recorder: Recorder, error: BaseException) -> None:
        await engine(Fake(answers=[error]), manager=manager(recorder), mode=MODE).aquery("hi")


@pytest.fixture
def installed(recorder: Recorder) -> Iterator[None]:
    install()
    yield
    uninstall()


# -- the handler alone ---------------------------------------------------------------------------


def test_payloads_are_read_as_the_dispatchers_are(recorder: Recorder):
    model = Fake(raw={"usage": {"prompt_tokens": 7, "completion_tokens": 1}})

    engine(model, manager=manager()).query("hi")

    query, retriever, synthesizer, llm = recorded(recorder)
    assert query.input == {"query": "hi"}
    assert query.output["response"] == "hello"
    assert [one["id"] for one in retriever.output["documents"]] == ["n0", "n1"]
    assert synthesizer.output["response"] == "hello"
    assert llm.usage == Usage(input=7, output=1)
    assert llm.model == "fake-1"
    assert "{context_str}" in llm.attributes["template"]
    assert llm.attributes["variables"]["query_str"] == "hi"


def test_an_index_is_one_tree(recorder: Recorder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Settings, "_callback_manager", manager())
    monkeypatch.setattr(Settings, "_node_parser", None)  # one made before has another manager
    monkeypatch.setattr(Settings, "_transformations", None)
    model = embedding()

    VectorStoreIndex.from_documents([Document(text="x")], embed_model=model)

    assert outline(recorder) == dedent("""\
        chain index_construction
          step node_parsing
          embedding MockEmbedding""")
    _, parsing, embedded = recorded(recorder)
    assert parsing.attributes == {"num_documents": 1, "num_nodes": 1}
    assert embedded.attributes["num_chunks"] == 1
    assert embedded.output == {"count": 1, "dimension": 8}


def test_a_custom_engine_is_one_tree(recorder: Recorder):
    handlers = manager()

    class Own(CustomQueryEngine):
        def custom_query(self, query_str: str) -> str:
            Shelf(nodes(), handlers).retrieve(query_str)
            return Fake(callback_manager=handlers).complete(query_str).text

    Own(callback_manager=handlers).query("hi")

    assert outline(recorder) == "chain query\n  retriever retrieve\n  llm Fake"


def test_a_chat_engine_is_one_tree(recorder: Recorder, monkeypatch: pytest.MonkeyPatch):
    handlers = manager()
    monkeypatch.setattr(Settings, "_callback_manager", handlers)
    chat = CondensePlusContextChatEngine.from_defaults(
        Shelf(nodes(), handlers),
        llm=Fake(callback_manager=handlers),
        memory=ChatMemoryBuffer.from_defaults(),
    )

    chat.chat("hi")

    lines = outline(recorder).splitlines()
    assert lines[0] == "chain chat"
    assert all(line.startswith("  ") for line in lines[1:])


def test_a_bare_completion_is_recorded(recorder: Recorder):
    Fake(callback_manager=manager()).complete("hi")

    assert outline(recorder) == "llm Fake"
    assert only(recorder).output == {"text": "hello"}


def test_an_event_outside_of_any_trace_is_recorded(recorder: Recorder):
    with manager().event(CBEventType.RETRIEVE, payload={EventPayload.QUERY_STR: "hi"}) as event:
        event.on_end(payload={EventPayload.NODES: nodes()})

    assert outline(recorder) == "retriever retrieve"


async def test_a_model_that_calls_itself_counts_once(recorder: Recorder):
    usage = {"usage": {"prompt_tokens": 7, "completion_tokens": 1}}

    class Delegates(Fake):
        async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
            return self.complete(prompt, formatted, **kwargs)

    await Delegates(raw=usage, callback_manager=manager()).acomplete("hi")

    assert recorded(recorder)[0].trace.usage == Usage(input=7, output=1)


async def test_a_hundred_queries_through_one_handler_never_mix(recorder: Recorder):
    handlers = manager()
    engines = [engine(found=nodes(query=i), manager=handlers) for i in range(100)]

    await asyncio.gather(*(one.aquery(f"q{i}") for i, one in enumerate(engines)))

    assert outline(recorder) == "\n".join([TREE] * 100)
    traces: dict[str, list[Any]] = {}
    for span in recorded(recorder):
        traces.setdefault(span.trace_id, []).append(span)
    for query, retriever, _, _ in traces.values():
        asked = query.input["query"]
        assert retriever.output["documents"][0]["metadata"]["query"] == int(asked[1:])


def test_after_a_failure_the_next_query_is_a_trace_of_its_own(recorder: Recorder):
    handlers = manager()
    broken = engine(Fake(answers=[ValueError("boom")]), manager=handlers, mode=MODE)

    with pytest.raises(ValueError, match="boom"):
        broken.query("hi")
    engine(manager=handlers, mode=MODE).query("hi")

    assert outline(recorder).splitlines()[4:] == TREE.splitlines()


def test_a_stream_loses_its_place_but_not_its_usage(recorder: Recorder):
    model = Fake(last_raw={"usage": {"prompt_tokens": 7, "completion_tokens": 2}})

    response = engine(model, manager=manager(), streaming=True).query("hi")
    assert "".join(response.response_gen) == "hello"

    assert only(recorder, kind="llm").usage == Usage(input=7, output=2)


def test_ignored_kinds_hand_their_children_up(recorder: Recorder):
    handlers = manager(ignore=[CBEventType.SYNTHESIZE, "retriever"])

    engine(manager=handlers).query("hi")

    assert outline(recorder) == "chain query\n  llm Fake"


def test_a_name_that_cannot_be_ignored_is_refused():
    with pytest.raises(ValueError, match=r"Cannot ignore 'embeding'.*embedding"):
        SpanbookCallbackHandler(ignore=["embeding"])


# -- payloads that are not as they should be -----------------------------------------------------


def test_an_end_without_a_response_is_marked(recorder: Recorder):
    handlers = manager()

    with handlers.as_trace("query"), handlers.event(CBEventType.QUERY) as event:
        event.on_end(payload={})

    span = only(recorder)
    assert span.status == "ok"
    assert "without a result" in span.attributes["warning"]


def test_an_end_without_a_start_is_marked(recorder: Recorder):
    handlers = manager()

    with handlers.as_trace("query"), handlers.event(CBEventType.QUERY) as event:
        handlers.handlers[0].on_event_end(CBEventType.LLM, {}, event_id="unknown")
        event.on_end(payload={EventPayload.RESPONSE: "x"})

    span = only(recorder)
    assert [one.name for one in span.events] == ["warning"]
    assert "had not started" in span.events[0].data


def test_a_start_without_an_end_is_incomplete(tmp_path: Any):
    recorder = Recorder(f"sqlite:///{tmp_path / 'x.db'}", grace=0.0)
    handlers = manager(recorder)

    with handlers.as_trace("query"), handlers.event(CBEventType.QUERY) as event:
        handlers.on_event_start(CBEventType.EMBEDDING)
        event.on_end(payload={EventPayload.RESPONSE: "x"})

    assert outline(recorder) == "chain query\n  embedding embedding (incomplete)"
    recorder.close()


# -- both at once --------------------------------------------------------------------------------


@pytest.mark.usefixtures("installed")
def test_with_both_a_call_is_recorded_once(recorder: Recorder):
    engine(manager=manager()).query("hi")

    assert outline(recorder) == dedent("""\
        chain RetrieverQueryEngine
          retriever Shelf
          synthesizer CompactAndRefine
            llm Fake""")


@pytest.mark.usefixtures("installed")
def test_with_both_a_stream_is_recorded_once(recorder: Recorder):
    response = engine(manager=manager(), streaming=True).query("hi")

    assert list(response.response_gen) == ["hel", "lo"]

    assert outline(recorder).count("llm") == 1
    assert recorder.health.open == 0


@pytest.mark.usefixtures("installed")
def test_with_both_what_only_callbacks_tell_is_still_seen(recorder: Recorder):
    with manager().event(CBEventType.RERANKING, payload={EventPayload.NODES: nodes()}) as event:
        event.on_end(payload={EventPayload.NODES: nodes(1)})

    span = only(recorder)
    assert span.kind == "reranker"
    assert [one["id"] for one in span.output["documents"]] == ["n0"]


# -- manners -------------------------------------------------------------------------------------


def test_the_global_handler_records(recorder: Recorder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(llama_index.core, "global_handler", SpanbookCallbackHandler())

    Fake(callback_manager=CallbackManager([])).complete("hi")

    assert outline(recorder) == "llm Fake"


def test_copies_are_the_same_handler():
    handler = SpanbookCallbackHandler()

    assert copy.copy(handler) is copy.deepcopy(handler) is handler


def test_a_handler_survives_a_pickle_of_what_holds_it(recorder: Recorder):
    model = embedding()
    model.callback_manager = manager(recorder)

    other = pickle.loads(pickle.dumps(model))

    assert isinstance(other.callback_manager.handlers[0], SpanbookCallbackHandler)
    assert other.callback_manager.handlers[0].recorder.settings.url == recorder.settings.url
    assert model.get_text_embedding("x") == [0.5] * 8
    other.callback_manager.handlers[0].recorder.close()


def test_a_pipeline_with_a_handler_runs(recorder: Recorder):
    model = embedding()
    model.callback_manager = manager()

    found = IngestionPipeline(transformations=[model]).run(documents=[Document(text="x")])

    assert len(found) == 1
    assert outline(recorder) == "embedding MockEmbedding"
