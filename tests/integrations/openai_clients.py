"""Clients of every kind on a local server, and calls that work the same for all of them."""

import importlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
from openai import AsyncOpenAI, OpenAI

from tests.integrations.openai_server import OpenAIServer

# The HTTP library that this version of the client is built on.
http: Any = importlib.import_module(
    openai.DefaultHttpxClient.__mro__[1].__module__.partition(".")[0]
)
NEW = int(openai.__version__.partition(".")[0]) >= 3
HELLO: list[Any] = [{"role": "user", "content": "hi"}]


def client(server: OpenAIServer, cls: Any = OpenAI, **given: Any) -> Any:
    return cls(**{"api_key": "sk-secret-1234567890", "base_url": server.url, **given})


def aclient(server: OpenAIServer, **given: Any) -> Any:
    return client(server, AsyncOpenAI, **given)


class Elsewhere(http.BaseTransport, http.AsyncBaseTransport):
    """Sends to the local server what is meant for any host."""

    def __init__(self, server: OpenAIServer) -> None:
        self._url = http.URL(server.root)
        self._sync = http.HTTPTransport()
        self._async = http.AsyncHTTPTransport()

    def _send_elsewhere(self, request: Any) -> None:
        request.url = request.url.copy_with(scheme="http", host=self._url.host, port=self._url.port)

    def handle_request(self, request: Any) -> Any:
        self._send_elsewhere(request)
        return self._sync.handle_request(request)

    async def handle_async_request(self, request: Any) -> Any:
        self._send_elsewhere(request)
        return await self._async.handle_async_request(request)


class Raising(http.BaseTransport, http.AsyncBaseTransport):
    """A connection on which every request raises."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def handle_request(self, request: Any) -> Any:
        raise self._error

    async def handle_async_request(self, request: Any) -> Any:
        raise self._error


def texts(chunks: Iterator[Any]) -> str:
    return "".join(_text(chunk) for chunk in chunks)


async def atexts(chunks: AsyncIterator[Any]) -> str:
    return "".join([_text(chunk) async for chunk in chunks])


def _text(chunk: Any) -> str:
    return "".join(choice.delta.content or "" for choice in chunk.choices)
