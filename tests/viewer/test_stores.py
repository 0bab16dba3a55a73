"""The same pages, whatever kind of database the store is in."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from spanbook.errors import SlowStoreError
from spanbook.reading.book import Book
from spanbook.recording.recorder import Recorder
from spanbook_viewer.app import create_app
from tests.viewer import stories


@pytest.fixture
def client(store_url: str, tmp_path: Path) -> Iterator[FlaskClient]:
    recorder = Recorder(store_url, journal=str(tmp_path / "journal"))
    for story in (stories.refund_question, stories.hostile, stories.pictures, stories.orphan):
        story(recorder)
    assert recorder.flush(30)
    recorder.close()
    with Book(store_url) as book:
        yield create_app(book).test_client()


def pages(client: FlaskClient) -> list[str]:
    """Return the addresses of lists, and those of the pages of each trace in them."""
    found = ["/traces/", "/health", "/traces/?q=refund", "/traces/?sort=-cost&status=ok"]
    listed = client.get("/traces/").text
    traces = dict.fromkeys(re.findall(r'href="(/traces/[0-9a-f]{32})', listed))
    assert len(traces) == 4
    return [*found, *traces, *(f"{trace}?view=log" for trace in traces)]


def test_every_page_is_shown(client: FlaskClient) -> None:
    for address in pages(client):
        answer = client.get(address, follow_redirects=True)
        assert (address, answer.status_code) == (address, 200)
        assert answer.text.count("<h1") == 1


def test_words_lead_to_their_trace(client: FlaskClient) -> None:
    answer = client.get("/traces.json?q=refund")

    assert answer.status_code == 200
    assert answer.json


def test_a_question_that_takes_too_long_is_a_page(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object) -> None:
        raise SlowStoreError("The store took longer. Ask for less.")

    monkeypatch.setattr("spanbook.reading.queries.list_traces", slow)
    with Book(store_url) as book:
        answer = create_app(book).test_client().get("/traces/")

    assert answer.status_code == 503
    assert "Ask for less" in answer.text
