"""Lists of traces: what they hold, in which order, page by page."""

import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine

from spanbook.errors import FilterError, UnknownTraceError
from spanbook.moments import moment
from spanbook.reading import queries
from spanbook.reading.filters import SORTS, TraceFilter
from spanbook.reading.rows import TraceRow
from spanbook.usage import Usage
from tests.reading.shelves import BASE, SECOND, Shelf


@pytest.fixture
def mixed(shelf: Shelf) -> Shelf:
    """Forty traces of every sort, many equal, many with nothing to sort by."""
    choose = random.Random(7).choice
    for _ in range(40):
        cost, tokens = choose([None, 10**9, 3 * 10**9]), choose([None, 5, 900])
        shelf.trace(
            tags=choose([(), ("a",), ("a", "b")]),
            words=choose(["apple", "pear", "apple pear"]),
            start_ns=BASE + choose(range(12)) * SECOND,
            duration_ns=choose([None, SECOND, 2 * SECOND]),
            name=choose(["answer", "Search", "äh"]),
            status=choose(["ok", "error", "running"]),
            kind=choose(["chain", "llm"]),
            span_count=choose([1, 2]),
            error_count=choose([0, 0, 3]),
            total_tokens=tokens,
            usage_count=0 if tokens is None else 1,
            cost=cost,
            **{name: choose([None, "x", "y"]) for name in ("model", "session", "user", "release")},
            **{name: choose([None, "x", "yy"]) for name in ("input", "output", "error", "version")},
        )
    return shelf


def ids(engine: Engine, filter: TraceFilter) -> list[str]:
    return [row.trace_id for row in queries.list_traces(engine, filter).rows]


def pages(engine: Engine, filter: TraceFilter) -> list[list[str]]:
    """Return the ids on each page from `filter` on."""
    found: list[list[str]] = []
    after = None
    while True:
        page = queries.list_traces(engine, replace(filter, after=after))
        found.append([row.trace_id for row in page.rows])
        if page.next is None:
            return found
        after = page.next


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("others", [{}, {"tag": ("a",)}, {"q": "apple"}])
def test_pages_together_are_the_whole_list_and_can_be_walked_back(
    mixed: Shelf, sort: str, descending: bool, others: dict[str, Any]
):
    filter = TraceFilter(sort=sort, descending=descending, **others)
    whole = ids(mixed.engine, filter)

    forward = pages(mixed.engine, replace(filter, limit=7))

    assert [one for page in forward for one in page] == whole
    assert len(set(whole)) == len(whole)
    assert backward(mixed.engine, replace(filter, limit=7)) == forward


def backward(engine: Engine, filter: TraceFilter) -> list[list[str]]:
    """Return the pages as found by going to the last one and back."""
    page = queries.list_traces(engine, filter)
    while page.next is not None:
        page = queries.list_traces(engine, replace(filter, after=page.next))
    found = [[row.trace_id for row in page.rows]]
    while page.previous is not None:
        page = queries.list_traces(engine, replace(filter, before=page.previous))
        found.insert(0, [row.trace_id for row in page.rows])
        assert page.next is not None
    if len(found) > 1:  # pages are cut from the end on: put them as they are cut from the start
        flat = [one for page in found for one in page]
        found = [flat[i : i + filter.limit] for i in range(0, len(flat), filter.limit)]
    return found


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize(
    ("sort", "value"),
    [
        ("duration", lambda row: row.duration_ns),
        ("cost", lambda row: row.cost),
        ("session", lambda row: row.session),
        ("error", lambda row: row.error),
        ("start", lambda row: row.start_ns),
        ("spans", lambda row: row.span_count),
    ],
)
def test_a_list_is_sorted_with_what_is_unknown_last(
    mixed: Shelf, sort: str, value: Any, descending: bool
):
    rows = queries.list_traces(mixed.engine, TraceFilter(sort=sort, descending=descending)).rows

    values = [value(row) for row in rows]
    known = [one for one in values if one is not None]
    assert known == sorted(known, reverse=descending)
    assert values == known + [None] * (len(values) - len(known))


FILTERS: list[tuple[dict[str, Any], Any]] = [
    ({"status": "error"}, lambda row: row.status == "error"),
    ({"status": ["error", "running"]}, lambda row: row.status in ("error", "running")),
    ({"name": "Search"}, lambda row: row.name == "Search"),
    ({"kind": "llm"}, lambda row: row.kind == "llm"),
    ({"model": "x"}, lambda row: row.model == "x"),
    ({"session": "(none)"}, lambda row: row.session is None),
    ({"user": "y"}, lambda row: row.user == "y"),
    ({"release": "(none)"}, lambda row: row.release is None),
    ({"version": "yy"}, lambda row: row.version == "yy"),
    ({"project": "other"}, lambda row: False),
    ({"tag": "a"}, lambda row: "a" in row.tags),
    ({"tag": ["b", "a"]}, lambda row: {"a", "b"} <= set(row.tags)),
    ({"input": "Y"}, lambda row: row.input == "yy"),
    ({"output": "x"}, lambda row: row.output == "x"),
    ({"error": "yy"}, lambda row: row.error == "yy"),
    ({"has_error": True}, lambda row: row.error_count > 0),
    ({"has_error": False}, lambda row: row.error_count == 0),
    ({"min_duration": "2s"}, lambda row: row.duration == timedelta(seconds=2)),
    ({"max_duration": "1s"}, lambda row: row.duration == timedelta(seconds=1)),
    ({"min_cost": "0.003"}, lambda row: row.cost == Decimal("0.003")),
    ({"max_cost": "0.001"}, lambda row: row.cost == Decimal("0.001")),
    ({"since": moment(BASE + 6 * SECOND)}, lambda row: row.start_ns >= BASE + 6 * SECOND),
    ({"until": moment(BASE + 6 * SECOND)}, lambda row: row.start_ns < BASE + 6 * SECOND),
    ({"until": "1d"}, lambda row: True),
    ({"since": "1d"}, lambda row: False),
    ({"tag": "a", "status": "ok"}, lambda row: "a" in row.tags and row.status == "ok"),
]


@pytest.mark.parametrize(("given", "holds"), FILTERS, ids=[str(given) for given, _ in FILTERS])
def test_a_filter_keeps_what_fits_and_counts_as_much(
    mixed: Shelf, given: dict[str, Any], holds: Any
):
    everything = queries.list_traces(mixed.engine, TraceFilter()).rows
    filter = TraceFilter.of(**given)

    rows = queries.list_traces(mixed.engine, filter).rows

    assert rows == tuple(row for row in everything if holds(row))
    count = queries.count_traces(mixed.engine, filter)
    assert (count.number, count.exact) == (len(rows), True)


@pytest.mark.parametrize(("text", "found"), [("50%", 1), ("a_b", 1), ("\\", 1), ("ÄRGER", 1)])
def test_contains_takes_wildcards_literally_and_ignores_case(
    shelf: Shelf, engine: Engine, text: str, found: int
):
    for preview in ("50% off", "500 off", "a_b", "axb", "c:\\x", "kein Ärger"):
        shelf.trace(input=preview)

    assert len(ids(engine, TraceFilter(input=text))) == found


def test_a_count_can_stop_early(mixed: Shelf):
    capped = queries.count_traces(mixed.engine, TraceFilter(), cap=10)
    whole = queries.count_traces(mixed.engine, TraceFilter(), cap=40)

    assert (capped.number, capped.exact) == (10, False)
    assert (whole.number, whole.exact) == (40, True)


def test_an_empty_list_has_no_neighbours(engine: Engine):
    page = queries.list_traces(engine, TraceFilter())

    assert (page.rows, page.next, page.previous) == ((), None, None)


def test_a_list_that_fills_its_page_has_no_next_one(shelf: Shelf, engine: Engine):
    for _ in range(3):
        shelf.trace()

    page = queries.list_traces(engine, TraceFilter(limit=3))

    assert len(page.rows) == 3
    assert page.next is None


def test_a_row_carries_its_values(shelf: Shelf, engine: Engine):
    trace_id = shelf.trace(
        tags=("beta",),
        end_ns=BASE + 3 * SECOND + 1500,
        duration_ns=2 * SECOND + 1500,
        usage_count=2,
        estimated_count=1,
        input_tokens=10,
        output_tokens=4,
        cache_read=3,
        total_tokens=14,
        cost=25_000_000,
        metadata='{"a": 1}',
    )

    row = queries.get_trace(engine, trace_id)

    assert row.start == moment(BASE + SECOND)
    assert row.duration == timedelta(seconds=2, microseconds=1)
    assert row.usage == Usage(input=10, output=4, cache_read=3, estimated=True)
    assert row.cost == Decimal("0.000025")
    assert row.tags == ("beta",)
    assert row.metadata == {"a": 1}
    assert row.has_root


def test_unknown_usage_and_cost_are_none(shelf: Shelf, engine: Engine):
    row = queries.get_trace(engine, shelf.trace(root_id=None))

    assert (row.usage, row.cost, row.end, row.duration, row.has_root) == (None,) * 4 + (False,)


def test_an_unknown_trace_says_where_to_look(engine: Engine):
    with pytest.raises(UnknownTraceError, match=r"holds no trace 'abc'.*32 hexadecimal"):
        queries.get_trace(engine, "abc")
    with pytest.raises(UnknownTraceError):
        queries.list_spans(engine, "abc")


def test_neighbours_are_those_in_the_list_that_the_filter_asks_for(mixed: Shelf):
    filter = TraceFilter(sort="cost", status=TraceFilter.of(status="ok").status)
    listed = ids(mixed.engine, filter)

    for before, here, after in zip([None, *listed], listed, [*listed[1:], None], strict=False):
        assert queries.neighbours(mixed.engine, here, filter) == (before, after)


def test_a_new_or_changed_row_changes_the_mark_of_its_page(shelf: Shelf, engine: Engine):
    shelf.trace(name="a")
    first = queries.newest(engine, TraceFilter())
    others = queries.newest(engine, TraceFilter(name="b"))

    shelf.trace(name="a")

    assert queries.newest(engine, TraceFilter()) != first
    assert queries.newest(engine, TraceFilter(name="b")) == others


def test_spans_come_by_start_whole_or_in_part(shelf: Shelf, engine: Engine):
    trace_id = shelf.trace(start_ns=BASE)
    late = shelf.span(trace_id, start_ns=BASE + 9, input_tokens=3, output_tokens=0, counted=True)
    early = shelf.span(trace_id, start_ns=BASE + 5, end_ns=BASE + 6005, first_token_ns=BASE + 3005)

    rows = queries.list_spans(engine, trace_id)

    assert [row.span_id for row in rows][1:] == [early, late]
    assert rows[1].first_token == timedelta(microseconds=3)
    assert rows[1].duration == timedelta(microseconds=6)
    assert rows[1].usage is None
    assert rows[2].usage == Usage(input=3)
    assert queries.list_spans(engine, trace_id, limit=1, offset=1) == rows[1:2]


def test_a_cursor_of_another_order_is_refused(mixed: Shelf):
    page = queries.list_traces(mixed.engine, TraceFilter(limit=3))

    with pytest.raises(FilterError):
        TraceFilter(sort="cost", after=page.next)


def test_rows_are_values(mixed: Shelf):
    first: TraceRow = queries.list_traces(mixed.engine, TraceFilter()).rows[0]

    assert len({first, replace(first), replace(first, name="other")}) == 2
