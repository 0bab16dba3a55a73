"""The made-up store that pages are measured on is a sound one, and the same each time."""

from datetime import UTC, datetime
from pathlib import Path

from benchmarks.million import fill
from benchmarks.town.days import Town
from spanbook.reading import queries
from spanbook.reading.book import Book
from spanbook.reading.filters import TraceFilter
from spanbook.store.upkeep.checking import check

UNTIL = datetime(2026, 11, 1, tzinfo=UTC)


def test_the_same_seed_tells_the_same_records():
    one, other = ([*Town(300, UNTIL, seed=7).segments()] for _ in range(2))

    assert one == other
    assert one != [*Town(300, UNTIL, seed=8).segments()]


def test_it_is_stored_whole_and_adds_up(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'town.db'}"

    stored, _ = fill(url, 600, UNTIL)

    with Book(url) as book:
        assert 600 <= stored == sum(trace.span_count for trace in book.traces())
        assert check(book.engine) == []
        facets = queries.facets(book.engine)
        filters = [{"model": facets.model[0].value}, {"tag": facets.tag[0].value}]
        for given in [*filters, {"session": "(none)"}, {"release": "1.0.0"}, {"q": "refund"}]:
            assert queries.list_traces(book.engine, TraceFilter.of(**given)).rows, given
