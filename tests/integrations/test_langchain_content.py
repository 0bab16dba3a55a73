"""What is kept of values: messages of every kind, media, odd objects, and no secrets."""

import base64
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.outputs import ChatGeneration, Generation, LLMResult
from langchain_core.prompt_values import ChatPromptValue, StringPromptValue
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from spanbook.recording.recorder import Recorder
from spanbook_langchain import SpanbookCallbackHandler
from tests.integrations.chains import Fake, chain, usage
from tests.integrations.recordings import only, recorded


def config(recorder: Recorder, **more: Any) -> Any:
    return {"callbacks": [SpanbookCallbackHandler(recorder)], **more}


def kept(recorder: Recorder, value: Any) -> Any:
    """Return what is recorded of `value` as the input of a step."""
    RunnableLambda(lambda given: None).invoke({"value": value}, config(recorder))
    return only(recorder).input["value"]


CALL = {"id": "c1", "name": "add", "args": {"a": 1}, "type": "tool_call"}
BAD_CALL = {
    "id": "c2",
    "name": "add",
    "args": "{a:",
    "error": "no JSON",
    "type": "invalid_tool_call",
}
OUR_CALL = {"id": "c1", "name": "add", "arguments": {"a": 1}}

MESSAGES: list[tuple[str, BaseMessage, dict[str, Any]]] = [
    ("human", HumanMessage("hi"), {"role": "user", "content": "hi"}),
    ("named", HumanMessage("hi", name="ada"), {"role": "user", "content": "hi", "name": "ada"}),
    ("system", SystemMessage("be"), {"role": "system", "content": "be"}),
    (
        "developer",
        SystemMessage("be", additional_kwargs={"__openai_role__": "developer"}),
        {"role": "developer", "content": "be"},
    ),
    ("chat", ChatMessage(content="x", role="critic"), {"role": "critic", "content": "x"}),
    (
        "function",
        FunctionMessage(content="3", name="add"),
        {"role": "function", "content": "3", "name": "add"},
    ),
    ("remove", RemoveMessage(id="m1"), {"role": "remove", "content": ""}),
    ("chunk", AIMessageChunk(content="hel"), {"role": "assistant", "content": "hel"}),
    (
        "tool calls",
        AIMessage("", tool_calls=[CALL]),
        {"role": "assistant", "content": "", "tool_calls": [OUR_CALL]},
    ),
    (
        "invalid tool calls",
        AIMessage("", invalid_tool_calls=[BAD_CALL]),
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "c2", "name": "add", "arguments": "{a:", "error": "no JSON"}],
        },
    ),
    (
        "a function call of the older kind",
        AIMessage("", additional_kwargs={"function_call": {"name": "add", "arguments": "{}"}}),
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"name": "add", "arguments": "{}"}],
        },
    ),
    (
        "tool result",
        ToolMessage("3", tool_call_id="c1"),
        {"role": "tool", "content": "3", "tool_call_id": "c1"},
    ),
    (
        "failed tool result with an artifact",
        ToolMessage("no", tool_call_id="c1", status="error", artifact={"rows": 2}),
        {
            "role": "tool",
            "content": "no",
            "tool_call_id": "c1",
            "status": "error",
            "artifact": {"rows": 2},
        },
    ),
    (
        "usage is not repeated",
        AIMessage("x", usage_metadata=usage(1, 2), response_metadata={"finish_reason": "stop"}),
        {"role": "assistant", "content": "x", "finish_reason": "stop"},
    ),
    (
        "reasoning beside the content",
        AIMessage("x", additional_kwargs={"reasoning_content": "hm"}),
        {
            "role": "assistant",
            "content": [{"type": "reasoning", "text": "hm"}, {"type": "text", "text": "x"}],
        },
    ),
    (
        "a refusal",
        AIMessage("", additional_kwargs={"refusal": "no"}),
        {"role": "assistant", "content": "", "refusal": "no"},
    ),
    (
        "what else there is",
        HumanMessage("x", additional_kwargs={"source": "summary"}),
        {"role": "user", "content": "x", "extra": {"source": "summary"}},
    ),
]


@pytest.mark.parametrize(
    ("message", "expected"), [row[1:] for row in MESSAGES], ids=[row[0] for row in MESSAGES]
)
def test_a_message_becomes_data(
    recorder: Recorder, message: BaseMessage, expected: dict[str, Any]
) -> None:
    assert kept(recorder, message) == expected


PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4).decode()
IMAGE = {"$": "media", "media_type": "image/png", "size": 1032}
BLOCKS: list[tuple[str, Any, Any]] = [
    ("text", {"type": "text", "text": "a"}, {"type": "text", "text": "a"}),
    ("a bare string", "a", {"type": "text", "text": "a"}),
    ("output text", {"type": "output_text", "text": "a"}, {"type": "text", "text": "a"}),
    ("reasoning", {"type": "reasoning", "reasoning": "hm"}, {"type": "reasoning", "text": "hm"}),
    (
        "reasoning summaries",
        {
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "a"}, {"type": "s", "text": "b"}],
            "encrypted_content": "x" * 30,
        },
        {"type": "reasoning", "text": "a\nb", "encrypted": 30},
    ),
    (
        "thinking",
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "reasoning", "text": "hm"},
    ),
    (
        "sealed thinking",
        {"type": "redacted_thinking", "data": "x" * 12},
        {"type": "reasoning", "text": "", "encrypted": 12},
    ),
    (
        "bedrock's reasoning",
        {"type": "reasoning_content", "reasoning_content": {"text": "hm", "signature": "s"}},
        {"type": "reasoning", "text": "hm"},
    ),
    (
        "image data url",
        {
            "type": "image_url",
            "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"},
        },
        {"type": "image", "detail": "low", "media": IMAGE},
    ),
    (
        "image url as text",
        {"type": "image_url", "image_url": f"data:image/png;base64,{PNG}"},
        {"type": "image", "media": IMAGE},
    ),
    (
        "image address",
        {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
        {"type": "image", "url": "https://x.test/a.png"},
    ),
    (
        "standard image",
        {"type": "image", "base64": PNG, "mime_type": "image/png"},
        {"type": "image", "media": IMAGE},
    ),
    (
        "standard image of the older kind",
        {"type": "image", "source_type": "base64", "data": PNG, "mime_type": "image/png"},
        {"type": "image", "media": IMAGE},
    ),
    (
        "standard image address",
        {"type": "image", "url": "https://x.test/a.png"},
        {"type": "image", "url": "https://x.test/a.png"},
    ),
    (
        "anthropic image",
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        {"type": "image", "media": IMAGE},
    ),
    (
        "responses image",
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"},
        {"type": "image", "media": IMAGE},
    ),
    (
        "audio",
        {"type": "input_audio", "input_audio": {"data": PNG, "format": "wav"}},
        {"type": "audio", "media": IMAGE},
    ),
    (
        "file",
        {"type": "file", "file": {"file_data": f"data:x/y;base64,{PNG}", "filename": "a.png"}},
        {"type": "file", "filename": "a.png", "media": IMAGE},
    ),
    ("file by id", {"type": "file", "file_id": "f1"}, {"type": "file", "file_id": "f1"}),
    (
        "google's",
        {"type": "media", "data": PNG, "mime_type": "x/y"},
        {"type": "file", "media": IMAGE},
    ),
    ("another", {"type": "citation", "n": 1}, {"type": "citation", "n": 1}),
    ("without a type", {"cachePoint": {"type": "x"}}, {"cachePoint": {"type": "x"}}),
]


def without_hashes(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_hashes(item) for key, item in value.items() if key != "hash"}
    return [without_hashes(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("block", "expected"), [row[1:] for row in BLOCKS], ids=[row[0] for row in BLOCKS]
)
def test_a_block_becomes_a_part(recorder: Recorder, block: Any, expected: Any) -> None:
    message = kept(recorder, HumanMessage([{"type": "text", "text": "see"}, block]))

    assert without_hashes(message["content"]) == [{"type": "text", "text": "see"}, expected]


def test_an_image_sent_to_a_model_is_kept_once_beside_its_text(recorder: Recorder) -> None:
    content: Any = [
        {"type": "text", "text": "what is this?"},
        {"type": "image", "base64": PNG, "mime_type": "image/png"},
    ]

    Fake().invoke([HumanMessage(content)], config(recorder))

    parts = only(recorder).input["messages"][0]["content"]
    assert without_hashes(parts) == [
        {"type": "text", "text": "what is this?"},
        {"type": "image", "media": IMAGE},
    ]


@pytest.mark.parametrize("kind", ["tool_call", "tool_use", "function_call", "tool_call_chunk"])
def test_blocks_that_repeat_the_tool_calls_are_left_out(recorder: Recorder, kind: str) -> None:
    content: Any = [{"type": "text", "text": "I add"}, {"type": kind, "id": "c1", "name": "add"}]

    message = kept(recorder, AIMessage(content, tool_calls=[CALL]))

    assert message["content"] == [{"type": "text", "text": "I add"}]
    assert message["tool_calls"] == [OUR_CALL]


OTHERS: list[tuple[str, Any, Any]] = [
    ("document", Document("x", metadata={"a": 1}), {"text": "x", "metadata": {"a": 1}}),
    (
        "scored document",
        Document("x", id="d", metadata={"relevance_score": 0.5}),
        {"id": "d", "text": "x", "score": 0.5, "metadata": {"relevance_score": 0.5}},
    ),
    ("text prompt", StringPromptValue(text="x"), {"prompt": "x"}),
    (
        "chat prompt",
        ChatPromptValue(messages=[HumanMessage("x")]),
        {"messages": [{"role": "user", "content": "x"}]},
    ),
    (
        "generations",
        LLMResult(
            generations=[
                [Generation(text="a", generation_info={"finish_reason": "stop"})],
                [ChatGeneration(message=AIMessage("b"))],
            ]
        ),
        {
            "generations": [
                [{"text": "a", "finish_reason": "stop"}],
                [{"role": "assistant", "content": "b"}],
            ]
        },
    ),
    (
        "serialised",
        {"lc": 1, "type": "secret", "id": ["X"]},
        {"lc": 1, "type": "secret", "id": ["X"]},
    ),
]


@pytest.mark.parametrize(
    ("value", "expected"), [row[1:] for row in OTHERS], ids=[row[0] for row in OTHERS]
)
def test_a_value_becomes_data(recorder: Recorder, value: Any, expected: Any) -> None:
    assert kept(recorder, value) == expected


# -- what must not go wrong -----------------------------------------------------------------------


class Hostile:
    """An object that hates to be looked at."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("no attributes")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no equality")

    def __bool__(self) -> bool:
        raise RuntimeError("no truth")

    __hash__ = None  # type: ignore[assignment]


def test_hostile_objects_spoil_nothing(recorder: Recorder) -> None:
    given = {"q": "hi", "odd": Hostile(), "input": Hostile()}

    RunnableLambda(lambda given: given).invoke(
        given, config(recorder, metadata={"odd": Hostile(), "fine": 1})
    )

    span = only(recorder)
    assert span.input["q"] == span.output["q"] == "hi"
    assert span.attributes["metadata"]["fine"] == 1


def test_a_generator_given_to_a_step_is_not_consumed(recorder: Recorder) -> None:
    given = (number for number in range(3))

    step: Any = RunnableLambda(sum)
    assert step.invoke(given, config(recorder)) == 3


def test_values_that_a_step_changes_are_kept_as_they_were(recorder: Recorder) -> None:
    def step(given: dict[str, Any]) -> dict[str, Any]:
        given["list"].append(2)
        return given

    value = {"list": [1]}
    result = RunnableLambda(step).invoke(value, config(recorder))
    result["list"].append(3)

    span = only(recorder)
    assert (span.input, span.output) == ({"list": [1]}, {"list": [1, 2]})


def test_huge_payloads_are_cut_and_say_so(recorder: Recorder) -> None:
    given = {"text": "x" * 3_000_000, "items": list(range(200_000)), "q": "hi"}

    RunnableLambda(lambda given: None).invoke(given, config(recorder))

    span = only(recorder)
    assert span.input["q"] == "hi"
    assert span.input["text"]["size"] == 3_000_000
    assert span.input["items"][-1]["$"] == "more"


# -- secrets --------------------------------------------------------------------------------------

SECRET = "sk-verysecret1234567890abcdef"


class Plain(FakeListChatModel):
    """A model that shows its key to whoever prints it."""

    api_key: str = SECRET
    hidden: SecretStr = SecretStr(SECRET)


class KeyError401(Exception):
    """An error that repeats the key."""


def leak_serialized(recorder: Recorder) -> None:
    Plain(responses=["x"]).invoke("hi", config(recorder))


def leak_headers(recorder: Recorder) -> None:
    model = ChatOpenAI(
        model="m",
        api_key=SecretStr(SECRET),
        base_url=f"http://user:{SECRET}@localhost:9/v1?key={SECRET}",
        default_headers={"authorization": f"Bearer {SECRET}"},
        max_retries=0,
    )
    with pytest.raises(Exception, match="Connection error"):
        (RunnableLambda(lambda x: x) | model).invoke("hi", config(recorder))


def leak_bound(recorder: Recorder) -> None:
    Fake().bind(api_key=SECRET, extra_headers={"x-api-key": SECRET}).invoke("hi", config(recorder))


def leak_metadata(recorder: Recorder) -> None:
    metadata = {"api_key": SECRET, "nested": {"authorization": SECRET}}
    chain().invoke({"q": "hi", "password": SECRET}, config(recorder, metadata=metadata))


def leak_error(recorder: Recorder) -> None:
    error = KeyError401(f"Incorrect API key provided: {SECRET}")
    with pytest.raises(KeyError401):
        Fake(answers=[error]).invoke("hi", config(recorder))


def leak_tool(recorder: Recorder) -> None:
    @tool
    def login(user: str, password: str) -> dict[str, str]:
        """Log in."""
        return {"user": user, "access_token": SECRET}

    login.invoke({"user": "ada", "password": SECRET}, config(recorder))


def leak_secret_str(recorder: Recorder) -> None:
    RunnableLambda(lambda given: given).invoke({"value": SecretStr(SECRET)}, config(recorder))


LEAKS = [
    leak_serialized,
    leak_headers,
    leak_bound,
    leak_metadata,
    leak_error,
    leak_tool,
    leak_secret_str,
]


@pytest.mark.parametrize("leak", LEAKS)
def test_secrets_never_reach_the_disk(recorder: Recorder, tmp_path: Path, leak: Any) -> None:
    leak(recorder)

    found = [(one.row, one.payload, one.trace) for one in recorded(recorder)]
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert found
    assert SECRET not in repr(found)
    assert SECRET.encode() not in written


def test_secrets_never_reach_the_journal(tmp_path: Path) -> None:
    recorder = Recorder(f"sqlite:///{tmp_path / 'spanbook.db'}", ingest=False)

    for leak in LEAKS:
        leak(recorder)

    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"FakeListChatModel" in written or b"Plain" in written
    assert SECRET.encode() not in written
    recorder.journal.close()


def test_token_counts_are_no_secrets(recorder: Recorder) -> None:
    given = {"max_tokens": 20, "token_usage": {"prompt_tokens": 3}, "input_tokens": 4}

    assert kept(recorder, given) == given


def test_prompts_stay_as_they_are(recorder: Recorder) -> None:
    chain().invoke({"q": "my password: hunter2"}, config(recorder))

    [llm] = recorded(recorder, kind="llm")
    assert llm.input["messages"][1]["content"] == "my password: hunter2"
