"""What is too old, too many or too large goes, the oldest first."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from spanbook.errors import SettingsError
from spanbook.store.backends.upkeep import upkeep_of
from spanbook.store.database import open_engine
from spanbook.store.pace import at_once
from spanbook.store.upkeep.retention import (
    EVERY_NS,
    Expected,
    Rule,
    expect,
    prune,
    prune_if_due,
    rules,
    set_rule,
)
from tests.storing.conftest import START, Shelf, end, start, trace_id, until

DAY_NS = 86_400_000_000_000
NOW = START + 10 * DAY_NS


@pytest.fixture
def engine(shelf: Shelf) -> Iterator[Engine]:
    """Return a store with a trace a day for ten days, every other one of the project `shop`."""
    for day in range(10):
        at = START + day * DAY_NS
        project = "shop" if day % 2 else "lab"
        body = {"start": at, "end": at + 5, "context": {"project": project}, "output": str(day) * 9}
        shelf.store({**end(1), **body, "trace": trace_id(day)})
    engine = open_engine(shelf.url)
    yield engine
    engine.dispose()


def left(shelf: Shelf) -> list[int]:
    """Return the days whose traces are there."""
    rows = shelf.rows("SELECT trace_id FROM traces ORDER BY trace_id")
    return [int(row["trace_id"], 16) for row in rows]


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        (Rule(age=timedelta(days=3, hours=1)), [7, 8, 9]),
        (Rule(age=timedelta(days=3)), [7, 8, 9]),
        (Rule(traces=4), [6, 7, 8, 9]),
        (Rule(traces=0), []),
        (Rule(traces=50), list(range(10))),
        (Rule(age=timedelta(days=5), traces=2), [8, 9]),
        (Rule(age=timedelta(days=2), traces=5), [8, 9]),
        (Rule("shop", traces=1), [0, 2, 4, 6, 8, 9]),
        (Rule("shop", age=timedelta(days=4)), [0, 2, 4, 6, 7, 8, 9]),
        (Rule("nobody", traces=0), list(range(10))),
        (Rule(), list(range(10))),
        (Rule(size=0), []),
        (Rule(size=1 << 40), list(range(10))),
    ],
    ids=repr,
)
def test_a_rule_keeps(shelf: Shelf, engine: Engine, rule: Rule, days: list[int]) -> None:
    expected = expect(engine, rule, NOW)

    deleted = prune(engine, rule, now=NOW)

    assert left(shelf) == days
    assert deleted.traces == 10 - len(days)
    if not expected.is_estimate:
        assert expected == Expected(deleted.traces, deleted.spans)


def test_a_size_deletes_until_the_rest_fits(shelf: Shelf, engine: Engine) -> None:
    for number in range(300):
        words = " ".join(f"{number * 7919 + place:x}" for place in range(800))
        shelf.store({**end(1, output=words), "trace": trace_id(1000 + number)})
    with engine.connect() as connection:
        size = upkeep_of(connection).bytes_used(connection) * 2 // 3

    expected = expect(engine, Rule(size=size), NOW)
    prune(engine, Rule(size=size), now=NOW)

    with engine.connect() as connection:
        assert upkeep_of(connection).bytes_used(connection) <= size
    assert 0 < len(left(shelf)) < 300
    assert expected.is_estimate
    assert 0 < expected.traces < 300


def test_a_trace_that_still_runs_stays(shelf: Shelf, engine: Engine) -> None:
    shelf.store({**start(1), "trace": trace_id(77)})

    prune(engine, Rule(traces=0, size=0), now=NOW + 1000 * DAY_NS)

    assert left(shelf) == [77]


def test_a_store_carries_a_rule_for_each_project(engine: Engine) -> None:
    whole, shop = Rule(size=1000), Rule("shop", timedelta(days=9), 3)
    for rule in (Rule(traces=7), whole, shop):
        set_rule(engine, rule)

    with engine.connect() as connection:
        assert rules(connection) == [whole, shop]
    set_rule(engine, Rule("shop"))
    with engine.connect() as connection:
        assert rules(connection) == [whole]


def test_rules_are_applied_once_an_hour(shelf: Shelf, engine: Engine) -> None:
    set_rule(engine, Rule("shop", traces=0))

    assert prune_if_due(engine, at_once, lambda: NOW).traces == 5
    shelf.store({**end(1, context={"project": "shop"}), "trace": trace_id(50)})
    assert prune_if_due(engine, at_once, lambda: NOW + EVERY_NS // 2).traces == 0
    assert prune_if_due(engine, at_once, lambda: NOW + EVERY_NS + 1).traces == 1


def test_a_store_without_rules_keeps_all(shelf: Shelf, engine: Engine) -> None:
    assert prune_if_due(engine, at_once, lambda: NOW).traces == 0
    assert len(left(shelf)) == 10


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({"age": timedelta(0)}, "above zero"),
        ({"traces": -1}, "traces is -1"),
        ({"size": -5}, "size is -5"),
        ({"project": "shop", "size": 5}, "leave the project out"),
    ],
)
def test_a_bound_that_cannot_be_is_refused(bounds: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Rule(**bounds)  # pyright: ignore[reportArgumentType]


def test_a_running_program_applies_the_rules(shelf: Shelf, engine: Engine) -> None:
    set_rule(engine, Rule("shop", traces=0))
    shelf.ingester.tick = lambda: None  # as a recorder's has one, it looks once a second

    shelf.ingester.start()

    assert until(lambda: left(shelf) == [0, 2, 4, 6, 8])
