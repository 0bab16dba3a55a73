"""W5: queries of a LlamaIndex engine whose models answer at once."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from llama_index.core import Document, MockEmbedding, VectorStoreIndex
from llama_index.core.llms import MockLLM

from benchmarks.chains import short_question, text
from benchmarks.contestants import Contestant


def query_engine() -> Any:
    """Return an engine over a vector index of twenty documents of 300 words."""
    index = VectorStoreIndex.from_documents(
        [Document(text=text(300, seed)) for seed in range(20)],
        embed_model=MockEmbedding(embed_dim=1536),
    )
    return index.as_query_engine(llm=MockLLM(max_tokens=300))


def query(engine: Any, calls: int) -> list[float]:
    """Ask one question after the other and return how long each took, in seconds."""
    took: list[float] = []
    for number in range(calls):
        question = short_question(number)
        start = time.perf_counter()
        engine.query(question)
        took.append(time.perf_counter() - start)
    return took


def start(workload: str, contestant: Contestant) -> Callable[[int], list[float]]:
    """Switch tracing on, and return what makes a number of calls and tells how long each took."""
    assert contestant.llama_index is not None
    contestant.llama_index()
    return partial(query, query_engine())
