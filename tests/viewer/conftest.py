"""A store with the stories, and a viewer on it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient

from spanbook.reading.book import Book
from spanbook.recording.recorder import Recorder
from spanbook_viewer.app import create_app
from tests.viewer import stories


@dataclass
class Shown:
    """A store, its viewer, and where things are."""

    url: str
    app: Flask
    book: Book

    def trace(self, name: str) -> str:
        """Return the id of the newest trace of that name."""
        return next(trace.trace_id for trace in self.book.traces() if trace.name == name)

    def address(self, name: str) -> str:
        return f"/traces/{self.trace(name)}"

    def span(self, trace: str, name: str) -> str:
        """Return the id of a trace's first span of that name."""
        spans = self.book.trace(self.trace(trace)).spans
        return next(span.span_id for span in spans if span.name == name)


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    url = f"sqlite:///{tmp_path_factory.mktemp('viewer') / 'spanbook.db'}"
    recorder = Recorder(url)
    for story in (
        stories.refund_question,
        stories.overlapping,
        stories.deep,
        stories.hostile,
        stories.pictures,
        stories.long_output,
        stories.orphan,
    ):
        story(recorder)
    stories.wide(recorder, groups=7, each=100)
    stories.wide(recorder, groups=20, each=100)
    stories.flat(recorder, 700)
    assert recorder.flush(30)
    recorder.close()
    with Book(url) as book:
        yield Shown(url, create_app(book), book)


@pytest.fixture
def client(shown: Shown) -> FlaskClient:
    return shown.app.test_client()
