"""LangChain chains with models that answer at once, so that only tracing costs."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langchain_core.tools import tool

from benchmarks.contestants import Contestant

WORDS = ["span", "trace", "prompt", "answer", "token", "model", "chain", "store", "page"]
USAGE = {"input_tokens": 120, "output_tokens": 300, "total_tokens": 420}


def text(tokens: int, seed: int = 0) -> str:
    """Return `tokens` words, different for different seeds."""
    return " ".join(WORDS[(i * i + seed * 7 + i) % len(WORDS)] + str(i % 9) for i in range(tokens))


class InstantModel(BaseChatModel):
    """A chat model that answers at once and reports usage."""

    answer: str
    model: str = "gpt-4.1-mini"

    @property
    def _llm_type(self) -> str:
        return "instant"

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
    ) -> ChatResult:
        about = {"model_name": self.model, "finish_reason": "stop"}
        message = AIMessage(self.answer, usage_metadata=USAGE, response_metadata=about)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
    ) -> Iterator[ChatGenerationChunk]:
        words = self.answer.split()
        for number, word in enumerate(words, 1):
            usage: Any = USAGE if number == len(words) else None
            message = AIMessageChunk(content=f"{word} ", usage_metadata=usage)
            chunk = ChatGenerationChunk(message=message)
            if run_manager is not None:
                run_manager.on_llm_new_token(word, chunk=chunk)
            yield chunk


class InstantRetriever(BaseRetriever):
    """A retriever that finds the same three documents at once."""

    documents: list[Document]

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        return self.documents


@tool
def shorten(answer: str) -> str:
    """Return the beginning of an answer."""
    return answer[:80]


PROMPT = ChatPromptTemplate.from_messages(
    [("system", "You answer in one paragraph. " * 4), ("human", "{question}")]
)


def seven_spans() -> Runnable[Any, Any]:
    """Return a sequence of lambda, prompt, model, parser, tool and retriever."""
    documents = [Document(text(40, n), metadata={"source": f"{n}.md"}) for n in range(3)]
    return (
        RunnableLambda(lambda question: {"question": question}, name="question")
        | PROMPT
        | InstantModel(answer=text(300))
        | StrOutputParser()
        | shorten
        | InstantRetriever(documents=documents)
    )


def four_spans(answer: str) -> Runnable[Any, Any]:
    """Return a sequence of prompt, model and parser."""
    return PROMPT | InstantModel(answer=answer) | StrOutputParser()


def invoke(chain: Runnable[Any, Any], config: RunnableConfig, calls: int, make: Any) -> list[float]:
    """Call one after the other and return how long each took, in seconds."""
    took: list[float] = []
    for number in range(calls):
        question = make(number)
        start = time.perf_counter()
        chain.invoke(question, config)
        took.append(time.perf_counter() - start)
    return took


def stream(chain: Runnable[Any, Any], config: RunnableConfig, calls: int, make: Any) -> list[float]:
    took: list[float] = []
    for number in range(calls):
        start = time.perf_counter()
        for _ in chain.stream(make(number), config):
            pass
        took.append(time.perf_counter() - start)
    return took


def gather(chain: Runnable[Any, Any], config: RunnableConfig, calls: int, make: Any) -> list[float]:
    """Keep 50 calls under way at once; times of single calls mean little and are left out."""

    async def everything() -> None:
        for first in range(0, calls, 50):
            numbers = range(first, min(first + 50, calls))
            await asyncio.gather(*(chain.ainvoke(make(number), config) for number in numbers))

    asyncio.run(everything())
    return []


DOCUMENTS = [text(14_000, seed)[:100_000] for seed in range(20)]


def short_question(number: int) -> str:
    return f"question {number}: {WORDS[number % len(WORDS)]}?"


def asked(number: int) -> dict[str, str]:
    return {"question": short_question(number)}


def long_question(number: int) -> dict[str, str]:
    return {"question": f"{number}: {DOCUMENTS[number % len(DOCUMENTS)]}"}


def start(workload: str, contestant: Contestant) -> Callable[[int], list[float]]:
    """Switch tracing on, and return what makes a number of calls and tells how long each took."""
    config = RunnableConfig(callbacks=[*contestant.handlers()])
    make, run = CHAINS[workload]
    return partial(run, make(), config)


CHAINS: dict[str, tuple[Callable[[], Runnable[Any, Any]], Callable[..., list[float]]]] = {
    "w1": (seven_spans, partial(invoke, make=short_question)),
    "w2": (seven_spans, partial(gather, make=short_question)),
    "w3": (partial(four_spans, text(200)), partial(stream, make=asked)),
    "w4": (partial(four_spans, text(2_900)[:20_000]), partial(invoke, make=long_question)),
}


def hold(contestant: Contestant, marker: str) -> None:
    """Print when a span begins, wait for a line, and print when it ended."""
    handlers = contestant.handlers()

    def wait(text: str) -> str:
        print(time.time(), flush=True)
        sys.stdin.readline()
        return f"done {text}"

    config = RunnableConfig(callbacks=[*handlers])
    RunnableLambda(lambda text: text, name="warm").invoke("up", config)
    RunnableLambda(wait, name="visible").invoke(marker, config)
    print(time.time(), flush=True)
    sys.stdin.readline()
