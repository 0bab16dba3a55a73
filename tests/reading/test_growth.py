"""Growth: a page costs SQLite as many steps in a store that is eight times as large."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event, insert

from spanbook.reading import queries
from spanbook.reading.filters import SORTS, TraceFilter
from spanbook.store.database import open_engine
from spanbook.store.schema import traces
from tests.reading.shelves import BASE, SECOND, TRACE

_FEW, _MANY = 400, 3_200
_STEP = 20  # operations that count as one


class Work:
    """How much SQLite has done."""

    def __init__(self) -> None:
        self.steps = 0

    def __call__(self) -> int:
        self.steps += 1
        return 0


def fill(engine: Engine, count: int) -> None:
    """Add so many traces, of which a twentieth has each value."""
    rows: list[dict[str, Any]] = []
    for number in range(count):
        word = f"{number % 20:02}"
        same = dict.fromkeys(("name", "session", "user", "model", "release", "version"), word)
        rows.append(
            {
                **TRACE,
                **same,
                "pk": number + 1,
                "trace_id": f"{number:032x}",
                "root_id": f"{number:016x}",
                "start_ns": BASE + number * SECOND,
                "duration_ns": number % 997,
                "total_tokens": number % 991,
                "cost": number % 983,
                "span_count": number % 7,
                "error_count": int(number % 20 == 0),
                "status": "error" if number % 20 == 0 else "ok",
                "kind": "llm" if number % 20 == 1 else "chain",
                "project": word,
                "environment": word,
                "architecture": word,
                "tags": f'["{word}"]',
                "input": f"{word} and more",
                "output": f"{word} and more",
                "error": f"{word} and more",
            }
        )
    with engine.begin() as connection:
        connection.execute(insert(traces), rows)


@contextmanager
def counted(engine: Engine) -> Iterator[Work]:
    """Count what SQLite does for `engine` meanwhile."""
    work = Work()
    engine.dispose()

    def begin(connection: sqlite3.Connection, _: Any) -> None:
        connection.set_progress_handler(work, _STEP)

    event.listen(engine, "connect", begin)
    yield work
    event.remove(engine, "connect", begin)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Engine]]:
    folder = tmp_path_factory.mktemp("growth")
    small, large = (open_engine(folder / f"{count}.db") for count in (_FEW, _MANY))
    fill(small, _FEW)
    fill(large, _MANY)
    yield small, large
    small.dispose()
    large.dispose()


def steps(engine: Engine, filter: TraceFilter) -> int:
    with counted(engine) as work:
        page = queries.list_traces(engine, filter)
    assert len(page.rows) == 10, "the page is full"
    return work.steps


_FILTERS = (
    *(dict.fromkeys([name], "03") for name in ("name", "session", "user", "model", "release")),
    *(dict.fromkeys([name], "03") for name in ("version", "environment", "project")),
    *({"architecture": "03"}, {"status": "error"}, {"kind": "llm"}, {"has_error": True}),
    *({"since": "2023-11-14"}, {"until": "2030-01-01"}, {"min_tokens": "1"}),
    *({"max_tokens": "900"}, {"min_duration": "0s"}, {"max_duration": "1h"}),
    *({"input": "and"}, {"output": "more"}, {"error": "and"}),
)


@pytest.mark.parametrize("given", _FILTERS, ids=str)
def test_a_filtered_list_does_not_grow(stores: tuple[Engine, Engine], given: dict[str, Any]):
    small, large = (steps(engine, TraceFilter.of(**given, limit=10)) for engine in stores)

    assert large <= 1.25 * small + 5


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("sort", SORTS)
def test_a_sorted_list_does_not_grow(stores: tuple[Engine, Engine], sort: str, descending: bool):
    asked = TraceFilter(sort=sort, descending=descending, limit=10)

    small, large = (steps(engine, asked) for engine in stores)

    assert large <= 1.25 * small + 5


@pytest.mark.parametrize("sort", SORTS)
def test_a_page_costs_the_same_at_any_depth(stores: tuple[Engine, Engine], sort: str):
    _, large = stores
    asked = TraceFilter(sort=sort, limit=1_000)
    deep = TraceFilter(sort=sort, limit=10, after=queries.list_traces(large, asked).next)

    assert steps(large, deep) <= 1.5 * steps(large, TraceFilter(sort=sort, limit=10)) + 5
