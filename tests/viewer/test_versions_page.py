"""The pages of what traces ran."""

import re
from typing import Any

import pytest

from spanbook_viewer import create_app
from tests.viewer import markup, trees
from tests.viewer.stories import HOSTILE


@pytest.fixture
def look(url: str):
    """Return what shows a page."""
    return lambda path: create_app(url).test_client().get(path)


def components(text: str) -> list[str]:
    """Return the titles of the components that a page shows."""
    titles = [
        " ".join(e.text.split()) for e in markup.Page(text).all("summary") if "main" in e.inside
    ]
    return [title for title in titles if not title.endswith(("parameter", "parameters", "edges"))]


def test_versions_are_listed_with_their_figures(url: str, look: Any):
    traces = trees.record(url, trees.support(0.0), trees.support(0.2), trees.support(0.2))

    page = look("/versions/").text
    rows = look("/versions.json").get_json()

    assert [(row["number"], row["trace_count"]) for row in rows] == [(2, 2), (1, 1)]
    assert rows[0]["hash"] == traces[1].architecture
    assert f'href="/traces/?architecture={rows[0]["hash"]}"' in page


def test_versions_are_numbered_in_the_order_they_were_told_in(url: str, look: Any):
    traces = trees.record(url, *(trees.support(number / 10) for number in range(8)))

    rows = look("/versions.json?name=support").get_json()

    numbers = {row["hash"]: row["number"] for row in rows}
    assert [numbers[trace.architecture or ""] for trace in traces] == [*range(1, 9)]


def test_a_hash_filters_the_traces(url: str, look: Any):
    traces = trees.record(url, trees.support(0.0), trees.support(0.2), None)

    assert (
        f"/traces/?architecture={traces[1].architecture}"
        in look("/traces/?columns=architecture").text
    )
    for word, found in ((traces[1].architecture, traces[1]), ("(none)", traces[2])):
        rows = look(f"/traces.json?architecture={word}").get_json()["traces"]
        assert [row["trace_id"] for row in rows] == [found.trace_id]


def test_a_version_shows_its_components_with_their_parameters(url: str, look: Any):
    (trace,) = trees.record(url, trees.support(0.2))

    text = look(f"/versions/{trace.architecture}").text

    settings = [" ".join(e.text.split()) for e in markup.Page(text).all("dd")]
    assert components(text) == [
        "chain support",
        "prompt ChatPrompt steps[0]",
        "prompt system messages[0]",
        "prompt human messages[1]",
        "llm ChatModel steps[1]",
        "parser TextParser steps[2]",
    ]
    assert "gpt-4.1-mini" in settings
    assert "0.2" in settings
    assert " ".join(trees.TEMPLATE.split()) in settings


def test_a_version_tells_what_changed_since_the_one_before(url: str, look: Any):
    traces = trees.record(url, trees.support(0.0), trees.support(0.2))

    page = look(f"/versions/{traces[1].architecture}").text

    assert "Since version 1" in page
    assert "temperature 0.0 → 0.2" in page
    assert f'href="/versions/{traces[0].architecture}" rel="prev"' in page


def test_a_trace_leads_to_its_components_and_back(url: str, look: Any):
    (trace,) = trees.record(url, trees.support())

    shown = look(f"/traces/{trace.trace_id}").text

    assert f'href="/traces/{trace.trace_id}/architecture"' in shown
    assert f'href="/traces/?architecture={trace.architecture}"' in shown
    assert f'href="/traces/{trace.trace_id}"' in look(f"/traces/{trace.trace_id}/architecture").text


def test_a_trace_of_an_unknown_version_shows_what_was_observed(url: str, look: Any):
    (trace,) = trees.record(url, None)

    page = look(f"/traces/{trace.trace_id}/architecture").text

    assert "version unknown" in look(f"/traces/{trace.trace_id}").text
    assert "Observed" in page
    assert components(page) == ["chain answer"]
    assert look(f"/traces/{trace.trace_id}/architecture.json").get_json()["name"] == "answer"


def test_hostile_components_stay_text(url: str, look: Any):
    (trace,) = trees.record(url, trees.hostile())

    for path in ("/versions/", f"/versions/{trace.architecture}"):
        answer = look(path)
        page = markup.Page(answer.text)
        assert answer.status_code == 200
        assert HOSTILE not in answer.text
        assert page.faults == []
        assert [a for a in page.addresses() if not a.startswith(("/", "?", "#"))] == []


def test_a_very_big_tree_is_cut_level_by_level_and_says_so(url: str, look: Any):
    (trace,) = trees.record(url, trees.big(5_000))

    text = look(f"/versions/{trace.architecture}").text

    assert text.count('<li id="c') == 400
    assert "Showing 399 of 5,000 parts" in text
    assert len(look(f"/versions/{trace.architecture}.json").get_json()["parts"]) == 5_000


def test_a_very_deep_tree_is_cut_and_says_so(url: str, look: Any):
    (trace,) = trees.record(url, trees.deep(100))

    text = look(f"/versions/{trace.architecture}").text

    assert text.count('<li id="c') == 31
    assert "Showing 0 of 1 parts" in text


@pytest.mark.parametrize("path", ["/versions/", "/versions/?name=none+such"])
def test_without_versions_the_page_says_what_will_appear(path: str, url: str, look: Any):
    trees.record(url)

    answer = look(path)

    assert answer.status_code == 200
    assert "<table" not in answer.text
    assert "<h2>No version" in answer.text


def test_an_unknown_hash_says_what_to_do(url: str, look: Any):
    trees.record(url)

    answer = look("/versions/" + "0" * 64)

    assert answer.status_code == 404
    assert "look one up in the list" in answer.text


def diff(traces: Any, one: int, other: int, form: str = "split") -> str:
    a, b = traces[one].architecture, traces[other].architecture
    return f"/versions/diff?a={a}&b={b}&form={form}"


@pytest.mark.parametrize("form", ["split", "unified"])
def test_two_versions_are_compared_by_component_and_word(form: str, url: str, look: Any):
    other = trees.support(0.2, trees.TEMPLATE.replace("Never", "Always"), parser=False)
    traces = trees.record(url, trees.support(0.0), trees.support(0.1), other)

    text = look(diff(traces, 0, 2, form)).text
    page = markup.Page(text)

    assert "2 parameters changed, 1 component removed." in text
    assert "2 components the same" not in text
    assert [e.text for e in page.all("del") if "table" in e.inside][:1] == ["Never"]
    assert [e.text for e in page.all("ins") if "table" in e.inside][:1] == ["Always"]
    assert page.faults == []
    assert text.count("<h1") == 1
    assert look(diff(traces, 0, 2, form)).text == text


def test_a_comparison_is_data_too(url: str, look: Any):
    traces = trees.record(url, trees.support(0.0), trees.support(0.2))

    found = look(diff(traces, 0, 1).replace("diff", "diff.json")).get_json()

    assert found["headline"] == "1 parameter changed."
    assert [change["words"] for change in found["changes"]] == ["temperature 0.0 → 0.2"]


def test_hostile_versions_are_compared_as_text(url: str, look: Any):
    traces = trees.record(url, trees.hostile(), trees.support())

    for form in ("split", "unified"):
        text = look(diff(traces, 0, 1, form)).text
        page = markup.Page(text)
        assert HOSTILE not in text
        assert page.faults == []
        assert [a for a in page.addresses() if not a.startswith(("/", "?", "#"))] == []


def test_a_comparison_of_very_big_trees_is_cut_and_says_so(url: str, look: Any):
    traces = trees.record(url, trees.big(2), trees.big(2_000))

    text = look(diff(traces, 0, 1)).text

    assert "1,998 components added." in text
    assert "Showing 200 of 1,998 components that differ" in text


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 400), ("a=1", 400), ("a=1&b=2", 404), ("a=1&b=2&form=sideways", 400)],
)
def test_what_cannot_be_compared_is_refused(query: str, status: int, url: str, look: Any):
    trees.record(url, trees.support())

    assert look(f"/versions/diff?{query}").status_code == status


def test_compared_traces_tell_what_changed_in_what_ran(url: str, look: Any):
    one, other, unknown = trees.record(url, trees.support(0.0), trees.support(0.2), None)

    address = f"/compare/?trace={one.trace_id}&trace={other.trace_id}&trace={unknown.trace_id}"
    text = look(address).text
    data = look(address.replace("compare/", "compare.json")).get_json()

    assert "A to B: 1 parameter changed." in text
    assert "temperature 0.0 → 0.2" in text
    assert f"/versions/diff?a={one.architecture}&amp;b={other.architecture}" in text
    assert "A to C: The version of one of them is unknown" in text
    assert [one["is_comparable"] for one in data["architectures"]] == [True, False]


def test_a_trace_tells_what_changed_since_the_last_good_one(url: str, look: Any):
    good, bad = trees.record(url, trees.support(0.0), trees.support(0.2), failing={1})

    assert f"/traces/{bad.trace_id}/since-good" in look(f"/traces/{bad.trace_id}").text
    text = look(f"/traces/{bad.trace_id}/since-good").text
    data = look(f"/traces/{bad.trace_id}/since-good.json").get_json()

    assert "temperature 0.0 → 0.2" in text
    assert f"/compare/?trace={good.trace_id}&amp;trace={bad.trace_id}" in text
    assert data["good"]["trace_id"] == good.trace_id
    assert data["headline"] == "1 parameter changed."


def test_without_a_good_one_the_page_says_so(url: str, look: Any):
    (bad,) = trees.record(url, trees.support(0.0), failing={0})

    assert "No good one before it" in look(f"/traces/{bad.trace_id}/since-good").text
    assert look(f"/traces/{bad.trace_id}/since-good.json").get_json() is None
    assert look(f"/traces/{'0' * 32}/since-good").status_code == 404


def test_a_version_is_drawn_with_boxes_that_lead_to_its_components(url: str, look: Any):
    (trace,) = trees.record(url, trees.support(0.2))

    page = look(f"/versions/{trace.architecture}").text

    anchors = set(re.findall(r'<li id="(c\d+)">', page))
    links = set(re.findall(r'<a href="#(c\d+)"><g>', page))
    assert links
    assert links <= anchors


@pytest.mark.parametrize("format", ["svg", "mmd", "dot"])
def test_the_graph_of_a_version_is_a_file_too(format: str, url: str, look: Any):
    known, unknown = trees.record(url, trees.support(0.2), None)

    for place in (f"versions/{known.architecture}", f"traces/{unknown.trace_id}/architecture"):
        response = look(f"/{place}/graph.{format}")

        assert response.headers["Content-Disposition"].endswith(f".{format}")
        assert response.text.startswith(("<svg", "flowchart", "digraph"))
