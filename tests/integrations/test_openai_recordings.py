"""Recorded traffic of many providers, replayed to a wrapped client: every reported token counts."""

import importlib.util
import inspect
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import openai
import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI, AsyncStream, AzureOpenAI, OpenAI, Stream

import spanbook
from spanbook.recording.recorder import Recorder
from spanbook_openai import wrap_openai
from tests.integrations.recordings import Recorded, recorded
from tests.traffic import FOLDER, MISSING

pytestmark = [
    pytest.mark.skipif(not (FOLDER / "replay.py").exists(), reason=MISSING),
    # Servers of recordings that break off leave sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

METHODS = {
    "chat": "chat.completions.create",
    "completion": "completions.create",
    "responses": "responses.create",
    "embedding": "embeddings.create",
    "image": "images.generate",
    "moderation": "moderations.create",
    "speech": "audio.speech.create",
}
MODES = ("plain", "raw", "streamed", "copied")


@pytest.fixture(scope="module")
def replay() -> Iterator[Any]:
    spec = importlib.util.spec_from_file_location("replay", FOLDER / "replay.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.ReplayServer() as server:
        yield server


def client_for(replay: Any, id: str, http: Any) -> Any:
    """Return a new client of the kind that the recording was made with, on a shared connection."""
    is_async = isinstance(http, openai.DefaultAsyncHttpxClient)
    given = {"api_key": "k", "max_retries": 0, "http_client": http}
    if "-azure-" in id:
        azure: Any = AsyncAzureOpenAI if is_async else AzureOpenAI
        return azure(api_version="1", azure_endpoint=replay.root(id), **given)
    cls: Any = AsyncOpenAI if is_async else OpenAI
    return cls(base_url=replay.url(id), **given)


def call_of(client: Any, recording: dict[str, Any], mode: str) -> Callable[[], Any]:
    """Return the call that was recorded, as the program would make it through `client`."""
    request = recording["request"]
    body, path = request["body"], request["path"]
    streams = bool(recording["stream"])
    if mode == "copied":
        client = client.with_options(timeout=20)
    if isinstance(body, dict) and "__multipart__" in body:
        return lambda: client.audio.transcriptions.create(
            model=body["__multipart__"]["model"], file=("audio.wav", b"RIFF0000WAVE")
        )
    name = METHODS.get(recording["kind"], "")
    if not name or not isinstance(body, dict) or path.startswith("/prompts"):
        return _posted(client, request["method"].lower(), path, body, streams)
    owner = client
    for part in name.split(".")[:-1]:
        owner = getattr(owner, part)
    if mode in ("raw", "streamed"):
        view = "with_raw_response" if mode == "raw" else "with_streaming_response"
        create = getattr(getattr(owner, view), name.rpartition(".")[2])
    else:
        create = getattr(owner, name.rpartition(".")[2])
    signature = inspect.signature(getattr(owner, name.rpartition(".")[2]))
    known = {key: value for key, value in body.items() if key in signature.parameters}
    given = {key: value for key, value in body.items() if key not in known}
    extra = {"extra_body": given} if given else {}
    needed = [
        key
        for key in ("model", "messages", "input", "prompt")
        if key in signature.parameters
        and signature.parameters[key].default is inspect.Parameter.empty
        and key not in known
    ]
    if needed:
        return _posted(client, "post", path, body, streams)
    return lambda: create(**known, **extra)


def _posted(client: Any, verb: str, path: str, body: Any, streams: bool) -> Callable[[], Any]:
    kind: Any = Stream if isinstance(client, OpenAI) else AsyncStream
    how = {"stream": True, "stream_cls": kind[object]} if streams else {}
    given = {} if verb == "get" else {"body": body}
    return lambda: getattr(client, verb)(path, cast_to=object, **given, **how)


def consume(result: Any) -> None:
    """Read all that a call returned."""
    if hasattr(result, "__enter__") and hasattr(result, "_request_func"):
        with result as response:
            response.read()
        return
    if hasattr(result, "http_response"):
        result = result.parse()
    if isinstance(result, Stream):
        for _ in result:
            pass


async def aconsume(result: Any) -> None:
    if hasattr(result, "__aenter__") and hasattr(result, "_api_request"):
        async with result as response:
            await response.read()
        return
    result = await result
    if hasattr(result, "http_response"):
        result = result.parse()
    if isinstance(result, AsyncStream):
        async for _ in result:
            pass


FAILURES = (openai.OpenAIError, ValueError, TypeError, AttributeError, KeyError)


def reported(recording: dict[str, Any]) -> Any:
    """Return input and output tokens as the recording reports them last, found independently."""
    answer = recording["response"]
    datas = [answer.get("json")]
    for line in answer.get("sse", []):
        if line.startswith("data:"):
            with suppress(ValueError):
                datas.append(json.loads(line[5:]))
    found: dict[str, Any] = {}
    for data in datas:
        if not isinstance(data, dict):
            continue
        for held in (data, data.get("response"), data.get("x_groq"), data.get("data")):
            if isinstance(held, dict) and isinstance(held.get("usage"), dict):
                found = held["usage"]
    if not found or answer["status"] >= 400:
        return None
    given: Any = found.get("prompt_tokens", found.get("input_tokens", 0))
    made: Any = found.get("completion_tokens", found.get("output_tokens"))
    if not found.keys() & {"prompt_tokens", "input_tokens", "completion_tokens"}:
        return None
    return given, found.get("total_tokens", given) - given if made is None else made


def expected(replay: Any) -> dict[str, tuple[int, int] | None]:
    """Return the usage of each recording; a look at a run that began elsewhere is no call."""
    return {
        id: reported(recording)
        for id, recording in replay.cassettes.items()
        if recording["request"]["method"] == "POST"
    }


def usage_by_recording(recorder: Recorder) -> dict[str, tuple[int, int] | None]:
    spans: list[Recorded] = recorded(recorder)
    assert len({one.trace_id for one in spans}) == len(spans)
    assert {one.status for one in spans} <= {"ok", "error", "incomplete"}
    return {
        one.trace.name: (one.usage.input, one.usage.output)
        if one.usage is not None and not one.usage.estimated
        else None
        for one in spans
    }


def seen(replay: Any) -> list[Any]:
    """Return what the server was asked, without what differs from call to call anyway."""
    kept = [{key: one[key] for key in ("method", "path", "query", "body")} for one in replay.log]
    ignored = {"x-stainless-read-timeout", "idempotency-key", "content-type", "content-length"}
    for one, entry in zip(kept, replay.log, strict=True):
        headers = entry["headers"]
        one["headers"] = {key: value for key, value in headers.items() if key not in ignored}
    return kept


@pytest.mark.parametrize("mode", MODES)
def test_reported_usage_is_exact_and_requests_are_unchanged(
    replay: Any, recorder: Recorder, mode: str
):
    logs: list[Any] = []
    with openai.DefaultHttpxClient() as http:
        for wrap in (wrap_openai, lambda client: client):
            replay.clear()
            for id, recording in replay.cassettes.items():
                call = call_of(wrap(client_for(replay, id, http)), recording, mode)
                with spanbook.context(name=id), suppress(*FAILURES):
                    consume(call())
            logs.append(seen(replay))

    assert usage_by_recording(recorder) == expected(replay)
    assert logs[0] == logs[1]


@pytest.mark.parametrize("mode", MODES)
async def test_reported_usage_is_exact_in_async_code(replay: Any, recorder: Recorder, mode: str):
    logs: list[Any] = []
    async with openai.DefaultAsyncHttpxClient() as http:
        for wrap in (wrap_openai, lambda client: client):
            replay.clear()
            for id, recording in replay.cassettes.items():
                call = call_of(wrap(client_for(replay, id, http)), recording, mode)
                with spanbook.context(name=id), suppress(*FAILURES):
                    await aconsume(call())
            logs.append(seen(replay))

    assert usage_by_recording(recorder) == expected(replay)
    assert logs[0] == logs[1]
