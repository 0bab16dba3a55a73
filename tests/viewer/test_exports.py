"""Files of all that a list's filter matches, through the client."""

import csv
import json
import sys
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO, StringIO

import polars
import pytest

from spanbook.reading.book import Book
from spanbook.recording.recorder import Recorder
from spanbook.spans import SpanKind
from spanbook_viewer.app import create_app
from tests.viewer.markup import Page

FORMS = ("csv", "jsonl", "parquet")


def rows_of(form: str, content: bytes) -> list[dict]:
    if form == "csv":
        return list(csv.DictReader(StringIO(content.decode(), newline="")))
    if form == "jsonl":
        return [json.loads(line) for line in content.splitlines()]
    return polars.read_parquet(BytesIO(content)).to_dicts()


@pytest.fixture
def many(tmp_path):
    """A viewer of 1,203 traces, more than a page can hold, one of them hostile."""
    url = f"sqlite:///{tmp_path / 'many.db'}"
    recorder = Recorder(url)
    for number in range(1_203):
        name = "=HYPERLINK(1)" if number == 700 else f"odd {number}" if number % 2 else "even"
        recorder.start(number, kind=SpanKind.STEP, name=name, parent=None)
        recorder.finish(number)
    assert recorder.flush(30)
    recorder.close()
    with Book(url) as book:
        yield create_app(book).test_client()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("noun", "query"), [("traces", "session=c-17"), ("spans", "kind=llm"), ("spans", "")]
)
def test_a_file_has_the_rows_that_the_list_counts(form, noun, query, client):
    count = client.get(f"/{noun}.json?{query}").json["count"]

    answer = client.get(f"/{noun}.{form}?{query}")

    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == f"attachment; filename={noun}.{form}"
    assert count["exact"]
    assert len(rows_of(form, answer.data)) == count["number"] > 0


@pytest.mark.parametrize("form", FORMS)
def test_a_file_goes_on_behind_the_first_page_in_the_order_of_the_list(form, many):
    found = rows_of(form, many.get(f"/traces.{form}?sort=name&limit=10").data)

    names = [row["name"].removeprefix("'") for row in found]
    assert len(names) == len({row["trace_id"] for row in found}) == 1_203
    assert names == sorted(names)


def test_a_text_in_csv_is_never_a_formula(many):
    (row,) = rows_of("csv", many.get("/traces.csv?name==HYPERLINK(1)").data)

    assert row["name"] == "'=HYPERLINK(1)"


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_other_files_keep_texts_as_they_are(form, many):
    (row,) = rows_of(form, many.get(f"/traces.{form}?name==HYPERLINK(1)").data)

    assert row["name"] == "=HYPERLINK(1)"


def test_fields_say_their_unit_and_unknown_is_empty(client):
    (row,) = rows_of("csv", client.get("/traces.csv?name=answer+question").data)

    assert row["start"] == "2026-05-04T09:30:00.000000000Z"
    assert row["duration_s"] == "4.21"
    assert (row["input_tokens"], row["output_tokens"], row["total_tokens"]) == (
        "2732",
        "298",
        "3030",
    )
    assert json.loads(row["tags"]) == ["beta", "shop"]
    assert row["error"] == "" or row["error"].startswith("KeyError")


def test_parquet_has_types(shown, client):
    (row,) = rows_of("parquet", client.get("/traces.parquet?name=answer+question").data)

    stored = shown.book.trace(row["trace_id"]).row
    assert row["start"] == datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
    assert row["total_tokens"] == 3030
    assert row["cost_usd"] == stored.cost
    assert stored.cost is None or isinstance(row["cost_usd"], Decimal)


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_list_is_a_file_without_rows(form, client):
    assert rows_of(form, client.get(f"/spans.{form}?model=nobody").data) == []


def test_the_list_links_to_files_of_all_its_rows(client):
    addresses = Page(client.get("/spans/?kind=llm&limit=1&columns=cost").text).addresses()

    assert {f"/spans.{form}?kind=llm" for form in FORMS} <= set(addresses)


def test_without_pyarrow_there_is_no_link_and_an_address_says_what_to_do(client, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    answer = client.get("/traces.parquet")

    assert answer.status_code == 406
    assert "pip install pyarrow" in answer.text
    assert "/traces.parquet" not in client.get("/traces/").text


def test_an_unknown_filter_is_an_error_and_no_file(client):
    answer = client.get("/traces.csv?stauts=error")

    assert answer.status_code == 400
    assert "Did you mean status?" in answer.text
