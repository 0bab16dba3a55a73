"""Accounts: counted usage by day and by what it belongs to, kept up while spans arrive."""

from typing import Any

from sqlalchemy import text

from spanbook.store.accounts import DAY_NS, rebuild
from spanbook.store.database import open_engine, writing
from tests.storing.conftest import MS, START, Shelf, end, start, trace_id

USAGE = {"input": 100, "output": 20, "cache_read": 60, "reasoning": 5}


def booked(shelf: Shelf) -> list[tuple[Any, ...]]:
    """Return the accounts that hold anything."""
    rows = shelf.rows("SELECT * FROM accounts WHERE usage_count > 0")
    return sorted(tuple(row.values()) for row in rows)


def anew(shelf: Shelf) -> list[tuple[Any, ...]]:
    """Return the accounts as all spans together make them."""
    engine = open_engine(shelf.url)
    with engine.connect() as connection, writing(connection):
        rebuild(connection)
        rows = connection.execute(text("SELECT * FROM accounts")).all()
    engine.dispose()
    return sorted(tuple(row) for row in rows)


def by(shelf: Shelf, dimension: str) -> dict[str, int]:
    """Return the calls booked under each value of a dimension."""
    rows = shelf.rows(
        "SELECT value, sum(usage_count) AS calls FROM accounts WHERE dimension = ? "
        "GROUP BY value HAVING sum(usage_count) > 0",
        dimension,
    )
    return {row["value"]: row["calls"] for row in rows}


def test_accounts_agree_with_the_spans(shelf: Shelf) -> None:
    for turn in range(40):
        where: dict[str, Any] = {"trace": trace_id(turn)}
        at = START + turn * DAY_NS // 9
        tags = [["a"], ["a", "b"], []][turn % 3]
        context = {"session": f"s{turn % 4}", "user": [None, "u"][turn % 2], "tags": tags}
        model = {"model": f"m{turn % 2}", "provider": "p", "start": at, "end": at + MS}
        usage = USAGE | {"estimated": turn % 5 == 0}
        shelf.store(
            start(1, context=context, **where),
            end(2, 1, kind="llm", usage=usage, **model, **where),
            end(3, 1, kind="agent", usage=usage, counted=False, **model, **where),
            end(1, **where),
        )

    kept = booked(shelf)

    assert kept == anew(shelf)
    assert by(shelf, "all") == {"": 40}
    assert by(shelf, "session") == {"s0": 10, "s1": 10, "s2": 10, "s3": 10}
    assert by(shelf, "user") == {"": 20, "u": 20}
    assert by(shelf, "tag") == {"": 13, "a": 27, "b": 13}


def test_usage_moves_with_its_trace(shelf: Shelf) -> None:
    shelf.store(start(1), end(2, 1, kind="llm", usage=USAGE))

    late = {"session": "s", "user": "u", "tags": ["t"], "project": "shop"}
    shelf.store(
        {"type": "trace", "trace": "a" * 32, "context": late}, end(3, 1, kind="llm", usage=USAGE)
    )

    assert by(shelf, "session") == {"s": 2}
    assert by(shelf, "user") == {"u": 2}
    assert by(shelf, "tag") == {"t": 2}
    assert shelf.rows("SELECT DISTINCT project FROM accounts WHERE usage_count > 0") == [
        {"project": "shop"}
    ]
    assert booked(shelf) == anew(shelf)


def test_a_later_real_end_takes_the_place_of_an_incomplete_one(shelf: Shelf) -> None:
    shelf.store(start(1), end(2, 1, kind="llm", status="incomplete", usage=USAGE))

    shelf.store(end(2, 1, kind="llm", usage=USAGE | {"input": 7}))

    (row,) = shelf.rows(
        "SELECT usage_count, input_tokens FROM accounts WHERE dimension = 'all' AND usage_count > 0"
    )
    assert row == {"usage_count": 1, "input_tokens": 7}


def test_a_batch_that_comes_twice_is_booked_once(shelf: Shelf) -> None:
    records = [start(1), end(2, 1, kind="llm", usage=USAGE), end(1)]
    shelf.store(*records)

    shelf.store(*records)

    assert by(shelf, "all") == {"": 1}
