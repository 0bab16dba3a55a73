"""What a LangChain call costs in the store."""

from decimal import Decimal
from typing import Any

from langchain_core.caches import InMemoryCache
from langchain_core.language_models import LangSmithParams
from langchain_core.messages import AIMessage

from spanbook.reading.book import Book
from spanbook.reading.rows import SpanRow
from spanbook.recording.recorder import Recorder
from spanbook_langchain import SpanbookCallbackHandler
from tests.integrations.chains import Fake as AnyFake

USAGE = {
    "input_tokens": 2006,
    "output_tokens": 300,
    "total_tokens": 2306,
    "input_token_details": {"cache_read": 1920},
}


class Fake(AnyFake):
    """A scripted model that says it is OpenAI's."""

    def _get_ls_params(self, stop: list[str] | None = None, **_: Any) -> LangSmithParams:
        return LangSmithParams(ls_provider="openai", ls_model_type="chat")


def said(**metadata: Any) -> AIMessage:
    answered = {"model_name": "gpt-4o-2024-08-06", **metadata}
    return AIMessage("x", response_metadata=answered, usage_metadata=USAGE)


def calls(recorder: Recorder) -> list[SpanRow]:
    recorder.flush()
    with Book(recorder.settings.url) as book:
        return list(book.spans(kind="llm"))[::-1]


def test_a_call_costs_its_usage_by_the_price_of_the_model_that_answered(recorder: Recorder):
    handler = SpanbookCallbackHandler(recorder)

    Fake(answers=[said()]).invoke("hi", {"callbacks": [handler]})

    (call,) = calls(recorder)
    assert (call.cost, call.unpriced) == (Decimal("0.005615"), None)


def test_an_answer_from_the_cache_costs_nothing(recorder: Recorder):
    model = Fake(answers=[said(token_usage={"cost": 0.5})], cache=InMemoryCache())
    handler = SpanbookCallbackHandler(recorder)

    for _ in range(2):
        model.invoke("hi", {"callbacks": [handler]})

    first, second = calls(recorder)
    assert (first.cost, first.computed_cost) == (Decimal("0.5"), Decimal("0.005615"))
    assert (second.cost, second.reported_cost, second.unpriced) == (0, None, None)
