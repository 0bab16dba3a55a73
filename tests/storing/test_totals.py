"""What a trace's row says of its spans."""

import random

import orjson
import pytest

from tests.storing.conftest import MS, START, Record, Shelf, end, process, span_id, start

USAGE = {"input": 100, "output": 20, "cache_read": 40, "reasoning": 5}


def test_a_trace_is_its_root(shelf: Shelf) -> None:
    shelf.store(start(1, input="why"), end(2, 1), end(1, output="because", kind="agent"))

    trace = shelf.trace()
    assert (trace["name"], trace["kind"], trace["status"]) == ("span 1", "agent", "ok")
    assert (trace["start_ns"], trace["duration_ns"]) == (START + MS, 10 * MS)
    assert (trace["root_id"], trace["span_count"]) == (span_id(1), 2)
    assert (trace["input"], trace["output"]) == ("why", "because")


def test_children_may_come_before_parents(shelf: Shelf) -> None:
    shelf.store(end(3, 2, name="child"))
    before = shelf.trace()
    shelf.store(end(2, 1), end(1, name="root"))

    assert (before["name"], before["root_id"], before["status"]) == ("child", None, "running")
    assert (shelf.trace()["name"], shelf.trace()["status"]) == ("root", "ok")
    assert shelf.trace()["start_ns"] == START + MS


def test_the_earliest_span_stands_in_for_a_missing_root(shelf: Shelf) -> None:
    shelf.store(end(5, 9, name="later"), end(3, 9, name="earlier"))
    shelf.store(end(4, 9, name="between"))

    assert (shelf.trace()["name"], shelf.trace()["start_ns"]) == ("earlier", START + 3 * MS)


def test_usage_is_summed_over_counted_spans(shelf: Shelf) -> None:
    shelf.store(
        end(1, kind="agent", usage=USAGE, counted=False),
        end(2, 1, kind="llm", usage=USAGE),
        end(3, 1, kind="llm", usage={"input": 1, "output": 2, "estimated": True}),
        end(4, 1, kind="tool"),
    )

    trace = shelf.trace()
    assert (trace["input_tokens"], trace["output_tokens"], trace["total_tokens"]) == (101, 22, 123)
    assert (trace["cache_read"], trace["reasoning"]) == (40, 5)
    assert (trace["usage_count"], trace["estimated_count"], trace["unpriced_count"]) == (2, 1, 2)
    assert trace["cost"] is None


def test_tokens_that_nobody_reported_are_unknown(shelf: Shelf) -> None:
    shelf.store(end(1))

    assert (shelf.trace()["total_tokens"], shelf.trace()["usage_count"]) == (None, 0)


def test_impossible_usage_is_stored_as_it_is(shelf: Shelf) -> None:
    shelf.store(end(1, kind="llm", usage={"input": -5, "cache_read": 9}))

    assert (shelf.span()["input_tokens"], shelf.span()["cache_read"]) == (-5, 9)


def test_the_error_of_the_root_comes_before_that_of_a_child(shelf: Shelf) -> None:
    failed = {"status": "error", "error": {"type": "KeyError", "message": "'x'"}}
    shelf.store(start(1), end(2, 1, **failed), end(3, 1, **failed))
    before = shelf.trace()
    shelf.store(end(1, status="error", error={"type": "ValueError", "message": ""}))

    assert (before["error"], before["error_count"], before["status"]) == (
        "KeyError: 'x'",
        2,
        "running",
    )
    assert (shelf.trace()["error"], shelf.trace()["error_count"]) == ("ValueError", 3)


def test_the_model_is_that_of_the_first_model_call(shelf: Shelf) -> None:
    shelf.store(start(1), start(2, 1, kind="llm", model="m"), start(3, 1, kind="llm", model="n"))
    shelf.store(end(3, 1, kind="llm", model="n-1"), end(2, 1, kind="llm", model="m-1"))

    assert shelf.trace()["model"] == "m-1"


def test_context_sets_attributes_of_the_trace(shelf: Shelf) -> None:
    shelf.store(
        start(1, context={"session": "s", "user": "u", "tags": ["a"], "metadata": {"k": 1}}),
        end(1, context={"project": "shop", "release": "1.4", "tags": ["b", "a"]}),
    )
    shelf.store(
        {
            "type": "trace",
            "trace": "a" * 32,
            "context": {"name": "checkout", "metadata": {"l": 2}, "tags": ["c"]},
        }
    )

    trace = shelf.trace()
    assert (trace["session"], trace["user"], trace["project"]) == ("s", "u", "shop")
    assert (trace["release"], trace["name"]) == ("1.4", "checkout")
    assert orjson.loads(trace["tags"]) == ["a", "b", "c"]
    assert orjson.loads(trace["metadata"]) == {"k": 1, "l": 2}
    rows = shelf.rows("SELECT tag, start_ns FROM trace_tags ORDER BY tag")
    assert rows == [{"tag": tag, "start_ns": START + MS} for tag in "abc"]


def test_a_trace_inherits_from_its_process(tmp_path) -> None:
    shelf = Shelf(tmp_path, process(project="shop", release="2.0", environment="test"))
    shelf.store(end(1))

    trace = shelf.trace()
    assert (trace["project"], trace["release"], trace["environment"]) == ("shop", "2.0", "test")
    assert trace["run_pk"] == shelf.one("SELECT pk FROM runs")["pk"]
    shelf.close()


def test_tags_follow_the_start_of_the_trace(shelf: Shelf) -> None:
    shelf.store(end(5, 1, context={"tags": ["late"]}))
    shelf.store(end(1))

    assert shelf.rows("SELECT tag, start_ns FROM trace_tags") == [
        {"tag": "late", "start_ns": START + MS}
    ]


def test_a_name_given_to_the_trace_outlives_the_end_of_its_root(shelf: Shelf) -> None:
    shelf.store(start(1, name="Chain", context={"name": "checkout"}))
    shelf.store(end(1, name="Chain"))

    assert shelf.trace()["name"] == "checkout"


@pytest.mark.parametrize("order", ["in order", "shuffled"])
def test_totals_of_a_large_trace_agree_with_its_spans(shelf: Shelf, order: str) -> None:
    numbers = random.Random(3)
    records = [start(0)]
    for number in range(1, 10_000):
        parent = numbers.randrange(number)
        fields: Record = {"kind": numbers.choice(["llm", "tool", "chain"])}
        records.append(start(number, parent, **fields))
        if fields["kind"] == "llm":
            fields["usage"] = {"input": numbers.randrange(900), "output": numbers.randrange(90)}
            fields["counted"] = numbers.random() < 0.8
        fields["status"] = numbers.choice(["ok", "ok", "error", "cancelled"])
        records.append(end(number, parent, **fields))
    records.append(end(0))
    if order == "shuffled":
        numbers.shuffle(records)
    for first in range(0, len(records), 1_500):
        shelf.store(*records[first : first + 1_500])

    sums = shelf.one(
        "SELECT count(*) AS span_count, "
        "sum(CASE WHEN status = 'error' THEN 1 ELSE 0 END) AS error_count, "
        "sum(CASE WHEN counted THEN 1 ELSE 0 END) AS usage_count, "
        "sum(CASE WHEN counted THEN input_tokens ELSE 0 END) AS input_tokens, "
        "sum(CASE WHEN counted THEN output_tokens ELSE 0 END) AS output_tokens, "
        "sum(CASE WHEN counted THEN input_tokens + output_tokens ELSE 0 END) AS total_tokens "
        "FROM spans"
    )
    trace = shelf.trace()
    assert {name: trace[name] for name in sums} == sums
    assert sums["span_count"] == 10_000
    rolled = shelf.one(
        "SELECT sum(count) AS span_count, sum(error_count) AS error_count, "
        "sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens FROM rollups"
    )
    assert rolled == {name: sums[name] for name in rolled}
