"""What wrapping the OpenAI client costs: CPU of a plain call and of a stream of 200 pieces.

`python -m benchmarks.client`. The answers come from a transport in the same process, so that the
client's own work is all that the wrapper's is compared with.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
from openai import OpenAI

import spanbook
from spanbook_openai import wrap_openai

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


def client() -> OpenAI:
    return OpenAI(api_key="none", http_client=httpx2.Client(transport=Transport()))


def plain(one: OpenAI) -> None:
    one.chat.completions.create(model="gpt-4.1-mini", messages=MESSAGES, temperature=0.3)


def stream(one: OpenAI) -> None:
    for _ in one.chat.completions.create(model="gpt-4.1-mini", messages=MESSAGES, stream=True):
        pass


def cpu(call: Callable[[OpenAI], None], one: OpenAI, times: int) -> float:
    """Return the thread's CPU time of one call in µs."""
    start = time.thread_time_ns()
    for _ in range(times):
        call(one)
    return (time.thread_time_ns() - start) / times / 1_000


def main() -> None:
    """Print the median of 15 repetitions, bare and wrapped in turn."""
    with tempfile.TemporaryDirectory() as folder:
        spanbook.configure(Path(folder) / "spanbook.db")
        bare, wrapped = client(), wrap_openai(client())
        for call, times in ((plain, 100), (stream, 4)):
            pairs = [(cpu(call, bare, times), cpu(call, wrapped, times)) for _ in range(16)][1:]
            added = statistics.median(after - before for before, after in pairs)
            ratio = statistics.median(after / before for before, after in pairs)
            print(f"{call.__name__}: {added:+.0f} µs a call, {ratio:.3f} × bare")
        spanbook.default_recorder().close()


if __name__ == "__main__":
    main()
