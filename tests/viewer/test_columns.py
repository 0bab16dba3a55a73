"""Which columns the tables show, in which order, how wide, and paths among them."""

import pytest

from tests.viewer.markup import Page
from tests.viewer.test_trace_table import body_rows


def heads(text: str) -> list[str]:
    return [head.text.strip(" \n↓↑") for head in Page(text).all("th")]


def test_columns_stand_in_the_order_of_the_address(client):
    assert heads(client.get("/traces/?columns=cost,status,spans").text) == [
        *("Name", "Cost", "Status", "Spans")
    ]


@pytest.mark.parametrize(
    ("address", "cells"),
    [
        (
            "/traces/?name=answer+question&columns=input.question,output,metadata.none",
            [
                "answer question",
                "What changed in the refund policy?",
                "Refunds now take 30 days.",
                "–",
            ],
        ),
        (
            "/spans/?name=policy+index&columns=output.documents.1.id,output.documents.0.score",
            ["policy index", "p-18", "0.91"],
        ),
    ],
)
def test_a_path_into_the_payload_is_a_column(client, address: str, cells: list[str]):
    (row,) = body_rows(client.get(address).text)

    assert row == cells


def test_what_the_form_sends_becomes_one_address_that_shows_the_same(client):
    query = [
        *(("columns", key) for key in ("name", "status", "cost", "spans", "metadata.customer")),
        *(("place.status", "1"), ("place.cost", "2"), ("place.spans", "1")),
        *(("width.cost", "120"), ("width.status", ""), ("name", "answer question")),
    ]

    answer = client.get("/traces/", query_string=query)

    assert answer.location == (
        "/traces/?name=answer+question&columns=name,spans,status,cost:120,metadata.customer"
    )
    page = Page(client.get(answer.location).text)
    assert heads(page.source) == ["Name", "Spans", "Status", "Cost", "metadata.customer"]
    assert [e.attributes["style"] for e in page.all("th") if "style" in e.attributes] == [
        "--w: 120px"
    ]
    (kept,) = {
        field.attributes["value"]
        for field in page.all("input", type="hidden", name="columns")
        if field.attributes["value"] != "name"
    }
    assert answer.location.endswith(f"columns={kept}")


def test_a_column_that_was_sent_to_a_later_place_goes_behind_the_one_there(client):
    query = "columns=status&columns=cost&columns=spans&place.status=3&place.cost=2&place.spans=3"

    assert client.get(f"/traces/?{query}").location.endswith("columns=name,cost,spans,status")


def test_no_ticked_column_asks_for_the_usual_ones(client):
    assert client.get("/traces/?columns=name&columns=").location.endswith("columns=name")
    assert client.get("/traces/?columns=&place.cost=1").location == "/traces/"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("stats", "Unknown column &#39;stats&#39;. Did you mean status"),
        ("metadata", "Unknown column &#39;metadata&#39;"),
        ("output.", "is no path"),
        ("cost:7", "The width of cost is &#39;7&#39;; give pixels from 40 to 2000"),
        (",".join(f"metadata.k{n}" for n in range(80)), "80 columns; 60 are the most"),
    ],
)
def test_columns_that_cannot_be_are_refused_with_what_is_possible(client, columns, message):
    answer = client.get("/traces/", query_string={"columns": columns})

    assert answer.status_code == 400
    assert message in answer.text


def test_a_hostile_path_is_text(client):
    address = '/traces/?columns=metadata."<script>x</script>"'

    text = client.get(address).text

    assert "<script>x" not in text
    assert Page(text).faults == []
