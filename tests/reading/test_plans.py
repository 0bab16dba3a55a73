"""Plans: each list is found in an index, so that it stays quick however many traces there are."""

from typing import Any

import pytest
from sqlalchemy import Engine, event

from spanbook.reading import queries
from spanbook.reading.filters import SORTS, TraceFilter
from tests.reading.shelves import Shelf


def plan(engine: Engine, filter: TraceFilter) -> str:
    """Return how SQLite finds the rows of the first page, a line a step."""
    asked: list[tuple[str, Any]] = []

    def remember(_c: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        asked.append((statement, values))

    event.listen(engine, "before_cursor_execute", remember)
    queries.list_traces(engine, filter)
    event.remove(engine, "before_cursor_execute", remember)
    statement, values = next(one for one in asked if "traces.trace_id" in one[0])
    with engine.connect() as connection:
        steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        return "\n".join(step[3] for step in steps)


@pytest.mark.parametrize(
    ("given", "index"),
    [
        ({}, "traces_start"),
        ({"name": "answer"}, "traces_name"),
        ({"status": "error"}, "traces_status"),
        ({"kind": "llm"}, "traces_kind"),
        ({"session": "s"}, "traces_session"),
        ({"user": "u"}, "traces_user"),
        ({"model": "m"}, "traces_model"),
        ({"has_error": True}, "traces_failed"),
        ({"since": "1d"}, "traces_start"),
        ({"until": "1d"}, "traces_start"),
        ({"project": "p"}, "traces_start"),
        ({"environment": "prod"}, "traces_start"),
        ({"release": "1"}, "traces_start"),
        ({"version": "1"}, "traces_start"),
        ({"min_duration": "1s"}, "traces_start"),
        ({"max_tokens": "5"}, "traces_start"),
        ({"min_cost": "1"}, "traces_start"),
        ({"status": "error", "sort": "-cost"}, "traces_status"),
        ({"name": "answer", "sort": "duration"}, "traces_name"),
        ({"min_duration": "1s", "sort": "-cost"}, "traces_cost"),
    ],
    ids=str,
)
def test_a_filter_is_answered_by_an_index_alone(
    shelf: Shelf, engine: Engine, given: dict[str, Any], index: str
):
    shelf.trace()

    assert f"COVERING INDEX {index}" in plan(engine, TraceFilter.of(**given))


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("sort", ["duration", "tokens", "cost", "name", "status", "kind", "start"])
def test_a_sort_is_read_off_an_index(shelf: Shelf, engine: Engine, sort: str, descending: bool):
    shelf.trace(duration_ns=1, total_tokens=1, cost=1)

    steps = plan(engine, TraceFilter(sort=sort, descending=descending))

    assert f"COVERING INDEX traces_{sort}" in steps
    assert steps.count("TEMP B-TREE") == 1  # of the rows of the page alone


@pytest.mark.parametrize("sort", ["spans", "errors", "model", "session", "user"])
def test_other_sorts_have_an_index_too(shelf: Shelf, engine: Engine, sort: str):
    shelf.trace(model="m", session="s", user="u")

    assert f"COVERING INDEX traces_{sort}" in plan(engine, TraceFilter(sort=sort))


@pytest.mark.parametrize("sort", ["start", "duration", "cost", "name"])
def test_a_deep_page_starts_where_the_last_one_ended(shelf: Shelf, engine: Engine, sort: str):
    for _ in range(3):
        shelf.trace(duration_ns=1, cost=1)
    page = queries.list_traces(engine, TraceFilter(sort=sort, limit=1))

    steps = plan(engine, TraceFilter(sort=sort, after=page.next, limit=1))

    assert f"SEARCH traces USING COVERING INDEX traces_{sort} (" in steps


def test_a_tag_is_walked_in_the_order_of_starts(shelf: Shelf, engine: Engine):
    shelf.trace(tags=["a"])

    steps = plan(engine, TraceFilter(tag=("a",)))

    assert "SEARCH trace_tags USING PRIMARY KEY (tag=?)" in steps
    assert steps.count("TEMP B-TREE") == 1


def test_every_sort_works_on_an_empty_store(engine: Engine):
    for sort in SORTS:
        assert queries.list_traces(engine, TraceFilter(sort=sort)).rows == ()
