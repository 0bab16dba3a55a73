"""A server that accepts whatever the peers send, in a process of its own, and counts it when asked.

`GET /kept` returns the number of finished spans that arrived, `GET /seen?text` when a request that
contains the text arrived, `POST /reset` forgets everything.
"""

import gzip
import json
import re
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

import zstandard

ARRIVED: list[tuple[float, str, bytes, str]] = []  # when, path, body, encoding
INFO = {
    "version": "0.16.20",
    "instance_flags": {"zstd_compression_enabled": True},
    "batch_ingest_config": {
        "use_multipart_endpoint": True,
        "size_limit": 100,
        "size_limit_bytes": 20_971_520,
        "scale_up_nthreads_limit": 16,
        "scale_up_qsize_trigger": 1_000,
        "scale_down_nempty_trigger": 4,
    },
}
RUN = re.compile(rb'name="(?:post|patch)\.([0-9a-f-]{36})\.outputs"')


class Sink(BaseHTTPRequestHandler):
    """Keeps bodies as they came: reading them is left until nobody is measured."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Accept anything."""
        body = self._body()
        if self.path == "/reset":
            ARRIVED.clear()
        else:
            encoding = self.headers.get("Content-Encoding", "")
            ARRIVED.append((time.time(), self.path, body, encoding))
        self._answer({})

    def do_GET(self) -> None:
        """Answer our own questions, and LangSmith's about what the server can do."""
        url = urlsplit(self.path)
        if url.path == "/kept":
            self._answer(kept())
        elif url.path == "/seen":
            self._answer(seen(unquote(url.query)))
        else:
            self._answer(INFO)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts: list[bytes] = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """A server that does not mind clients that are killed."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


def decoded(body: bytes, encoding: str) -> bytes:
    match encoding:
        case "gzip":
            return gzip.decompress(body)
        case "deflate":
            return zlib.decompress(body)
        case "zstd":
            return zstandard.ZstdDecompressor().decompressobj().decompress(body)
        case _:
            return body


def kept() -> int:
    """Return how many different finished spans arrived."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    ids: set[bytes] = set()
    for _, path, body, encoding in ARRIVED:
        data = decoded(body, encoding)
        if path.endswith("/v1/traces"):
            request = ExportTraceServiceRequest.FromString(data)
            scopes = (
                scope for resource in request.resource_spans for scope in resource.scope_spans
            )
            ids |= {span.span_id for scope in scopes for span in scope.spans}
        else:
            ids |= set(RUN.findall(data))
    return len(ids)


def seen(text: str) -> float | None:
    """Return when the first request that contains `text` arrived."""
    for when, _, body, encoding in ARRIVED:
        if text.encode() in decoded(body, encoding):
            return when
    return None


def ask(url: str, *, post: bool = False) -> object:
    """Return the sink's answer."""
    with urlopen(Request(url, method="POST" if post else "GET")) as response:
        return json.load(response)


@contextmanager
def running() -> Iterator[str]:
    """Run a sink meanwhile and yield its URL."""
    command = [sys.executable, "-m", "benchmarks.sink"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Sink)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
