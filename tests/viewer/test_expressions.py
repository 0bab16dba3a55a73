"""Conditions in words above the tables."""

import re

import pytest

from spanbook.reading import payload_search
from tests.viewer.markup import Page
from tests.viewer.test_trace_table import names


def count(text: str) -> str:
    found = re.search(r'<span id="count">(.*?)</span>', text)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    "where",
    [
        'name = "answer question"',
        "session = c-17 and tag in (beta, gamma) and tokens > 3000",
        'input.question contains "REFUND policy"',
    ],
)
def test_the_table_of_traces_takes_conditions_in_words(client, where: str):
    text = client.get("/traces/", query_string={"where": where}).text

    assert names(text) == ["answer question"]
    assert count(text) == "1 trace"
    boxes = Page(text).all("input", name="where")
    assert {box.attributes["value"] for box in boxes} == {where}


def test_the_table_of_spans_looks_into_payloads(client):
    where = "kind = retriever and output.documents.0.id = p-17"

    text = client.get("/spans/", query_string={"where": where}).text

    assert names(text) == ["policy index"]
    assert count(text) == "1 span"


def test_the_count_the_data_and_the_file_agree(client):
    query = {"where": "status != error and duration > 0s"}

    data = client.get("/traces.json", query_string=query).json
    lines = client.get("/traces.csv", query_string=query).text.splitlines()[1:]

    shown = count(client.get("/traces/", query_string=query).text)
    assert len(lines) == data["count"]["number"] == int(shown.split()[0])


def test_a_search_that_ended_early_says_how_far_it_came(client, monkeypatch):
    monkeypatch.setattr(payload_search, "MOST", 2)

    text = client.get("/traces/?where=attributes.none+is+null").text

    assert "Searched the payloads of the newest 2 traces" in text
    assert count(text) == "2 traces"


def test_what_cannot_be_read_is_marked_and_can_be_corrected(client):
    query = {"where": 'sesion = "<b>" and tokens > 1', "status": "ok"}

    answer = client.get("/traces/", query_string=query)

    page = Page(answer.text)
    assert answer.status_code == 400
    assert "Did you mean session" in answer.text
    assert [mark.text for mark in page.all("mark")] == ["sesion"]
    assert [box.attributes["value"] for box in page.all("input", name="where")] == [query["where"]]
    assert [field.attributes["value"] for field in page.all("input", name="status")] == ["ok"]
    assert page.faults == []
