"""What LlamaIndex's objects and OpenAI's clients are made of, and the traces that say so."""

from typing import Any

import pytest
from llama_index.core import Document, MockEmbedding, VectorStoreIndex
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.tools import FunctionTool, QueryEngineTool
from openai import OpenAI
from workflows import Workflow, step
from workflows.events import Event, StartEvent, StopEvent

import spanbook
from spanbook.architecture.component import Architecture, canonical
from spanbook.recording.recorder import Recorder
from spanbook_openai import wrap_openai
from tests.integrations.llamas import Fake, engine, recording
from tests.integrations.openai_clients import HELLO, client
from tests.integrations.openai_server import OpenAIServer

# LlamaIndex looks at all attributes of its own agents, deprecated ones too.
pytestmark = pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecationWarning")


def shape(architecture: Architecture) -> list[str]:
    """Return each component as `place role name`."""
    return [f"{path} {one.role} {one.name}".strip() for path, one in architecture.root.walk()]


def index_engine(**given: Any) -> Any:
    """Return a query engine over an index of one document."""
    index = VectorStoreIndex.from_documents(
        [Document(text="the contents")], embed_model=MockEmbedding(embed_dim=3)
    )
    return index.as_query_engine(llm=Fake(), similarity_top_k=3, **given)


def test_a_query_engine_is_its_retriever_index_synthesizer_model_and_prompts():
    architecture = spanbook.describe(index_engine())

    found = dict(architecture.root.walk())
    assert {
        "retriever.index store VectorStoreIndex",
        "retriever.index.embed_model embedding MockEmbedding",
        "retriever.index.vector_store store SimpleVectorStore",
        "response_synthesizer.llm llm Fake",
        "response_synthesizer.text_qa_template.default prompt PromptTemplate",
    } <= set(shape(architecture))
    assert found["retriever"].parameters["similarity_top_k"] == 3
    assert "{context_str}" in str(
        found["response_synthesizer.text_qa_template.default"].parameters["template"]
    )


def test_documents_and_keys_do_not_enter_it():
    text = canonical(spanbook.describe(index_engine()).root).decode()

    assert "the contents" not in text
    assert "sk-not-for-anyone" not in text


def test_an_agent_has_its_tools_and_what_these_use():
    def weather(city: str) -> str:
        """Say how the weather is."""
        return city

    docs = QueryEngineTool.from_defaults(index_engine(), name="docs")
    tools: Any = [FunctionTool.from_defaults(weather), docs]
    agent = FunctionAgent(name="guide", system_prompt="Be brief.", llm=Fake(), tools=tools)

    architecture = spanbook.describe(agent)

    found = dict(architecture.root.walk())
    assert architecture.root.parameters["system_prompt"] == "Be brief."
    assert found["tools[0]"].parameters["arguments"] == {"city": "str"}
    assert found["tools[1].query_engine.retriever"].role == "retriever"


def test_a_workflow_has_its_steps_and_the_events_between_them():
    class Found(Event):
        pass

    class Search(Workflow):
        @step
        async def look(self, ev: StartEvent) -> Found:
            return Found()

        @step
        async def tell(self, ev: Found) -> StopEvent:
            return StopEvent()

    root = spanbook.describe(Search()).root

    assert [part.name for part in root.parts] == ["look", "tell"]
    assert [(edge.source, edge.target, edge.label) for edge in root.edges] == [
        ("look", "tell", "Found")
    ]


def test_a_trace_of_an_engine_has_its_architecture(recorder: Recorder):
    query = engine()
    with recording(recorder):
        query.query("hi")
    recorder.flush()

    book = spanbook.open(recorder.settings.url)
    (trace,) = book.traces()

    assert trace.architecture is not None
    assert book.architecture(trace.architecture).root.name == "RetrieverQueryEngine"


def test_equal_engines_have_equal_hashes_and_a_setting_changes_it():
    assert spanbook.describe(index_engine()).hash == spanbook.describe(index_engine()).hash
    assert (
        spanbook.describe(index_engine()).hash
        != spanbook.describe(index_engine(response_mode="tree_summarize")).hash
    )


# -- clients --------------------------------------------------------------------------------------


def test_a_client_is_its_address_without_secrets():
    made = OpenAI(api_key="sk-abcdefghijkl", base_url="https://me:word@host/v1")

    architecture = spanbook.describe(wrap_openai(made))

    assert architecture.root.role == "client"
    assert architecture.root.parameters["base_url"] == "https://[redacted]@host/v1/"
    assert "sk-abc" not in canonical(architecture.root).decode()


def test_a_call_of_a_client_has_its_model_and_parameters(recorder: Recorder):
    with OpenAIServer() as server, client(server) as bare:
        calling = wrap_openai(bare, recorder=recorder)
        for temperature in (0.1, 0.1, 0.7):
            calling.chat.completions.create(model="gpt-4o", messages=HELLO, temperature=temperature)
    recorder.flush()

    book = spanbook.open(recorder.settings.url)
    hashes = [trace.architecture for trace in book.traces()]
    (asked,) = book.architecture(str(hashes[0])).root.parts

    assert len(set(hashes)) == 2
    assert asked.parameters["model"] == "gpt-4o"
    assert asked.parameters["temperature"] == 0.7
