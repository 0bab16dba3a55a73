"""What is recorded of a model call: candidates, usage, parameters, tools, streaming."""

import gc
from typing import Any, TypedDict
from uuid import uuid4

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, GenerationChunk, LLMResult
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, SecretStr

from spanbook.recording.recorder import Recorder
from spanbook.usage import Usage
from spanbook_langchain import SpanbookCallbackHandler
from tests.integrations.chains import Fake, FakeText, Streaming, chain, settle, usage
from tests.integrations.recordings import Recorded, only, recorded
from tests.outlines import outline


def config(recorder: Recorder, **more: Any) -> Any:
    return {"callbacks": [SpanbookCallbackHandler(recorder)], **more}


def answer(recorder: Recorder, message: Any, **model: Any) -> Any:
    """Return the span of a call that was answered with `message`."""
    Fake(answers=[message], **model).invoke("hi", config(recorder))
    return only(recorder)


# -- candidates -----------------------------------------------------------------------------------


def test_input_and_output_are_messages(recorder: Recorder) -> None:
    span = answer(recorder, AIMessage("hello"))

    assert span.input == {"messages": [{"role": "user", "content": "hi"}]}
    assert span.output == {"messages": [{"role": "assistant", "content": "hello"}]}


def test_every_candidate_is_kept_in_order_with_its_finish_reason(recorder: Recorder) -> None:
    several = [
        ChatGeneration(message=AIMessage("a"), generation_info={"finish_reason": "stop"}),
        ChatGeneration(message=AIMessage("b", response_metadata={"finish_reason": "length"})),
    ]

    span = answer(recorder, several)

    assert span.output["messages"] == [
        {"role": "assistant", "content": "a", "finish_reason": "stop"},
        {"role": "assistant", "content": "b", "finish_reason": "length"},
    ]
    assert span.attributes["finish_reason"] == "stop"


def test_every_prompt_of_a_batch_keeps_its_answer(recorder: Recorder) -> None:
    model = Fake(answers=[AIMessage("a"), AIMessage("b"), AIMessage("c")])

    model.batch(["1", "2", "3"], config(recorder, max_concurrency=1))

    assert [one.output["messages"][0]["content"] for one in recorded(recorder)] == ["a", "b", "c"]


def test_every_prompt_of_a_generate_call_keeps_its_answer(recorder: Recorder) -> None:
    model = Fake(answers=[[AIMessage("a"), AIMessage("a2")], AIMessage("b"), AIMessage("c")])

    model.generate(
        [[HumanMessage(text)] for text in "123"], callbacks=[SpanbookCallbackHandler(recorder)]
    )

    kept = [
        [message["content"] for message in one.output["messages"]] for one in recorded(recorder)
    ]
    assert kept == [["a", "a2"], ["b"], ["c"]]


def test_text_models_keep_prompt_and_text(recorder: Recorder) -> None:
    FakeText().invoke("hi", config(recorder))

    span = only(recorder)
    assert (span.input, span.output) == ({"prompt": "hi"}, {"text": "hi!0"})


def test_text_models_keep_every_candidate(recorder: Recorder) -> None:
    FakeText(candidates=3).invoke("hi", config(recorder))

    assert only(recorder).output == {"texts": ["hi!0", "hi!1", "hi!2"]}


def test_tool_calls_are_kept_where_there_is_no_text(recorder: Recorder) -> None:
    call = {"name": "add", "args": {"a": 1}, "id": "c1", "type": "tool_call"}

    span = answer(recorder, AIMessage("", tool_calls=[call]))

    [message] = span.output["messages"]
    assert message["tool_calls"] == [{"id": "c1", "name": "add", "arguments": {"a": 1}}]


def test_a_later_change_of_messages_does_not_reach_the_record(recorder: Recorder) -> None:
    messages = [HumanMessage("before")]
    said = AIMessage("before")

    Fake(answers=[said]).invoke(messages, config(recorder))
    messages[0].content = "after"
    said.content = "after"

    span = only(recorder)
    assert span.input["messages"][0]["content"] == "before"
    assert span.output["messages"][0]["content"] == "before"


# -- usage ----------------------------------------------------------------------------------------

SAME = Usage(13, 7, cache_read=5, reasoning=2)
OPENAI = {
    "prompt_tokens": 13,
    "completion_tokens": 7,
    "total_tokens": 20,
    "prompt_tokens_details": {"cached_tokens": 5},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
PLACES: dict[str, dict[str, Any]] = {
    "usage_metadata": {
        "message": AIMessage(
            "x",
            usage_metadata=usage(
                13, 7, input_token_details={"cache_read": 5}, output_token_details={"reasoning": 2}
            ),
        )
    },
    "llm_output.token_usage": {"llm_output": {"token_usage": OPENAI}},
    "llm_output.usage": {"llm_output": {"usage": OPENAI}},
    "response_metadata.token_usage": {
        "message": AIMessage("x", response_metadata={"token_usage": OPENAI})
    },
    "response_metadata.usage": {"message": AIMessage("x", response_metadata={"usage": OPENAI})},
    "response_metadata.usage of anthropic": {
        "message": AIMessage(
            "x",
            response_metadata={
                "usage": {
                    "input_tokens": 8,
                    "output_tokens": 7,
                    "cache_read_input_tokens": 5,
                    "output_tokens_details": {"thinking_tokens": 2},
                }
            },
        )
    },
    "generation_info.usage_metadata": {
        "generation": ChatGeneration(
            message=AIMessage("x"),
            generation_info={
                "usage_metadata": {
                    "prompt_token_count": 13,
                    "candidates_token_count": 5,
                    "thoughts_token_count": 2,
                    "cached_content_token_count": 5,
                }
            },
        )
    },
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_usage_is_found_wherever_it_is_reported(recorder: Recorder, place: dict[str, Any]) -> None:
    generation = place.get("generation") or ChatGeneration(
        message=place.get("message") or AIMessage("x")
    )
    handler = SpanbookCallbackHandler(recorder)
    key = uuid4()

    handler.on_chat_model_start({}, [[HumanMessage("hi")]], run_id=key)
    result = LLMResult(generations=[[generation]], llm_output=place.get("llm_output"))
    handler.on_llm_end(result, run_id=key)

    assert only(recorder).usage == SAME


def test_bedrock_metrics_of_a_stream_are_summed(recorder: Recorder) -> None:
    metrics = {"inputTokenCount": [10, 3], "outputTokenCount": [7]}
    metadata = {"amazon-bedrock-invocationMetrics": metrics}

    span = answer(recorder, AIMessage("x", response_metadata=metadata))

    assert span.usage == Usage(13, 7)


def test_ollama_s_counts_stand_among_its_metadata(recorder: Recorder) -> None:
    metadata = {"model": "llama3", "prompt_eval_count": 13, "eval_count": 7, "done_reason": "stop"}

    span = answer(recorder, AIMessage("x", response_metadata=metadata))

    assert (span.usage, span.model) == (Usage(13, 7), "llama3")
    assert span.attributes["finish_reason"] == "stop"


def test_older_bedrock_versions_count_cached_input_apart(recorder: Recorder) -> None:
    class ChatBedrock(Fake):
        def _get_ls_params(self, stop: Any = None, **kwargs: Any) -> Any:
            return {"ls_provider": "amazon_bedrock", "ls_model_name": "claude"}

    reported = usage(18, 386, input_token_details={"cache_read": 7000, "cache_creation": 502})
    model = ChatBedrock(answers=[AIMessage("x", usage_metadata=reported)])
    model.invoke("hi", config(recorder))

    assert only(recorder).usage == Usage(7520, 386, cache_read=7000, cache_write=502)


def test_what_the_provider_charged_is_kept(recorder: Recorder) -> None:
    metadata = {"token_usage": {**OPENAI, "cost": 0.00125}}

    span = answer(recorder, AIMessage("x", response_metadata=metadata))

    assert span.attributes["reported_cost"] == "0.00125"


def test_the_tier_that_anthropic_served_is_kept(recorder: Recorder) -> None:
    metadata = {"usage": {"input_tokens": 1, "output_tokens": 2, "service_tier": "batch"}}

    span = answer(recorder, AIMessage("x", response_metadata=metadata))

    assert span.attributes["service_tier"] == "batch"


def test_usage_repeated_by_each_candidate_is_counted_once(recorder: Recorder) -> None:
    several = [AIMessage(text, usage_metadata=usage(13, 7)) for text in "ab"]

    assert answer(recorder, several).usage == Usage(13, 7)


def estimated(span: Recorded) -> bool:
    assert span.usage is not None
    return span.usage.estimated


def test_unreported_usage_is_estimated_and_marked(recorder: Recorder) -> None:
    assert estimated(answer(recorder, AIMessage("x")))


def test_reported_usage_is_not_marked(recorder: Recorder) -> None:
    assert not estimated(answer(recorder, AIMessage("x", usage_metadata=usage(13, 7))))


def test_a_text_batch_s_usage_is_counted_once(recorder: Recorder) -> None:
    counts = {"prompt_tokens": 30, "completion_tokens": 12, "total_tokens": 42}

    FakeText(token_usage=counts).generate(
        ["a", "b", "c"], callbacks=[SpanbookCallbackHandler(recorder)]
    )

    spans = recorded(recorder)
    assert [one.usage for one in spans] == [Usage(30, 12), Usage(), Usage()]
    assert [one.attributes["batch"] for one in spans] == [
        {"size": 3, "index": index} for index in range(3)
    ]


def test_a_text_batch_without_usage_is_estimated_prompt_by_prompt(recorder: Recorder) -> None:
    FakeText(token_usage={}).generate(["a", "b"], callbacks=[SpanbookCallbackHandler(recorder)])

    assert [estimated(one) for one in recorded(recorder)] == [True, True]


def test_only_the_model_s_span_carries_usage(recorder: Recorder) -> None:
    message = AIMessage("x", usage_metadata=usage(13, 7))

    chain(Fake(answers=[message])).invoke({"q": "hi"}, config(recorder))

    assert [one.kind for one in recorded(recorder) if one.usage is not None] == ["llm"]


# -- cache ----------------------------------------------------------------------------------------


@pytest.fixture
def cache() -> Any:
    set_llm_cache(InMemoryCache())
    yield
    set_llm_cache(None)


@pytest.mark.usefixtures("cache")
def test_an_answer_from_the_cache_counts_nothing(recorder: Recorder) -> None:
    model = Fake(answers=[AIMessage("x", usage_metadata=usage(13, 7))])

    model.invoke("hi", config(recorder))
    model.invoke("hi", config(recorder))

    first, second = recorded(recorder)
    assert model.calls == 1
    assert (first.usage, first.attributes.get("cached")) == (Usage(13, 7), None)
    assert (second.usage, second.attributes["cached"]) == (Usage(), True)
    assert second.attributes["cached_usage"] == {"input": 13, "output": 7}
    assert second.output == first.output


@pytest.mark.usefixtures("cache")
async def test_an_answer_from_the_cache_counts_nothing_in_async_code(recorder: Recorder) -> None:
    model = Fake(answers=[AIMessage("x", usage_metadata=usage(13, 7))])

    await model.ainvoke("hi", config(recorder))
    await model.ainvoke("hi", config(recorder))

    assert [one.usage for one in recorded(recorder)] == [Usage(13, 7), Usage()]


@pytest.mark.usefixtures("cache")
def test_a_cached_answer_without_usage_counts_nothing(recorder: Recorder) -> None:
    model = Fake(answers=[AIMessage("x", response_metadata={"token_usage": OPENAI})])

    model.invoke("hi", config(recorder))
    model.invoke("hi", config(recorder))

    assert [one.usage for one in recorded(recorder)] == [SAME, Usage()]


# -- model, parameters, tools ---------------------------------------------------------------------


def test_the_model_asked_for_gives_way_to_the_one_that_answered(recorder: Recorder) -> None:
    metadata = {"model_name": "fake-1-2026-05-01", "id": "resp-9", "finish_reason": "stop"}

    span = answer(recorder, AIMessage("x", response_metadata=metadata))

    assert (span.model, span.provider) == ("fake-1-2026-05-01", "fake")
    assert span.attributes["response_id"] == "resp-9"


def test_without_an_answer_the_model_asked_for_stands(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="boom"):
        Fake(answers=[ValueError("boom")]).invoke("hi", config(recorder))

    assert only(recorder).model == "fake-1"


def test_ids_that_langchain_made_up_are_no_response_ids(recorder: Recorder) -> None:
    assert "response_id" not in answer(recorder, AIMessage("x")).attributes


def test_a_message_s_own_id_is_the_response_s(recorder: Recorder) -> None:
    assert answer(recorder, AIMessage("x", id="msg_1")).attributes["response_id"] == "msg_1"


def test_parameters_are_chosen_from_a_list(recorder: Recorder) -> None:
    Fake(temperature=0.5).bind(
        stop=["END"],
        max_tokens=20,
        seed=7,
        extra_headers={"authorization": "Bearer abc"},
        api_key="k-123",
        user_stuff=object(),
    ).invoke("hi", config(recorder))

    assert only(recorder).attributes["parameters"] == {
        "temperature": 0.5,
        "stop": ["END"],
        "max_tokens": 20,
        "seed": 7,
    }


class Answer(TypedDict):
    """An answer."""

    text: str


class Reply(BaseModel):
    """A reply."""

    text: str


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (Reply, "Reply"),
        (Answer, "Answer"),
        ({"type": "json_object"}, "json_object"),
        (
            {"type": "json_schema", "json_schema": {"name": "r", "schema": {"type": "object"}}},
            {"type": "json_schema", "name": "r"},
        ),
    ],
)
def test_an_answer_s_format_is_kept_by_name(recorder: Recorder, given: Any, kept: Any) -> None:
    Fake().bind(response_format=given).invoke("hi", config(recorder))

    assert only(recorder).attributes["parameters"]["response_format"] == kept


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
OFFERED = {"name": "add", "description": "Add.", "parameters": SCHEMA}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (
            {
                "type": "function",
                "function": {"name": "add", "description": "Add.", "parameters": SCHEMA},
            },
            OFFERED,
        ),
        ({"name": "add", "description": "Add.", "input_schema": SCHEMA}, OFFERED),
        (
            {
                "toolSpec": {
                    "name": "add",
                    "description": "Add.",
                    "inputSchema": {"json": SCHEMA},
                }
            },
            OFFERED,
        ),
        (
            {
                "function_declarations": [
                    {"name": "add", "description": "Add.", "parameters": SCHEMA}
                ]
            },
            OFFERED,
        ),
        ({"type": "web_search"}, {"name": "web_search"}),
        (add, {"name": "add", "description": "Add two numbers."}),
        (Reply, {"name": "Reply"}),
        (len, {"name": "len"}),
    ],
    ids=["openai", "anthropic", "bedrock", "google", "hosted", "live", "class", "function"],
)
def test_offered_tools_are_kept_in_one_spelling(recorder: Recorder, given: Any, kept: Any) -> None:
    Fake().bind_tools([given]).invoke("hi", config(recorder))

    assert only(recorder).input["tools"] == [kept]


def test_a_real_client_s_tools_keep_their_schema(recorder: Recorder) -> None:
    model = ChatOpenAI(
        model="gpt-4o", api_key=SecretStr("sk-unused"), base_url="http://localhost:9", max_retries=0
    )  # type: ignore[arg-type]

    with pytest.raises(Exception, match="Connection error"):
        model.bind_tools([add]).invoke("hi", config(recorder))

    span = only(recorder)
    [offered] = span.input["tools"]
    assert offered["parameters"]["required"] == ["a", "b"]
    assert (span.provider, span.model) == ("openai", "gpt-4o")


# -- streaming ------------------------------------------------------------------------------------


def chunk(text: str, **fields: Any) -> AIMessageChunk:
    return AIMessageChunk(content=text, **fields)


def test_a_stream_has_a_first_token_and_the_provider_s_final_usage(recorder: Recorder) -> None:
    pieces = [chunk(""), chunk("a"), chunk("b"), chunk("", usage_metadata=usage(13, 7))]

    list(Streaming(pieces=pieces).stream("hi", config(recorder)))

    span = only(recorder)
    assert span.usage == Usage(13, 7)
    assert span.start_ns <= span.first_token_ns <= span.end_ns
    assert span.output["messages"][0]["content"] == "ab"


async def test_an_async_stream_has_a_first_token_and_usage(recorder: Recorder) -> None:
    pieces = [chunk("a"), chunk("b", usage_metadata=usage(13, 7))]

    async for _ in Streaming(pieces=pieces).astream("hi", config(recorder)):
        pass

    span = only(recorder)
    assert span.usage == Usage(13, 7)
    assert span.start_ns <= span.first_token_ns <= span.end_ns


def test_a_stream_without_usage_is_estimated(recorder: Recorder) -> None:
    list(Streaming(pieces=["a", "b"]).stream("hi", config(recorder)))

    assert estimated(only(recorder))


def test_a_call_that_does_not_stream_has_no_first_token(recorder: Recorder) -> None:
    assert answer(recorder, AIMessage("x")).first_token_ns is None


def test_streamed_tool_calls_count_as_output(recorder: Recorder) -> None:
    call = {"name": "add", "args": '{"a": 1}', "id": "c1", "index": 0, "type": "tool_call_chunk"}

    list(Streaming(pieces=[chunk("", tool_call_chunks=[call])]).stream("hi", config(recorder)))

    span = only(recorder)
    assert span.first_token_ns is not None
    assert span.output["messages"][0]["tool_calls"] == [
        {"id": "c1", "name": "add", "arguments": {"a": 1}}
    ]


def test_tokens_may_come_as_blocks(recorder: Recorder) -> None:
    handler = SpanbookCallbackHandler(recorder)
    key = uuid4()

    handler.on_chat_model_start({}, [[HumanMessage("hi")]], run_id=key)
    handler.on_llm_new_token([{"type": "text", "text": "a"}], run_id=key)
    handler.on_llm_new_token("", run_id=key, chunk=GenerationChunk(text=""))
    handler.on_llm_new_token("", run_id=key, chunk=None)
    handler.on_llm_end(
        LLMResult(generations=[[ChatGeneration(message=AIMessage("a"))]]), run_id=key
    )

    assert only(recorder).first_token_ns is not None


def test_text_models_stream_too(recorder: Recorder) -> None:
    class StreamingText(FakeText):
        def _stream(self, prompt: str, stop: Any = None, run_manager: Any = None, **_: Any) -> Any:
            for text in "ab":
                piece = GenerationChunk(text=text)
                run_manager.on_llm_new_token(text, chunk=piece)
                yield piece

    assert "".join(StreamingText().stream("hi", config(recorder))) == "ab"

    span = only(recorder)
    assert span.output == {"text": "ab"}
    assert span.first_token_ns is not None


def test_the_newer_streaming_protocol_is_timed(recorder: Recorder) -> None:
    stream = Streaming(pieces=["a", "b"]).stream_events("hi", config(recorder), version="v3")

    assert "".join(stream.text) == "ab"

    span = only(recorder)
    assert span.status == "ok"
    assert span.start_ns <= span.first_token_ns <= span.end_ns


@pytest.mark.filterwarnings("ignore:.* is in beta")
async def test_the_newer_protocol_ends_once_in_async_code(recorder: Recorder) -> None:
    model = Streaming(pieces=["a", "b"])

    stream = await model.astream_events("hi", config(recorder), version="v3")
    assert "".join([piece async for piece in stream.text]) == "ab"
    await settle(recorder)

    assert outline(recorder) == "llm Streaming"


def test_handlers_of_other_streams_get_along(recorder: Recorder) -> None:
    first = SpanbookCallbackHandler(recorder)
    model: BaseChatModel = Streaming(pieces=["a"])

    list(model.stream("hi", {"callbacks": [first, first]}))
    gc.collect()

    assert outline(recorder) == "llm Streaming"
    assert ChatGenerationChunk(message=chunk("")).text == ""
