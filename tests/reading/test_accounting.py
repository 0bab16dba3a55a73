"""Accounting: sums of counted usage and cost, and the spans behind each of them."""

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine

from spanbook.moments import moment
from spanbook.reading import accounting, span_pages
from spanbook.reading.accounting import DIMENSIONS, Account
from spanbook.reading.filters import SpanFilter
from spanbook.reading.rows import SpanRow
from spanbook.store.accounts import DAY_NS, rebuild
from spanbook.store.database import writing
from spanbook.usage import Usage
from tests.reading.shelves import BASE, Shelf

_PARTS = ("cache_read", "cache_write", "reasoning")

MIDNIGHT = BASE // DAY_NS * DAY_NS


@pytest.fixture
def booked(shelf: Shelf) -> Shelf:
    """Calls of four days, some without price, some that do not add up, some in no total."""
    choose = random.Random(3).choice
    for _ in range(40):
        trace = shelf.trace(
            tags=choose([(), ("a",), ("a", "b")]),
            project=choose(["default", "shop"]),
            session=choose([None, "s", "t"]),
            user=choose([None, "u"]),
            start_ns=MIDNIGHT,
        )
        for _ in range(3):
            computed = choose([None, 1, 10**9, 3 * 10**9 + 1])
            reported = choose([None, None, 10**9])
            cost = computed if reported is None else reported
            start = MIDNIGHT + choose(range(8)) * DAY_NS // 2 + choose(range(50)) * 10**9
            shelf.span(
                trace,
                kind="llm",
                start_ns=start,
                model=choose([None, "m", "n"]),
                provider=choose([None, "p"]),
                tier=choose([None, "flex"]),
                input_tokens=choose([5, 900]),
                output_tokens=choose([0, 70]),
                **{name: choose([0, 3]) for name in _PARTS},  # pyright: ignore[reportArgumentType]
                **{name: choose([0, 2]) for name in ("audio_input", "audio_output")},
                estimated=choose([True, False]),
                counted=choose([True, True, False]),
                computed_cost=computed,
                reported_cost=reported,
                cost=cost,
                unpriced="no price" if computed is None else None,
                anomaly=choose([None, None, None, "too small"]),
            )
    with shelf.engine.connect() as connection, writing(connection):
        rebuild(connection)
    return shelf


def summed(rows: Iterable[SpanRow]) -> Account:
    """Return the account of these spans, added up one by one."""
    spans = list(rows)
    usage = Usage()
    for span in spans:
        usage += span.usage or Usage()

    def total(name: str) -> Decimal | None:
        known = [getattr(span, name) for span in spans if getattr(span, name) is not None]
        return sum(known, Decimal(0)) if known else None

    return Account(
        len(spans),
        sum(span.usage is not None and span.usage.estimated for span in spans),
        sum(span.cost is None for span in spans),
        sum(span.anomaly is not None for span in spans),
        sum(span.reported_cost is not None for span in spans),
        sum(span.computed_cost is not None for span in spans),
        usage,
        total("cost"),
        total("reported_cost"),
        total("computed_cost"),
    )


def behind(engine: Engine, filter: SpanFilter) -> list[SpanRow]:
    """Return the spans to which a figure links."""
    page = span_pages.list_spans(engine, replace(filter, limit=1000))
    assert page.next is None
    return [row.span for row in page.rows]


WINDOWS: list[dict[str, Any]] = [
    {},
    {"since": moment(MIDNIGHT + DAY_NS)},
    {"since": moment(MIDNIGHT + DAY_NS // 3), "until": moment(MIDNIGHT + 3 * DAY_NS - 10**9)},
    {"since": moment(MIDNIGHT + DAY_NS // 3), "until": moment(MIDNIGHT + DAY_NS // 2 + 10**10)},
    {"until": moment(MIDNIGHT + 2 * DAY_NS)},
]
OTHERS: list[dict[str, Any]] = [
    {},
    {"project": "shop"},
    {"model": "m", "provider": "(none)"},
    {"tier": "flex"},
    {"session": "s"},
    {"tag": "a"},
    {"user": "(none)", "model": "n"},
    {"kind": "llm", "estimated": True},
    {"model": "nobody's"},
]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("others", OTHERS, ids=str)
def test_every_figure_is_the_sum_of_the_spans_that_it_links_to(
    booked: Shelf, window: dict[str, Any], others: dict[str, Any]
):
    found = accounting.accounting(booked.engine, SpanFilter.of(**window, **others))

    assert found.total == summed(behind(booked.engine, found.filter))
    for table in found.tables.values():
        assert len(table.rows) == table.total
        for row in table.rows:
            assert row.account == summed(behind(booked.engine, row.filter))


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("others", OTHERS[:4], ids=str)
def test_accounts_and_spans_give_the_same_numbers(
    booked: Shelf, monkeypatch: pytest.MonkeyPatch, window: dict[str, Any], others: dict[str, Any]
):
    filter = SpanFilter.of(**window, **others)
    kept = accounting.accounting(booked.engine, filter)

    monkeypatch.setattr(accounting, "_is_booked", lambda _: False)

    assert accounting.accounting(booked.engine, filter) == kept
    assert accounting.account(booked.engine, filter) == kept.total


@pytest.mark.parametrize("name", [name for name in DIMENSIONS if name != "tag"])
def test_the_rows_of_a_table_add_up_to_the_total(booked: Shelf, name: str):
    found = accounting.accounting(booked.engine, SpanFilter())
    accounts = [row.account for row in found.tables[name].rows]

    assert sum(one.calls for one in accounts) == found.total.calls
    assert sum(one.usage.total for one in accounts) == found.total.usage.total
    assert sum((one.cost or Decimal(0) for one in accounts), Decimal(0)) == found.total.cost


def test_a_call_with_two_tags_is_in_both(shelf: Shelf):
    trace = shelf.trace(tags=("a", "b"))
    shelf.span(trace, input_tokens=7, output_tokens=0, counted=True, cost=5)

    found = accounting.accounting(shelf.engine, SpanFilter(user="(none)"))

    assert {row.value: row.account.calls for row in found.tables["tag"].rows} == {"a": 1, "b": 1}
    assert found.total.calls == 1


def test_days_come_newest_first_and_the_rest_dearest_first(booked: Shelf):
    found = accounting.accounting(booked.engine, SpanFilter())

    days = [row.value for row in found.tables["day"].rows]
    costs = [row.account.cost or 0 for row in found.tables["user"].rows]
    assert days == sorted(days, reverse=True)
    assert costs == sorted(costs, reverse=True)


def test_a_long_table_says_how_long_it_is(booked: Shelf):
    found = accounting.accounting(booked.engine, SpanFilter(), shown=2)

    assert [(len(table.rows), table.total) for table in found.tables.values()] == [
        (2, 3), (2, 4), (2, 2), (2, 3), (2, 2), (2, 3), (2, 2), (2, 2)
    ]  # fmt: skip


def test_an_age_becomes_a_moment():
    now = datetime(2026, 5, 4, tzinfo=UTC)

    filter = accounting.pinned(SpanFilter(since=timedelta(days=1), sort="cost"), now)

    assert filter == SpanFilter(since=now - timedelta(days=1), counted=True)


def test_nothing_has_no_cost(engine: Engine):
    found = accounting.accounting(engine, SpanFilter())

    assert (found.total.calls, found.total.cost, found.total.usage) == (0, None, Usage())
    assert {table.total for table in found.tables.values()} == {0}
