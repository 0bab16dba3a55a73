"""Real LangChain objects with fake models, for tests."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.llms import BaseLLM
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, LLMResult
from langchain_core.outputs import Generation as TextGeneration
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable
from pydantic import Field

from spanbook.recording.recorder import Recorder


class Fake(BaseChatModel):
    """A chat model that answers what it is told to, one answer a call, again from the first.

    An answer that is an exception is raised. `pieces` are what it streams, and `llm_output` what
    it says beside.
    """

    answers: list[Any] = Field(default_factory=lambda: [AIMessage("hello")])
    pieces: list[Any] = Field(default_factory=list)
    llm_output: dict[str, Any] | None = None
    model: str = "fake-1"
    temperature: float | None = None
    calls: int = 0

    @property
    def _llm_type(self) -> str:
        return "fake"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model, "temperature": self.temperature}

    def bind_tools(self, tools: Any, **kwargs: Any) -> Runnable[Any, Any]:
        return self.bind(tools=tools, **kwargs)

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        answer = self.answers[self.calls % len(self.answers)]
        self.calls += 1
        if isinstance(answer, BaseException):
            raise answer
        several = answer if isinstance(answer, list) else [answer]
        generations = [
            one if isinstance(one, ChatGeneration) else ChatGeneration(message=one)
            for one in several
        ]
        return ChatResult(generations=generations, llm_output=self.llm_output)


class Streaming(Fake):
    """The same model, able to stream."""

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        for piece in self.pieces:
            if isinstance(piece, BaseException):
                raise piece
            chunk = AIMessageChunk(content=piece) if isinstance(piece, str) else piece
            yield ChatGenerationChunk(message=chunk)

    async def _astream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self._stream(messages):
            yield chunk


class FakeText(BaseLLM):
    """A text model that answers each prompt with `candidates` texts and reports `token_usage`."""

    candidates: int = 1
    token_usage: dict[str, int] | None = None

    @property
    def _llm_type(self) -> str:
        return "fake-text"

    def _generate(
        self, prompts: list[str], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> LLMResult:
        generations = [
            [TextGeneration(text=f"{prompt}!{number}") for number in range(self.candidates)]
            for prompt in prompts
        ]
        usage = None if self.token_usage is None else {"token_usage": self.token_usage}
        return LLMResult(generations=generations, llm_output=usage)


def chain(model: BaseChatModel | None = None) -> Runnable[Any, Any]:
    """Return prompt, model, parser in a row."""
    prompt = ChatPromptTemplate.from_messages([("system", "be brief"), ("human", "{q}")])
    return prompt | (model or Fake()) | StrOutputParser()


def failing(error: BaseException) -> Runnable[Any, Any]:
    """Return the same chain with a model that raises `error`."""
    return chain(Fake(answers=[error]))


def usage(input: int, output: int, **details: Any) -> Any:
    """Return usage in LangChain's own words."""
    made = {"input_tokens": input, "output_tokens": output, "total_tokens": input + output}
    return made | details


async def settle(recorder: Recorder) -> None:
    """Let the event loop close what was left to it: generators, shielded callbacks."""
    gc.collect()
    for _ in range(1_000):
        if not recorder.health.open:
            return
        await asyncio.sleep(0)
