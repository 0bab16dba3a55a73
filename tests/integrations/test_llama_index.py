"""LlamaIndex: pipelines as one rooted tree, by the dispatcher."""

import asyncio
import threading
from textwrap import dedent
from typing import Any

import pytest
from llama_index.core import Document, Settings, SummaryIndex, VectorStoreIndex
from llama_index.core.chat_engine import (
    CondensePlusContextChatEngine,
    CondenseQuestionChatEngine,
    ContextChatEngine,
    SimpleChatEngine,
)
from llama_index.core.indices.query.query_transform import HyDEQueryTransform
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.postprocessor import LLMRerank, SimilarityPostprocessor
from llama_index.core.postprocessor.structured_llm_rerank import StructuredLLMRerank
from llama_index.core.prompts import PromptTemplate
from llama_index.core.query_engine import (
    CustomQueryEngine,
    RouterQueryEngine,
    SubQuestionQueryEngine,
    TransformQueryEngine,
)
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.response_synthesizers import TreeSummarize
from llama_index.core.selectors import LLMSingleSelector
from llama_index.core.tools import QueryEngineTool
from pydantic import BaseModel

import spanbook
from spanbook.recording.recorder import Recorder
from spanbook.usage import Usage
from spanbook_llama_index import install, uninstall
from tests.integrations.contract import IntegrationContract
from tests.integrations.llamas import (
    Fake,
    Shelf,
    calls,
    embedding,
    engine,
    kept,
    nodes,
    recording,
)
from tests.integrations.recordings import only, recorded
from tests.outlines import outline

pytestmark = pytest.mark.usefixtures("nothing_of_ours_fails", "loop_to_borrow")


MODE = "simple_summarize"  # the others catch some errors of their model, and log them


class TestLlamaIndex(IntegrationContract):
    """The contract, by way of a query engine."""

    shape = dedent("""\
        chain RetrieverQueryEngine
          retriever Shelf
          synthesizer SimpleSummarize
            llm Fake""")
    broken = dedent("""\
        chain RetrieverQueryEngine !{error}
          retriever Shelf
          synthesizer SimpleSummarize !{error}
            llm Fake !{error}""")

    def call(self, recorder: Recorder, value: Any = "hi") -> Any:
        with recording(recorder):
            return str(engine(found=nodes(value=value), mode=MODE).query("hi"))

    async def acall(self, recorder: Recorder, value: Any = "hi") -> Any:
        with recording(recorder):
            return str(await engine(found=nodes(value=value), mode=MODE).aquery("hi"))

    def fail(self, recorder: Recorder, error: BaseException) -> None:
        with recording(recorder):
            engine(Fake(answers=[error]), mode=MODE).query("hi")

    async def afail(self, recorder: Recorder, error: BaseException) -> None:
        with recording(recorder):
            await engine(Fake(answers=[error]), mode=MODE).aquery("hi")


@pytest.fixture(autouse=True)
def installed(request: pytest.FixtureRequest) -> Any:
    if request.cls is TestLlamaIndex:
        yield
        return
    request.getfixturevalue("recorder")
    install()
    yield
    assert kept() == (0, 0)
    uninstall()


# -- engines -------------------------------------------------------------------------------------


def test_a_vector_index_embeds_its_query_below_the_retriever(recorder: Recorder):
    index = VectorStoreIndex(nodes=[], embed_model=embedding())
    index.insert(Document(text="owls turn their heads"))

    index.as_query_engine(llm=Fake()).query("owls?")

    assert outline(recorder).endswith(
        dedent("""\
        chain RetrieverQueryEngine
          retriever VectorIndexRetriever
            embedding MockEmbedding
          synthesizer CompactAndRefine
            llm Fake""")
    )


def test_retrieved_nodes_are_documents_in_their_order(recorder: Recorder):
    engine().query("hi")

    retriever = only(recorder, kind="retriever")
    assert retriever.input == {"query": "hi"}
    assert retriever.output["documents"] == [
        {"id": "n0", "score": 0.9, "text": "text 0", "metadata": {"file": "0.md"}},
        {"id": "n1", "score": 0.8, "text": "text 1", "metadata": {"file": "1.md"}},
    ]
    assert retriever.attributes["document_count"] == 2


def test_the_text_of_a_node_stands_with_the_retriever_and_the_model_only(recorder: Recorder):
    engine().query("hi")

    holders = [one.kind for one in recorded(recorder) if "text 0" in str((one.input, one.output))]
    assert holders == ["retriever", "llm"]


def test_an_answer_names_its_sources(recorder: Recorder):
    engine().query("hi")

    query = only(recorder, kind="chain")
    assert query.output["response"] == "hello"
    assert [one["id"] for one in query.output["sources"]] == ["n0", "n1"]


def test_the_prompt_and_its_variables_stand_with_the_model(recorder: Recorder):
    engine().query("hi")

    model = only(recorder, kind="llm")
    assert "{context_str}" in model.attributes["template"]
    assert model.attributes["variables"]["query_str"] == "hi"
    assert "text 0" in model.attributes["variables"]["context_str"]
    assert model.model == "fake-1"
    assert model.attributes["parameters"] == {"temperature": 0.5}


def test_a_chat_model_gets_the_chat_template(recorder: Recorder):
    engine(Fake(is_chat=True)).query("hi")

    model = only(recorder, kind="llm")
    assert [one["role"] for one in model.attributes["template"]] == ["system", "user"]
    assert [one["role"] for one in model.input["messages"]] == ["system", "user"]


def test_long_variables_are_cut_since_the_messages_hold_them(recorder: Recorder):
    long = nodes(1)
    long[0].node.set_content("x" * 5_000)

    engine(found=long).query("hi")

    cut = only(recorder, kind="llm").attributes["variables"]["context_str"]
    assert (cut["$"], len(cut["text"])) == ("truncated", 1_000)


def test_a_tree_of_summaries_has_a_model_call_for_every_part(recorder: Recorder):
    summarizer = TreeSummarize(llm=Fake())

    summarizer.get_response("hi", ["one " * 3_000, "two " * 3_000])

    spans = recorded(recorder)
    assert spans[0].kind == "synthesizer"
    assert len(spans) > 2
    assert {one.parent_id for one in spans[1:]} == {spans[0].span_id}


def test_a_router_has_its_choice_and_the_engine_it_chose(recorder: Recorder):
    choice = Fake(answers=['[{"choice": 1, "reason": "it fits"}]'])
    tool = QueryEngineTool.from_defaults(engine(), name="docs", description="documents")

    RouterQueryEngine(LLMSingleSelector.from_defaults(llm=choice), [tool], llm=Fake()).query(
        "which?"
    )

    assert outline(recorder) == dedent("""\
        chain RouterQueryEngine
          chain LLMSingleSelector
            llm Fake
            parser SelectionOutputParser
          chain RetrieverQueryEngine
            retriever Shelf
            synthesizer CompactAndRefine
              llm Fake""")


@pytest.mark.parametrize("is_async", [False, True])
def test_sub_questions_are_queries_inside_the_query(recorder: Recorder, is_async: bool):
    asked = '```json\n{"items": [{"sub_question": "what?", "tool_name": "docs"}]}\n```'
    tool = QueryEngineTool.from_defaults(engine(), name="docs", description="documents")

    query_engine = SubQuestionQueryEngine.from_defaults(
        [tool],
        llm=Fake(),
        question_gen=LLMQuestionGenerator.from_defaults(llm=Fake(answers=[asked])),
        use_async=is_async,
        verbose=False,
    )
    if is_async:
        asyncio.run(query_engine.aquery("all?"))
    else:
        query_engine.query("all?")

    assert outline(recorder) == dedent("""\
        chain SubQuestionQueryEngine
          chain LLMQuestionGenerator
            llm Fake
            parser SubQuestionOutputParser
          chain RetrieverQueryEngine
            retriever Shelf
            synthesizer CompactAndRefine
              llm Fake
          synthesizer CompactAndRefine
            llm Fake""")


def test_a_custom_engine_is_the_root_of_what_it_does(recorder: Recorder):
    class Own(CustomQueryEngine):
        def custom_query(self, query_str: str) -> str:
            found = Shelf(nodes()).retrieve(query_str)
            return Fake().complete(found[0].text).text

    Own().query("hi")

    assert outline(recorder) == dedent("""\
        chain Own
          retriever Shelf
          llm Fake""")


def test_a_query_transform_is_part_of_the_query(recorder: Recorder):
    transform = HyDEQueryTransform(llm=Fake(), include_original=True)

    TransformQueryEngine(engine(), transform).query("hi")

    assert outline(recorder) == dedent("""\
        chain TransformQueryEngine
          chain HyDEQueryTransform
            llm Fake
          chain RetrieverQueryEngine
            retriever Shelf
            synthesizer CompactAndRefine
              llm Fake""")


def test_a_reranker_has_the_documents_before_and_after(recorder: Recorder):
    reranker = LLMRerank(llm=Fake(answers=["Doc: 2, Relevance: 9\nDoc: 1, Relevance: 3"]), top_n=2)

    engine(postprocessors=[reranker]).query("hi")

    span = only(recorder, kind="reranker")
    assert span.name == "LLMRerank"
    assert [one["id"] for one in span.input["documents"]] == ["n0", "n1"]
    assert [(one["id"], one["score"]) for one in span.output["documents"]] == [
        ("n1", 9.0),
        ("n0", 3.0),
    ]
    assert span.attributes["top_n"] == 2


def test_a_reranker_without_a_span_of_its_own_gets_one(recorder: Recorder):
    ranked = calls("DocumentRelevanceList", documents=[{"document_number": 2, "relevance": 9}])
    reranker = StructuredLLMRerank(llm=Fake(answers=[ranked]), top_n=1)

    asyncio.run(engine(postprocessors=[reranker]).aquery("hi"))

    assert outline(recorder) == dedent("""\
        chain RetrieverQueryEngine
          retriever Shelf
          reranker rerank
            chain Fake.structured_predict
              llm Fake
          synthesizer CompactAndRefine
            llm Fake""")
    span = only(recorder, kind="reranker")
    assert [one["id"] for one in span.output["documents"]] == ["n1"]


def test_a_filter_of_nodes_is_a_step(recorder: Recorder):
    engine(postprocessors=[SimilarityPostprocessor(similarity_cutoff=0.85)]).query("hi")

    span = only(recorder, kind="step")
    assert span.name == "SimilarityPostprocessor"
    assert span.attributes["similarity_cutoff"] == 0.85
    assert [one["id"] for one in span.output["documents"]] == ["n0"]


def memory() -> ChatMemoryBuffer:
    """Return a memory without a database, which the default one leaves open."""
    return ChatMemoryBuffer.from_defaults()


@pytest.mark.parametrize(
    ("chat_engine", "shape"),
    [
        (
            lambda: SimpleChatEngine.from_defaults(llm=Fake(), memory=memory()),
            ["chain SimpleChatEngine", "  llm Fake"],
        ),
        (
            lambda: ContextChatEngine.from_defaults(Shelf(nodes()), llm=Fake(), memory=memory()),
            [
                "chain ContextChatEngine",
                "  retriever Shelf",
                "  synthesizer CompactAndRefine",
                "    llm Fake",
            ],
        ),
        (
            lambda: CondensePlusContextChatEngine.from_defaults(
                Shelf(nodes()), llm=Fake(), memory=memory()
            ),
            [
                "chain CondensePlusContextChatEngine",
                "  retriever Shelf",
                "  synthesizer CompactAndRefine",
                "    llm Fake",
            ],
        ),
        (
            lambda: CondenseQuestionChatEngine.from_defaults(engine(), llm=Fake(), memory=memory()),
            [
                "chain CondenseQuestionChatEngine",
                "  chain RetrieverQueryEngine",
                "    retriever Shelf",
                "    synthesizer CompactAndRefine",
                "      llm Fake",
            ],
        ),
    ],
    ids=["simple", "context", "condense-plus-context", "condense-question"],
)
def test_a_chat_engine_is_one_tree(recorder: Recorder, chat_engine: Any, shape: list[str]):
    chat_engine().chat("hi")

    assert outline(recorder).splitlines() == shape
    root = recorded(recorder)[0]
    assert root.input["message"] == "hi"
    assert root.output["response"] == "hello"


# -- structured output ---------------------------------------------------------------------------


class Song(BaseModel):
    title: str


def test_structured_output_by_text_has_one_model_call(recorder: Recorder):
    class Text(Fake):
        @property
        def metadata(self) -> Any:
            return super().metadata.model_copy(update={"is_function_calling_model": False})

    Text(answers=['{"title": "x"}']).structured_predict(Song, PromptTemplate("of {what}"), what="y")

    assert outline(recorder) == dedent("""\
        chain Text.structured_predict
          llm Text
          parser PydanticOutputParser""")
    assert recorded(recorder)[0].output == {"title": "x"}
    model = only(recorder, kind="llm")
    assert (model.attributes["template"], model.attributes["variables"]) == (
        "of {what}",
        {"what": "y"},
    )


def test_structured_output_by_function_is_no_tool_call(recorder: Recorder):
    model = Fake(answers=[calls("Song", title="x")])

    song = model.structured_predict(Song, PromptTemplate("of {what}"), what="y")

    assert song == Song(title="x")
    assert outline(recorder) == "chain Fake.structured_predict\n  llm Fake"


async def test_structured_output_in_async_code_is_named_alike(recorder: Recorder):
    model = Fake(answers=[calls("Song", title="x")])

    await model.astructured_predict(Song, PromptTemplate("of {what}"), what="y")

    assert outline(recorder) == "chain Fake.structured_predict\n  llm Fake"


def test_a_structured_model_counts_its_usage_once(recorder: Recorder):
    usage = {"usage": {"prompt_tokens": 9, "completion_tokens": 2}}
    model = Fake(answers=[calls("Song", title="x")], raw=usage)

    model.as_structured_llm(Song).complete("sing")

    assert outline(recorder) == dedent("""\
        chain StructuredLLM
          llm Fake""")
    assert recorded(recorder)[0].trace.usage == Usage(input=9, output=2)


# -- ingestion -----------------------------------------------------------------------------------


@pytest.mark.parametrize("is_async", [False, True])
def test_an_ingestion_pipeline_counts_and_keeps_no_vectors(recorder: Recorder, is_async: bool):
    documents = [Document(text=f"document {i}") for i in range(60)]
    model = embedding()
    model.embed_batch_size = 25
    pipeline = IngestionPipeline(transformations=[SentenceSplitter(), model])

    if is_async:
        asyncio.run(pipeline.arun(documents=documents))
    else:
        pipeline.run(documents=documents)

    assert outline(recorder) == dedent("""\
        chain IngestionPipeline
          step SentenceSplitter
          embedding MockEmbedding""")
    _, splitter, embedded = recorded(recorder)
    assert splitter.attributes == {"num_documents": 60, "num_nodes": 60}
    assert embedded.attributes == {"num_chunks": 60, "num_batches": 3}
    assert embedded.output == {"count": 60, "dimension": 8}


def test_vectors_are_kept_if_asked_for(recorder: Recorder):
    install(vectors=True)

    embedding().get_query_embedding("hi")

    assert only(recorder).output["vectors"] == [[0.5] * 8]


def test_the_vector_of_a_query_is_nowhere(recorder: Recorder):
    index = SummaryIndex.from_documents([Document(text="x")])
    query_engine = index.as_query_engine(
        retriever_mode="embedding", embed_model=embedding(), llm=Fake()
    )

    query_engine.query("hi")

    told = str([(one.input, one.output, one.attributes) for one in recorded(recorder)])
    assert "0.5, 0.5" not in told


def test_building_an_index_is_one_trace_inside_a_span_of_the_programs(recorder: Recorder):
    with spanbook.span("build"):
        VectorStoreIndex.from_documents([Document(text="x")], embed_model=embedding())

    assert outline(recorder) == dedent("""\
        step build
          step SentenceSplitter
          embedding MockEmbedding""")


# -- models by themselves ------------------------------------------------------------------------


def test_a_bare_completion_is_recorded(recorder: Recorder):
    Fake().complete("say hello")

    span = only(recorder)
    assert (span.kind, span.name, span.input, span.output) == (
        "llm",
        "Fake",
        {"prompt": "say hello"},
        {"text": "hello"},
    )


def test_a_prompt_that_lacks_a_variable_fails_visibly(recorder: Recorder):
    with pytest.raises(KeyError):
        Fake().predict(PromptTemplate("of {what}", function_mappings={"what": lambda **_: {}["x"]}))

    assert outline(recorder) == "llm Fake !KeyError"


# -- concurrency ---------------------------------------------------------------------------------


async def test_a_hundred_queries_at_once_never_mix(recorder: Recorder):
    engines = [engine(found=nodes(query=number)) for number in range(100)]

    await asyncio.gather(*(one.aquery(f"q{i}") for i, one in enumerate(engines)))

    traces: dict[str, list[Any]] = {}
    for span in recorded(recorder):
        traces.setdefault(span.trace_id, []).append(span)
    assert len(traces) == 100
    for query, retriever, synthesizer, model in traces.values():
        asked = query.input["query"]
        assert retriever.output["documents"][0]["metadata"]["query"] == int(asked[1:])
        assert synthesizer.input["query"] == asked
        assert f"Query: {asked}\n" in model.input["prompt"]


def test_threads_never_mix(recorder: Recorder):
    shared = engine(mode=MODE)
    threads = [threading.Thread(target=shared.query, args=(f"q{i}",)) for i in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert outline(recorder) == "\n".join([TestLlamaIndex.shape] * 8)


async def test_what_a_query_leaves_running_stays_in_its_trace(recorder: Recorder):
    left: list[Any] = []

    class Own(CustomQueryEngine):
        async def acustom_query(self, query_str: str) -> str:
            left.append(asyncio.create_task(Fake().acomplete("later")))
            return "x"

        def custom_query(self, query_str: str) -> str:
            return "x"

    await Own().aquery("hi")
    await left[0]

    assert outline(recorder) == "chain Own\n  llm Fake"


# -- the program's own spans ---------------------------------------------------------------------


def test_a_span_of_the_programs_inside_a_step_stands_where_it_is(recorder: Recorder):
    class Own(CustomQueryEngine):
        def custom_query(self, query_str: str) -> str:
            with spanbook.span("look"):
                return str(engine().query(query_str))

    Own().query("hi")

    assert outline(recorder).splitlines()[:3] == [
        "chain Own",
        "  step look",
        "    chain RetrieverQueryEngine",
    ]


def test_the_current_ids_are_those_of_the_step_that_runs(recorder: Recorder):
    seen: list[Any] = []

    class Own(CustomQueryEngine):
        def custom_query(self, query_str: str) -> str:
            seen.append((spanbook.current_trace_id(), spanbook.current_span_id()))
            return "x"

    Own().query("hi")

    span = only(recorder)
    assert seen == [(span.trace_id, span.span_id)]
    assert spanbook.current_span_id() is None


def test_settings_are_left_alone(recorder: Recorder):
    before = Settings._callback_manager

    install()

    assert Settings._callback_manager is before
