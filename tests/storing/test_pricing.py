"""Spans are priced when they are stored: exactly, once, and never with 0 for what is not known."""

import random
import sys
from decimal import Decimal
from typing import Any

import pytest

from spanbook.moments import moment_ns, money
from spanbook.pricing import lists
from tests.storing.conftest import START, Shelf, end, span_id, start

USAGE = {"input": 2006, "output": 300, "cache_read": 1920}
CALL: dict[str, Any] = {"kind": "llm", "model": "gpt-4o", "provider": "openai", "usage": USAGE}
EXACT = 5_615_000_000  # 0.005615 US dollars
LIST = "genai-prices"


def changed(**fields: Any) -> dict[str, Any]:
    return CALL | fields


def add_price(shelf: Shelf, model: str, rates: str, **fields: Any) -> None:
    from sqlalchemy import insert

    from spanbook.store.database import open_engine
    from spanbook.store.schema import own_prices

    engine = open_engine(shelf.url)
    with engine.begin() as connection:
        given = {"model": model, "rates": rates, "added_ns": START}
        connection.execute(insert(own_prices).values(**given, **fields))
    engine.dispose()


def costs(shelf: Shelf, number: int = 1) -> dict[str, Any]:
    """Return what a span's row says of money and is not NULL."""
    names = ("cost", "reported_cost", "computed_cost", "tier", "unpriced", "anomaly")
    row = shelf.span(number)
    return {name: row[name] for name in names if row[name] is not None}


def test_a_call_costs_its_usage_by_the_price_of_its_model(shelf: Shelf):
    shelf.store(end(1, **CALL))

    assert costs(shelf) == {"cost": EXACT, "computed_cost": EXACT}
    assert (shelf.trace()["cost"], shelf.trace()["unpriced_count"]) == (EXACT, 0)
    assert money(shelf.trace()["cost"]) == Decimal("0.005615")


def test_the_price_stands_with_the_span(shelf: Shelf):
    shelf.store(end(1, **CALL), end(2, 1, **CALL))
    shelf.store(end(3, 1, **CALL))

    row = shelf.one("SELECT * FROM prices")
    assert (row["provider"], row["model"]) == ("openai", "gpt-4o")
    assert row["source"].startswith(LIST)
    assert row["rates"] == '{"input": "2.5", "cache_read": "1.25", "output": "10"}'
    assert {span["price_pk"] for span in shelf.rows("SELECT price_pk FROM spans")} == {row["pk"]}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"model": "my-gpt-4-proxy"}, "no price for my-gpt-4-proxy of openai"),
        ({"provider": "localhost:4000"}, "no prices of localhost:4000"),
        ({"model": None}, "the model is not known"),
        ({"attributes": {"service_tier": "scale"}}, "no price for tier scale of gpt-4o"),
        (
            {"usage": {"input": 9, "output": 9, "audio_input": 5}},
            "the price has no rate for audio_input",
        ),
        (
            {"usage": {"input": 0, "output": 0}, "attributes": {"usage_suspect": True}},
            "the provider reported no tokens beside an answer",
        ),
        ({"usage": {"input": 10**17, "output": 1}}, "the cost is too large to be true"),
    ],
)
def test_what_has_no_price_is_unpriced_and_never_costs_0(
    shelf: Shelf, fields: dict[str, Any], reason: str
):
    shelf.store(end(1, **changed(**fields)))

    found = costs(shelf)
    assert found.get("cost") is None
    assert found["unpriced"].startswith(reason)
    assert shelf.span()["price_pk"] is None
    assert (shelf.trace()["cost"], shelf.trace()["unpriced_count"]) == (None, 1)


def test_a_trace_with_some_priced_calls_costs_their_sum_and_counts_the_others(shelf: Shelf):
    shelf.store(end(1, **CALL), end(2, 1, **CALL), end(3, 1, **(changed(model="mine"))))

    assert (shelf.trace()["cost"], shelf.trace()["unpriced_count"]) == (2 * EXACT, 1)


def test_what_the_provider_charged_counts_and_both_are_kept(shelf: Shelf):
    shelf.store(end(1, **CALL, attributes={"reported_cost": "0.0049"}))

    assert costs(shelf) == {
        "cost": 4_900_000_000,
        "reported_cost": 4_900_000_000,
        "computed_cost": EXACT,
    }
    assert shelf.trace()["cost"] == 4_900_000_000


def test_what_the_provider_charged_is_kept_where_nothing_else_is_known(shelf: Shelf):
    shelf.store(end(1, attributes={"reported_cost": "0.5"}))

    assert shelf.span()["reported_cost"] == 500_000_000_000


def test_what_the_provider_charged_needs_no_price(shelf: Shelf):
    shelf.store(end(1, **(changed(model="mine")), attributes={"reported_cost": "0.5"}))

    assert shelf.span()["cost"] == 500_000_000_000
    assert shelf.span()["unpriced"] == "no price for mine of openai"
    assert shelf.trace()["unpriced_count"] == 0


@pytest.mark.parametrize("nonsense", ["-1", "NaN", "a lot", True, [1], {"a": 1}, "1e300"])
def test_a_reported_cost_that_is_no_amount_is_not_one(shelf: Shelf, nonsense: Any):
    shelf.store(end(1, **CALL, attributes={"reported_cost": nonsense}))

    assert costs(shelf) == {"cost": EXACT, "computed_cost": EXACT}


@pytest.mark.parametrize(
    ("model", "attributes", "tokens", "tier", "dollars"),
    [
        ("gpt-5.4", {}, 1_000, None, "0.0025"),
        ("gpt-5.4", {"service_tier": "default"}, 1_000, None, "0.0025"),
        ("gpt-5.4", {"service_tier": "flex"}, 1_000, "flex", "0.00125"),
        ("gpt-5.4", {"processing": "batch"}, 1_000, "batch", "0.00125"),
        ("gpt-5.4", {}, 300_000, "long context", "1.5"),
        ("gpt-5.4", {"service_tier": "flex"}, 300_000, "flex, long context", "0.75"),
        ("gpt-5.4", {"parameters": {"service_tier": "flex"}}, 1_000, None, "0.0025"),
    ],
)
def test_the_tier_that_was_served_picks_the_rates(
    shelf: Shelf,
    model: str,
    attributes: dict[str, Any],
    tokens: int,
    tier: str | None,
    dollars: str,
):
    late = 1_795_000_000_000_000_000  # November 2026
    usage = {"input": tokens, "output": 0}

    shelf.store(
        end(1, kind="llm", model=model, provider="openai", usage=usage, attributes=attributes)
        | {"start": late, "end": late + 5}
    )

    assert (shelf.span()["tier"], money(shelf.span()["cost"])) == (tier, Decimal(dollars))


def test_the_price_is_that_of_the_moment_of_the_call(shelf: Shelf):
    from datetime import UTC, datetime

    before = moment_ns(datetime(2025, 6, 9, tzinfo=UTC))
    after = moment_ns(datetime(2025, 6, 11, tzinfo=UTC))
    o3 = changed(model="o3", usage={"input": 1000, "output": 0})

    shelf.store(
        end(1, **o3) | {"start": before, "end": before + 1},
        end(2, 1, **o3) | {"start": after, "end": after + 1},
    )

    assert [money(shelf.span(n)["cost"]) for n in (1, 2)] == [Decimal("0.01"), Decimal("0.002")]


def test_an_answer_from_a_cache_costs_nothing(shelf: Shelf):
    shelf.store(end(1, **(changed(usage={"input": 0, "output": 0})), attributes={"cached": True}))

    assert costs(shelf) == {"cost": 0, "computed_cost": 0}
    assert (shelf.trace()["cost"], shelf.trace()["unpriced_count"]) == (0, 0)


def test_estimated_usage_is_priced_and_stays_marked(shelf: Shelf):
    shelf.store(end(1, **(changed(usage=USAGE | {"estimated": True}))))

    assert (shelf.span()["cost"], shelf.span()["estimated"]) == (EXACT, 1)


def test_usage_that_a_span_below_reported_costs_nothing_again(shelf: Shelf):
    agent = {**CALL, "kind": "agent", "counted": False}

    shelf.store(end(1, **agent, attributes={"reported_cost": "1"}), end(2, 1, **CALL))

    assert costs(shelf, 1) == {"reported_cost": 1_000_000_000_000}
    assert shelf.trace()["cost"] == EXACT


def test_a_price_of_ones_own_wins(shelf: Shelf):
    add_price(shelf, "GPT-4o", '{"input": "1", "output": "1"}')

    shelf.store(end(1, **CALL))

    assert money(shelf.span()["cost"]) == Decimal("0.002306")
    assert shelf.one("SELECT source FROM prices")["source"] == "own"


def test_the_newest_own_price_that_has_begun_wins(shelf: Shelf):
    rates = '{{"input": "{0}", "output": "0"}}'
    add_price(shelf, "mine", rates.format(1))
    add_price(shelf, "mine", rates.format(2), start_ns=START - 10)
    add_price(shelf, "mine", rates.format(4), start_ns=START + 10**12)
    add_price(shelf, "mine", rates.format(8), start_ns=START - 20)
    usage = {"input": 1_000_000, "output": 0}

    for number, at in ((1, START - 30), (2, START), (3, START + 10**12)):
        call = {"kind": "llm", "model": "mine", "usage": usage, "end": at + 5, "start": at}
        shelf.store(end(number, None if number == 1 else 1) | call)

    assert [money(shelf.span(n)["cost"]) for n in (1, 2, 3)] == [1, 2, 4]


def test_an_own_price_may_be_for_one_provider(shelf: Shelf):
    add_price(shelf, "gpt-4o", '{"input": "1", "output": "0"}', provider="azure")
    add_price(shelf, "gpt-4o", '{"input": "3", "output": "0"}')
    call = changed(usage={"input": 1_000_000, "output": 0})

    azure: dict[str, Any] = {**call, "provider": "azure_openai"}

    shelf.store(end(1, **azure), end(2, 1, **call))

    assert [money(shelf.span(n)["cost"]) for n in (1, 2)] == [1, 3]


def test_an_own_price_counts_from_the_next_batch_on_and_changes_nothing_before(shelf: Shelf):
    call = changed(model="mine")
    shelf.store(end(1, **call))
    add_price(shelf, "mine", '{"input": "1", "output": "1"}')

    shelf.store(end(2, 1, **call))

    assert [shelf.span(n)["cost"] for n in (1, 2)] == [None, 2_306_000_000]
    assert (shelf.trace()["cost"], shelf.trace()["unpriced_count"]) == (2_306_000_000, 1)


def test_the_model_that_was_asked_for_has_the_price_where_the_answering_one_has_none(shelf: Shelf):
    call = changed(model="deployment-7")

    shelf.store(end(1, **call, attributes={"request_model": "gpt-4o"}))

    assert shelf.span()["cost"] == EXACT


def test_without_a_price_list_own_prices_still_count(shelf: Shelf, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "genai_prices.data", None)
    lists.price_list.cache_clear()
    try:
        add_price(shelf, "mine", '{"input": "1", "output": "1"}')
        shelf.store(end(1, **CALL), end(2, 1, **(changed(model="mine"))))
    finally:
        lists.price_list.cache_clear()

    assert shelf.span(1)["unpriced"] == "no price list installed: pip install 'spanbook[prices]'"
    assert shelf.span(2)["cost"] == 2_306_000_000


def test_what_does_not_add_up_is_kept_flagged_and_counted(shelf: Shelf):
    shelf.store(
        end(1, **(changed(usage={"input": 208, "output": 10, "cache_read": 314}))),
        end(2, 1, **CALL, attributes={"usage_raw": {"total_tokens": 9999}}),
        end(3, 1, **CALL, attributes={"usage_raw": {"total_tokens": 2306}}),
    )

    assert shelf.span(1)["cache_read"] == 314
    assert shelf.span(1)["anomaly"] == "cache_read 314 of input 208"
    assert shelf.span(2)["anomaly"] == "total 9999 is not input 2006 and output 300"
    assert shelf.span(3)["anomaly"] is None
    assert shelf.trace()["anomaly_count"] == 2


def test_an_end_in_a_later_batch_is_priced_by_what_its_start_said(shelf: Shelf):
    shelf.store(start(1, kind="llm", model="gpt-4o", provider="openai"))
    assert costs(shelf) == {}

    shelf.store(end(1, kind="llm", usage=USAGE))

    assert costs(shelf) == {"cost": EXACT, "computed_cost": EXACT}
    assert shelf.trace()["cost"] == EXACT


def test_a_real_end_replaces_the_cost_of_an_incomplete_one(shelf: Shelf):
    half = changed(usage={"input": 2006, "output": 1}, status="incomplete")
    shelf.store(end(1, **half))
    assert shelf.trace()["cost"] is not None

    shelf.store(end(1, **CALL), end(1, **CALL))
    shelf.store(end(1, **CALL))

    assert (shelf.span()["cost"], shelf.trace()["cost"]) == (EXACT, EXACT)
    assert shelf.one("SELECT sum(cost) AS cost FROM rollups")["cost"] == EXACT


@pytest.mark.parametrize("seed", range(5))
def test_totals_are_the_sums_over_counted_spans_in_any_order(shelf: Shelf, seed: int):
    numbers = random.Random(seed)
    records: list[dict[str, Any]] = []
    for number in range(1, 40):
        model = numbers.choice(["gpt-4o", "o3", "mine", "claude-sonnet-4-20250514"])
        usage = {"input": numbers.randrange(9_999), "output": numbers.randrange(999)}
        fields: dict[str, Any] = {"kind": "llm", "model": model, "name": "call"}
        attributes = {"reported_cost": "0.01"} if numbers.random() < 0.2 else {}
        parent = None if number == 1 else numbers.randrange(1, number)
        records.append(start(number, parent, **fields))
        records.append(
            end(number, parent, **fields)
            | {"usage": usage, "counted": numbers.random() < 0.8, "attributes": attributes}
        )
    numbers.shuffle(records)
    while records:
        size = numbers.randrange(1, 12)
        shelf.store(*records[:size])
        records = records[size:]

    sums = shelf.one(
        "SELECT sum(cost) AS cost, "
        "sum(CASE WHEN cost IS NULL THEN 1 ELSE 0 END) AS unpriced_count, "
        "sum(CASE WHEN anomaly IS NOT NULL THEN 1 ELSE 0 END) AS anomaly_count "
        "FROM spans WHERE counted"
    )
    trace = shelf.trace()
    assert sums == {name: trace[name] for name in sums}
    assert shelf.one("SELECT sum(cost) AS cost FROM rollups")["cost"] == sums["cost"]
    by_model = "SELECT model, sum(cost) AS cost FROM {} GROUP BY model ORDER BY model"
    assert shelf.rows(
        by_model.format("(SELECT * FROM spans WHERE counted AND cost IS NOT NULL)")
    ) == [
        row
        for row in shelf.rows(by_model.format("rollups JOIN series ON pk = series_pk"))
        if row["cost"]
    ]
    assert span_id(1) == trace["root_id"]
