"""Plans: each list is found in an index, so that it stays quick however many traces there are."""

from typing import Any

import pytest
from sqlalchemy import Engine, event

from spanbook.reading import queries
from spanbook.reading.filters import SORTS, TraceFilter
from tests.reading.shelves import Shelf

sqlite = pytest.mark.only("sqlite")


def plan(engine: Engine, filter: TraceFilter) -> str:
    """Return how the database finds the rows of the first page, a line a step."""
    asked: list[tuple[str, Any]] = []

    def remember(_c: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        asked.append((statement, values))

    event.listen(engine, "before_cursor_execute", remember)
    queries.list_traces(engine, filter)
    event.remove(engine, "before_cursor_execute", remember)
    statement, values = next(one for one in asked if "traces.trace_id" in one[0])
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            return "\n".join(step[3] for step in steps)
        connection.exec_driver_sql("ANALYZE traces")  # whose numbers no other moment may change
        for way in ("seqscan", "sort", "bitmapscan"):  # best for few rows
            connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
        steps = connection.exec_driver_sql(f"EXPLAIN {statement}", values)
        return "\n".join(step[0] for step in steps)


PLACES: list[tuple[dict[str, Any], str]] = [
    ({}, "traces_start"),
    ({"name": "answer"}, "traces_name"),
    ({"status": "error"}, "traces_status"),
    ({"kind": "llm"}, "traces_kind"),
    ({"session": "s"}, "traces_session"),
    ({"user": "u"}, "traces_user"),
    ({"model": "m"}, "traces_model"),
    ({"architecture": "a"}, "traces_architecture"),
    ({"has_error": True}, "traces_failed"),
    ({"since": "1d"}, "traces_start"),
    ({"until": "1d"}, "traces_start"),
    ({"project": "p"}, "traces_start"),
    ({"environment": "prod"}, "traces_environment"),
    ({"release": "1"}, "traces_release"),
    ({"version": "1"}, "traces_version"),
    ({"min_duration": "1s"}, "traces_start"),
    ({"max_tokens": "5"}, "traces_start"),
    ({"min_cost": "1"}, "traces_start"),
    ({"status": "error", "sort": "-cost"}, "traces_status"),
    ({"name": "answer", "sort": "duration"}, "traces_name"),
    ({"min_duration": "1s", "sort": "-cost"}, "traces_cost"),
]


@sqlite
@pytest.mark.parametrize(("given", "index"), PLACES, ids=str)
def test_a_filter_is_answered_by_an_index_alone(
    shelf: Shelf, engine: Engine, given: dict[str, Any], index: str
):
    shelf.trace()

    assert f"COVERING INDEX {index}" in plan(engine, TraceFilter.of(**given))


@sqlite
@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize(
    "sort",
    [
        *("duration", "tokens", "cost", "name", "status", "kind", "start"),
        *("release", "version", "environment"),
    ],
)
def test_a_sort_is_read_off_an_index(shelf: Shelf, engine: Engine, sort: str, descending: bool):
    given = dict.fromkeys(("release", "version", "environment"), "x")
    shelf.trace(duration_ns=1, total_tokens=1, cost=1, **given)

    steps = plan(engine, TraceFilter(sort=sort, descending=descending))

    assert f"COVERING INDEX traces_{sort}" in steps
    assert steps.count("TEMP B-TREE") == 1  # of the rows of the page alone


@sqlite
@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("sort", ["tags", "input", "output", "error"])
def test_long_texts_are_sorted_by_an_index_of_their_beginnings(
    shelf: Shelf, engine: Engine, sort: str, descending: bool
):
    shelf.trace(["x"], input="x", output="x", error="x")

    steps = plan(engine, TraceFilter(sort=sort, descending=descending))

    assert f"SCAN traces USING INDEX traces_{sort}" in steps
    assert steps.count("TEMP B-TREE") == 1


@sqlite
@pytest.mark.parametrize("sort", ["spans", "errors", "model", "session", "user"])
def test_other_sorts_have_an_index_too(shelf: Shelf, engine: Engine, sort: str):
    shelf.trace(model="m", session="s", user="u")

    assert f"COVERING INDEX traces_{sort}" in plan(engine, TraceFilter(sort=sort))


@sqlite
@pytest.mark.parametrize("sort", ["start", "duration", "cost", "name", "release"])
def test_a_deep_page_starts_where_the_last_one_ended(shelf: Shelf, engine: Engine, sort: str):
    for _ in range(3):
        shelf.trace(duration_ns=1, cost=1, release="1")
    page = queries.list_traces(engine, TraceFilter(sort=sort, limit=1))

    steps = plan(engine, TraceFilter(sort=sort, after=page.next, limit=1))

    assert f"SEARCH traces USING COVERING INDEX traces_{sort} (" in steps


@sqlite
def test_a_deep_page_by_a_long_text_starts_at_its_beginning(shelf: Shelf, engine: Engine):
    given = [shelf.trace(input=f"{'x' * 40}{number}") for number in (2, 3, 1)]
    pages = [queries.list_traces(engine, TraceFilter(sort="input", limit=1))]
    while pages[-1].next is not None:
        after = TraceFilter(sort="input", limit=1, after=pages[-1].next)
        pages.append(queries.list_traces(engine, after))

    steps = plan(engine, TraceFilter(sort="input", after=pages[0].next, limit=1))

    assert "SEARCH traces USING INDEX traces_input (<expr>" in steps
    assert [row.trace_id for page in pages for row in page.rows] == [*reversed(given)]


@sqlite
def test_a_tag_is_walked_in_the_order_of_starts(shelf: Shelf, engine: Engine):
    shelf.trace(tags=["a"])

    steps = plan(engine, TraceFilter(tag=("a",)))

    assert "SEARCH trace_tags USING PRIMARY KEY (tag=?)" in steps
    assert steps.count("TEMP B-TREE") == 1


@pytest.mark.only("postgresql")
@pytest.mark.parametrize(
    ("given", "index"), [place for place in PLACES if "sort" not in place[0]], ids=str
)
def test_a_filter_is_answered_by_an_index_of_the_server(
    shelf: Shelf, engine: Engine, given: dict[str, Any], index: str
):
    shelf.traces(1000)

    steps = plan(engine, TraceFilter.of(**given))

    assert f"using {index} on traces" in steps
    assert "Seq Scan" not in steps


@pytest.mark.only("postgresql")
@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("sort", ["duration", "tokens", "cost", "name", "status", "start"])
def test_a_sort_is_read_off_an_index_of_the_server(
    shelf: Shelf, engine: Engine, sort: str, descending: bool
):
    shelf.traces(1000)

    steps = plan(engine, TraceFilter(sort=sort, descending=descending))

    assert f"using traces_{sort} on traces" in steps
    assert "Seq Scan" not in steps


def test_every_sort_works_on_an_empty_store(engine: Engine):
    for sort in SORTS:
        assert queries.list_traces(engine, TraceFilter(sort=sort)).rows == ()
