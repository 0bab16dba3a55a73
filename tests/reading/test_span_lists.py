"""Lists of spans over all traces: what they hold, in which order, page by page."""

import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine

from spanbook.errors import FilterError
from spanbook.moments import moment
from spanbook.reading import span_conditions, span_pages
from spanbook.reading.filters import SPAN_SORTS, SpanFilter
from spanbook.reading.rows import SpanEntry
from tests.reading.shelves import BASE, SECOND, Shelf


@pytest.fixture(params=["rare", "common"])
def mixed(shelf: Shelf, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """Some traces with spans of every sort, once all taken for rare, once all for common."""
    if request.param == "common":
        monkeypatch.setattr(span_conditions, "_RARE", 0)
        monkeypatch.setattr(span_conditions, "_RARE_TRACES", 0)
    random_one = random.Random(11)
    choose = random_one.choice
    for _ in range(12):
        trace = shelf.trace(
            tags=choose([(), ("a",), ("a", "b")]),
            start_ns=BASE,
            project=choose(["default", "shop"]),
            span_count=6,
            **{  # pyright: ignore[reportArgumentType]  # none of these is `words`
                name: choose([None, "x", "y"])
                for name in ("session", "user", "release", "environment")
            },
        )
        for _ in range(5):
            _span(shelf, trace, choose)
    return shelf


def _span(shelf: Shelf, trace: str, choose: Any) -> None:
    start = BASE + choose(range(12)) * SECOND
    columns: dict[str, Any] = {
        "start_ns": start,
        "end_ns": choose([None, start + SECOND, start + 2 * SECOND]),
        "kind": choose(["llm", "tool", "chain"]),
        "name": choose(["chat", "Search", "äh"]),
        "status": choose(["ok", "ok", "error", "running"]),
        "model": choose([None, "m", "n"]),
        "provider": choose([None, "p"]),
    }
    if choose([True, False]):
        cost = choose([None, 10**9, 3 * 10**9])
        columns |= {
            "input_tokens": choose([5, 900]),
            "output_tokens": choose([0, 7]),
            "cache_read": choose([0, 3]),
            "estimated": choose([True, False]),
            "counted": choose([True, True, False]),
            "cost": cost,
            "tier": choose([None, "flex"]),
            "unpriced": choose([None, "no price", "no rate"]) if cost is None else None,
            "anomaly": choose([None, None, "total is too small"]),
        }
    shelf.span(trace, **columns)


def ids(engine: Engine, filter: SpanFilter) -> list[str]:
    return [row.span.span_id for row in span_pages.list_spans(engine, filter).rows]


def pages(engine: Engine, filter: SpanFilter) -> list[list[str]]:
    """Return the ids on each page from `filter` on."""
    found: list[list[str]] = []
    after = None
    while True:
        page = span_pages.list_spans(engine, replace(filter, after=after))
        found.append([row.span.span_id for row in page.rows])
        if page.next is None:
            return found
        after = page.next


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("sort", SPAN_SORTS)
@pytest.mark.parametrize("others", [{}, {"kind": ["llm", "tool"]}, {"tag": "a", "counted": True}])
def test_pages_together_are_the_whole_list_and_can_be_walked_back(
    mixed: Shelf, sort: str, descending: bool, others: dict[str, Any]
):
    filter = SpanFilter.of(sort=sort, descending=descending, **others)
    whole = ids(mixed.engine, filter)

    forward = pages(mixed.engine, replace(filter, limit=7))

    assert [one for page in forward for one in page] == whole
    assert len(set(whole)) == len(whole)
    last = span_pages.list_spans(mixed.engine, replace(filter, limit=7, after=None))
    while last.next is not None:
        last = span_pages.list_spans(mixed.engine, replace(filter, limit=7, after=last.next))
    back = [row.span.span_id for row in last.rows]
    while last.previous is not None:
        last = span_pages.list_spans(mixed.engine, replace(filter, limit=7, before=last.previous))
        back = [row.span.span_id for row in last.rows] + back
    assert back == whole


def tokens(entry: SpanEntry) -> int | None:
    return None if entry.span.usage is None else entry.span.usage.total


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize(
    ("sort", "value"),
    [
        ("start", lambda row: row.span.start_ns),
        ("duration", lambda row: row.span.duration_ns),
        ("tokens", tokens),
        ("input_tokens", lambda row: row.span.usage and row.span.usage.input),
        ("output_tokens", lambda row: row.span.usage and row.span.usage.output),
        ("cost", lambda row: row.span.cost),
        ("name", lambda row: row.span.name),
        ("model", lambda row: row.span.model),
    ],
)
def test_a_list_is_sorted_with_what_is_unknown_last(
    mixed: Shelf, sort: str, value: Any, descending: bool
):
    filter = SpanFilter(sort=sort, descending=descending)

    values = [value(row) for row in span_pages.list_spans(mixed.engine, filter).rows]

    known = [one for one in values if one is not None]
    assert known == sorted(known, reverse=descending)
    assert values == known + [None] * (len(values) - len(known))


FILTERS: list[tuple[dict[str, Any], Any]] = [
    ({"kind": "llm"}, lambda row: row.span.kind == "llm"),
    ({"kind": ["llm", "tool"]}, lambda row: row.span.kind in ("llm", "tool")),
    ({"name": "Search"}, lambda row: row.span.name == "Search"),
    ({"model": "m"}, lambda row: row.span.model == "m"),
    ({"model": "(none)"}, lambda row: row.span.model is None),
    ({"provider": "p"}, lambda row: row.span.provider == "p"),
    ({"tier": "flex"}, lambda row: row.span.tier == "flex"),
    ({"status": "error"}, lambda row: row.span.status == "error"),
    ({"status": ["error", "running"]}, lambda row: row.span.status in ("error", "running")),
    ({"status": ["ok", "error"]}, lambda row: row.span.status in ("ok", "error")),
    ({"trace_id": f"{3:032x}"}, lambda row: row.span.trace_id == f"{3:032x}"),
    ({"project": "shop"}, lambda row: row.project == "shop"),
    ({"session": "x"}, lambda row: row.session == "x"),
    ({"session": "(none)"}, lambda row: row.session is None),
    ({"user": "y"}, lambda row: row.user == "y"),
    ({"tag": "a"}, lambda row: "a" in row.tags),
    ({"tag": ["a", "b"]}, lambda row: {"a", "b"} <= set(row.tags)),
    ({"tag": "(none)"}, lambda row: not row.tags),
    ({"release": "x"}, lambda row: row.release == "x"),
    ({"environment": "(none)"}, lambda row: row.environment is None),
    ({"since": moment(BASE + 6 * SECOND)}, lambda row: row.span.start_ns >= BASE + 6 * SECOND),
    ({"until": moment(BASE + 6 * SECOND)}, lambda row: row.span.start_ns < BASE + 6 * SECOND),
    ({"since": "1d"}, lambda row: False),
    ({"min_duration": "2s"}, lambda row: row.span.duration == timedelta(seconds=2)),
    ({"max_duration": "1s"}, lambda row: row.span.duration == timedelta(seconds=1)),
    ({"min_tokens": 900}, lambda row: (tokens(row) or 0) >= 900),
    ({"max_tokens": 5}, lambda row: tokens(row) == 5),
    ({"min_cost": "0.003"}, lambda row: row.span.cost == Decimal("0.003")),
    ({"max_cost": "0.001"}, lambda row: row.span.cost == Decimal("0.001")),
    ({"unpriced": True}, lambda row: row.span.unpriced is not None),
    ({"unpriced": "no rate"}, lambda row: row.span.unpriced == "no rate"),
    ({"unpriced": False}, lambda row: row.span.unpriced is None),
    ({"anomaly": True}, lambda row: row.span.anomaly is not None),
    ({"anomaly": "total is too small"}, lambda row: row.span.anomaly is not None),
    ({"anomaly": "no rate"}, lambda row: False),
    ({"estimated": True}, lambda row: row.span.usage is not None and row.span.usage.estimated),
    ({"estimated": False}, lambda row: row.span.usage and not row.span.usage.estimated),
    ({"counted": True}, lambda row: row.span.counted),
    ({"counted": False}, lambda row: row.span.usage is not None and not row.span.counted),
    ({"cached": True}, lambda row: row.span.usage is not None and row.span.usage.cache_read),
    ({"cached": False}, lambda row: row.span.usage and not row.span.usage.cache_read),
    (
        {"kind": "llm", "user": "x", "counted": True},
        lambda row: row.span.kind == "llm" and row.user == "x" and row.span.counted,
    ),
]


@pytest.mark.parametrize("sort", ["start", "-cost"])
@pytest.mark.parametrize(("given", "holds"), FILTERS, ids=[str(given) for given, _ in FILTERS])
def test_a_filter_keeps_what_fits_and_counts_as_much(
    mixed: Shelf, given: dict[str, Any], holds: Any, sort: str
):
    everything = span_pages.list_spans(mixed.engine, SpanFilter.of(sort=sort)).rows
    filter = SpanFilter.of(**given, sort=sort)

    rows = span_pages.list_spans(mixed.engine, filter).rows

    assert rows == tuple(row for row in everything if holds(row))
    count = span_pages.count_spans(mixed.engine, filter)
    assert (count.number, count.exact) == (len(rows), True)


def test_a_count_can_stop_early(mixed: Shelf):
    filter = SpanFilter.of(until="1d")

    capped = span_pages.count_spans(mixed.engine, filter, cap=10)
    whole = span_pages.count_spans(mixed.engine, filter, cap=72)

    assert (capped.number, capped.exact) == (10, False)
    assert (whole.number, whole.exact) == (72, True)


def test_a_reported_cost_is_a_cost(shelf: Shelf):
    trace = shelf.trace()
    shelf.span(trace, unpriced="no price", cost=5, reported_cost=5, input_tokens=1, counted=True)

    assert ids(shelf.engine, SpanFilter(unpriced=True)) == []


def test_wrong_arguments_are_refused_with_what_is_near():
    with pytest.raises(FilterError, match=r"Unknown filter 'modle'. Did you mean model"):
        SpanFilter.from_args({"modle": "x"})
    with pytest.raises(FilterError, match=r"kind is 'lm'. Did you mean llm"):
        SpanFilter.from_args({"kind": "lm"})
    with pytest.raises(FilterError, match=r"Cannot sort by 'costs'. Did you mean cost"):
        SpanFilter.from_args({"sort": "costs"})


def test_an_address_reads_as_the_filter_that_wrote_it():
    filter = SpanFilter.of(
        kind=["llm", "embedding"],
        tag=["a", "(none)"],
        unpriced="no price for model 'x'",
        anomaly=True,
        counted=False,
        since="90m",
        sort="-cost",
        limit=7,
    )

    assert SpanFilter.from_args(filter.to_args()) == filter
