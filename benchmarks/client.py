"""The OpenAI client, plain calls and streams of 200 pieces, each an event.

The answers come from a transport in the same process: that is steadier than a server beside it, and
the client's own work is all that a tracer's is compared with.
"""

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import httpx2
from openai import OpenAI

from benchmarks.contestants import Contestant

MESSAGES: Any = [
    {"role": "system", "content": "You answer in one paragraph. " * 4},
    {"role": "user", "content": "How do owls look behind them?"},
]
HEAD = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "gpt-4.1-mini-2025-04-14",
    "service_tier": "default",
    "system_fingerprint": "fp_1",
}
USAGE = {"prompt_tokens": 30, "completion_tokens": 200, "total_tokens": 230}


def event(**given: Any) -> bytes:
    return b"data: " + json.dumps({**HEAD, **given}, separators=(",", ":")).encode() + b"\n\n"


def delta(words: str, finish: str | None = None) -> bytes:
    said = {"content": words} if words else {}
    choice = {"index": 0, "delta": said, "logprobs": None, "finish_reason": finish}
    return event(choices=[choice], usage=None, obfuscation="abcdef")


EVENTS = [
    *(delta(f" word{number}") for number in range(200)),
    delta("", "stop"),
    event(choices=[], usage=USAGE),
    b"data: [DONE]\n\n",
]
ANSWER = json.dumps(
    {
        **HEAD,
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "word " * 200},
            }
        ],
        "usage": USAGE,
    }
).encode()


class Events(httpx2.SyncByteStream):
    """The events, each in a piece of its own."""

    def __iter__(self) -> Iterator[bytes]:
        return iter(EVENTS)


class Transport(httpx2.BaseTransport):
    """Answers at once: with events where the request asks for a stream."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the answer."""
        headers = {"x-request-id": "req_1", "openai-processing-ms": "12"}
        if b'"stream":true' in request.read():
            headers["content-type"] = "text/event-stream"
            return httpx2.Response(200, headers=headers, stream=Events())
        headers["content-type"] = "application/json"
        return httpx2.Response(200, headers=headers, content=ANSWER)


def plain(client: OpenAI) -> None:
    client.chat.completions.create(model="gpt-4.1-mini", messages=MESSAGES, temperature=0.3)


def stream(client: OpenAI) -> None:
    asked: Any = {"include_usage": True}
    for _ in client.chat.completions.create(
        model="gpt-4.1-mini", messages=MESSAGES, stream=True, stream_options=asked
    ):
        pass


CALLS: dict[str, Callable[[OpenAI], None]] = {"w6": plain, "w6-stream": stream}


def repeat(call: Callable[[OpenAI], None], client: OpenAI, calls: int) -> list[float]:
    """Call one after the other and return how long each took, in seconds."""
    took: list[float] = []
    for _ in range(calls):
        start = time.perf_counter()
        call(client)
        took.append(time.perf_counter() - start)
    return took


def start(workload: str, contestant: Contestant) -> Callable[[int], list[float]]:
    """Switch tracing on, and return what makes a number of calls and tells how long each took."""
    client = OpenAI(api_key="none", http_client=httpx2.Client(transport=Transport()))
    assert contestant.wrap is not None
    return partial(repeat, CALLS[workload], contestant.wrap(client))
