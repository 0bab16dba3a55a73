"""A copy of a store holds the same traces, payloads, contents, words and figures."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update

from spanbook.reading.book import Book
from spanbook.store.database import open_engine
from spanbook.store.schema import prices, rollups, spans, traces
from spanbook.store.upkeep.comparing import compare
from spanbook.store.upkeep.copying import Copied, copy_store
from spanbook.store.upkeep.retention import Rule, rules, set_rule
from spanbook.store.upkeep.words import index_anew
from tests.storing.conftest import Shelf, end, process, trace_id
from tests.upkeep.test_deleting import program


@pytest.fixture
def source(shelf: Shelf) -> Iterator[Engine]:
    for number in range(1, 6):
        shelf.store(*program(trace_id(number), own=f"own{number}"))
    engine = open_engine(shelf.url)
    yield engine
    engine.dispose()


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Engine]:
    """Return a store that holds something already, so that no number stays the same."""
    folder = tmp_path / "copy"
    folder.mkdir()
    other = Shelf(folder, process(run="2" * 32))
    other.store(*program(trace_id(99), own="other"))
    other.close()
    engine = open_engine(other.url)
    yield engine
    engine.dispose()


def told(engine: Engine, number: int) -> tuple[Any, ...]:
    """Return all that a reader sees of a trace."""
    with Book(engine.url.render_as_string(hide_password=False)) as book:
        trace = book.trace(trace_id(number))
        payloads = [trace.payload(span.span_id) for span in trace.spans]
        return trace.row, trace.spans, payloads


def test_readers_see_the_same(source: Engine, copy: Engine) -> None:
    copied = copy_store(source, copy)

    assert copied == Copied(copied=5, known=0)
    for number in range(1, 6):
        assert told(copy, number) == told(source, number)
    assert compare(source, copy).agrees
    assert told(copy, 99)[0].span_count == 3


def test_words_and_rollups_are_there(source: Engine, copy: Engine) -> None:
    copy_store(source, copy)

    with Book(str(copy.url)) as book:
        assert [row.trace_id for row in book.traces(q="own4")] == [trace_id(4)]
    with source.connect() as one, copy.connect() as other:
        counted = select(func.sum(rollups.c.count), func.sum(rollups.c.input_tokens))
        assert one.execute(counted).one() == (15, 50)
        assert other.execute(counted).one() == (18, 60)


def test_runs_go_along_with_the_history_of_their_metrics(
    shelf: Shelf, source: Engine, copy: Engine
) -> None:
    run = {"run": "7" * 32, "name": "nightly", "start": 1}
    shelf.store({"type": "run", **run}, end(1, run="7" * 32), metric(0, 0.5))
    copy_store(source, copy)
    shelf.store(metric(1, 0.75), {"type": "run_end", "run": "7" * 32, "end": 9, "status": "ok"})
    copy_store(source, copy)

    told = []
    for engine in (source, copy):
        with Book(engine.url.render_as_string(hide_password=False)) as book:
            told.append((book.runs(name="nightly"), book.metrics("7" * 32)))
    assert told[0] == told[1]
    assert [row.trace_count for row in told[1][0]] == [1]
    assert [one.value for one in told[1][1]] == [0.5, 0.75]
    assert not told[1][0][0].is_process


def metric(step: int, value: float) -> dict[str, Any]:
    at = {"at": 2 + step, "step": step}
    return {"type": "metrics", "run": "7" * 32, **at, "values": {"accuracy": value}}


def test_a_second_copy_only_takes_what_is_new_or_changed(
    shelf: Shelf, source: Engine, copy: Engine
) -> None:
    copy_store(source, copy)
    shelf.store(*program(trace_id(6), own="own6"))
    shelf.store({**end(9, 1, name="late"), "trace": trace_id(2)})

    copied = copy_store(source, copy)

    assert copied == Copied(copied=2, known=4)
    assert [span.name for span in told(copy, 2)[1]][-1] == "late"
    assert compare(source, copy).agrees


def test_a_copy_that_broke_off_goes_on(
    source: Engine, copy: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spanbook.store.upkeep.copying.CHUNK", 2)

    def breaks(seen: int, _: int) -> None:
        if seen == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_store(source, copy, breaks)
    assert not compare(source, copy).agrees

    assert copy_store(source, copy) == Copied(copied=1, known=4)
    assert compare(source, copy).agrees


def test_prices_stay_with_their_spans(source: Engine, copy: Engine) -> None:
    with source.begin() as connection:
        price = {"hash": b"h" * 16, "model": "m", "source": "own", "rates": "{}"}
        connection.execute(prices.insert().values(**price))
        pk = connection.execute(select(prices.c.pk)).scalar_one()
        connection.execute(update(spans).where(spans.c.model == "m").values(price_pk=pk))
    with copy.begin() as connection:
        connection.execute(prices.insert().values(**{**price, "hash": b"o" * 16}))

    copy_store(source, copy)

    with copy.connect() as connection:
        joined = select(prices.c.hash).join(spans, spans.c.price_pk == prices.c.pk)
        assert set(connection.execute(joined).scalars()) == {b"h" * 16}


def test_rules_of_retention_come_along(source: Engine, copy: Engine) -> None:
    set_rule(source, Rule("shop", traces=5))

    copy_store(source, copy)
    copy_store(source, copy)

    with copy.connect() as connection:
        assert rules(connection) == [Rule("shop", traces=5)]


def test_a_difference_is_found_and_named(source: Engine, copy: Engine) -> None:
    copy_store(source, copy)
    with copy.begin() as connection:
        wrong = select(traces.c.pk).where(traces.c.trace_id == trace_id(3)).scalar_subquery()
        connection.execute(
            update(spans)
            .where(spans.c.trace_pk == wrong, spans.c.kind == "llm")
            .values(input_tokens=9)
        )

    found = compare(source, copy)

    assert not found.agrees
    assert found.differing == (trace_id(3),)
    assert found.source.input_tokens - found.target.input_tokens == 1


def test_an_index_made_anew_finds_the_same(source: Engine) -> None:
    words = ("own3", "stands", "ValueError", "done", "span")
    with Book(source.url.render_as_string(hide_password=False)) as book:
        before = {word: book.traces(q=word) for word in words}

        assert index_anew(source) == 5

        assert {word: book.traces(q=word) for word in words} == before
    assert all(before[word] for word in words)
