"""An HTTP server that speaks OpenAI's protocol, well and badly, for tests."""

import gzip
import json
import socket
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

USAGE = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
EMBEDDING = [0.5, -0.25, 0.125]


@dataclass
class Reply:
    """One answer. `pieces` are sent as they are, each in a chunk of its own.

    Before the piece numbered `waits_at` the server waits for `go`. `ends` is `whole`, or `cut`:
    the connection drops where the body should go on.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pieces: Sequence[bytes] = ()
    ends: str = "whole"
    waits_at: int | None = None
    go: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Request:
    """What the server was asked, byte for byte."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def answer(data: Any, status: int = 200, *, zipped: bool = False, **headers: str) -> Reply:
    """Return a reply of JSON, or of text or bytes as they are."""
    kind = "application/json"
    if isinstance(data, bytes):
        kind, body = "audio/mpeg", data
    elif isinstance(data, str):
        kind, body = "text/plain", data.encode()
    else:
        body = json.dumps(data).encode()
    given = {"content-type": kind, "x-request-id": "req_1"}
    if zipped:
        body, given["content-encoding"] = gzip.compress(body), "gzip"
    given["content-length"] = str(len(body))
    given.update({name.replace("_", "-"): value for name, value in headers.items()})
    return Reply(status, given, [body])


def failure(status: int, message: str = "no", **headers: Any) -> Reply:
    """Return an error as the API reports it."""
    error = {"message": message, "type": "some_type", "param": None, "code": "some_code"}
    return answer({"error": error}, status, **headers)


def stream(
    events: Iterable[Any],
    *,
    done: bool = True,
    ends: str = "whole",
    line_end: str = "\n",
    size: int | None = None,
    zipped: bool = False,
    waits_at: int | None = None,
    comments: bool = False,
) -> Reply:
    """Return server-sent events; `size` cuts them into pieces of so many bytes."""
    texts = [_event(event, line_end) for event in events]
    if done:
        texts.append(f"data: [DONE]{line_end * 2}")
    if comments:
        texts = [f": waiting{line_end * 2}{text}" for text in texts]
    pieces = [text.encode() for text in texts]
    headers = {"content-type": "text/event-stream; charset=utf-8", "x-request-id": "req_1"}
    if zipped:
        pieces, headers["content-encoding"] = [gzip.compress(b"".join(pieces))], "gzip"
    if size is not None:
        whole = b"".join(pieces)
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    return Reply(200, headers, pieces, ends, waits_at)


def _event(event: Any, line_end: str) -> str:
    if isinstance(event, str):
        return event
    named = event.get("type") if isinstance(event.get("type"), str) else None
    head = f"event: {named}{line_end}" if named else ""
    return f"{head}data: {json.dumps(event)}{line_end * 2}"


def completion(text: str | None = "hello", **given: Any) -> dict[str, Any]:
    """Return a chat completion; `message` adds to the message, other fields to the response."""
    message = {"role": "assistant", "content": text, **given.pop("message", {})}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    data = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4.1-mini-2025-04-14",
        "choices": [choice],
        "usage": USAGE,
    }
    return {**data, **given}


def chunk(delta: Any = None, finish: str | None = None, index: int = 0, **given: Any) -> Any:
    """Return one event of a chat stream."""
    choice = {"index": index, "delta": {} if delta is None else delta, "finish_reason": finish}
    data = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4.1-mini-2025-04-14",
        "choices": [choice],
    }
    return {**data, **given}


def chunks(text: str = "hello world", *, usage: Any = USAGE) -> list[Any]:
    """Return the events of a whole chat stream, a word each, and its usage."""
    words = [word if number == 0 else f" {word}" for number, word in enumerate(text.split())]
    events = [chunk({"role": "assistant", "content": ""})]
    events += [chunk({"content": word}) for word in words]
    events.append(chunk(finish="stop"))
    if usage is not None:
        events.append(chunk(choices=[], usage=usage))
    return events


def response(text: str = "hello", **given: Any) -> dict[str, Any]:
    """Return a response of the responses API."""
    part = {"type": "output_text", "text": text, "annotations": []}
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }
    usage = {
        "input_tokens": 20,
        "input_tokens_details": {"cached_tokens": 16},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 4},
        "total_tokens": 27,
    }
    data = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "gpt-5-mini-2025-08-07",
        "status": "completed",
        "output": [message],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage,
    }
    return {**data, **given}


def response_events(text: str = "hello world") -> list[Any]:
    """Return the events of a whole stream of the responses API."""
    begun = response(status="in_progress", output=[], usage=None)
    item = response(text)["output"][0]
    place = {"output_index": 0, "content_index": 0, "item_id": "msg_1"}
    plain = {"type": "response.output_text.delta", "logprobs": [], **place}
    events = [
        {"type": "response.created", "response": begun},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**item, "content": [], "status": "in_progress"},
        },
        {
            "type": "response.content_part.added",
            **place,
            "part": {"type": "output_text", "text": "", "annotations": []},
        },
        *({**plain, "delta": word} for word in text.partition(" ") if word),
        {"type": "response.output_text.done", "text": text, "logprobs": [], **place},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": response(text)},
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def embeddings(count: int = 2) -> dict[str, Any]:
    """Return embeddings as the client asks for them by default: base64 of floats."""
    from array import array
    from base64 import b64encode

    vector = b64encode(array("f", EMBEDDING).tobytes()).decode()
    data = [{"object": "embedding", "index": n, "embedding": vector} for n in range(count)]
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    return {"object": "list", "model": "text-embedding-3-small", "data": data, "usage": usage}


class OpenAIServer:
    """Gives the replies it was told to, in order, the last one again and again."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.asked = threading.Event()  # set once there was a request
        self._replies: deque[Reply] = deque([answer(completion())])
        self._lock = threading.Lock()
        server = self

        class Handler(_Handler):
            owner = server

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # the client went away, as tests make it do

        self._http = Server(("127.0.0.1", 0), Handler)
        self.root = f"http://127.0.0.1:{self._http.server_port}"
        self.url = f"{self.root}/v1"
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def reply(self, *replies: Reply) -> Reply:
        """Set the replies to come; return the first."""
        with self._lock:
            self._replies = deque(replies)
        return replies[0]

    def take(self, request: Request) -> Reply:
        """Note a request and return its reply."""
        with self._lock:
            self.requests.append(request)
            self.asked.set()
            return self._replies.popleft() if len(self._replies) > 1 else self._replies[0]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for reply in self._replies:
            reply.go.set()
        self._http.shutdown()
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    owner: OpenAIServer

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self.rfile.read(length))
        self._send(self.owner.take(request))

    def do_GET(self) -> None:
        self.do_POST()

    def _send(self, reply: Reply) -> None:
        self.send_response_only(reply.status)
        chunked = "content-length" not in reply.headers
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if chunked:
            self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for number, piece in enumerate(reply.pieces):
            if number == reply.waits_at:
                reply.go.wait(10)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
            self.wfile.flush()
        if reply.ends == "cut":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif chunked:
            self.wfile.write(b"0\r\n\r\n")
            self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        pass
