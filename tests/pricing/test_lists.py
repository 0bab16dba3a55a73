"""The price list, behind our guards."""

import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import genai_prices
import pytest

from spanbook.moments import moment, moment_ns
from spanbook.pricing.cost import Cost, cost_of
from spanbook.pricing.lists import PriceList, price_list
from spanbook.pricing.rates import Price, Unpriced
from spanbook.usage import Usage

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def prices() -> PriceList:
    found = price_list()
    assert found is not None
    return found


def find(
    prices: PriceList,
    provider: str | None,
    model: str,
    at: datetime = NOW,
    tier: str | None = None,
) -> Price | Unpriced:
    return prices.find(provider, model, moment_ns(at), tier)


KNOWN = [
    ("openai", "gpt-4o", "gpt-4o"),
    ("openai", "GPT-4o", "gpt-4o"),
    ("openai", "gpt-4o-2024-08-06", "gpt-4o"),
    ("openai", "gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
    ("openai", "gpt-4o-2031-01-01", "gpt-4o"),  # an edition that the list does not know yet
    ("openai", "openai/gpt-4o", "gpt-4o"),
    ("openai", "ft:gpt-4o-mini-2024-07-18:us:name:id", "ft:gpt-4o-mini"),
    ("openai", "gpt-5.6-sol-2026-01-01", "gpt-5.6-sol"),
    (None, "gpt-4o", "gpt-4o"),
    (None, "openai/gpt-4o", "gpt-4o"),
    (None, "text-embedding-3-small", "text-embedding-3-small"),
    (None, "claude-sonnet-4-20250514", "claude-sonnet-4-0"),
    ("litellm", "anthropic/claude-sonnet-4-20250514", "claude-sonnet-4-0"),
    ("azure", "gpt-35-turbo", "gpt-3.5-turbo"),
    ("anthropic", "claude-3-5-haiku-latest", "claude-3-5-haiku-latest"),
    ("google_genai", "models/gemini-2.5-pro-preview-05-06", "gemini-2.5-pro"),
    ("google_vertexai", "publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro"),
    ("mistralai", "mistral-small-latest", "mistral-small-latest"),
    ("xai", "grok-4", "grok-4-0709"),
    ("groq", "openai/gpt-oss-120b", "openai/gpt-oss-120b"),
    (
        "amazon_bedrock",
        "us.anthropic.claude-3-opus-20240229-v1:0",
        "regional.anthropic.claude-3-opus-20240229-v1:0",
    ),
]


@pytest.mark.parametrize(("provider", "model", "expected"), KNOWN)
def test_a_model_is_found_by_its_names(
    prices: PriceList, provider: str | None, model: str, expected: str
):
    price = find(prices, provider, model)

    assert isinstance(price, Price), price
    assert price.model == expected
    assert price.source == f"genai-prices {genai_prices.__version__}"


STRANGERS = [
    ("openai", "my-gpt-4-proxy"),
    (None, "my-gpt-4-proxy"),
    ("openai", "gpt-4o-foo"),
    ("openai", "gpt-99-turbo"),
    ("openai", "gpt-4o-audio-preview-of-ours"),
    ("openai", "computer-use-for-everyone"),
    ("openai", "my-moderation-bot"),
    ("openai", "ft:gpt-4.1-mini-2025-04-14:us:name:id"),  # tuned models cost more
    (None, "gemini-2.5-pro-of-ours"),
    ("google", "gemini-2.5-pro-of-ours"),
    ("google", "my-claude-3-opus"),
    ("azure", "foo-o4-mini-bar"),
    ("amazon_bedrock", "my.own.claude-3-opus-20240229-v1:0"),
    ("anthropic", "claude-3-5-haiku-but-cheaper"),
    ("mistral", "mixtral-8x7b-ours"),
    ("localhost:4000", "gpt-4o"),
    ("openai-proxy.example.com", "gpt-4o"),
    ("ollama", "llama3"),
    ("", "gpt-4o"),
    ("openai", ""),
]


@pytest.mark.parametrize(("provider", "model"), STRANGERS)
def test_a_name_that_only_looks_like_a_model_has_no_price(
    prices: PriceList, provider: str | None, model: str
):
    assert isinstance(find(prices, provider, model), Unpriced)


def test_a_price_is_that_of_its_day(prices: PriceList):
    old = find(prices, "openai", "o3", datetime(2025, 6, 9, 23, 59, tzinfo=UTC))
    new = find(prices, "openai", "o3", datetime(2025, 6, 10, tzinfo=UTC))

    assert isinstance(old, Price)
    assert isinstance(new, Price)
    assert (old.rates["input"].base, old.start_ns) == (Decimal(10), None)
    assert (new.rates["input"].base, new.start_ns) == (
        Decimal(2),
        moment_ns(datetime(2025, 6, 10, tzinfo=UTC)),
    )


@pytest.mark.parametrize(
    ("minute", "dollars"), [("00:29", "0.135"), ("00:30", "0.27"), ("16:30", "0.135")]
)
def test_a_price_is_that_of_its_hour(prices: PriceList, minute: str, dollars: str):
    hours, minutes = map(int, minute.split(":"))

    price = find(prices, "deepseek", "deepseek-chat", NOW.replace(hour=hours, minute=minutes))

    assert isinstance(price, Price)
    assert price.rates["input"].base == Decimal(dollars)


@pytest.mark.parametrize(
    ("model", "tier", "dollars"),
    [
        ("gpt-5.4", None, "2.5"),
        ("gpt-5.4", "default", "2.5"),
        ("gpt-5.4", "flex", "1.25"),
        ("gpt-5.4", "priority", "5"),
        ("gpt-5.4", "batch", "1.25"),
    ],
)
def test_a_tier_has_its_own_price(prices: PriceList, model: str, tier: str | None, dollars: str):
    price = find(prices, "openai", model, tier=tier)

    assert isinstance(price, Price)
    assert price.rates["input"].base == Decimal(dollars)


@pytest.mark.parametrize(
    ("provider", "tier", "at"),
    [
        ("openai", "scale", NOW),
        ("openai", "auto", NOW),
        ("openai", "flexx", NOW),
        ("azure", "flex", NOW),
        ("openai", "flex", datetime(2026, 9, 1, tzinfo=UTC)),  # the list knows it since October
    ],
)
def test_a_tier_that_the_list_does_not_know_is_not_the_usual_one(
    prices: PriceList, provider: str, tier: str, at: datetime
):
    price = find(prices, provider, "gpt-5.4", at, tier)

    assert isinstance(price, Unpriced)
    assert f"tier {tier} of" in price.reason


TEXT = [
    ("openai", "gpt-4o"),
    ("openai", "gpt-5.4"),
    ("openai", "o3"),
    ("anthropic", "claude-sonnet-4-5-20250929"),
    ("google", "gemini-2.5-pro"),
    ("deepseek", "deepseek-chat"),
    ("mistral", "mistral-large-latest"),
    ("groq", "openai/gpt-oss-120b"),
    ("openrouter", "openai/gpt-4o"),
    ("perplexity", "sonar-pro"),
]


@pytest.mark.parametrize(("provider", "model"), TEXT)
def test_costs_are_those_that_the_list_itself_computes(
    prices: PriceList, provider: str, model: str
):
    numbers = random.Random(model)
    for _ in range(50):
        at = NOW - timedelta(minutes=numbers.randrange(800_000))
        whole, out = numbers.choice([900, 199_999, 400_000]), numbers.randrange(5_000)
        read, write = numbers.randrange(whole // 2), numbers.randrange(whole // 2)

        price = find(prices, provider, model, at)
        assert isinstance(price, Price)
        cost = cost_of(Usage(whole, out, read, write), price)

        assert isinstance(cost, Cost)
        theirs = genai_prices.calc_price(
            genai_prices.Usage(
                input_tokens=whole,
                output_tokens=out,
                cache_read_tokens=read,
                cache_write_tokens=write,
            ),
            model,
            provider_id=provider,
            genai_request_timestamp=moment(moment_ns(at)),
        )
        assert cost.total == theirs.total_price


def test_the_list_asks_no_network():
    script = (
        "import socket\n"
        "def refuse(*_): raise AssertionError('network')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from spanbook.pricing.lists import price_list\n"
        "assert price_list().find('openai', 'gpt-4o', 1_790_000_000_000_000_000).rates\n"
    )

    subprocess.run([sys.executable, "-c", script], check=True)
