"""Models that need no key and no network and behave like OpenAI's: tokens, usage, pace, tool calls.

With OPENAI_API_KEY set, `chat_model` returns OpenAI's own model instead; nothing else changes.
"""

import hashlib
import json
import math
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import uuid4

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel, LangSmithParams, LanguageModelInput
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ToolCall,
    get_buffer_string,
)
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.messages.tool import tool_call, tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import PrivateAttr

Script = Callable[[Sequence[BaseMessage]], str | ToolCall]
CACHED_FROM = 128  # tokens: shorter beginnings are not worth a cache to a provider


def pace() -> float:
    """Return how fast the offline models are: 1 is a real model's pace, 0 is at once."""
    return float(os.environ.get("SPANBOOK_EXAMPLES_PACE", "1"))


def live() -> bool:
    """Return whether OpenAI's models are used."""
    return bool(os.environ.get("OPENAI_API_KEY")) and "SPANBOOK_EXAMPLES_OFFLINE" not in os.environ


def chat_model(script: Script, model: str = "gpt-4.1-mini") -> BaseChatModel:
    """Return OpenAI's `model` where a key is set, else one that answers what `script` says."""
    if live():
        from langchain_openai import ChatOpenAI

        return ChatOpenAI(model=model, stream_usage=True)
    return ScriptedChatModel(script=script, model=model, reasons=model.startswith("gpt-5"))


def call(name: str, **arguments: Any) -> ToolCall:
    """Return a model's wish to call a tool."""
    return tool_call(name=name, args=arguments, id=f"call_{uuid4().hex[:24]}")


def count_tokens(text: str) -> int:
    """Return about how many tokens `text` has: a short word is one, a long word several."""
    return sum(math.ceil(len(word) / 6) for word in re.findall(r"\w+|[^\w\s]", text))


class ScriptedChatModel(BaseChatModel):
    """A chat model whose answers come from `script`; all else is as with a real one."""

    script: Script
    model: str
    reasons: bool = False
    temperature: float = 0.2

    _previous: str = PrivateAttr("")

    @property
    def _llm_type(self) -> str:
        return "openai-chat"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model, "temperature": self.temperature}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return LangSmithParams(
            ls_provider="openai",
            ls_model_name=self.model,
            ls_model_type="chat",
            ls_temperature=self.temperature,
        )

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: str | None = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer `tools` with every call."""
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        chunks = list(self._stream(messages, stop, None, **kwargs))
        whole = chunks[0]
        for chunk in chunks[1:]:
            whole += chunk
        message = AIMessage(**whole.message.model_dump(exclude={"type", "tool_call_chunks"}))
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        answer = self.script(messages)
        usage = self._usage(messages, kwargs.get("tools", []), answer)
        time.sleep(pace() * (0.15 + usage["input_tokens"] / 8_000))
        for chunk in _pieces(answer):
            time.sleep(pace() * 0.008)
            piece = ChatGenerationChunk(message=chunk)
            if run_manager is not None:
                run_manager.on_llm_new_token(str(chunk.content), chunk=piece)
            yield piece
        finish_reason = "stop" if isinstance(answer, str) else "tool_calls"
        yield ChatGenerationChunk(
            message=AIMessageChunk(
                content="",
                usage_metadata=usage,
                response_metadata={"model_name": self.model, "finish_reason": finish_reason},
                chunk_position="last",
            )
        )

    def _usage(self, messages: list[BaseMessage], tools: list[Any], answer: Any) -> UsageMetadata:
        """Count plausibly: a beginning shared with the previous call was cached."""
        prompt = f"{tools or ''}{get_buffer_string(messages)}"
        known = count_tokens(_shared_start(prompt, self._previous))
        self._previous = prompt
        tokens_in = count_tokens(prompt) + 4 * len(messages)
        reasoning = 64 * (1 + count_tokens(prompt) % 3) if self.reasons else 0
        tokens_out = count_tokens(str(answer)) + reasoning
        return UsageMetadata(
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            total_tokens=tokens_in + tokens_out,
            input_token_details=InputTokenDetails(cache_read=known // CACHED_FROM * CACHED_FROM),
            output_token_details=OutputTokenDetails(reasoning=reasoning),
        )


def _shared_start(one: str, other: str) -> str:
    pairs = enumerate(zip(one, other, strict=False))
    return one[: next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))]


def _pieces(answer: str | ToolCall) -> Iterator[AIMessageChunk]:
    if not isinstance(answer, str):
        chunk = tool_call_chunk(
            name=answer["name"], args=json.dumps(answer["args"]), id=answer["id"], index=0
        )
        yield AIMessageChunk(content="", tool_call_chunks=[chunk])
        return
    for piece in re.findall(r"\s*\S+", answer) or [""]:
        yield AIMessageChunk(content=piece)


class WordEmbeddings(Embeddings):
    """Texts as vectors that lie near each other when they share words."""

    model = "word-hash-256"

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return one vector a text."""
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of `text`, of length 1."""
        vector = [0.0] * 256
        for word, count in Counter(re.findall(r"[a-z]{5,}", text.lower())).items():
            vector[hashlib.sha256(word[:5].encode()).digest()[0]] += count
        length = math.hypot(*vector) or 1.0
        return [value / length for value in vector]
