"""The same offline models for LlamaIndex: a scripted model, embeddings, a reranker.

With OPENAI_API_KEY set and llama-index-llms-openai installed, `llm` returns OpenAI's own model.
"""

import asyncio
import importlib
import importlib.util
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any
from uuid import uuid4

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LLMMetadata,
    MessageRole,
    ToolCallBlock,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.core.tools import BaseTool, ToolSelection

from spanbook_examples.offline import WordEmbeddings, count_tokens, live, pace

Script = Callable[[Sequence[ChatMessage]], str | ToolCallBlock]


def llm(script: Script, model: str = "gpt-4.1-mini") -> FunctionCallingLLM:
    """Return OpenAI's `model` where a key is set, else one that answers what `script` says."""
    if live() and importlib.util.find_spec("llama_index.llms.openai") is not None:
        return importlib.import_module("llama_index.llms.openai").OpenAI(model=model)
    return ScriptedLLM(script=script, model=model)


def call(name: str, **arguments: Any) -> ToolCallBlock:
    """Return a model's wish to call a tool."""
    return ToolCallBlock(
        tool_call_id=f"call_{uuid4().hex[:24]}", tool_name=name, tool_kwargs=arguments
    )


def last_tool(messages: Sequence[ChatMessage]) -> str | None:
    """Return the tool whose answer stands at the end, if one does."""
    if messages[-1].role is not MessageRole.TOOL:
        return None
    asked = [block for one in messages for block in one.blocks if isinstance(block, ToolCallBlock)]
    return asked[-1].tool_name if asked else None


class ScriptedLLM(FunctionCallingLLM):
    """A model whose answers come from `script`; all else is as with a real one."""

    script: Script
    model: str
    temperature: float = 0.2

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex knows it by."""
        return "ScriptedLLM"

    @property
    def metadata(self) -> LLMMetadata:
        """Say what the model can do."""
        return LLMMetadata(
            model_name=self.model, is_chat_model=True, is_function_calling_model=True
        )

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer at once."""
        *_, last = self._pieces(messages)
        time.sleep(self._thinks(messages))
        return last

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer at once."""
        *_, last = self._pieces(messages)
        await asyncio.sleep(self._thinks(messages))
        return last

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Iterator[ChatResponse]:
        """Answer word by word."""

        def pieces() -> Iterator[ChatResponse]:
            time.sleep(self._thinks(messages))
            for piece in self._pieces(messages):
                time.sleep(pace() * 0.008)
                yield piece

        return pieces()

    @llm_chat_callback()
    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> AsyncIterator[ChatResponse]:
        """Answer word by word."""

        async def pieces() -> AsyncIterator[ChatResponse]:
            await asyncio.sleep(self._thinks(messages))
            for piece in self._pieces(messages):
                await asyncio.sleep(pace() * 0.008)
                yield piece

        return pieces()

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Answer a text with a text."""
        said = self.chat([ChatMessage(prompt)], **kwargs)
        return CompletionResponse(text=said.message.content or "", raw=said.raw)

    @llm_completion_callback()
    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        """Answer a text with a text."""
        said = await self.achat([ChatMessage(prompt)], **kwargs)
        return CompletionResponse(text=said.message.content or "", raw=said.raw)

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        """Refuse: a chat model is asked to chat."""
        raise NotImplementedError("ScriptedLLM streams chats only; call stream_chat.")

    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        """Refuse: a chat model is asked to chat."""
        raise NotImplementedError("ScriptedLLM streams chats only; call astream_chat.")

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        """Return the tools that an answer wants to call."""
        return [
            ToolSelection(
                tool_id=block.tool_call_id or "",
                tool_name=block.tool_name,
                tool_kwargs=block.tool_kwargs if isinstance(block.tool_kwargs, dict) else {},
            )
            for block in response.message.blocks
            if isinstance(block, ToolCallBlock)
        ]

    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        *_: Any,
        **__: Any,
    ) -> dict[str, Any]:
        asked = [ChatMessage(user_msg) if isinstance(user_msg, str) else user_msg]
        messages = [*(chat_history or []), *(one for one in asked if one is not None)]
        return {"messages": messages, "tools": [tool.metadata.to_openai_tool() for tool in tools]}

    def _thinks(self, messages: Sequence[ChatMessage]) -> float:
        return pace() * (0.15 + _tokens(messages) / 8_000)

    def _pieces(self, messages: Sequence[ChatMessage]) -> Iterator[ChatResponse]:
        """Yield the answer as it grows; the last piece reports usage."""
        answer = self.script(messages)
        usage = {"prompt_tokens": _tokens(messages), "completion_tokens": count_tokens(str(answer))}
        raw = {"model": self.model, "usage": usage, "choices": [{"finish_reason": "stop"}]}
        if not isinstance(answer, str):
            said = ChatMessage(role=MessageRole.ASSISTANT, blocks=[answer])
            yield ChatResponse(message=said, raw=raw)
            return
        words, text = re.findall(r"\s*\S+", answer), ""
        for number, word in enumerate(words, 1):
            text += word
            said = ChatMessage(text, role=MessageRole.ASSISTANT)
            is_last = number == len(words)
            yield ChatResponse(message=said, delta=word, raw=raw if is_last else None)


def _tokens(messages: Sequence[ChatMessage]) -> int:
    return sum(4 + count_tokens(str(one.content or "")) for one in messages)


class WordVectors(BaseEmbedding):
    """Texts as vectors that lie near each other when they share words."""

    model_name: str = WordEmbeddings.model

    def _get_text_embedding(self, text: str) -> list[float]:
        return WordEmbeddings().embed_query(text)

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


class WordReranker(BaseNodePostprocessor):
    """Puts nodes first that share most words with the question."""

    top_n: int = 2

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex knows it by."""
        return "WordReranker"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        words = set(
            re.findall(r"[a-z]{4,}", query_bundle.query_str.lower() if query_bundle else "")
        )
        scored = [
            NodeWithScore(node=one.node, score=_share(words, one.node.get_content()))
            for one in nodes
        ]
        return sorted(scored, key=lambda one: -(one.score or 0))[: self.top_n]


def _share(words: set[str], text: str) -> float:
    return len(words & set(re.findall(r"[a-z]{4,}", text.lower()))) / max(len(words), 1)
