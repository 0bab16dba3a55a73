"""The tables of spans and the accounts, through the client."""

import re
from decimal import Decimal
from html import unescape

import pytest

from spanbook.reading.book import Book
from spanbook_viewer.app import create_app
from tests.viewer.markup import Page
from tests.viewer.test_trace_table import names


def test_a_row_is_a_span_of_any_trace(client):
    text = client.get("/spans/?kind=retriever&kind=reranker&sort=name&session=c-17").text

    assert names(text) == ["cross-encoder", "policy index"]
    assert '<span id="count">2 spans</span>' in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("name=lookup&status=error", ["lookup"]),
        ("min_tokens=1600&max_tokens=1700", ["gpt-5.6-mini"]),
        ("anomaly=true", ["gpt-5.6-mini"]),
        ("tag=beta&kind=embedding", ["text-embedding-3-small"]),
        ("cached=true", ["gpt-5.6-mini"]),
        ("model=nobody", []),
    ],
)
def test_filters_stand_in_the_address_and_hold_together(query, found, client):
    text = client.get(f"/spans/?{query}").text

    if found:
        assert names(text) == found
    else:
        assert "No span matches" in text


def test_a_link_leads_to_the_span_in_its_trace(client):
    text = client.get("/spans/?name=lookup").text

    assert re.search(r'href="/traces/\w{32}\?span=\w{16}"', text)


def test_an_unknown_filter_names_what_is_near(client):
    answer = client.get("/spans/?modle=x")

    assert answer.status_code == 400
    assert "Did you mean model" in unescape(answer.text)


def test_pages_of_spans_follow_each_other(client):
    text = client.get("/spans/?name=call+0.1&limit=1").text

    following = re.search(r'href="([^"]+)" rel="next"', text)
    assert following
    assert len(names(client.get(unescape(following[1])).text)) == 1


def test_every_figure_of_the_accounts_is_the_sum_of_the_spans_that_it_links_to(client):
    found = client.get("/accounting.json?since=36500d").json

    accounts = [found["total"]]
    for table in found["tables"].values():
        accounts += table["rows"]
    assert len(accounts) > 8
    for one in accounts:
        behind = client.get(one["spans"].replace("/spans/", "/spans.json")).json
        spans = [row["span"] for row in behind["spans"]]
        costs = [Decimal(span["cost"]) for span in spans if span["cost"] is not None]
        assert one["account"]["calls"] == len(spans) == behind["count"]["number"]
        assert one["account"]["usage"]["input"] == sum(span["usage"]["input"] for span in spans)
        assert one["account"]["usage"]["output"] == sum(span["usage"]["output"] for span in spans)
        assert one["account"]["cost"] == (f"{sum(costs):f}" if costs else None)
        assert behind["account"] == one["account"]


def test_the_page_of_accounts_shows_these_figures(client):
    total = client.get("/accounting.json?since=36500d").json["total"]["account"]

    page = Page(client.get("/accounting/?since=36500d").text)

    headings = [heading.text for heading in page.all("h2")]
    assert headings[:2] == ["By model", "By day, UTC"]
    (facts,) = page.all("dl")
    assert f"{total['usage']['input']:,}" in facts.text
    assert f"{total['calls']:,}" in facts.text


def test_accounts_without_calls_say_what_will_appear(url, client):
    assert "No call matches" in client.get("/accounting/?model=nobody").text
    with Book(url) as book:
        empty = create_app(book).test_client()
        assert "SpanbookCallbackHandler" in empty.get("/accounting/").text
        assert "No spans yet" in empty.get("/spans/").text


def test_an_unknown_filter_of_the_accounts_is_refused(client):
    answer = client.get("/accounting/?sesion=x")

    assert answer.status_code == 400
    assert "Did you mean session" in unescape(answer.text)


def test_the_detail_says_what_each_part_costs(shown, client):
    span = shown.span("answer question", "gpt-5.6-mini")

    text = client.get(f"{shown.address('answer question')}?span={span}").text

    assert "Tokens and cost" in text
    rows = Page(text).all("tr")
    shares = [row.text for row in rows if row.text.startswith("In")]
    assert shares == ["In1,2401,2400.15$0.000186"]  # tokens, those at this rate, rate, amount
