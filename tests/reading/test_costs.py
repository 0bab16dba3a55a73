"""What a span cost and why, and the prices there are, from Python."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from spanbook.errors import PriceError, UnknownTraceError
from spanbook.moments import moment_ns
from spanbook.reading.book import Book
from tests.storing.conftest import TRACE, Shelf, end, span_id

CALL: dict[str, Any] = {
    "kind": "llm",
    "model": "gpt-4o",
    "provider": "openai",
    "usage": {"input": 2006, "output": 300, "cache_read": 1920},
}


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.close()


def test_a_cost_is_explained_part_by_part(shelf: Shelf):
    shelf.store(end(1, **CALL, attributes={"reported_cost": "0.01", "service_tier": "default"}))

    with Book(shelf.url) as book:
        told = book.trace(TRACE).explain_cost(span_id(1))

    assert [(s.part, s.tokens, s.rate) for s in told.shares] == [
        ("cache_read", 1920, Decimal("1.25")),
        ("input", 86, Decimal("2.5")),
        ("output", 300, Decimal(10)),
    ]
    assert told.total == told.span.computed_cost == Decimal("0.005615")
    assert told.span.cost == told.span.reported_cost == Decimal("0.01")
    assert told.price is not None
    assert told.price.source.startswith("genai-prices ")


def test_a_cost_stays_explained_by_the_price_that_gave_it(shelf: Shelf):
    with Book(shelf.url) as book:
        book.add_price("gpt-4o", input=1, output=1)
        shelf.store(end(1, **CALL))
        book.add_price("gpt-4o", input=9, output=9)

        told = book.trace(TRACE).explain_cost(span_id(1))

    assert told.total == told.span.cost == Decimal("0.002306")


def test_what_has_no_price_is_explained_in_words(shelf: Shelf):
    unknown = {**CALL, "model": "mine", "usage": {"input": 1, "output": 2, "reasoning": 3}}
    shelf.store(end(1, **unknown))

    with Book(shelf.url) as book:
        told = book.trace(TRACE).explain_cost(span_id(1))
        trace = book.trace(TRACE).row

    assert (told.price, told.shares, told.total) == (None, (), None)
    assert told.span.unpriced == "no price for mine of openai"
    assert told.span.anomaly == "reasoning 3 of output 2"
    assert (trace.cost, trace.unpriced_count, trace.anomaly_count) == (None, 1, 1)


def test_an_unknown_span_has_no_explanation(shelf: Shelf):
    shelf.store(end(1, **CALL))

    with Book(shelf.url) as book, pytest.raises(UnknownTraceError):
        book.trace(TRACE).explain_cost(span_id(9))


def test_own_prices_stand_before_those_of_the_list(shelf: Shelf):
    with Book(shelf.url) as book:
        book.add_price("gpt-4o", input="2", output=Decimal("3.5"), since=date(2026, 1, 1))
        book.add_price("gpt-4o", input=1.1, output=2, provider="azure")

        mine, other, *listed = book.prices("GPT-4o")

    assert (mine.provider, mine.rates["input"].base) == ("azure", Decimal("1.1"))
    assert other.rates["output"].base == Decimal("3.5")
    assert other.start_ns == moment_ns(datetime(2026, 1, 1, tzinfo=UTC))
    assert ("openai", "gpt-4o") in [(price.provider, price.model) for price in listed]
    assert all("gpt-4o" in price.model for price in listed)


def test_a_price_from_the_same_day_takes_the_place_of_the_earlier_one(shelf: Shelf):
    with Book(shelf.url) as book:
        for dollars in (1, 2):
            book.add_price("mine", input=dollars, since="2026-01-01")

        (only,) = book.prices("mine")

    assert only.rates["input"].base == 2


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"cache_read": 1},
        {"input": -1},
        {"input": float("nan")},
        {"input": True},
        {"input": None},
        {"input": 10**7},
        {"input": 1, "thoughts": 2},
        {"input": 1, "since": "soon"},
        {"input": 1, "provider": ""},
    ],
)
def test_a_price_that_cannot_be_one_is_refused(shelf: Shelf, given: dict[str, Any]):
    with Book(shelf.url) as book, pytest.raises(PriceError):
        book.add_price("mine", **given)
