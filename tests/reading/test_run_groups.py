"""Groups of runs: what they share, and what they come to."""

import pytest

from spanbook.errors import FilterError
from spanbook.reading.queries import count_runs
from spanbook.reading.run_filter import RunFilter
from spanbook.reading.run_groups import MetricSummary, RunGroup, group_runs, narrowed
from tests.reading.shelves import Shelf

F1 = ("metrics", "f1")


@pytest.fixture
def sweep(shelf: Shelf) -> Shelf:
    for number, (k, f1) in enumerate([(4, 0.5), (4, 1), (4, None), (10, 0.25), ("all", None)]):
        shelf.run("sweep", config={"k": k}, metrics={"f1": f1}, status="ok" if number else "error")
        shelf.trace(run_pk=shelf.runs, total_tokens=10, cost=10**12)
    shelf.run("other")
    return shelf


def groups(shelf: Shelf, by: str, sort: str = "-start", **filters: object) -> list[RunGroup]:
    found = group_runs(shelf.engine, RunFilter.of(sort=sort, **filters), by, [F1])
    for group in found:
        assert count_runs(shelf.engine, group.filter).number == group.run_count
    return found


def test_runs_that_share_a_value_of_their_config_are_a_group(sweep: Shelf):
    found = {group.value: group for group in groups(sweep, "config.k")}

    assert {value: one.run_count for value, one in found.items()} == {
        4: 3,
        10: 1,
        "all": 1,
        None: 1,
    }
    assert found[4].metrics[F1] == MetricSummary(2, 0.75, 0.5, 1.0)
    assert found["all"].metrics[F1] == MetricSummary(0, None, None, None)
    assert (found[4].failed_count, found[4].trace_count, found[4].total_tokens) == (1, 3, 30)
    assert (found[4].cost, found[None].cost, found[None].total_tokens) == (3, None, None)


@pytest.mark.parametrize(
    ("sort", "values"),
    [
        ("-start", [4, 10, "all", None]),
        ("-metrics.f1", [4, 10, "all", None]),
        ("metrics.f1", [10, 4, "all", None]),
        ("traces", [None, 10, "all", 4]),
        ("-cost", [4, 10, "all", None]),
    ],
)
def test_groups_are_sorted_by_what_they_come_to(sweep: Shelf, sort: str, values: list[object]):
    assert [group.value for group in groups(sweep, "config.k", sort)] == values


def test_runs_are_grouped_by_fields_too_and_narrowed_before(sweep: Shelf):
    assert [(one.value, one.run_count) for one in groups(sweep, "name")] == [
        ("sweep", 5),
        ("other", 1),
    ]
    (only,) = groups(sweep, "status", where="config.k = 4 and metrics.f1 > 0.5")
    assert (only.value, only.run_count) == ("ok", 1)


def test_a_value_that_looks_like_a_condition_is_only_a_value(shelf: Shelf):
    hostile = 'a" and name = "b\\'
    shelf.run("a", config={"k": hostile})

    filter = narrowed(RunFilter(), ("config", "k"), hostile)

    assert count_runs(shelf.engine, filter).number == 1


@pytest.mark.parametrize("by", ["colour", "input.x", "config"])
def test_what_runs_cannot_be_grouped_by_is_refused(shelf: Shelf, by: str):
    with pytest.raises(FilterError, match="Cannot group runs by"):
        groups(shelf, by)
