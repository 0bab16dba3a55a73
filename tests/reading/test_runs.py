"""Lists of runs: filters, orders, pages, and what their columns can be."""

from collections.abc import Iterator

import pytest

from spanbook.errors import ExpressionError, FilterError
from spanbook.reading.expressions import read_path, write_path
from spanbook.reading.queries import count_runs, list_runs
from spanbook.reading.rows import RunRow
from spanbook.reading.run_filter import RunFilter
from spanbook.reading.run_pages import Range, leaves, list_ranges, survey
from tests.reading.shelves import BASE, SECOND, Shelf


def found(shelf: Shelf, **filters: object) -> list[str | None]:
    """Return the names of the runs that a filter finds, and see that they are counted alike."""
    filter = RunFilter.of(**filters)
    rows = list_runs(shelf.engine, filter).rows
    assert count_runs(shelf.engine, filter).number == len(rows)
    return [row.name for row in rows]


def pages(shelf: Shelf, **filters: object) -> Iterator[tuple[RunRow, ...]]:
    after: str | None = None
    while True:
        page = list_runs(shelf.engine, RunFilter.of(**filters, after=after))
        yield page.rows
        after = page.next
        if after is None:
            return


@pytest.fixture
def sweep(shelf: Shelf) -> Shelf:
    """Runs of one program with different configs, as people write them."""
    shelf.run("a", config={"top_k": 4, "model": {"name": "x"}}, metrics={"eval/f1": 0.5, "n": 3})
    shelf.run("b", config={"top_k": 10, "model": {"name": "y"}}, metrics={"eval/f1": None})
    shelf.run("c", config={"top_k": "all"}, metrics={"eval/f1": 0.75, "note": "good"})
    shelf.run("d", config={"top_k": True, "model.name": "x"}, status="error")
    shelf.run(None, metrics={"eval/f1": -1})
    return shelf


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("config.top_k = 4", ["a"]),
        ("config.top_k in (4, all)", ["c", "a"]),
        ("config.top_k >= 4", ["b", "a"]),
        ("config.top_k = true", ["d"]),
        ("config.model.name = x", ["d", "a"]),
        ("config.top_k is null", [None]),
        ("metrics.eval/f1 > 0.4 and metrics.eval/f1 <= 0.75", ["c", "a"]),
        ("metrics.eval/f1 is null", ["d", "b"]),
        ("metrics.note contains GOO", ["c"]),
        ("name = a", ["a"]),
        ("name is null", [None]),
        ("status != ok", ["d"]),
    ],
)
def test_conditions_in_words_reach_into_config_and_metrics(
    sweep: Shelf, where: str, names: list[str | None]
):
    assert found(sweep, where=where) == names


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("-start", [None, "d", "c", "b", "a"]),
        ("name", ["a", "b", "c", "d", None]),
        ("-name", ["d", "c", "b", "a", None]),
        ("config.top_k", ["a", "b", "c", "d", None]),  # numbers, texts, nothing
        ("-config.top_k", ["b", "a", "d", "c", None]),
        ("-metrics.eval/f1", ["c", "a", None, "d", "b"]),
        ("metrics.eval/f1", [None, "a", "c", "b", "d"]),
        ('config."model"."name"', ["a", "d", "b", "c", None]),
    ],
)
def test_every_column_sorts_and_pages_meet(sweep: Shelf, sort: str, names: list[str | None]):
    assert [row.name for page in pages(sweep, sort=sort, limit=2) for row in page] == names


@pytest.mark.parametrize("sort", ["-start", "name", "config.top_k", "-metrics.eval/f1", "-traces"])
def test_pages_are_read_backward_as_they_were_forward(sweep: Shelf, sort: str):
    forward = list(pages(sweep, sort=sort, limit=2))
    last = list_runs(sweep.engine, RunFilter.of(sort=sort, limit=1000)).rows[-1]
    page = list_runs(sweep.engine, RunFilter.of(sort=sort, limit=2))
    second = list_runs(sweep.engine, RunFilter.of(sort=sort, limit=2, after=page.next))

    back = list_runs(sweep.engine, RunFilter.of(sort=sort, limit=2, before=second.previous))

    assert back.rows == page.rows == forward[0]
    assert forward[-1][-1] == last


def test_totals_are_those_of_the_traces_and_sort_and_narrow(shelf: Shelf):
    for name, tokens in (("few", [5]), ("many", [10, None, 40]), ("none", [])):
        shelf.run(name)
        for number in tokens:
            shelf.trace(
                run_pk=shelf.runs,
                status="ok" if number else "error",
                total_tokens=number,
                cost=number and number * 10**9,
            )

    rows = {row.name: row for row in list_runs(shelf.engine, RunFilter()).rows}

    told = {
        name: (row.trace_count, row.error_count, row.total_tokens, row.cost and float(row.cost))
        for name, row in rows.items()
    }
    assert told == {
        "few": (1, 0, 5, 0.005),
        "many": (3, 1, 50, 0.05),
        "none": (0, 0, None, None),
    }
    assert found(shelf, sort="-tokens") == ["many", "few", "none"]
    assert found(shelf, sort="traces") == ["none", "few", "many"]
    assert found(shelf, sort="-cost", where="traces > 0 and cost >= 0.01") == ["many"]
    assert found(shelf, where="errors = 0") == ["none", "few"]


def test_what_a_process_only_hosts_is_left_out_unless_asked_for_by_id(shelf: Shelf):
    process = shelf.run("process", pid=7, process_pk=None)
    shelf.run("inner", pid=7, process_pk=shelf.runs)
    shelf.run("alone", pid=8, process_pk=None)

    assert found(shelf) == ["alone", "inner"]
    assert found(shelf, run=process) == ["process"]
    assert found(shelf, process="true") == ["alone"]
    assert found(shelf, process="false") == ["inner"]


def test_fields_of_the_form_narrow(shelf: Shelf):
    shelf.run("a", project="shop", release="1.0", start_ns=BASE)
    shelf.run("b", host="h", commit="c" * 40, environment="prod", status="running")

    assert found(shelf, project="shop") == ["a"]
    assert found(shelf, release="(none)") == ["b"]
    assert found(shelf, host="h", commit="c" * 40, environment="prod") == ["b"]
    assert found(shelf, status=["running", "error"]) == ["b"]
    assert found(shelf, until="2023-11-14T22:13:21Z") == ["a"]
    assert (
        list_runs(shelf.engine, RunFilter.of(until="2100-01-01")).rows[0].start_ns - SECOND
        == BASE + SECOND
    )


def test_the_range_of_a_metric_leaves_out_what_is_no_number(shelf: Shelf):
    run = shelf.run(history={"loss": [3.0, None, 1.0, 2.0], "nan": [None]})

    ranges = list_ranges(shelf.engine, [run], ["loss", "nan", "other"])

    assert ranges == {(run, "loss"): Range(3, 1.0, 3.0), (run, "nan"): Range(0, None, None)}


def test_keys_are_those_of_recent_runs_and_say_whether_they_differ(shelf: Shelf):
    for number in range(3):
        shelf.run(config={"seed": number, "same": 1, "deep": {"er": [1]}}, metrics={"f1": number})
    shelf.run(config={"same": 1}, project="other")

    keys = {key.path: (key.count, key.differs) for key in survey(shelf.engine, "default").keys}

    assert keys == {
        ("config", "seed"): (3, True),
        ("config", "same"): (3, False),
        ("config", "deep", "er"): (3, False),
        ("metrics", "f1"): (3, True),
    }
    everywhere = survey(shelf.engine)
    assert everywhere.keys[0].path == ("config", "same")
    assert everywhere.values["project"] == ("default", "other")


def test_values_inside_a_config_are_found_by_their_paths():
    config = {"a": {"b": 1, "c": {}}, "$d": 2, "e": {"$": "object"}, "f": [{"g": 1}], "": 0}

    assert dict(leaves(config)) == {
        ("a", "b"): 1,
        ("a", "c"): {},
        ("$d",): 2,
        ("e",): {"$": "object"},
        ("f",): [{"g": 1}],
        ("",): 0,
    }


@pytest.mark.parametrize("key", ["plain", "a.b", "a b", "a,b", "a:12", "(x)", 'a"b\\c', "", "ü"])
def test_a_path_is_written_as_it_is_read(key: str):
    assert read_path(write_path(("config", key, "z"))) == ("config", key, "z")


@pytest.mark.parametrize("key", ["a b", "a.b", "it's", "<script>", "a,b", "{a}", "ü"])
def test_strange_keys_are_looked_up_like_others(shelf: Shelf, key: str):
    shelf.run("a", config={key: 1})
    shelf.run("b", config={key: 2})

    assert found(shelf, sort=write_path(("config", key))) == ["a", "b"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"sort": "config"},
        {"sort": "metrics."},
        {"sort": "input.x"},
        {"where": "input.x = 1"},
        {"where": "metrics = 1"},
        {"name": "x", "stauts": "ok"},
    ],
)
def test_what_runs_do_not_have_is_refused(shelf: Shelf, wrong: dict[str, str]):
    with pytest.raises((FilterError, ExpressionError)):
        RunFilter.of(**wrong)


def test_a_cursor_of_another_order_is_refused(sweep: Shelf):
    after = list_runs(sweep.engine, RunFilter.of(sort="name", limit=1)).next

    with pytest.raises(FilterError, match="another order"):
        RunFilter.of(sort="config.top_k", after=after)
