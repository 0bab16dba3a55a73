"""Statistics: counts, durations, tokens and cost, as a reader would add them up by hand."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine

from spanbook.errors import FilterError
from spanbook.moments import moment
from spanbook.reading import span_pages, statistics
from spanbook.reading.filters import SpanFilter
from spanbook.reading.measuring import KEYS
from spanbook.reading.rows import SpanRow
from spanbook.reading.tallies import Spread, Statistic
from spanbook.spans import Status
from spanbook.store.database import writing
from spanbook.store.rollups import HOUR_NS, Rollups
from spanbook.store.rows import StoredSpan
from spanbook.store.schema import spans
from spanbook.usage import Usage
from tests.reading.shelves import BASE, Shelf

MS = 1_000_000
START = BASE // HOUR_NS * HOUR_NS
STATUSES = ("ok", "ok", "ok", "error", "cancelled", "interrupted", "running", "incomplete")


@pytest.fixture
def filled(shelf: Shelf) -> Shelf:
    """Spans of nine hours: of no duration, without usage, without price, failed and running."""
    choose = random.Random(5).choice
    for _ in range(30):
        trace = shelf.trace(
            tags=choose([(), ("a",), ("a", "b")]),
            project=choose(["default", "shop"]),
            release=choose([None, "1.0", "1.1"]),
            version=choose([None, "v"]),
            start_ns=START,
        )
        for _ in range(6):
            status = choose(STATUSES)
            start = START + choose(range(540)) * 60 * 10**9
            counted = choose([True, True, False])
            took = choose([0, 3, 17, 17, 250, 4_000]) * MS
            is_open = status in ("running", "incomplete")
            shelf.span(
                trace,
                name=choose(["chat", "look up"]),
                kind=choose(["llm", "tool"]),
                status=status,
                start_ns=start,
                end_ns=None if is_open else start + took,
                first_token_ns=choose([None, start + took // 4]),
                model=choose([None, "m", "n"]),
                provider=choose([None, "p"]),
                **choose([{}, {"input_tokens": 0, "output_tokens": 0, "counted": counted},
                          {"input_tokens": 5, "output_tokens": 90, "counted": counted,
                           "cost": choose([None, 10**9]), "estimated": choose([True, False])}]),
            )  # fmt: skip
    with shelf.engine.connect() as connection, writing(connection):
        unended = spans.c.end_ns.is_(None) & (spans.c.status == "ok")
        connection.execute(spans.update().where(unended).values(end_ns=spans.c.start_ns))
        rows = [StoredSpan._make(row) for row in connection.execute(spans.select())]
        kept = Rollups()
        for row in rows:
            if row.is_finished:
                project = connection.exec_driver_sql(
                    f"SELECT project FROM traces WHERE pk = {row.trace_pk}"
                ).scalar_one()
                kept.add(project, row)
        kept.write(connection, {})
    return shelf


def behind(engine: Engine, filter: SpanFilter) -> list[SpanRow]:
    page = span_pages.list_spans(engine, replace(filter, limit=1000))
    assert page.next is None
    return [row.span for row in page.rows]


def spread(values: Sequence[timedelta]) -> Spread | None:
    ordered = sorted(values)
    if not ordered:
        return None

    def rank(percent: int) -> timedelta:
        return ordered[(percent * len(ordered) + 99) // 100 - 1]

    mean = sum(ordered, timedelta()) // len(ordered)
    return Spread(ordered[0], mean, ordered[-1], *(rank(p) for p in (50, 90, 95, 99)))


def computed(rows: list[SpanRow]) -> Statistic:
    """Return the statistic of spans, computed one by one."""
    states = [row.status for row in rows]
    known = [row for row in rows if row.counted and row.usage is not None]
    usage = sum((row.usage for row in known if row.usage), Usage())
    costs = [row.cost for row in known if row.cost is not None]
    spoken = [row for row in known if row.duration and row.usage and row.usage.output]
    seconds = sum(row.duration.total_seconds() for row in spoken if row.duration)
    words = sum(row.usage.output for row in spoken if row.usage)
    return Statistic(
        len(rows),
        states.count(Status.OK),
        states.count(Status.ERROR),
        states.count(Status.RUNNING),
        sum(states.count(s) for s in (Status.CANCELLED, Status.INTERRUPTED, Status.INCOMPLETE)),
        spread([row.duration for row in rows if row.duration is not None]),
        spread([row.first_token for row in rows if row.first_token is not None]),
        len(known),
        usage if known else None,
        sum(costs, Decimal(0)) if costs else None,
        len(known) - len(costs),
        pytest.approx(words / seconds) if seconds else None,  # pyright: ignore
    )


WINDOWS: list[dict[str, Any]] = [
    {},
    {"since": moment(START + HOUR_NS // 2)},
    {"since": moment(START + HOUR_NS // 2), "until": moment(START + 4 * HOUR_NS + HOUR_NS // 3)},
    {"since": moment(START + HOUR_NS // 4), "until": moment(START + HOUR_NS // 2)},
]
OTHERS: list[dict[str, Any]] = [
    {},
    {"project": "shop"},
    {"kind": "llm", "name": "chat"},
    {"model": "(none)"},
    {"tag": "a", "release": "1.0"},
    {"status": "error"},
    {"name": "nobody's"},
]


@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize("others", OTHERS, ids=str)
@pytest.mark.parametrize("by", KEYS)
def test_every_number_is_that_of_the_spans_it_links_to(
    filled: Shelf, window: dict[str, Any], others: dict[str, Any], by: str
):
    found = statistics.statistics(filled.engine, SpanFilter.of(**window, **others), by)

    assert found.is_exact
    assert found.total == computed(behind(filled.engine, found.filter))
    for row in found.rows:
        assert row.statistic == computed(behind(filled.engine, row.filter))
    for bucket in found.buckets:
        rows = behind(filled.engine, bucket.filter)
        assert bucket.statistic == computed(rows)
        assert sum(cell.count for cell in bucket.cells) == sum(
            row.duration is not None for row in rows
        )
    assert sum(bucket.statistic.count for bucket in found.buckets) == found.total.count


def plain(statistic: Statistic) -> Statistic:
    """Return what rollups know exactly."""
    return replace(statistic, duration=None, first_token=None)


@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize("others", OTHERS[:4], ids=str)
@pytest.mark.parametrize("by", ["name", "kind", "model"])
def test_rollups_give_the_same_but_for_percentiles_within_their_error(
    filled: Shelf,
    monkeypatch: pytest.MonkeyPatch,
    window: dict[str, Any],
    others: dict[str, Any],
    by: str,
):
    filter = SpanFilter.of(**window, **others)
    exact = statistics.statistics(filled.engine, filter, by)
    monkeypatch.setattr(statistics, "EXACT", -1)
    monkeypatch.setattr(statistics, "EXACT_IN_SHORT", -1)
    rough = statistics.statistics(filled.engine, filter, by)

    assert not rough.is_exact
    assert plain(rough.total) == plain(exact.total)
    assert [plain(row.statistic) for row in rough.rows] == [
        plain(row.statistic) for row in exact.rows
    ]
    for ours, theirs in zip(rough.rows, exact.rows, strict=True):
        one, other = ours.statistic.duration, theirs.statistic.duration
        if one is None or other is None:
            assert one == other
            continue
        assert one.mean == other.mean
        for name in ("min", "p50", "p90", "p95", "p99", "max"):
            read, true = getattr(one, name), getattr(other, name)
            assert abs(read - true) <= 0.0251 * true + timedelta(microseconds=2)


def test_a_short_time_has_columns_shorter_than_an_hour(
    filled: Shelf, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(statistics, "EXACT", -1)
    found = statistics.statistics(filled.engine, SpanFilter.of(**WINDOWS[-1]), "name")

    assert found.is_exact
    assert found.buckets[0].until - found.buckets[0].since < timedelta(hours=1)


def test_nothing_has_no_numbers(engine: Engine):
    found = statistics.statistics(engine, SpanFilter())

    assert found.total == computed([])
    assert (found.rows, found.buckets) == ((), ())


def test_a_window_has_at_most_as_many_buckets_as_can_be_seen(filled: Shelf):
    for hours in (1, 9, 200, 24 * 365 * 3):
        since = moment(START - hours * HOUR_NS)
        found = statistics.statistics(
            filled.engine, SpanFilter(since=since, until=moment(START + HOUR_NS))
        )

        assert 20 <= len(found.buckets) <= statistics.MOST_BUCKETS


def test_an_unknown_key_is_refused_with_the_known_ones(engine: Engine):
    with pytest.raises(FilterError, match="Did you mean model"):
        statistics.statistics(engine, SpanFilter(), "modell")
