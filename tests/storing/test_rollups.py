"""Sums and histograms by hour and series."""

import math
from typing import Any

import pytest

from spanbook.store.histograms import BUCKET_GROWTH, bucket, unpack
from spanbook.store.rollups import DAY_HOURS, HOUR_NS, NUMBERS
from tests.storing.conftest import MS, START, TRACE, Shelf, end, start, trace_id


def test_rollups_agree_with_the_spans(shelf: Shelf) -> None:
    for turn in range(30):
        where: dict[str, Any] = {"trace": trace_id(turn)}
        at = START + turn * HOUR_NS // 7
        shelf.store(
            start(1, **where),
            end(2, 1, kind="llm", name="chat", model=f"m{turn % 2}", start=at, end=at + turn * MS,
                usage={"input": turn, "output": 1}, **where),
            end(3, 1, kind="llm", name="chat", model="m0", status="error", start=at,
                end=at + 5 * MS, usage={"input": 1}, counted=False, **where),
            end(1, **where),
        )  # fmt: skip

    spans = shelf.rows(
        "SELECT start_ns / ? AS hour, s.kind, s.name, coalesce(s.model, '') AS model, "
        "count(*) AS count, sum(CASE WHEN s.status = 'error' THEN 1 ELSE 0 END) AS error_count, "
        "sum(s.end_ns - s.start_ns) AS duration_ns, "
        "sum(CASE WHEN counted THEN input_tokens ELSE 0 END) AS input_tokens, "
        "sum(CASE WHEN counted THEN output_tokens ELSE 0 END) AS output_tokens "
        "FROM spans s GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
        HOUR_NS,
    )
    rollups = shelf.rows(
        "SELECT hour, kind, name, model, count, error_count, duration_ns, input_tokens, "
        "output_tokens FROM rollups JOIN series ON series.pk = series_pk ORDER BY 1, 2, 3, 4"
    )
    assert rollups == spans
    assert len({row["hour"] for row in rollups}) > 3


def test_days_hold_what_their_hours_hold(shelf: Shelf) -> None:
    for turn in range(40):
        where: dict[str, Any] = {"trace": trace_id(turn), "kind": "llm", "name": "chat"}
        at = START + turn * HOUR_NS
        shelf.store(
            end(1, start=at, end=at + turn * MS, first_token=at + turn, model=f"m{turn % 2}",
                status=("ok", "error", "cancelled")[turn % 3],
                usage={"input": turn, "output": 1, "estimated": turn % 5 == 0},
                attributes={"reported_cost": "0.5"} if turn % 2 else {}, **where),
            end(2, 1, start=at, end=at + 9 * MS, **where),
        )  # fmt: skip

    sums = ", ".join(f"sum({name}) AS {name}" for name in NUMBERS)
    days = shelf.rows(f"SELECT day, series_pk, {sums} FROM rollup_days GROUP BY 1, 2 ORDER BY 1, 2")
    hours = shelf.rows(
        f"SELECT hour / {DAY_HOURS} AS day, series_pk, {sums} FROM rollups "
        "GROUP BY 1, 2 ORDER BY 1, 2"
    )
    assert days == hours
    assert len({row["day"] for row in days}) > 1
    assert all(sum(row[name] for row in days) for name in NUMBERS)


@pytest.mark.parametrize("table", ["rollups", "rollup_days"])
def test_histograms_hold_each_finished_span_once(shelf: Shelf, table: str) -> None:
    shelf.store(
        start(1), end(2, 1, end=START + 3 * MS), start(4, 1), end(3, 1, status="incomplete")
    )
    shelf.store(end(1), end(3, 1), end(3, 1))

    rows = shelf.rows(f"SELECT count, took FROM {table}")
    assert [sum(unpack(row["took"]).values()) for row in rows] == [row["count"] for row in rows]
    assert sum(row["count"] for row in rows) == 3


def test_spans_move_with_their_trace_to_another_project(shelf: Shelf) -> None:
    shelf.store(start(1), end(2, 1))
    shelf.store({"type": "trace", "trace": TRACE, "context": {"project": "shop"}}, end(1))

    counts = "SELECT project, sum(count) AS n FROM {} JOIN series ON pk = series_pk GROUP BY 1"
    for table in ("rollups", "rollup_days"):
        assert shelf.rows(counts.format(table)) == [{"project": "shop", "n": 2}]


def test_spans_count_for_the_project_of_their_trace(shelf: Shelf) -> None:
    shelf.store(start(1, context={"project": "shop"}), end(2, 1), end(1))

    assert shelf.rows("SELECT DISTINCT project FROM series") == [{"project": "shop"}]


@pytest.mark.parametrize("duration", [0, 1, 999, 1_000, 5_000, 10**6, 10**9, 3_600 * 10**9])
def test_a_bucket_is_within_five_percent(duration: int) -> None:
    lower = 1_000 * BUCKET_GROWTH ** bucket(duration)

    assert duration <= 1_000 or lower <= duration * 1.0001 < lower * BUCKET_GROWTH * 1.001
    assert bucket(duration) == max(int(math.log(max(duration, 1_000) / 1_000, 1.05) + 1e-9), 0)
