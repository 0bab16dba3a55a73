"""Links between spans are stored once, and found from both of their ends."""

import pytest

from spanbook.reading.queries import list_links
from spanbook.reading.rows import LinkRow
from spanbook.store.database import open_engine
from tests.storing.conftest import TRACE, Record, Shelf, end, span_id, trace_id


def link(number: int, to: int, **fields: object) -> Record:
    return {
        "type": "link",
        "trace": TRACE,
        "span": span_id(number),
        "to_trace": TRACE,
        "to_span": span_id(to),
        "name": "uses",
        **fields,
    }


def links_of(shelf: Shelf, trace: str) -> list[LinkRow]:
    engine = open_engine(shelf.url)
    try:
        return list_links(engine, trace)
    finally:
        engine.dispose()


def test_a_link_that_comes_twice_is_stored_once(shelf: Shelf) -> None:
    shelf.store(end(1), end(2, 1), end(3, 1), link(3, 2), link(3, 2))
    shelf.store(link(3, 2), link(3, 2, name="repeats"))

    assert [(one.span_id, one.to_span_id, one.name) for one in links_of(shelf, TRACE)] == [
        (span_id(3), span_id(2), "repeats"),
        (span_id(3), span_id(2), "uses"),
    ]


def test_a_link_between_traces_is_found_from_both(shelf: Shelf) -> None:
    other = trace_id(7)
    shelf.store(end(1), end(2, trace=other), link(1, 2, to_trace=other))

    expected = [LinkRow(TRACE, span_id(1), other, span_id(2), "uses")]
    assert links_of(shelf, TRACE) == expected
    assert links_of(shelf, other) == expected


def test_a_link_may_lead_out_of_the_store(shelf: Shelf) -> None:
    shelf.store(end(1), link(1, 9, to_trace=trace_id(9)))

    assert [one.to_span_id for one in links_of(shelf, TRACE)] == [span_id(9)]
    assert shelf.one("SELECT count(*) AS n FROM traces")["n"] == 1


@pytest.mark.parametrize("wrong", [{"to_span": "abc"}, {"to_trace": "1"}, {"name": 7}])
def test_a_link_without_proper_ids_is_counted_as_unreadable(
    shelf: Shelf, wrong: dict[str, object]
) -> None:
    shelf.store(end(1), link(1, 2, **wrong))

    assert links_of(shelf, TRACE) == []
    assert shelf.one("SELECT corrupt FROM health")["corrupt"] == 1
