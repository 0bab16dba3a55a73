"""The execution graph on the page of a trace, and as files."""

import re
from xml.etree import ElementTree

import pytest

from tests.viewer.markup import Page
from tests.viewer.stories import HOSTILE


def nodes(text: str) -> list[str]:
    """Return what the nodes of the graph say, in their order."""
    drawing = re.search(r'<svg class="graph".*?</svg>', text, re.DOTALL)
    assert drawing is not None
    shapes = ElementTree.fromstring(drawing[0])
    return [(box.findtext("g/title") or "").replace("\n", ": ") for box in shapes.iter("a")]


def test_the_page_shows_calls_by_name_with_counts_and_tokens(shown, client):
    text = client.get(f"{shown.address('answer question')}?view=graph").text

    assert Page(text).faults == []
    told = nodes(text)
    assert len(told) == 8
    (model,) = [one for one in told if one.startswith("gpt-5.6-mini: llm")]
    assert "2 ×" in model
    assert "3,018 tokens" in model


def test_each_span_may_be_a_node_of_its_own(shown, client):
    text = client.get(f"{shown.address('answer question')}?view=graph&by=span").text

    assert len(nodes(text)) == 9


def test_a_node_leads_to_its_span_and_the_selected_one_says_so(shown, client):
    agent = shown.span("answer question", "policy agent")

    text = client.get(f"{shown.address('answer question')}?view=graph&span={agent}").text

    (current,) = re.findall(r'<a href="([^"]*)" data-swap="detail" aria-current="true"><g>', text)
    assert f"span={agent}" in current
    assert "view=graph" in current


def test_an_unknown_grouping_is_refused_with_those_that_are_known(shown, client):
    answer = client.get(f"{shown.address('answer question')}?view=graph&by=colour")

    assert answer.status_code == 400
    assert "caller" in answer.text


@pytest.mark.parametrize(
    ("format", "media_type", "start"),
    [
        ("svg", "image/svg+xml", "<svg xmlns="),
        ("mmd", "text/plain", "flowchart LR"),
        ("dot", "text/plain", "digraph {"),
    ],
)
def test_the_graph_can_be_downloaded(format: str, media_type: str, start: str, shown, client):
    answer = client.get(f"{shown.address('answer question')}/graph.{format}?by=name")

    assert answer.status_code == 200
    assert answer.mimetype == media_type
    assert answer.text.startswith(start)
    assert "attachment" in answer.headers["Content-Disposition"]


def test_hostile_names_stay_text_in_the_drawing(shown, client):
    text = client.get(f"{shown.address(HOSTILE)}?view=graph").text

    assert any(one.startswith(HOSTILE) for one in nodes(text))
    assert Page(text).faults == []


def test_a_graph_of_thousands_of_spans_is_bounded_and_says_so(shown, client):
    text = client.get(f"{shown.address('flat 700')}?view=graph&by=span").text

    assert len(nodes(text)) <= 401
    assert "gathered" in text
