"""The page of statistics: the numbers of the tables, and links to the spans behind them."""

from datetime import datetime

import pytest
from flask.testing import FlaskClient

from tests.viewer.conftest import Shown
from tests.viewer.markup import Page


@pytest.mark.parametrize("by", ["name", "kind", "model", "release", "tag"])
def test_every_row_counts_as_many_spans_as_the_list_it_links_to(client: FlaskClient, by: str):
    found = client.get(f"/statistics.json?since=36500d&by={by}").json
    assert found is not None

    assert found["rows"]
    for row in [found["total"], *found["rows"], *found["buckets"]]:
        listed = client.get(row["spans"].replace("/spans/", "/spans.json")).json
        assert listed is not None
        number, is_exact = listed["count"]["number"], listed["count"]["exact"]
        assert row["statistic"]["count"] == number or not is_exact


def test_each_column_of_a_chart_leads_to_its_time(client: FlaskClient):
    page = client.get("/statistics/?since=36500d")
    columns = [e for e in Page(page.text).all("a") if "data-since" in e.attributes]

    assert columns
    for column in columns[:5]:
        closer = client.get(column.attributes["href"] or "")
        assert closer.status_code == 200
        assert datetime.fromisoformat(column.attributes["data-since"] or "").tzinfo


def test_hostile_names_are_only_text(client: FlaskClient):
    page = client.get("/statistics/?since=36500d").text

    assert "<script>window" not in page
    assert "&lt;script&gt;window.harmed" in page


def test_an_empty_store_says_what_will_appear(client: FlaskClient):
    page = client.get("/statistics/?name=nobody").text

    assert "No spans here" in page


@pytest.mark.parametrize("bad", ["by=colour", "since=soon", "stauts=ok"])
def test_bad_questions_are_refused_with_advice(client: FlaskClient, bad: str):
    page = client.get(f"/statistics/?{bad}")

    assert page.status_code == 400


def test_the_page_of_a_filter_keeps_it(shown: Shown, client: FlaskClient):
    page = client.get("/statistics/?kind=llm&by=model&since=36500d").text

    assert 'name="by" value="model"' in page
    assert "kind=llm" in page
