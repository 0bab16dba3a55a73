"""A store on a file, empty but for what a test puts there."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from spanbook.store.database import open_engine
from tests.reading.shelves import Shelf


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def shelf(engine: Engine) -> Shelf:
    return Shelf(engine)
