"""Changes: what a live page is told."""

import pytest
from sqlalchemy import Engine

from spanbook.errors import FilterError, UnknownTraceError
from spanbook.reading import changes as changes_module
from spanbook.reading import queries
from tests.reading.shelves import Shelf


@pytest.fixture
def live(shelf: Shelf) -> tuple[Shelf, str]:
    """A trace with a finished, a running and an incomplete span besides its own."""
    trace_id = shelf.trace(status="running")
    shelf.span(trace_id, span_id="done", end_ns=5, start_block=3, end_block=4)
    shelf.span(trace_id, span_id="open", status="running", start_block=4)
    shelf.span(trace_id, span_id="lost", status="incomplete")
    return shelf, trace_id


def names(engine: Engine, trace_id: str, after: str | None) -> set[str]:
    return {row.span_id for row in queries.changes(engine, trace_id, after).spans}


def test_without_a_token_everything_is_new(live: tuple[Shelf, str], engine: Engine):
    _, trace_id = live

    answer = queries.changes(engine, trace_id)

    assert len(answer.spans) == 4
    assert answer.trace.trace_id == trace_id
    assert answer.token == queries.mark(engine, trace_id)


def test_afterwards_only_what_may_have_changed(live: tuple[Shelf, str], engine: Engine):
    shelf, trace_id = live
    token = queries.mark(engine, trace_id)

    assert names(engine, trace_id, token) == {"open", "lost"}

    shelf.span(trace_id, span_id="new")
    shelf.end("done", start_block=9)

    assert names(engine, trace_id, token) == {"open", "lost", "new", "done"}


def test_an_end_without_payload_is_seen_once(live: tuple[Shelf, str], engine: Engine):
    shelf, trace_id = live
    token = queries.mark(engine, trace_id)

    shelf.end("open", status="ok", end_ns=9)
    answer = queries.changes(engine, trace_id, token)

    assert {row.span_id for row in answer.spans} == {"open", "lost"}
    assert names(engine, trace_id, answer.token) == {"lost"}


def test_the_token_stays_the_same_while_nothing_happens(live: tuple[Shelf, str], engine: Engine):
    shelf, trace_id = live
    token = queries.mark(engine, trace_id)

    assert queries.changes(engine, trace_id, token).token == token
    shelf.end("open", status="ok")
    assert queries.mark(engine, trace_id) != token


def test_too_many_open_spans_are_all_told_again(
    live: tuple[Shelf, str], engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    _, trace_id = live
    monkeypatch.setattr(changes_module, "_FEW", 1)

    assert len(names(engine, trace_id, queries.mark(engine, trace_id))) == 4


def test_a_foreign_token_or_trace_is_refused(live: tuple[Shelf, str], engine: Engine):
    _, trace_id = live

    with pytest.raises(FilterError, match="Reload the page"):
        queries.changes(engine, trace_id, "nonsense")
    with pytest.raises(UnknownTraceError):
        queries.changes(engine, "nonsense")
