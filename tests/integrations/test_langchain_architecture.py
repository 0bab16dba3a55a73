"""What traced LangChain objects are made of."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.language_models import FakeListChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import (
    Runnable,
    RunnableBranch,
    RunnableLambda,
    RunnablePassthrough,
)
from langchain_core.tools import tool
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import ChatOpenAI

import spanbook
from spanbook.architecture import describing
from spanbook.architecture.component import Architecture, canonical
from spanbook.errors import ArgumentError
from spanbook.recording import architectures
from spanbook.recording.recorder import Recorder
from spanbook_langchain import SpanbookCallbackHandler
from tests.integrations.chains import Fake

KEY = "sk-abcdefghijklmnop1234"


@tool
def weather(city: str, days: int = 3) -> str:
    """Say how the weather is."""
    return f"{city} {days}"


def chain(fake: Any = None) -> Runnable[Any, Any]:
    """Return a chain whose model keeps no count of its calls."""
    return prompt().partial(who="a poet", history=[]) | (fake or steady()) | StrOutputParser()


def steady() -> FakeListChatModel:
    return FakeListChatModel(responses=["hello"])


def model(**given: Any) -> ChatOpenAI:
    settings: dict[str, Any] = {"model": "gpt-4o-mini", "temperature": 0.2, "api_key": KEY}
    return ChatOpenAI(**{**settings, **given})


def prompt() -> ChatPromptTemplate:
    return ChatPromptTemplate.from_messages(
        [("system", "You are {who}."), MessagesPlaceholder("history"), ("human", "{q}")]
    )


def shape(architecture: Architecture) -> list[str]:
    """Return each component as `place role name`."""
    return [f"{path} {one.role} {one.name}".strip() for path, one in architecture.root.walk()]


def told(recorder: Recorder) -> list[str | None]:
    """Return the hashes of the recorded traces' architectures, the first trace first."""
    recorder.flush()
    book = spanbook.open(recorder.settings.url)
    return [trace.architecture for trace in reversed(book.traces())]


def config(recorder: Recorder) -> Any:
    return {"callbacks": [SpanbookCallbackHandler(recorder)]}


def test_a_chain_is_its_steps_with_their_parameters():
    architecture = spanbook.describe(prompt() | model() | StrOutputParser())

    components = dict(architecture.root.walk())
    assert shape(architecture) == [
        "chain RunnableSequence",
        "steps[0] prompt ChatPromptTemplate",
        "steps[0].messages[0] prompt system",
        "steps[0].messages[1] prompt placeholder",
        "steps[0].messages[2] prompt human",
        "steps[1] llm ChatOpenAI",
        "steps[2] parser StrOutputParser",
    ]
    assert components["steps[0].messages[0]"].parameters == {"template": "You are {who}."}
    assert components["steps[1]"].parameters["model_name"] == "gpt-4o-mini"
    assert components["steps[1]"].parameters["temperature"] == 0.2


def test_bound_tools_retries_fallbacks_and_branches_are_followed():
    bound = model().bind_tools([weather]).with_retry(stop_after_attempt=4)
    branch = RunnableBranch((bool, bound), RunnablePassthrough())

    architecture = spanbook.describe(branch.with_fallbacks([model(model="gpt-4o")]))

    text = canonical(architecture.root).decode()
    assert '"max_attempt_number":4' in text
    assert '"name":"weather"' in text
    assert {one.place for _, one in architecture.root.walk()} >= {
        "branches[0]",
        "default",
        "fallbacks[0]",
    }


def test_a_retriever_shows_its_store_and_embedding_but_no_contents():
    store = InMemoryVectorStore(DeterministicFakeEmbedding(size=3))
    store.add_texts(["the contents"])

    architecture = spanbook.describe(store.as_retriever(search_kwargs={"k": 4}))

    assert shape(architecture) == [
        "retriever VectorStoreRetriever",
        "vectorstore store InMemoryVectorStore",
        "vectorstore.embedding embedding DeterministicFakeEmbedding",
    ]
    assert architecture.root.parameters["search_kwargs"] == {"k": 4}
    assert "the contents" not in canonical(architecture.root).decode()


def test_a_graph_has_nodes_and_edges_and_what_their_functions_use():
    from langgraph.graph import END, START, StateGraph

    fake = Fake()

    def think(state: dict[str, Any]) -> dict[str, Any]:
        return {"said": fake.invoke("hi")}

    def route(state: dict[str, Any]) -> str:
        return "think"

    graph: Any = StateGraph(cast(Any, dict))
    graph.add_node("think", think)
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", route, {"again": "think", "done": END})

    architecture = spanbook.describe(graph.compile())

    assert [(edge.source, edge.target, edge.label) for edge in architecture.root.edges] == [
        ("__start__", "think", ""),
        ("think", "__end__", "done"),
        ("think", "think", "again"),
    ]
    assert "think.fake llm Fake" in shape(architecture)


def test_an_agent_shows_its_model_and_its_tools():
    from langchain.agents import create_agent

    agent: Any = create_agent(model(), [weather], system_prompt="Be brief.")

    found = shape(spanbook.describe(agent))

    assert {"model.model llm ChatOpenAI", "tools.tools[0] tool weather"} <= set(found)


def test_no_secret_enters_it_and_none_changes_its_hash():
    def secretive(key: str) -> Architecture:
        return spanbook.describe(
            prompt()
            | model(
                api_key=key,
                base_url=f"https://me:{key}@host/v1?api_key={key}",
                default_headers={"Authorization": f"Bearer {key}"},
            )
        )

    one, other = secretive(KEY), secretive("plainword99")

    assert KEY not in canonical(one.root).decode()
    assert "plainword99" not in canonical(other.root).decode()
    assert one.hash == other.hash


CHANGES = [
    lambda: prompt() | model(temperature=0.3),
    lambda: prompt() | model(model="gpt-4o"),
    lambda: prompt() | model().bind_tools([weather]),
    lambda: ChatPromptTemplate.from_messages([("system", "You are {who}!")]) | model(),
    lambda: prompt() | model() | StrOutputParser(),
]


@pytest.mark.parametrize("change", CHANGES)
def test_the_hash_is_that_of_the_configuration(change: Any):
    same = spanbook.describe(prompt() | model()).hash

    assert spanbook.describe(prompt() | model()).hash == same
    assert spanbook.describe(change()).hash != same


def test_the_hash_is_the_same_whether_a_model_is_shared_or_made_twice():
    shared = model()

    assert (
        spanbook.describe(shared.with_fallbacks([shared])).hash
        == spanbook.describe(model().with_fallbacks([model()])).hash
    )


def test_the_hash_is_the_same_in_another_process():
    root = Path(__file__).parents[2]
    script = (
        "import spanbook; from tests.integrations.test_langchain_architecture import *; "
        "print(spanbook.describe(prompt() | model().bind_tools([weather])).hash)"
    )

    other = subprocess.run(
        [sys.executable, "-c", script], cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()

    assert other == spanbook.describe(prompt() | model().bind_tools([weather])).hash


def test_no_code_of_unknown_objects_is_called():
    class Trap:
        def __repr__(self) -> Any:
            raise AssertionError("repr was called")

        def __eq__(self, other: object) -> Any:
            raise AssertionError("it was compared")

        def __hash__(self) -> int:
            raise AssertionError("it was hashed")

        def __getattr__(self, name: str) -> Any:
            raise AssertionError(f"{name} was asked for")

        @property
        def __class__(self) -> type:
            raise AssertionError("the class was asked for")

        __str__ = __iter__ = __bool__ = __len__ = __repr__

    trap: Any = Trap()
    step: Runnable[Any, Any] = RunnableLambda(lambda x: (trap, x))

    architecture = spanbook.describe(step.bind(odd=trap))

    assert "Trap>" in architecture.root.parameters["kwargs"]["odd"]


def test_an_object_that_holds_itself_ends():
    fake = Fake()
    vars(fake)["again"] = fake

    architecture = spanbook.describe(fake)

    assert dict(architecture.root.walk())["again"].parameters == {"same_as": "1 above"}


def test_what_no_integration_knows_is_refused_with_advice():
    with pytest.raises(ArgumentError, match="import its integration"):
        spanbook.describe(object())


# -- traces ---------------------------------------------------------------------------------------


def test_every_way_to_call_a_chain_finds_its_architecture(recorder: Recorder):
    step = chain()
    given = {"q": "hi"}
    step.invoke(given, config(recorder))
    asyncio.run(step.ainvoke(given, config(recorder)))
    list(step.stream(given, config(recorder)))
    step.batch([given], config(recorder))

    assert told(recorder) == [spanbook.describe(step).hash] * 4


def test_a_model_a_tool_and_a_graph_are_found_as_roots(recorder: Recorder):
    from langgraph.graph import START, StateGraph

    graph: Any = StateGraph(cast(Any, dict))
    graph.add_node("step", lambda state: state)
    graph.add_edge(START, "step")
    roots: list[Any] = [steady(), weather, graph.compile()]
    for root, given in zip(roots, ["hi", {"city": "Rome"}, {"a": 1}], strict=True):
        root.invoke(given, config(recorder))

    assert told(recorder) == [spanbook.describe(root).hash for root in roots]


def test_a_change_between_two_calls_is_a_new_architecture(recorder: Recorder):
    fake = steady()
    step = chain(fake)
    step.invoke({"q": "hi"}, config(recorder))
    fake.responses = ["b"]
    step.invoke({"q": "hi"}, config(recorder))
    fake.responses.append("c")
    step.invoke({"q": "hi"}, config(recorder))

    assert len(set(told(recorder))) == 3


def test_a_chain_that_does_not_change_is_walked_once_it_settled(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
):
    walked: list[Any] = []
    walk = describing.walked
    monkeypatch.setattr(
        architectures, "walked", lambda value: (walked.append(value), walk(value))[1]
    )
    step = chain()
    for _ in range(30):
        step.invoke({"q": "hi"}, config(recorder))

    assert len(walked) <= 2  # LangChain adds to objects when they are first called


def test_a_change_after_many_calls_is_a_new_architecture(recorder: Recorder):
    fake = steady()
    step = chain(fake)
    for _ in range(30):
        step.invoke({"q": "hi"}, config(recorder))
    fake.responses = ["b"]
    step.invoke({"q": "hi"}, config(recorder))

    first, *_, last = told(recorder)
    assert first != last


def test_a_watched_object_is_the_architecture_of_the_handlers_traces(recorder: Recorder):
    handler = SpanbookCallbackHandler(recorder)
    watched = handler.watch(chain())

    Fake().invoke("hi", {"callbacks": [handler]})

    assert told(recorder) == [spanbook.describe(watched).hash]


def test_an_architecture_is_stored_once_and_read_back(recorder: Recorder):
    step = chain()
    for _ in range(3):
        step.invoke({"q": "hi"}, config(recorder))
    recorder.flush()

    book = spanbook.open(recorder.settings.url)
    (row,) = book.architectures()

    assert (row.number, row.trace_count, row.error_count) == (1, 3, 0)
    assert book.architecture(row.hash) == spanbook.describe(step)
    assert len(book.traces(architecture=row.hash)) == 3


def test_architectures_can_be_left_out(url: str):
    recorder = Recorder(url, architecture=False)
    chain().invoke({"q": "hi"}, config(recorder))

    assert told(recorder) == [None]
    recorder.close()


def test_a_trace_without_a_known_object_shows_what_its_spans_did(url: str):
    recorder = Recorder(url, architecture=False)
    chain().batch([{"q": "hi"}], config(recorder))
    recorder.close()
    book = spanbook.open(url)

    found = book.trace(book.traces()[0].trace_id).architecture()

    assert found is not None
    assert found.is_observed
    assert shape(found.architecture) == [
        "chain RunnableSequence",
        "prompt prompt ChatPromptTemplate",
        "llm llm FakeListChatModel",
        "parser parser StrOutputParser",
    ]


def test_a_failing_walk_leaves_the_trace_whole(
    recorder: Recorder, nothing_of_ours_fails: None, monkeypatch: pytest.MonkeyPatch
):
    fake = Fake()
    monkeypatch.setattr("spanbook.recording.architectures.walked", lambda value: 1 // 0)
    monkeypatch.setattr("spanbook.recording.guard.report", lambda *args: None)

    fake.invoke("hi", config(recorder))

    assert told(recorder) == [None]
