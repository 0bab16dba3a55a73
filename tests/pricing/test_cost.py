"""Usage by price, part for part and exactly."""

from decimal import Decimal, localcontext

import pytest

from spanbook.pricing.cost import Cost, cost_of
from spanbook.pricing.rates import Price, Rate, Unpriced, rates_json, read_rates
from spanbook.usage import Usage


def price(**rates: str | Rate) -> Price:
    made = {name: r if isinstance(r, Rate) else Rate(Decimal(r)) for name, r in rates.items()}
    return Price("openai", "a-model", "own", None, made)


GPT_4O = price(input="2.5", cache_read="1.25", output="10")
CLAUDE = price(input="3", cache_read="0.3", cache_write="3.75", output="15")
REALTIME = price(
    input="4", cache_read="0.4", audio_input="32", image_input="5", output="16", audio_output="64"
)
LONG = price(
    input=Rate(Decimal("1.25"), ((200_000, Decimal("2.5")),)),
    output=Rate(Decimal("10"), ((200_000, Decimal("15")),)),
)

EXACT = [
    (GPT_4O, Usage(2006, 300, cache_read=1920), "0.005615"),
    (GPT_4O, Usage(0, 0), "0"),
    (GPT_4O, Usage(1, 0), "0.0000025"),
    (GPT_4O, Usage(10, 300, reasoning=256), "0.003025"),
    (GPT_4O, Usage(208, 10, cache_read=314), "0.00036"),  # more cached than there is, as reported
    (GPT_4O, Usage(765, 10, image_input=500), "0.0020125"),  # images at the rate of the input
    (GPT_4O, Usage(100, 0, cache_write=40), "0.00025"),
    (CLAUDE, Usage(1000, 100, cache_read=600, cache_write=300), "0.003105"),
    (REALTIME, Usage(100, 50, audio_input=60, audio_output=40), "0.0048"),
    (REALTIME, Usage(100, 0, audio_input=60, image_input=30, cache_read=10), "0.002074"),
    (price(input="0.02"), Usage(12_345, 0), "0.0002469"),
    (price(input="2", output="8", reasoning="3"), Usage(10, 100, reasoning=90), "0.00037"),
    (price(input="1", output="1", request="12000"), Usage(6, 4), "0.01201"),
    (price(input="0.0375"), Usage(1, 0), "0.0000000375"),
]


@pytest.mark.parametrize(("price", "usage", "expected"), EXACT)
def test_a_cost_is_exact(price: Price, usage: Usage, expected: str):
    cost = cost_of(usage, price)

    assert isinstance(cost, Cost)
    assert cost.total == Decimal(expected)
    assert sum((share.amount for share in cost.shares), Decimal(0)) == cost.total


def test_the_same_usage_costs_the_same_however_a_program_counts_its_own_money():
    with localcontext() as context:
        context.prec = 2

        cost = cost_of(Usage(2006, 300, cache_read=1920), GPT_4O)

    assert isinstance(cost, Cost)
    assert cost.total == Decimal("0.005615")


@pytest.mark.parametrize(
    ("tokens", "expected", "is_long"),
    [(200_000, "0.251", False), (200_001, "0.5015025", True), (0, "0.001", False)],
)
def test_a_long_context_costs_more_for_every_token(tokens: int, expected: str, is_long: bool):
    cost = cost_of(Usage(tokens, 100), LONG)

    assert isinstance(cost, Cost)
    assert (cost.total, cost.is_long) == (Decimal(expected), is_long)


UNKNOWN = [
    (GPT_4O, Usage(100, 50, audio_input=80), "no rate for audio_input"),
    (GPT_4O, Usage(100, 50, audio_output=30), "no rate for audio_output"),
    (price(audio_input="6"), Usage(10, 0), "no rate for input"),
    (price(input="6"), Usage(10, 1), "no rate for output"),
    (price(input="1", output="2", image_output="30"), Usage(10, 90), "how many of the output"),
    (GPT_4O, Usage(-5, 10), "negative"),
    (GPT_4O, Usage(5, 10, reasoning=-1), "negative"),
    (REALTIME, Usage(100, 0, audio_input=60, cache_read=50), "overlap"),
    (CLAUDE, Usage(10, 0, cache_read=8, cache_write=8), "overlap"),
]


@pytest.mark.parametrize(("price", "usage", "reason"), UNKNOWN)
def test_what_cannot_be_told_is_no_cost_but_a_reason(price: Price, usage: Usage, reason: str):
    cost = cost_of(usage, price)

    assert isinstance(cost, Unpriced)
    assert reason in cost.reason


def test_a_price_is_its_content():
    same = price(output="10.0", input="2.50", cache_read="1.25")

    assert same.hash == GPT_4O.hash
    assert price(input="2.5", output="10").hash != GPT_4O.hash


@pytest.mark.parametrize("one", [GPT_4O, LONG, REALTIME])
def test_rates_are_read_as_they_were_written(one: Price):
    assert read_rates(rates_json(one.rates)) == one.rates
