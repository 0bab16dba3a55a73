"""Costs are computed again by the prices of today, exactly once."""

import random
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from spanbook.moments import moment_ns, money
from spanbook.reading.book import Book
from spanbook.store.database import open_engine
from spanbook.store.recomputing import Costs, Recomputed, recompute_costs
from tests.storing.conftest import START, Shelf, end, start

USAGE = {"input": 2006, "output": 300, "cache_read": 1920}
EXACT = 5_615_000_000  # 0.005615 US dollars
MINE = 2_306_000_000  # at a dollar for a million


def call(model: str = "gpt-4o", **fields: Any) -> dict[str, Any]:
    return {"kind": "llm", "model": model, "provider": "openai", "usage": USAGE, **fields}


def recompute(shelf: Shelf, **options: Any) -> Recomputed:
    engine = open_engine(shelf.url)
    try:
        return recompute_costs(engine, **options)
    finally:
        engine.dispose()


def add_price(shelf: Shelf, model: str, **rates: Any) -> None:
    with Book(shelf.url) as book:
        book.add_price(model, **rates)


def agrees(shelf: Shelf) -> bool:
    """Say whether traces and rollups hold the sums over the counted spans."""
    sums = shelf.one(
        "SELECT sum(cost) AS cost, "
        "sum(CASE WHEN cost IS NULL THEN 1 ELSE 0 END) AS unpriced_count, "
        "sum(CASE WHEN anomaly IS NOT NULL THEN 1 ELSE 0 END) AS anomaly_count "
        "FROM spans WHERE counted"
    )
    trace = shelf.trace()
    rolled = shelf.one("SELECT sum(cost) AS cost FROM rollups")["cost"]
    return sums == {name: trace[name] for name in sums} and rolled == (sums["cost"] or 0)


def test_a_new_price_counts_for_stored_spans_once_they_are_recomputed(shelf: Shelf):
    shelf.store(end(1, **call("mine")), end(2, 1, **call()))
    add_price(shelf, "mine", input=1, output=1)

    done = recompute(shelf)

    assert done == Recomputed(2, 1, Costs(money(EXACT), 1), Costs(money(EXACT + MINE), 0))
    assert (shelf.span(1)["cost"], shelf.span(1)["unpriced"]) == (MINE, None)
    assert (shelf.trace()["cost"], shelf.trace()["unpriced_count"]) == (EXACT + MINE, 0)
    assert agrees(shelf)


def test_a_dry_run_tells_the_same_and_changes_nothing(shelf: Shelf):
    shelf.store(end(1, **call("mine")), end(2, 1, **call()))
    add_price(shelf, "mine", input=1, output=1)
    before = shelf.dump()

    told = recompute(shelf, dry_run=True)

    assert shelf.dump() == before
    assert told == recompute(shelf)


def test_a_second_run_changes_nothing(shelf: Shelf):
    shelf.store(
        end(1, **call("mine")),
        end(2, 1, **call(attributes={"reported_cost": "0.01"})),
        end(3, 1, **call(attributes={"service_tier": "scale"})),
        end(4, 1, **call("deployment-7", attributes={"request_model": "gpt-4o"})),
        end(5, 1, **call("mine", attributes={"cached": True}) | {"usage": {"input": 0}}),
        end(6, 1, **call(usage={"input": 0}, attributes={"usage_suspect": True})),
        end(7, 1, **call(usage={"input": 5, "output": 2, "cache_read": 9})),
        end(8, 1, **call(counted=False)),
        end(9, 1, **call(usage={"input": 9, "output": 2, "audio_input": 9})),
    )
    unchanged = recompute(shelf)
    add_price(shelf, "gpt-4o", input=3, output=3)

    first, between = recompute(shelf), shelf.dump()
    second = recompute(shelf)

    assert unchanged.changed == 0
    assert first.changed > 0
    assert (second.changed, second.before) == (0, first.after)
    assert shelf.dump() == between
    assert agrees(shelf)


def test_what_a_provider_reported_stays(shelf: Shelf):
    shelf.store(end(1, **call(attributes={"reported_cost": "0.01"})))
    add_price(shelf, "gpt-4o", input=1, output=1)

    recompute(shelf)

    row = shelf.span()
    assert row["cost"] == row["reported_cost"] == 10_000_000_000
    assert row["computed_cost"] == MINE


def test_an_answer_from_a_cache_stays_free(shelf: Shelf):
    shelf.store(end(1, **call("mine", usage={"input": 0}, attributes={"cached": True})))

    assert recompute(shelf).changed == 0
    assert shelf.span()["cost"] == 0


def test_the_tier_is_still_known(shelf: Shelf):
    late = moment_ns(datetime(2026, 11, 1, tzinfo=UTC))
    long = {"input": 300_000, "output": 0}
    flex = call("gpt-5.4", usage=long, attributes={"service_tier": "flex"})
    shelf.store(end(1, **flex) | {"start": late, "end": late + 5})

    assert recompute(shelf).changed == 0
    assert shelf.span()["tier"] == "flex, long context"


def test_removing_a_price_leaves_spans_unpriced(shelf: Shelf):
    add_price(shelf, "mine", input=1, output=1)
    shelf.store(end(1, **call("mine")))
    with Book(shelf.url) as book:
        assert book.remove_price("MINE")
        assert not book.remove_price("mine")

    done = recompute(shelf)

    assert (done.after.total, done.after.unpriced) == (Decimal(0), 1)
    assert (shelf.trace()["cost"], shelf.trace()["unpriced_count"]) == (None, 1)
    assert agrees(shelf)


def test_only_some_spans_may_be_recomputed(shelf: Shelf):
    shelf.store(end(1, **call("mine")), end(2, 1, **call("mine")), end(3, 1, **call("other")))
    add_price(shelf, "mine", input=1, output=1)
    add_price(shelf, "other", input=1, output=1)

    assert recompute(shelf, model="OTHER", dry_run=True).changed == 1
    assert recompute(shelf, since_ns=START + 2_000_000).changed == 2
    assert shelf.span(1)["cost"] is None
    assert agrees(shelf)


def test_spans_from_before_there_were_prices_get_theirs(shelf: Shelf):
    shelf.store(end(1, **call(attributes={"reported_cost": "0.01", "service_tier": "default"})))
    engine = open_engine(shelf.url)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE spans SET cost = NULL, reported_cost = NULL, computed_cost = NULL, "
            "price_pk = NULL, unpriced = 'not priced yet'"
        )
        connection.exec_driver_sql("UPDATE traces SET cost = NULL, unpriced_count = 1")
        connection.exec_driver_sql("UPDATE rollups SET cost = 0")
    engine.dispose()

    recompute(shelf)

    row = shelf.span()
    assert (row["reported_cost"], row["computed_cost"]) == (10_000_000_000, EXACT)
    assert row["unpriced"] is None
    assert agrees(shelf)


@pytest.mark.parametrize("seed", range(3))
def test_recomputing_is_what_storing_anew_would_have_been(shelf: Shelf, tmp_path: Any, seed: int):
    numbers = random.Random(seed)
    records: list[dict[str, Any]] = []
    for number in range(1, 60):
        model = numbers.choice(["gpt-4o", "mine", "o3", "deployment"])
        usage = {"input": numbers.randrange(9_999), "output": numbers.randrange(99)}
        told = numbers.choice([{}, {"reported_cost": "0.5"}, {"request_model": "gpt-4o"}])
        parent = None if number == 1 else numbers.randrange(1, number)
        fields = call(model, usage=usage, attributes=told, counted=numbers.random() < 0.8)
        records += [start(number, parent, kind="llm"), end(number, parent, **fields)]
    numbers.shuffle(records)
    (tmp_path / "other").mkdir()
    other = Shelf(tmp_path / "other")
    with Book(other.url) as book:
        book.add_price("mine", input=1, output=2, cache_read="0.5")
    for at in range(0, len(records), 17):
        shelf.store(*records[at : at + 17])
        other.store(*records[at : at + 17])
    with Book(shelf.url) as book:
        book.add_price("mine", input=1, output=2, cache_read="0.5")

    recompute(shelf)

    query = "SELECT span_id, cost, computed_cost, tier, unpriced FROM spans ORDER BY span_id"
    assert shelf.rows(query) == other.rows(query)
    assert agrees(shelf)
    assert agrees(other)
    other.close()
