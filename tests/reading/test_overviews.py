"""Overviews of a store: the values to filter by, and what was lost."""

from datetime import UTC, datetime

from sqlalchemy import Engine, insert

from spanbook.reading import queries
from spanbook.reading.health import store_health
from spanbook.reading.rows import FacetValue
from spanbook.store.schema import health
from tests.reading.shelves import Shelf


def test_facets_count_the_values_most_frequent_first(shelf: Shelf, engine: Engine):
    shelf.trace(name="a", tags=["x"], model="m", session="s")
    shelf.trace(name="b", tags=["x", "y"], environment="prod")
    shelf.trace(name="b", kind="llm", project="other", release="1", user="u", version="v")

    facets = queries.facets(engine)

    assert facets.name == (FacetValue("b", 2), FacetValue("a", 1))
    assert facets.tag == (FacetValue("x", 2), FacetValue("y", 1))
    assert {value.value for value in facets.kind} == {"chain", "llm"}
    assert [facets.model[0].value, facets.session[0].value, facets.user[0].value] == ["m", "s", "u"]
    assert [facets.release[0].count, facets.version[0].count] == [1, 1]
    assert facets.environment == (FacetValue("prod", 1),)


def test_facets_of_a_project_name_the_other_projects_too(shelf: Shelf, engine: Engine):
    shelf.trace(name="a")
    shelf.trace(name="b", project="other")

    facets = queries.facets(engine, "other")

    assert [value.value for value in facets.name] == ["b"]
    assert {value.value for value in facets.project} == {"default", "other"}


def test_facets_look_at_recent_traces_only(shelf: Shelf, engine: Engine):
    for name in "abc":
        shelf.trace(name=name)

    assert {value.value for value in queries.facets(engine, recent=2).name} == {"b", "c"}


def test_an_empty_store_has_no_facets_and_is_whole(engine: Engine):
    assert queries.facets(engine).name == ()
    assert store_health(engine).is_whole


def test_losses_are_summed_over_all_runs_with_the_last_note(engine: Engine):
    rows = [
        ("r1", 1, 2, 0, 0, "disk full"),
        ("r2", 9, 1, 4, 0, "broken line"),
        ("r3", 10, 0, 0, 3, None),
    ]
    names = ("run_id", "at_ns", "dropped", "errors", "corrupt", "note")
    with engine.begin() as connection:
        connection.execute(insert(health), [dict(zip(names, row, strict=True)) for row in rows])

    found = store_health(engine)

    assert (found.dropped, found.errors, found.corrupt) == (3, 4, 3)
    assert (found.note, found.at) == ("broken line", datetime(1970, 1, 1, tzinfo=UTC))
    assert not found.is_whole
