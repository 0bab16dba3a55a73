"""Recorded text never becomes markup, an address or a script."""

import re
from urllib.parse import quote

import pytest

from spanbook.reading import queries
from spanbook.reading.rows import Payload
from tests.viewer.markup import Page
from tests.viewer.stories import ADDRESS, HOSTILE, UNBROKEN


@pytest.fixture(scope="module")
def pages(shown) -> dict[str, str]:
    """Every page that shows the hostile trace, by its address."""
    client = shown.app.test_client()
    trace = shown.trace(HOSTILE)
    columns = "columns=" + "&columns=".join(("input", "output", "error", "session", "user", "tags"))
    paths = [
        "/traces/",
        f"/traces/?{columns}&columns=release&columns=model",
        f"/traces/{trace}?view=log",
        f"/traces/{trace}?view=graph&by=span",
        f"/session?id={quote(shown.book.trace(trace).row.session or '')}",
        "/patterns",
        *(f"/traces/{trace}?span={span.span_id}" for span in shown.book.trace(trace).spans),
    ]
    return {path: client.get(path).text for path in paths}


def test_hostile_text_is_shown_as_text(pages):
    for path, text in pages.items():
        assert "&lt;script&gt;" in text, path
        assert HOSTILE not in text, path


def test_no_recorded_text_becomes_an_element(pages):
    for path, text in pages.items():
        page = Page(text)
        scripts = [e.attributes.get("src", "") for e in page.all("script")]
        assert scripts == ["/static/viewer.js"], path
        assert page.faults == [], path
        assert [e.tag for e in page.elements if e.tag in ("iframe", "object")] == [], path
        assert {e.attributes.get("class") for e in page.all("svg")} <= {"graph"}, path


def test_no_recorded_text_becomes_an_attribute_that_acts(pages):
    for path, text in pages.items():
        names = {name for e in Page(text).elements for name in e.attributes}
        assert {name for name in names if name.startswith("on")} == set(), path
        styles = {e.attributes["style"] for e in Page(text).elements if "style" in e.attributes}
        bar = r"--l:[\d.]+%(;--w:[\d.]+%)?"
        pane = r"--deepest:\d+(;--from:[\d.]+%;--zoom:[\d.]+)?"
        allowed = re.compile(rf"--in:\d+|{pane}|{bar}")
        assert [style for style in styles if not allowed.fullmatch(style)] == [], path


def test_no_recorded_text_becomes_an_address(pages):
    for path, text in pages.items():
        targets = Page(text).addresses()
        assert [a for a in targets if not a.startswith(("/", "?", "#"))] == [], path
        assert [a for a in targets if a.startswith("//")] == [], path


def test_text_in_an_address_is_quoted(pages):
    table = pages["/traces/"]

    assert "/traces/?session=%3Cscript%3Ewindow.harmed%20%3D%201%3C%2Fscript%3E" in table
    assert f"/traces/?user={ADDRESS.replace(':', '%3A').replace('=', '%3D')}" in table


def test_raw_values_are_never_html(shown, client):
    trace = shown.trace(HOSTILE)
    for span in shown.book.trace(trace).spans:
        for side in ("input", "output", "attributes", "events"):
            answer = client.get(f"/traces/{trace}/spans/{span.span_id}/{side}")
            assert answer.status_code == 200
            assert answer.mimetype in ("application/json", "text/plain")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_very_long_words_are_cut_in_rows_and_titles(pages):
    for path, text in pages.items():
        rows = [e for e in Page(text).elements if "label" in e.attributes.get("class", "")]
        assert [row for row in rows if len(row.text) > 300] == [], path


def test_text_that_utf_8_cannot_write_does_not_break_a_page(shown, client, monkeypatch):
    half = Payload("\ud83d", {"text": "\udc00" * 400}, True, True, {"\ud83d": 1}, (), None)
    monkeypatch.setattr(queries, "get_payload", lambda *_: half)
    path = f"/traces/{shown.trace(HOSTILE)}"
    span = shown.span(HOSTILE, ADDRESS)

    assert client.get(f"{path}?span={span}").status_code == 200
    for rest in (".json", "/input", "/output", "/attributes"):
        assert client.get(f"{path}/spans/{span}{rest}").status_code == 200


def test_an_unbroken_text_is_shown_whole_behind_a_fold(shown, client):
    text = client.get(f"/traces/{shown.trace(HOSTILE)}").text

    assert "8,000 more characters" in text
    assert text.count("x") >= len(UNBROKEN)
