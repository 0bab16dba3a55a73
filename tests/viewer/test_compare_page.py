"""Traces side by side."""

from flask.testing import FlaskClient

from tests.viewer.conftest import Shown
from tests.viewer.markup import Page


def test_two_traces_are_compared_span_by_span(shown: Shown, client: FlaskClient):
    one = shown.trace("answer question")
    other = shown.trace("<script>window.harmed = 1</script>")
    address = f"/compare/?trace={one}&trace={other}"

    page = client.get(address)
    rows = [e for e in Page(page.text).all("a") if "row=" in (e.attributes.get("href") or "")]

    assert page.status_code == 200
    assert "only in A" in page.text
    assert "<script>window" not in page.text
    for link in rows[:4]:
        assert client.get(link.attributes["href"] or "").status_code == 200


def test_a_trace_and_itself_again_are_one_and_offer_others(shown: Shown, client: FlaskClient):
    one = shown.trace("answer question")

    page = client.get(f"/compare/?trace={one}&trace={one}").text

    assert "Choose another trace" in page


def test_texts_that_differ_are_shown_word_by_word(shown: Shown, client: FlaskClient):
    one = shown.trace("answer question")
    other = shown.trace("<script>window.harmed = 1</script>")

    page = client.get(f"/compare/?trace={one}&trace={other}&row=0").text

    assert "Input, A to B" in page
    assert "<ins>" in page


def test_bad_addresses_are_refused(shown: Shown, client: FlaskClient):
    one = shown.trace("answer question")

    assert client.get("/compare/?trace=" + "0" * 32).status_code == 404
    assert client.get(f"/compare/?trace={one}&row=x").status_code == 400
