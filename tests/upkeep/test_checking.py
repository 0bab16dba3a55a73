"""A store that is whole is found whole; what is not is named, and mended where it can be."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from spanbook.store.database import open_engine
from spanbook.store.upkeep.checking import Finding, check
from tests.storing.conftest import Shelf, end, trace_id
from tests.upkeep.test_deleting import program


@pytest.fixture
def engine(shelf: Shelf) -> Iterator[Engine]:
    shelf.store(*program(trace_id(1), own="one"), *program(trace_id(2), own="two"))
    engine = open_engine(shelf.url)
    yield engine
    engine.dispose()


def change(shelf: Shelf, statement: str) -> None:
    engine = open_engine(shelf.url)
    with engine.begin() as connection:
        zero = "x'00'" if engine.dialect.name == "sqlite" else r"'\x00'"
        connection.exec_driver_sql(statement.replace("x'00'", zero).replace("%", "%%"))
    engine.dispose()


def test_a_store_that_was_only_written_by_us_is_whole(engine: Engine) -> None:
    assert check(engine) == []


MENDABLE = [
    ("DELETE FROM traces WHERE trace_id LIKE '%1'", "rows without their trace", 10),
    ("UPDATE traces SET input_tokens = 0", "totals are not the sums", 2),
    ("UPDATE traces SET cost = 5 WHERE trace_id LIKE '%1'", "totals are not the sums", 1),
    ("UPDATE traces SET error_count = 0", "totals are not the sums", 2),
    ("INSERT INTO blobs VALUES (x'00', 1, NULL, x'00')", "texts that nothing uses", 1),
]


@pytest.mark.parametrize(("statement", "words", "count"), MENDABLE)
def test_it_is_named_and_mended(
    shelf: Shelf, engine: Engine, statement: str, words: str, count: int
) -> None:
    change(shelf, statement)

    (found,) = check(engine)
    (mended, *_) = check(engine, repair=True)

    assert words in found.what
    assert (found.count, found.is_mended) == (count, False)
    assert (mended.count, mended.is_mended) == (count, True)
    assert check(engine) == []


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("DELETE FROM payloads", Finding("spans whose payload is missing", 6)),
        (
            "DELETE FROM blobs WHERE media_type IS NOT NULL",
            Finding("texts or media that payloads refer to are missing", 2),
        ),
    ],
)
def test_what_is_missing_is_told(
    shelf: Shelf, engine: Engine, statement: str, finding: Finding
) -> None:
    change(shelf, statement)

    assert check(engine, repair=True) == [finding]


@pytest.mark.only("sqlite")
def test_damage_comes_before_all_else(shelf: Shelf) -> None:
    shelf.store(*({**end(1, output="x" * 900), "trace": trace_id(n)} for n in range(300)))
    shelf.close()
    content = bytearray(shelf.path.read_bytes())
    content[60_000:64_000] = b"\xff" * 4_000
    shelf.path.write_bytes(content)
    engine = open_engine(shelf.url)

    found = check(engine)

    engine.dispose()
    assert found
    assert all(one.what.startswith("damaged: ") for one in found)
