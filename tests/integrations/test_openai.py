"""A wrapped OpenAI client: what is recorded of each call, and what stays as it was."""

import base64
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import openai
import pydantic
import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, OpenAI
from openai.resources.responses import Responses

import spanbook
import spanbook_openai
from spanbook.gate.media import Media
from spanbook.reading.book import Book
from spanbook.recording.recorder import Recorder
from spanbook.usage import Usage
from spanbook_openai import unwrap, wrap_openai
from tests.integrations.contract import IntegrationContract
from tests.integrations.openai_clients import HELLO, NEW, Raising, aclient, client, http
from tests.integrations.openai_server import (
    USAGE,
    OpenAIServer,
    Reply,
    answer,
    chunks,
    completion,
    embeddings,
    failure,
    response,
    stream,
)
from tests.integrations.recordings import only, recorded
from tests.outlines import outline

PNG = b"\x89PNG\r\n\x1a\n" + bytes(80)
MP3 = b"ID3" + bytes(80)


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as server:
        yield server


@pytest.mark.skipif(not NEW, reason="older clients put an error of their own over any other")
class TestOpenAI(IntegrationContract):
    shape = "step ask\n  llm chat.completions"
    broken = "step ask !{error}\n  llm chat.completions !{error}"
    alone = False  # without the span around it

    def call(self, recorder: Recorder, value: Any = "hi") -> Any:
        with OpenAIServer() as server, client(server) as wrapped:
            if self.alone:
                return _answer(wrap_openai(wrapped, recorder=recorder))
            return _ask(recorder, wrap_openai(wrapped, recorder=recorder), value)

    async def acall(self, recorder: Recorder, value: Any = "hi") -> Any:
        with OpenAIServer() as server:
            async with aclient(server) as wrapped:
                return await _aask(recorder, wrap_openai(wrapped, recorder=recorder), value)

    def fail(self, recorder: Recorder, error: BaseException) -> None:
        with http.Client(transport=Raising(error)) as connection:
            raising = OpenAI(api_key="k", http_client=connection, max_retries=0)
            _ask(recorder, wrap_openai(raising, recorder=recorder), "hi")

    async def afail(self, recorder: Recorder, error: BaseException) -> None:
        async with http.AsyncClient(transport=Raising(error)) as connection:
            raising = AsyncOpenAI(api_key="k", http_client=connection, max_retries=0)
            await _aask(recorder, wrap_openai(raising, recorder=recorder), "hi")

    @pytest.mark.parametrize("kind", [ValueError, KeyError])
    def test_errors_pass_unchanged(self, recorder: Recorder, kind: type[Exception]) -> None:
        super().test_errors_pass_unchanged(recorder, kind)

    @pytest.mark.parametrize("method", ["start", "finish", "find", "current"])
    def test_our_failures_never_reach_the_program(
        self,
        recorder: Recorder,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        method: str,
    ) -> None:
        self.alone = True  # the span by hand relies on a recorder that does not raise
        super().test_our_failures_never_reach_the_program(recorder, monkeypatch, caplog, method)


def _ask(recorder: Recorder, wrapped: Any, value: Any) -> Any:
    with spanbook.span("ask", input=value, recorder=recorder):
        return _answer(wrapped)


def _answer(wrapped: Any) -> Any:
    answer = wrapped.chat.completions.create(model="m", messages=HELLO)
    return answer.choices[0].message.content


async def _aask(recorder: Recorder, wrapped: Any, value: Any) -> Any:
    with spanbook.span("ask", input=value, recorder=recorder):
        answer = await wrapped.chat.completions.create(model="m", messages=HELLO)
        return answer.choices[0].message.content


# -- what stays as it was ------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [OpenAI, AsyncOpenAI, AzureOpenAI, AsyncAzureOpenAI])
def test_a_wrapped_client_is_the_same_object_of_the_same_type(cls: Any):
    given = {"azure_endpoint": "http://x", "api_version": "1"} if "Azure" in cls.__name__ else {}
    bare = cls(api_key="k", **given)

    wrapped = wrap_openai(bare)

    assert wrapped is bare
    assert isinstance(wrapped, cls)
    assert type(wrapped).__name__ == cls.__name__
    assert type(wrapped).__module__ == cls.__module__
    assert repr(type(wrapped)) == repr(cls)


CALLS: dict[str, tuple[Callable[[Any], Any], Reply]] = {
    "chat": (
        lambda c: c.chat.completions.create(model="m", messages=HELLO, temperature=0.5),
        answer(completion()),
    ),
    "chat stream": (
        lambda c: list(c.chat.completions.create(model="m", messages=HELLO, stream=True)),
        stream(chunks()),
    ),
    "responses": (lambda c: c.responses.create(model="m", input="hi"), answer(response())),
    "embeddings": (
        lambda c: c.embeddings.create(model="m", input=["a", "b"]),
        answer(embeddings()),
    ),
}


@pytest.mark.parametrize(("call", "reply"), CALLS.values(), ids=CALLS)
def test_bytes_on_the_wire_and_results_are_unchanged(
    server: OpenAIServer, recorder: Recorder, call: Callable[[Any], Any], reply: Reply
):
    server.reply(reply)

    with client(server) as bare:
        expected = call(bare)
        result = call(wrap_openai(bare))

    first, second = server.requests
    changing = {"x-stainless-read-timeout", "idempotency-key"}
    assert first.body == second.body
    assert (first.method, first.path) == (second.method, second.path)
    kept = [{k: v for k, v in one.headers.items() if k not in changing} for one in (first, second)]
    assert kept[0] == kept[1]
    assert result == expected
    assert type(result) is type(expected)
    assert len(recorded(recorder)) == 1


def test_wrapping_twice_records_once(server: OpenAIServer, recorder: Recorder):
    with client(server) as bare:
        wrap_openai(wrap_openai(bare)).chat.completions.create(model="m", messages=HELLO)

    assert outline(recorder) == "llm chat.completions"


def test_unwrapping_gives_the_client_back(server: OpenAIServer, recorder: Recorder):
    with client(server) as bare:
        before = dict(vars(bare))
        unwrapped = unwrap(wrap_openai(bare))
        unwrapped.chat.completions.create(model="m", messages=HELLO)

        assert unwrapped is bare
        assert type(unwrapped) is OpenAI
        assert vars(unwrapped).keys() - before.keys() <= {"chat"}
    assert outline(recorder) == ""


def test_unwrapping_a_bare_client_does_nothing():
    bare = OpenAI(api_key="k")

    assert unwrap(bare) is bare


def test_a_resource_taken_before_wrapping_is_recorded(server: OpenAIServer, recorder: Recorder):
    with client(server) as bare:
        create = bare.chat.completions.with_raw_response.create
        wrap_openai(bare)
        create(model="m", messages=HELLO).parse()

    assert outline(recorder) == "llm chat.completions"


@pytest.mark.parametrize("name", ["copy", "with_options"])
def test_copies_are_recorded_alike(server: OpenAIServer, tmp_path: Path, name: str):
    own = Recorder(f"sqlite:///{tmp_path / 'own.db'}")
    with client(server) as bare:
        copied = getattr(wrap_openai(bare, recorder=own), name)(timeout=20, max_retries=5)
        again = copied.with_options(timeout=30)
        again.chat.completions.create(model="m", messages=HELLO)

    assert copied.max_retries == again.max_retries == 5
    assert isinstance(again, OpenAI)
    assert outline(own) == "llm chat.completions"
    own.close()


class Own(OpenAI):
    """A program's own client."""

    def __init__(self, *, tenant: str = "none", **given: Any) -> None:
        super().__init__(**given)
        self.tenant = tenant
        self.sent = 0

    def request(self, *args: Any, **kwargs: Any) -> Any:
        self.sent += 1
        return super().request(*args, **kwargs)


def test_a_programs_own_client_keeps_its_behaviour(server: OpenAIServer, recorder: Recorder):
    with client(server, Own, tenant="t") as own:
        wrap_openai(own).chat.completions.create(model="m", messages=HELLO)

        assert (own.tenant, own.sent) == ("t", 1)
        assert isinstance(own, Own)
        assert isinstance(own.copy(), Own)
    assert outline(recorder) == "llm chat.completions"


def test_what_is_no_client_is_refused():
    with pytest.raises(TypeError, match="Cannot wrap str"):
        wrap_openai("client")


def test_importing_imports_neither_the_client_nor_its_http_library():
    script = "import spanbook_openai, sys; print([m for m in sys.modules if m in NAMES])"
    names = "NAMES = {'openai', 'httpx', 'httpx2', 'tiktoken', 'pydantic'}; "

    output = subprocess.run(
        [sys.executable, "-c", names + script], check=True, capture_output=True, text=True
    ).stdout

    assert output.strip() == "[]"


def test_with_recording_off_a_response_is_not_touched(server: OpenAIServer, tmp_path: Path):
    off = Recorder(f"sqlite:///{tmp_path / 'off.db'}", enabled=False)
    server.reply(stream(chunks()))
    with client(server) as bare:
        wrapped = wrap_openai(bare, recorder=off)
        with wrapped.chat.completions.create(model="m", messages=HELLO, stream=True) as events:
            assert "iter_bytes" not in vars(events.response)


# -- what is recorded ----------------------------------------------------------------------------


def test_a_chat_is_recorded_with_all_that_was_sent_and_answered(
    server: OpenAIServer, recorder: Recorder
):
    calls = [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "b", "type": "custom", "custom": {"name": "g", "input": "x"}},
    ]
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    said = completion(None, message={"tool_calls": calls}, service_tier="flex")
    server.reply(answer(said))
    sent: Any = [{"role": "system", "content": "be brief"}, *HELLO]

    with client(server) as bare:
        wrap_openai(bare).chat.completions.create(
            model="gpt-4.1-mini", messages=sent, tools=[tool], temperature=0.5, user="u"
        )

    span = only(recorder)
    assert span.input == {
        "messages": sent,
        "tools": [{"name": "f", "parameters": {"type": "object"}}],
    }
    assert span.output == {
        "messages": [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "a", "name": "f", "arguments": "{}"},
                    {"id": "b", "name": "g", "arguments": "x"},
                ],
                "finish_reason": "stop",
            }
        ]
    }
    assert span.usage == Usage(input=9, output=5)
    assert span.model == "gpt-4.1-mini-2025-04-14"
    assert span.attributes["request_model"] == "gpt-4.1-mini"
    assert span.attributes["parameters"] == {"temperature": 0.5, "user": "u"}
    assert span.attributes["service_tier"] == "flex"
    assert span.attributes["response_id"] == "chatcmpl-1"
    assert span.attributes["request_id"] == "req_1"
    assert span.attributes["usage_raw"] == USAGE


def test_a_response_is_recorded_as_messages(server: OpenAIServer, recorder: Recorder):
    thought = {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "hm"}]}
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    said = response()
    said["output"] = [{**thought, "encrypted_content": "x" * 40}, *said["output"], call]
    server.reply(answer(said))
    sent: Any = [
        {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        call,
        {"type": "function_call_output", "call_id": "c", "output": "7"},
    ]

    with client(server) as bare:
        wrap_openai(bare).responses.create(
            model="gpt-5-mini", instructions="be brief", input=sent, max_output_tokens=50
        )

    span = only(recorder)
    wanted = [{"id": "c", "name": "f", "arguments": "{}"}]
    assert span.input["messages"] == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "hi"}]},
        {"role": "assistant", "content": None, "tool_calls": wanted},
        {"role": "tool", "tool_call_id": "c", "content": "7"},
    ]
    assert span.output["messages"] == [
        {
            "role": "assistant",
            "content": [
                {"type": "reasoning", "text": "hm", "encrypted": 40},
                {"type": "text", "text": "hello"},
            ],
            "tool_calls": wanted,
            "finish_reason": "completed",
        }
    ]
    assert span.usage == Usage(input=20, output=7, cache_read=16, reasoning=4)
    assert span.attributes["parameters"] == {"max_output_tokens": 50}


class Shape(pydantic.BaseModel):
    """What an answer must look like."""

    sides: int


def test_parsed_answers_are_recorded(server: OpenAIServer, recorder: Recorder):
    server.reply(answer(completion('{"sides": 4}')))

    with client(server) as bare:
        result = wrap_openai(bare).beta.chat.completions.parse(
            model="m", messages=HELLO, response_format=Shape
        )

    assert result.choices[0].message.parsed == Shape(sides=4)
    assert only(recorder).usage == Usage(input=9, output=5)


@pytest.mark.parametrize(
    ("text", "finish", "error"),
    [
        ('{"sides":', "length", openai.LengthFinishReasonError),
        ('{"sides": "many"}', "stop", pydantic.ValidationError),
    ],
)
def test_tokens_of_an_answer_that_cannot_be_parsed_are_kept(
    server: OpenAIServer, recorder: Recorder, text: str, finish: str, error: type[Exception]
):
    said = completion(text)
    said["choices"][0]["finish_reason"] = finish
    server.reply(answer(said))

    with client(server) as bare, pytest.raises(error):
        wrap_openai(bare).beta.chat.completions.parse(
            model="m", messages=HELLO, response_format=Shape
        )

    span = only(recorder)
    assert span.status == "error"
    assert span.usage == Usage(input=9, output=5)
    assert span.output["messages"][0]["content"] == text


def test_embeddings_are_recorded_without_their_vectors(server: OpenAIServer, recorder: Recorder):
    server.reply(answer(embeddings()))

    with client(server) as bare:
        wrap_openai(bare).embeddings.create(model="text-embedding-3-small", input=["a", "b"])

    span = only(recorder, kind="embedding")
    assert span.input == {"count": 2, "texts": ["a", "b"]}
    assert span.output == {"count": 2, "dimension": 3}
    assert span.usage == Usage(input=4)


def test_vectors_are_recorded_when_asked_for(server: OpenAIServer, recorder: Recorder):
    server.reply(answer(embeddings(1)))

    with client(server) as bare:
        wrap_openai(bare, vectors=True).embeddings.create(model="m", input="a")

    assert only(recorder).output["vectors"] == [[0.5, -0.25, 0.125]]


def test_texts_given_as_tokens_are_recorded_by_their_length(
    server: OpenAIServer, recorder: Recorder
):
    server.reply(answer(embeddings()))

    with client(server) as bare:
        wrap_openai(bare).embeddings.create(model="m", input=[[1, 2, 3], [4]])

    assert only(recorder).input == {"count": 2, "tokens": [3, 1]}


IMAGE = {"created": 1, "data": [{"b64_json": base64.b64encode(PNG).decode()}]}
REMOTE = {"created": 1, "data": [{"url": "https://x.example/i.png?se=1&sig=abc"}]}
PICTURE = {
    "type": "image",
    "media": {
        "$": "media",
        "media_type": "image/png",
        "size": len(PNG),
        "hash": Media.of(PNG).hash,
    },
}
TOKENS = {"type": "tokens", "input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
OTHERS: dict[str, tuple[Callable[[Any], Any], Any, str, Any, Any]] = {
    "completions": (
        lambda c: c.completions.create(model="m", prompt="say"),
        {"id": "cmpl", "model": "m", "choices": [{"index": 0, "text": "hey"}], "usage": USAGE},
        "llm completions",
        {"prompt": "say"},
        {"text": "hey"},
    ),
    "images": (
        lambda c: c.images.generate(model="gpt-image-1", prompt="a cat"),
        {**IMAGE, "usage": {"input_tokens": 3, "output_tokens": 9, "total_tokens": 12}},
        "step images.generations",
        {"prompt": "a cat"},
        {"images": [PICTURE]},
    ),
    "images elsewhere": (
        lambda c: c.images.generate(model="dall-e-3", prompt="a cat"),
        REMOTE,
        "step images.generations",
        {"prompt": "a cat"},
        {"images": [{"type": "image", "url": "https://x.example/i.png"}]},
    ),
    "image edits": (
        lambda c: c.images.edit(model="m", prompt="bluer", image=("a.png", PNG)),
        IMAGE,
        "step images.edits",
        {"prompt": "bluer", "image": {"type": "file", "filename": "a.png", "size": len(PNG)}},
        {"images": [PICTURE]},
    ),
    "speech": (
        lambda c: c.audio.speech.create(model="tts-1", voice="alloy", input="hey").content,
        MP3,
        "step audio.speech",
        {"input": "hey"},
        {
            "media": {
                "$": "media",
                "media_type": "audio/mpeg",
                "size": len(MP3),
                "hash": Media.of(MP3).hash,
            }
        },
    ),
    "transcription": (
        lambda c: c.audio.transcriptions.create(model="m", file=("a.wav", b"RIFF")),
        {"text": "hey", "usage": TOKENS},
        "step audio.transcriptions",
        {"file": {"type": "file", "filename": "a.wav", "size": 4}},
        {"text": "hey"},
    ),
    "transcription as text": (
        lambda c: c.audio.transcriptions.create(
            model="m", file=("a.wav", b"RIFF"), response_format="text"
        ),
        "hey",
        "step audio.transcriptions",
        {"file": {"type": "file", "filename": "a.wav", "size": 4}},
        {"text": "hey"},
    ),
    "translation": (
        lambda c: c.audio.translations.create(model="m", file=("a.wav", b"RIFF")),
        {"text": "hey"},
        "step audio.translations",
        {"file": {"type": "file", "filename": "a.wav", "size": 4}},
        {"text": "hey"},
    ),
    "moderation": (
        lambda c: c.moderations.create(model="m", input="hey"),
        {"id": "modr", "model": "m", "results": [{"flagged": True, "categories": {}}]},
        "guardrail moderations",
        {"input": "hey"},
        {"flagged": True, "results": [{"flagged": True, "categories": {}}]},
    ),
    "another path": (
        lambda c: c.post("/decisions/dec_123abc/vote", body={"a": 1}, cast_to=object),
        {"done": True},
        "step decisions.{id}.vote",
        {"a": 1},
        {"done": True},
    ),
    "a path by itself": (
        lambda c: c.post(
            "/chat/completions", body={"model": "m", "messages": HELLO}, cast_to=object
        ),
        completion(),
        "llm chat.completions",
        {"messages": HELLO},
        {"messages": [{"role": "assistant", "content": "hello", "finish_reason": "stop"}]},
    ),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # newer clients would rather not
@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_other_endpoints_are_recorded(
    server: OpenAIServer,
    recorder: Recorder,
    other: tuple[Callable[[Any], Any], Any, str, Any, Any],
):
    call, said, line, given, made = other
    server.reply(answer(said))

    with client(server) as bare:
        call(wrap_openai(bare))

    assert outline(recorder) == line
    span = only(recorder)
    assert span.input == given
    assert span.output == made


def test_media_are_kept_once(server: OpenAIServer, recorder: Recorder, book: Book):
    url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    parts = [
        {"type": "text", "text": "what is it?"},
        {"type": "image_url", "image_url": {"url": url, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://x.example/i.png"}},
    ]
    sent: Any = [{"role": "user", "content": parts}]

    with client(server) as bare:
        wrap_openai(bare).chat.completions.create(model="m", messages=sent)

    span = only(recorder)
    text, shown, remote = span.input["messages"][0]["content"]
    assert text == parts[0]
    assert shown == {**PICTURE, "detail": "low"}
    assert remote == {"type": "image", "url": "https://x.example/i.png"}
    blob = book.blob(shown["media"]["hash"])
    assert blob is not None
    assert blob.content == PNG


def test_places_where_things_are_kept_are_not_recorded(server: OpenAIServer, recorder: Recorder):
    server.reply(answer({"object": "list", "data": []}))

    with client(server) as bare:
        wrapped = wrap_openai(bare)
        wrapped.models.list()
        wrapped.files.list()
        wrapped.post("/vector_stores", body={"name": "x"}, cast_to=object)

    assert outline(recorder) == ""


def test_azure_is_recorded_with_its_deployment(server: OpenAIServer, recorder: Recorder):
    azure = AzureOpenAI(api_key="k", api_version="1", azure_endpoint=server.root)

    with azure:
        wrap_openai(azure).chat.completions.create(model="my-deployment", messages=HELLO)

    span = only(recorder)
    assert server.requests[0].path.startswith("/openai/deployments/my-deployment/")
    assert span.provider == "azure"
    assert span.model == "gpt-4.1-mini-2025-04-14"
    assert span.attributes["deployment"] == "my-deployment"


def test_what_was_sent_is_recorded_as_it_was_then(server: OpenAIServer, recorder: Recorder):
    sent: Any = [dict(HELLO[0])]
    schema = {"type": "object"}
    tool: Any = {"type": "function", "function": {"name": "f", "parameters": schema}}

    with client(server) as bare:
        wrap_openai(bare).chat.completions.create(
            model="m", messages=sent, tools=[tool], extra_body={"model": "other", "mood": "calm"}
        )
    sent[0]["content"] = "changed"
    schema["type"] = "changed"

    span = only(recorder)
    assert span.input["messages"] == HELLO
    assert span.input["tools"][0]["parameters"] == {"type": "object"}
    assert span.attributes["parameters"] == {"mood": "calm"}
    assert span.attributes["request_model"] == "other"


def test_a_file_is_neither_read_nor_moved(server: OpenAIServer, recorder: Recorder):
    server.reply(answer({"text": "hey"}))
    file = io.BytesIO(b"RIFF....")
    file.name = "a.wav"

    with client(server) as bare:
        wrap_openai(bare).audio.transcriptions.create(model="m", file=file)

    assert b"RIFF...." in server.requests[0].body
    assert only(recorder).input == {"file": {"type": "file", "filename": "a.wav"}}


def test_keys_and_headers_are_never_written(
    server: OpenAIServer, recorder: Recorder, tmp_path: Path
):
    server.reply(failure(401, "Incorrect API key provided: sk-secret-1234567890."))

    with client(server) as bare, suppress(openai.AuthenticationError):
        wrap_openai(bare).chat.completions.create(
            model="m", messages=HELLO, extra_headers={"Authorization": "Bearer hidden-word"}
        )

    assert only(recorder).attributes["http_status"] == 401
    recorder.close()
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"hidden-word" not in written
    assert b"sk-secret-1234567890" not in written


# -- errors --------------------------------------------------------------------------------------


def test_an_error_keeps_status_request_id_code_and_limits(server: OpenAIServer, recorder: Recorder):
    server.reply(failure(429, x_ratelimit_remaining_requests="0", x_should_retry="false"))

    with client(server) as bare, pytest.raises(openai.RateLimitError):
        wrap_openai(bare).chat.completions.create(model="m", messages=HELLO)

    span = only(recorder)
    assert span.status == "error"
    assert span.error.type == "openai.RateLimitError"
    assert span.usage is None
    told = {key: span.attributes[key] for key in ("http_status", "request_id", "error_code")}
    assert told == {"http_status": 429, "request_id": "req_1", "error_code": "some_code"}
    assert span.attributes["limits"] == {"x-ratelimit-remaining-requests": "0"}


def test_retries_are_one_span_that_counts_them(server: OpenAIServer, recorder: Recorder):
    again = failure(429, retry_after_ms="1")
    server.reply(again, again, answer(completion()))

    with client(server) as bare:
        wrap_openai(bare).chat.completions.create(model="m", messages=HELLO)

    span = only(recorder)
    assert len(server.requests) == 3
    assert span.status == "ok"
    assert span.attributes["retries"] == 2


def test_retries_that_were_in_vain_are_counted_too(server: OpenAIServer, recorder: Recorder):
    server.reply(failure(500, retry_after_ms="1"))

    with client(server, max_retries=1) as bare, pytest.raises(openai.InternalServerError):
        wrap_openai(bare).chat.completions.create(model="m", messages=HELLO)

    span = only(recorder)
    assert span.status == "error"
    assert span.attributes["retries"] == 1


def test_a_timeout_has_no_usage(server: OpenAIServer, recorder: Recorder):
    late = server.reply(Reply(200, {"content-type": "application/json"}, [b"{", b"}"], waits_at=1))

    with (
        client(server, timeout=0.05, max_retries=0) as bare,
        pytest.raises(openai.APITimeoutError),
    ):
        wrap_openai(bare).chat.completions.create(model="m", messages=HELLO)
    late.go.set()

    span = only(recorder)
    assert span.error.type == "openai.APITimeoutError"
    assert span.usage is None


def test_text_in_place_of_an_answer_is_kept(server: OpenAIServer, recorder: Recorder):
    server.reply(answer("<html>a proxy's page</html>"))

    with client(server) as bare:
        result: Any = wrap_openai(bare).chat.completions.create(model="m", messages=HELLO)

    assert result == "<html>a proxy's page</html>"
    assert only(recorder).output == {"text": result}


def test_an_error_with_status_200_is_an_error(server: OpenAIServer, recorder: Recorder):
    server.reply(answer({"error": {"message": "filtered", "code": "content_filter"}}))

    with client(server) as bare:
        wrap_openai(bare).chat.completions.create(model="m", messages=HELLO)

    span = only(recorder)
    assert span.status == "error"
    assert span.error.message == "filtered"
    assert span.output["error"]["code"] == "content_filter"


def test_a_response_that_failed_is_an_error(server: OpenAIServer, recorder: Recorder):
    error = {"code": "server_error", "message": "broken"}
    server.reply(answer(response(status="failed", error=error, output=[])))

    with client(server) as bare:
        wrap_openai(bare).responses.create(model="m", input="hi")

    span = only(recorder)
    assert span.status == "error"
    assert span.error.message == "broken"
    assert span.usage == Usage(input=20, output=7, cache_read=16, reasoning=4)


# -- responses made in the background ------------------------------------------------------------

from_2025 = pytest.mark.skipif(
    not hasattr(Responses, "cancel"), reason="this client has no background"
)


@from_2025
def test_a_response_made_in_the_background_is_one_span(server: OpenAIServer, recorder: Recorder):
    queued = answer(response(id="resp_bg", status="queued", output=[], usage=None, background=True))
    working = answer(response(id="resp_bg", status="in_progress", output=[], usage=None))
    server.reply(queued, working, answer(response(id="resp_bg", background=True)))

    with client(server) as bare:
        wrapped = wrap_openai(bare)
        wrapped.responses.create(model="m", input="hi", background=True)
        for _ in range(4):
            wrapped.responses.retrieve("resp_bg")

    span = only(recorder)
    assert span.status == "ok"
    assert span.usage == Usage(input=20, output=7, cache_read=16, reasoning=4)
    assert span.output["messages"][0]["content"] == "hello"


def test_a_response_that_is_looked_up_is_not_counted_again(
    server: OpenAIServer, recorder: Recorder
):
    server.reply(answer(response()))

    with client(server) as bare:
        wrapped = wrap_openai(bare)
        wrapped.responses.create(model="m", input="hi")
        wrapped.responses.retrieve("resp_1")

    assert outline(recorder) == "llm responses"


@from_2025
def test_a_response_that_was_cancelled_says_so(server: OpenAIServer, recorder: Recorder):
    queued = response(id="resp_c", status="queued", output=[], usage=None)
    server.reply(answer(queued), answer({**queued, "status": "cancelled"}))

    with client(server) as bare:
        wrapped = wrap_openai(bare)
        wrapped.responses.create(model="m", input="hi", background=True)
        wrapped.responses.cancel("resp_c")

    assert only(recorder).status == "cancelled"


# -- the whole process ---------------------------------------------------------------------------


@pytest.fixture
def installed(recorder: Recorder) -> Iterator[None]:
    spanbook_openai.install()
    yield
    spanbook_openai.uninstall()


def test_every_client_made_after_installing_is_recorded(
    server: OpenAIServer, recorder: Recorder, installed: None
):
    for made in (client(server), client(server, Own, tenant="t")):
        with made:
            made.with_options(timeout=9).chat.completions.create(model="m", messages=HELLO)
    with AzureOpenAI(api_key="k", api_version="1", azure_endpoint=server.root) as azure:
        azure.chat.completions.create(model="m", messages=HELLO)

    assert outline(recorder).splitlines() == ["llm chat.completions"] * 3


def test_uninstalling_leaves_no_trace(server: OpenAIServer, recorder: Recorder):
    before = {cls: vars(cls)["__init__"] for cls in (OpenAI, AsyncOpenAI)}

    spanbook_openai.install()
    spanbook_openai.install()
    found = client(server)
    spanbook_openai.uninstall()
    with found, client(server) as later:
        found.chat.completions.create(model="m", messages=HELLO)
        later.chat.completions.create(model="m", messages=HELLO)

    assert {cls: vars(cls)["__init__"] for cls in (OpenAI, AsyncOpenAI)} == before
    assert outline(recorder) == ""


def test_a_client_wrapped_by_hand_keeps_its_own_settings(
    server: OpenAIServer, recorder: Recorder, installed: None, tmp_path: Path
):
    own = Recorder(f"sqlite:///{tmp_path / 'own.db'}")

    with client(server) as bare:
        wrap_openai(bare, recorder=own).chat.completions.create(model="m", messages=HELLO)

    assert outline(recorder) == ""
    assert outline(own) == "llm chat.completions"
    own.close()


def test_a_variable_switches_it_on(server: OpenAIServer, tmp_path: Path):
    script = f"""
import spanbook, spanbook_openai, openai
client = openai.OpenAI(api_key="k", base_url={server.url!r})
client.chat.completions.create(model="m", messages={json.dumps(HELLO)})
print(spanbook.flush(10).written)
"""

    done = subprocess.run(
        [sys.executable, "-c", script],
        env={
            **os.environ,
            "SPANBOOK_OPENAI": "1",
            "SPANBOOK_URL": str(tmp_path / "a.db"),
        },
        check=True,
        capture_output=True,
        text=True,
    )

    assert done.stdout.strip() == "1"
