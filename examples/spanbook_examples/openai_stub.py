"""A server on this machine that answers as OpenAI does, so that examples need no key."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from openai import OpenAI

from spanbook_examples.offline import count_tokens, live


@contextmanager
def openai_client() -> Iterator[OpenAI]:
    """Give OpenAI's client where a key is set, else the same client on a server of our own."""
    if live():
        with OpenAI() as client:
            yield client
        return
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/v1"
        with OpenAI(api_key="none", base_url=url) as client:
            yield client
        server.shutdown()


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = body["messages"][-1]["content"]
        words = f"In short: {asked.partition(':')[2].strip() or asked}"
        usage = _usage(json.dumps(body["messages"]), words)
        if body.get("stream"):
            self._send("text/event-stream", _events(words, usage))
        else:
            message = {"role": "assistant", "content": words}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            data = {"object": "chat.completion", "choices": [choice], "usage": usage}
            self._send("application/json", json.dumps(_about(data)))

    def _send(self, content_type: str, text: str) -> None:
        data = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _usage(question: str, answer: str) -> dict[str, int]:
    tokens_in, tokens_out = count_tokens(question), count_tokens(answer)
    return {
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
    }


def _about(data: dict[str, Any]) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "created": 1, "model": "gpt-4.1-mini-2025-04-14", **data}


def _events(words: str, usage: dict[str, int]) -> str:
    deltas = [{"content": piece} for piece in re.findall(r"\s*\S+", words)]
    choices = [[{"index": 0, "delta": delta, "finish_reason": None}] for delta in deltas]
    choices.append([{"index": 0, "delta": {}, "finish_reason": "stop"}])
    events = [{"object": "chat.completion.chunk", "choices": one} for one in choices]
    events.append({"object": "chat.completion.chunk", "choices": [], "usage": usage})
    texts = [*(json.dumps(_about(event)) for event in events), "[DONE]"]
    return "".join(f"data: {text}\n\n" for text in texts)
