"""Real LlamaIndex objects with fake models, for tests."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llama_index.core import MockEmbedding
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LLMMetadata,
    ToolCallBlock,
)
from llama_index.core.callbacks import CallbackManager
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.core.tools import ToolSelection
from pydantic import Field

from spanbook.recording.recorder import Recorder
from spanbook_llama_index import install, tracing, uninstall


class Fake(FunctionCallingLLM):
    """A model that answers what it is told to, one answer a call, again from the first.

    An answer is a text, a message, or an exception to raise. `pieces` are what it streams, `raw`
    what the provider says beside, `last_raw` what it says with the last piece.
    """

    answers: list[Any] = Field(default_factory=lambda: ["hello"])
    pieces: list[Any] = Field(default_factory=lambda: ["hel", "lo"])
    raw: Any = None
    last_raw: Any = None
    model: str = "fake-1"
    temperature: float = 0.5
    is_chat: bool = False
    api_key: str = "sk-not-for-anyone"
    seen: list[Any] = Field(default_factory=list)

    @classmethod
    def class_name(cls) -> str:
        return "Fake"

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(
            model_name=self.model, is_chat_model=self.is_chat, is_function_calling_model=True
        )

    def _next(self, asked: Any) -> Any:
        answer = self.answers[len(self.seen) % len(self.answers)]
        self.seen.append(asked)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _pieces(self) -> Iterator[tuple[str, str, Any]]:
        text = ""
        for number, piece in enumerate(self.pieces):
            if isinstance(piece, BaseException):
                raise piece
            text += piece
            yield text, piece, self.last_raw if number + 1 == len(self.pieces) else self.raw

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text=str(self._next(prompt)), raw=self.raw)

    @llm_completion_callback()
    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        await asyncio.sleep(0)
        return CompletionResponse(text=str(self._next(prompt)), raw=self.raw)

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        self._next(prompt)

        def generate() -> Iterator[CompletionResponse]:
            for text, piece, raw in self._pieces():
                yield CompletionResponse(text=text, delta=piece, raw=raw)

        return generate()

    @llm_completion_callback()
    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        self._next(prompt)

        async def generate() -> AsyncIterator[CompletionResponse]:
            for text, piece, raw in self._pieces():
                await asyncio.sleep(0)
                yield CompletionResponse(text=text, delta=piece, raw=raw)

        return generate()

    def _message(self, messages: Sequence[ChatMessage]) -> ChatMessage:
        answer = self._next(messages)
        is_message = isinstance(answer, ChatMessage)
        return answer if is_message else ChatMessage(role="assistant", content=answer)

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return ChatResponse(message=self._message(messages), raw=self.raw)

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        await asyncio.sleep(0)
        return ChatResponse(message=self._message(messages), raw=self.raw)

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        message = self._message(messages)

        def generate() -> Iterator[ChatResponse]:
            yield from self._responses(message)

        return generate()

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        message = self._message(messages)

        async def generate() -> AsyncIterator[ChatResponse]:
            for response in self._responses(message):
                await asyncio.sleep(0)
                yield response

        return generate()

    def _responses(self, message: ChatMessage) -> Iterator[ChatResponse]:
        """Stream a message with tool calls whole, and texts in pieces."""
        if any(isinstance(block, ToolCallBlock) for block in message.blocks):
            yield ChatResponse(message=message, delta="", raw=self.last_raw)
            return
        for text, piece, raw in self._pieces():
            said = ChatMessage(role="assistant", content=text)
            yield ChatResponse(message=said, delta=piece, raw=raw)

    def _prepare_chat_with_tools(
        self, tools: Any, user_msg: Any = None, chat_history: Any = None, **kwargs: Any
    ) -> dict[str, Any]:
        messages = [*(chat_history or [])]
        if user_msg is not None:
            is_text = isinstance(user_msg, str)
            messages.append(ChatMessage(role="user", content=user_msg) if is_text else user_msg)
        return {"messages": messages, "tools": [tool.metadata.to_openai_tool() for tool in tools]}

    def get_tool_calls_from_response(
        self, response: Any, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        return [
            ToolSelection(
                tool_id=block.tool_call_id or "",
                tool_name=block.tool_name,
                tool_kwargs=block.tool_kwargs if isinstance(block.tool_kwargs, dict) else {},
            )
            for block in response.message.blocks
            if isinstance(block, ToolCallBlock)
        ]


def calls(name: str, **arguments: Any) -> ChatMessage:
    """Return a model's wish to call a tool."""
    block = ToolCallBlock(tool_call_id=f"call-{name}", tool_name=name, tool_kwargs=arguments)
    return ChatMessage(role="assistant", blocks=[block])


class Shelf(BaseRetriever):
    """A retriever that finds the same nodes whatever it is asked."""

    def __init__(self, nodes: list[NodeWithScore], manager: CallbackManager | None = None) -> None:
        super().__init__(callback_manager=manager)
        self.nodes = nodes

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return self.nodes


def nodes(count: int = 2, **metadata: Any) -> list[NodeWithScore]:
    """Return nodes, best first."""
    return [
        NodeWithScore(
            node=TextNode(id_=f"n{i}", text=f"text {i}", metadata={"file": f"{i}.md", **metadata}),
            score=0.9 - i / 10,
        )
        for i in range(count)
    ]


def engine(
    model: Any = None,
    found: list[NodeWithScore] | None = None,
    *,
    manager: CallbackManager | None = None,
    mode: Any = "compact",
    streaming: bool = False,
    postprocessors: Sequence[Any] = (),
) -> Any:
    """Return a query engine over a shelf of nodes."""
    model = model or Fake()
    if manager is not None:
        model.callback_manager = manager
    synthesizer = get_response_synthesizer(
        llm=model, response_mode=mode, streaming=streaming, callback_manager=manager
    )
    return RetrieverQueryEngine(
        Shelf(nodes() if found is None else found, manager),
        response_synthesizer=synthesizer,
        node_postprocessors=list(postprocessors),
        callback_manager=manager,
    )


def embedding() -> MockEmbedding:
    """Return an embedding of eight dimensions."""
    return MockEmbedding(embed_dim=8)


_blocks: list[Recorder] = []


@contextmanager
def recording(recorder: Recorder, **options: Any) -> Iterator[None]:
    """Install for a block of code; blocks with one recorder may overlap."""
    if not _blocks:
        install(recorder, **options)
    _blocks.append(recorder)
    try:
        yield
    finally:
        _blocks.pop()
        if not _blocks:
            uninstall()


def kept() -> tuple[int, int]:
    """Return how many spans and streams of LlamaIndex are still followed."""
    gc.collect()
    here = tracing.installed
    return (0, 0) if here is None else (here.open, len(here._streams))


async def settle(recorder: Recorder) -> None:
    """Let the event loop close what was left to it."""
    gc.collect()
    for _ in range(1_000):
        if not recorder.health.open:
            return
        await asyncio.sleep(0)
