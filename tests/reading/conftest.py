"""A store, empty but for what a test puts there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from spanbook.store.backends.postgresql import PARTITIONED
from spanbook.store.database import open_engine
from spanbook.store.schema import metadata
from tests.databases import Server
from tests.reading.shelves import Shelf


@pytest.fixture(scope="session")
def emptied(server: Server) -> Iterator[Engine]:
    """A store on a server whose tables every test leaves empty."""
    engine = open_engine(server.url())
    yield engine
    engine.dispose()


@pytest.fixture
def engine(store: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Engine]:
    if store == "sqlite":
        engine = open_engine(tmp_path / "spanbook.db")
        yield engine
        engine.dispose()
        return
    engine = request.getfixturevalue("emptied")
    yield engine
    with engine.begin() as connection:
        for name in {*metadata.tables, *PARTITIONED}:
            connection.exec_driver_sql(f'DELETE FROM "{name}"')


@pytest.fixture
def url(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


@pytest.fixture
def shelf(engine: Engine) -> Shelf:
    return Shelf(engine)
