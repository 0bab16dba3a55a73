"""Streams of a wrapped client: each ends its span once, however the program leaves it."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any

import openai
import pytest
from openai import AsyncStream, OpenAI, Stream

from spanbook.recording.recorder import Recorder
from spanbook.usage import Usage
from spanbook_openai import wrap_openai
from tests.integrations.openai_clients import (
    HELLO,
    Elsewhere,
    aclient,
    atexts,
    client,
    http,
    texts,
)
from tests.integrations.openai_server import (
    USAGE,
    OpenAIServer,
    Reply,
    answer,
    chunk,
    chunks,
    completion,
    response_events,
    stream,
)
from tests.integrations.recordings import Recorded, only, recorded

# A response that nobody closed is the point of some tests.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"
)
WORDS = "one two three four five six"


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as server:
        yield server
    gc.collect()  # older clients leave sockets, and a warning about each, to whoever collects


@pytest.fixture
def wrapped(server: OpenAIServer, recorder: Recorder) -> Iterator[Any]:
    with client(server, max_retries=0) as bare:
        yield wrap_openai(bare)


@pytest.fixture
async def awrapped(server: OpenAIServer, recorder: Recorder) -> AsyncIterator[Any]:
    async with aclient(server, max_retries=0) as bare:
        yield wrap_openai(bare)


def start(wrapped: Any, **given: Any) -> Any:
    return wrapped.chat.completions.create(model="m", messages=HELLO, stream=True, **given)


def reported(span: Recorded) -> Usage | None:
    """Return the usage that the provider reported; an estimate is none."""
    return None if span.usage is None or span.usage.estimated else span.usage


def said(span: Recorded) -> Any:
    return span.output["messages"][0]["content"]


# -- read to the end -----------------------------------------------------------------------------


def test_a_stream_is_recorded_when_it_ends(server: OpenAIServer, wrapped: Any, recorder: Recorder):
    server.reply(stream(chunks(WORDS)))

    events = start(wrapped)

    assert type(events) is Stream
    assert texts(events) == WORDS
    span = only(recorder)
    assert span.status == "ok"
    assert said(span) == WORDS
    assert span.usage == Usage(input=9, output=5)
    assert span.attributes["finish_reason"] == "stop"
    assert span.attributes["chunks"] == 6
    assert span.first_token is not None
    assert "stream_end" not in span.attributes


async def test_an_async_stream_is_recorded_when_it_ends(
    server: OpenAIServer, awrapped: Any, recorder: Recorder
):
    server.reply(stream(chunks(WORDS)))

    events = await start(awrapped)

    assert type(events) is AsyncStream
    assert await atexts(events) == WORDS
    span = only(recorder)
    assert (span.status, said(span)) == ("ok", WORDS)
    assert span.usage == Usage(input=9, output=5)
    assert span.first_token is not None


WAYS: dict[str, dict[str, Any]] = {
    "line ends of another kind": {"line_end": "\r\n"},
    "cut into bytes": {"size": 1},
    "cut into a few bytes": {"size": 7},
    "zipped": {"zipped": True},
    "comments between": {"comments": True},
    "no announced end": {"done": False},
}


@pytest.mark.parametrize("how", WAYS.values(), ids=WAYS)
def test_a_stream_is_read_however_it_is_sent(
    server: OpenAIServer, wrapped: Any, recorder: Recorder, how: dict[str, Any]
):
    server.reply(stream(chunks("één twee"), **how))

    assert texts(start(wrapped)) == "één twee"

    span = only(recorder)
    assert (span.status, said(span)) == ("ok", "één twee")
    assert span.usage == Usage(input=9, output=5)


def test_usage_is_kept_when_a_later_event_has_none(
    server: OpenAIServer, wrapped: Any, recorder: Recorder
):
    events = [
        *chunks("hey", usage=None),
        chunk(choices=[], usage=USAGE),
        chunk(choices=[], usage=None),
    ]
    server.reply(stream(events))

    texts(start(wrapped))

    assert only(recorder).usage == Usage(input=9, output=5)


def test_a_stream_without_usage_has_none(server: OpenAIServer, wrapped: Any, recorder: Recorder):
    server.reply(stream(chunks("hey", usage=None)))

    texts(start(wrapped))

    span = only(recorder)
    assert reported(span) is None
    assert "usage_raw" not in span.attributes


def test_several_candidates_are_several_messages(
    server: OpenAIServer, wrapped: Any, recorder: Recorder
):
    events = [chunk({"content": f"{n}"}, index=n) for n in (1, 0)]
    server.reply(stream([*events, chunk(finish="stop", index=0), chunk(finish="stop", index=1)]))

    texts(start(wrapped, n=2))

    assert [one["content"] for one in only(recorder).output["messages"]] == ["0", "1"]


def test_a_stream_of_the_responses_api_is_recorded(
    server: OpenAIServer, wrapped: Any, recorder: Recorder
):
    server.reply(stream(response_events("hello world"), done=False))

    kinds = [event.type for event in wrapped.responses.create(model="m", input="hi", stream=True)]

    assert kinds[-1] == "response.completed"
    span = only(recorder, name="responses")
    assert (span.status, said(span)) == ("ok", "hello world")
    assert span.usage == Usage(input=20, output=7, cache_read=16, reasoning=4)
    assert span.first_token is not None


def test_the_helper_of_the_client_is_one_span(
    server: OpenAIServer, wrapped: Any, recorder: Recorder
):
    server.reply(stream(chunks(WORDS)))

    with wrapped.beta.chat.completions.stream(model="m", messages=HELLO) as events:
        for _ in events:
            pass
        assert events.get_final_completion().choices[0].message.content == WORDS

    span = only(recorder)
    assert (span.status, said(span)) == ("ok", WORDS)


def test_a_helper_that_is_never_entered_sends_and_records_nothing(
    server: OpenAIServer, wrapped: Any, recorder: Recorder
):
    wrapped.beta.chat.completions.stream(model="m", messages=HELLO)

    assert server.requests == []
    assert recorded(recorder) == []


def test_a_raw_response_that_streams_is_recorded(
    server: OpenAIServer, wrapped: Any, recorder: Recorder
):
    server.reply(stream(chunks(WORDS)))

    raw = wrapped.chat.completions.with_raw_response.create(model="m", messages=HELLO, stream=True)

    assert raw.headers["x-request-id"] == "req_1"
    assert texts(raw.parse()) == WORDS
    assert said(only(recorder)) == WORDS


def _lines(response: Any) -> Any:
    return list(response.iter_lines())


READERS: dict[str, Callable[[Any], Any]] = {
    "read": lambda response: response.read(),
    "lines": _lines,
    "parse": lambda response: response.parse(),
    "json": lambda response: response.json(),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_body_that_the_program_reads_itself_is_recorded(
    server: OpenAIServer, wrapped: Any, recorder: Recorder, read: Callable[[Any], Any]
):
    server.reply(answer(completion("hey"), zipped=True))

    with wrapped.chat.completions.with_streaming_response.create(
        model="m", messages=HELLO
    ) as response:
        read(response)

    span = only(recorder)
    assert (span.status, said(span)) == ("ok", "hey")
    assert span.usage == Usage(input=9, output=5)


def test_sound_that_is_streamed_is_kept(server: OpenAIServer, wrapped: Any, recorder: Recorder):
    server.reply(Reply(200, {"content-type": "audio/mpeg"}, [b"ID3", bytes(40), bytes(40)]))

    with wrapped.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input="hey"
    ) as response:
        size = sum(len(piece) for piece in response.iter_bytes())

    media = only(recorder).output["media"]
    assert (media["media_type"], media["size"], size) == ("audio/mpeg", 83, 83)


# -- left early ----------------------------------------------------------------------------------


def _break(events: Any) -> None:
    for _ in events:
        break


def _close(events: Any) -> None:
    next(events)
    events.close()
    with suppress(StopIteration, openai.APIError, http.HTTPError, http.StreamError):
        next(events)


def _leave(events: Any) -> None:
    with events:
        next(events)


def _fail_inside(events: Any) -> None:
    with suppress(KeyError), events:
        next(events)
        raise KeyError("the program's own")


def _never(events: Any) -> None:
    pass


LEAVING = [_break, _close, _leave, _fail_inside, _never]


@pytest.mark.parametrize("leave", LEAVING)
def test_a_stream_that_is_left_ends_once_with_what_it_said(
    server: OpenAIServer, wrapped: Any, recorder: Recorder, leave: Callable[[Any], None]
):
    waiting = server.reply(stream(chunks(WORDS), waits_at=3))

    events = start(wrapped)
    leave(events)
    del events
    gc.collect()
    waiting.go.set()

    span = only(recorder)
    assert (span.status, span.attributes["stream_end"]) == ("cancelled", "closed")
    assert span.error is None
    assert reported(span) is None
    assert leave is _never or said(span) in ("", "one", "one two")


async def _abreak(events: Any) -> None:
    async for _ in events:
        break


async def _aclose(events: Any) -> None:
    await anext(events)
    await events.close()


async def _aleave(events: Any) -> None:
    async with events:
        await anext(events)


async def _anever(events: Any) -> None:
    pass


@pytest.mark.parametrize("leave", [_abreak, _aclose, _aleave, _anever])
async def test_an_async_stream_that_is_left_ends_once_with_what_it_said(
    server: OpenAIServer, awrapped: Any, recorder: Recorder, leave: Any
):
    waiting = server.reply(stream(chunks(WORDS), waits_at=3))

    events = await start(awrapped)
    await leave(events)
    del events
    for _ in range(10):  # each round frees what the one before let go
        gc.collect()
        await asyncio.sleep(0)
    waiting.go.set()

    span = only(recorder)
    assert (span.status, span.attributes["stream_end"]) == ("cancelled", "closed")


def test_leaving_after_the_last_word_is_no_loss(
    server: OpenAIServer, wrapped: Any, recorder: Recorder
):
    server.reply(stream(chunks("hey", usage=None), done=False))

    with start(wrapped) as events:
        for event in events:
            if event.choices[0].finish_reason:
                break

    span = only(recorder)
    assert (span.status, said(span)) == ("ok", "hey")


def test_a_helper_that_is_left_ends_its_span(
    server: OpenAIServer, wrapped: Any, recorder: Recorder
):
    waiting = server.reply(stream(chunks(WORDS), waits_at=4))

    with wrapped.beta.chat.completions.stream(model="m", messages=HELLO) as events:
        next(iter(events))
    waiting.go.set()

    assert only(recorder).status == "cancelled"


async def test_a_cancelled_stream_is_cancelled(
    server: OpenAIServer, awrapped: Any, recorder: Recorder
):
    waiting = server.reply(stream(chunks(WORDS), waits_at=3))
    begun = asyncio.Event()

    async def read() -> None:
        async for _ in await start(awrapped):
            begun.set()

    task = asyncio.create_task(read())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    waiting.go.set()

    span = only(recorder)
    assert span.status == "cancelled"
    assert reported(span) is None


async def test_a_call_cancelled_before_its_answer_is_cancelled(
    server: OpenAIServer, awrapped: Any, recorder: Recorder
):
    late = server.reply(Reply(200, {"content-type": "application/json"}, [b"{", b"}"], waits_at=1))
    call = asyncio.create_task(awrapped.chat.completions.create(model="m", messages=HELLO))
    await asyncio.to_thread(server.asked.wait)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    late.go.set()

    assert only(recorder).status == "cancelled"


# -- broken --------------------------------------------------------------------------------------


def test_a_connection_that_is_cut_is_an_error(
    server: OpenAIServer, wrapped: Any, recorder: Recorder
):
    server.reply(stream(chunks(WORDS)[:4], done=False, ends="cut"))

    with pytest.raises((openai.APIConnectionError, http.HTTPError)) as caught:
        texts(start(wrapped))

    span = only(recorder)
    assert (span.status, span.attributes["stream_end"]) == ("error", "cut")
    assert span.error.type.endswith(type(caught.value).__name__)
    assert said(span) == "one two three"


async def test_an_async_connection_that_is_cut_is_an_error(
    server: OpenAIServer, awrapped: Any, recorder: Recorder
):
    server.reply(stream(chunks(WORDS)[:4], done=False, ends="cut"))

    with pytest.raises((openai.APIConnectionError, http.HTTPError)) as caught:
        await atexts(await start(awrapped))

    span = only(recorder)
    assert (span.status, span.attributes["stream_end"]) == ("error", "cut")
    assert span.error.type.endswith(type(caught.value).__name__)


def test_a_stream_that_stalls_is_a_timeout(server: OpenAIServer, recorder: Recorder):
    waiting = server.reply(stream(chunks(WORDS), waits_at=3))

    with client(server, timeout=0.2, max_retries=0) as bare:
        events = start(wrap_openai(bare))
        with pytest.raises((openai.APITimeoutError, http.ReadTimeout)):
            texts(events)
    waiting.go.set()

    span = only(recorder)
    assert span.status == "error"
    assert "Timeout" in span.error.type
    assert said(span) == "one two"


@pytest.mark.parametrize("count", [2, 4])
def test_a_stream_that_ends_in_silence_is_incomplete(
    server: OpenAIServer, wrapped: Any, recorder: Recorder, count: int
):
    server.reply(stream(chunks(WORDS)[:count], done=False))

    texts(start(wrapped))

    span = only(recorder)
    assert (span.status, span.attributes["stream_end"]) == ("incomplete", "silent")
    assert said(span) == " ".join(WORDS.split()[: count - 1])
    assert span.error is None


def test_an_error_amid_a_stream_keeps_answer_and_usage(
    server: OpenAIServer, wrapped: Any, recorder: Recorder
):
    broken = {"error": {"message": "overloaded", "code": "busy"}}
    server.reply(stream([*chunks("hey")[:2], chunk(choices=[], usage=USAGE), broken], done=False))

    with pytest.raises(openai.APIError, match="overloaded"):
        texts(start(wrapped))

    span = only(recorder)
    assert span.status == "error"
    assert span.error.type == "openai.APIError"
    assert span.error.message == "overloaded"
    assert span.attributes["error_code"] == "busy"
    assert said(span) == "hey"
    assert span.usage == Usage(input=9, output=5)


def test_a_response_that_fails_amid_its_stream_is_an_error(
    server: OpenAIServer, wrapped: Any, recorder: Recorder
):
    failed = {**response_events()[-1]["response"], "status": "failed"}
    failed["error"] = {"code": "server_error", "message": "broken"}
    events = [*response_events()[:5], {"type": "response.failed", "response": failed}]
    server.reply(stream(events, done=False))

    for _ in wrapped.responses.create(model="m", input="hi", stream=True):
        pass

    span = only(recorder)
    assert (span.status, span.error.message) == ("error", "broken")


def test_events_that_are_no_json_do_not_stop_the_recording(
    server: OpenAIServer, wrapped: Any, recorder: Recorder
):
    server.reply(stream([*chunks("hey")[:2], "data: {broken\n\n", *chunks("you")[2:]]))

    with suppress(ValueError):
        texts(start(wrapped))

    assert said(only(recorder)) == "hey"


# -- threads, memory -----------------------------------------------------------------------------


def test_a_stream_may_be_read_in_another_thread(
    server: OpenAIServer, wrapped: Any, recorder: Recorder
):
    server.reply(stream(chunks(WORDS)))
    read: list[str] = []

    events = start(wrapped)
    thread = threading.Thread(target=lambda: read.append(texts(events)))
    thread.start()
    thread.join()

    assert read == [WORDS]
    assert only(recorder).status == "ok"


def test_threads_that_share_a_client_do_not_mix(
    server: OpenAIServer, wrapped: Any, recorder: Recorder
):
    server.reply(stream(chunks(WORDS)))
    threads = [threading.Thread(target=lambda: texts(start(wrapped))) for _ in range(20)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    spans = recorded(recorder)
    assert [(one.status, said(one)) for one in spans] == [("ok", WORDS)] * 20


def test_events_are_not_kept_while_a_stream_goes_on(
    server: OpenAIServer, wrapped: Any, recorder: Recorder
):
    server.reply(stream(chunks(" ".join(["word"] * 300))))

    events = start(wrapped)
    gc.collect()
    before = len(gc.get_objects())
    for _, _ in zip(range(250), events, strict=False):
        pass
    gc.collect()
    grown = len(gc.get_objects()) - before
    events.close()

    assert grown < 750  # an event is several objects


# -- asking for usage ----------------------------------------------------------------------------


@pytest.fixture
def remote(server: OpenAIServer, recorder: Recorder) -> Iterator[Callable[..., Any]]:
    """Make clients that believe to talk to another host."""
    connection = http.Client(transport=Elsewhere(server))

    def make(url: str = "https://api.openai.com/v1") -> Any:
        bare = OpenAI(api_key="k", base_url=url, http_client=connection)
        return wrap_openai(bare, ask_usage=True)

    yield make
    connection.close()


def test_usage_that_only_we_asked_for_is_recorded_and_not_shown(
    server: OpenAIServer, remote: Callable[..., Any], recorder: Recorder
):
    server.reply(stream(chunks(WORDS), size=11))

    events = list(start(remote()))

    assert server.requests[0].json["stream_options"] == {"include_usage": True}
    assert all(event.choices for event in events)
    assert texts(iter(events)) == WORDS
    span = only(recorder)
    assert span.usage == Usage(input=9, output=5)
    assert "stream_options" not in span.attributes["parameters"]


@pytest.mark.parametrize("asked", [True, False])
def test_a_program_that_says_whether_it_wants_usage_gets_that(
    server: OpenAIServer, remote: Callable[..., Any], recorder: Recorder, asked: bool
):
    server.reply(stream(chunks(WORDS)))

    events = list(start(remote(), stream_options={"include_usage": asked}))

    assert server.requests[0].json["stream_options"] == {"include_usage": asked}
    assert events[-1].choices == []


@pytest.mark.parametrize("host", ["https://api.mistral.ai/v1", "https://openai.com.example/v1"])
def test_other_providers_are_never_asked_for_usage(
    server: OpenAIServer, remote: Callable[..., Any], recorder: Recorder, host: str
):
    server.reply(stream(chunks(WORDS)))

    texts(start(remote(host)))

    assert "stream_options" not in server.requests[0].json


def test_requests_are_not_changed_unless_asked(
    server: OpenAIServer, wrapped: Any, recorder: Recorder
):
    server.reply(stream(chunks(WORDS)))

    texts(start(wrapped))

    assert server.requests[0].json == {"model": "m", "messages": HELLO, "stream": True}
