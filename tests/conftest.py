"""What all tests share: real recorders on real files, and traces as outlines."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from spanbook.reading.book import Book
from spanbook.recording import guard
from spanbook.recording.defaults import configure
from spanbook.recording.recorder import Recorder
from spanbook.settings import RELEASE_VARIABLES
from tests.databases import clickhouse, pytest_generate_tests, server, store, store_url
from tests.outlines import outline

__all__ = ["clickhouse", "outline", "pytest_generate_tests", "server", "store", "store_url"]


@pytest.fixture(autouse=True)
def internal_errors_are_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no internal error hide behind the border."""
    monkeypatch.setattr(guard, "strict", True)


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the user's own environment and files out of the tests."""
    for name in (
        *(name for name in os.environ if name.startswith("SPANBOOK_")),
        *RELEASE_VARIABLES,
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'spanbook.db'}"


@pytest.fixture
def recorder(url: str) -> Iterator[Recorder]:
    """The process's default recorder, on a file of its own."""
    recorder = configure(url)
    yield recorder
    recorder.close()


@pytest.fixture
def book(recorder: Recorder, url: str) -> Iterator[Book]:
    """The read side of what `recorder` recorded; flush first."""
    with Book(url) as book:
        yield book
