"""The table of traces."""

import re
from datetime import timedelta
from html import unescape

import pytest

from spanbook.reading.book import Book
from spanbook.recording.recorder import Recorder
from spanbook_viewer.app import create_app
from spanbook_viewer.columns import COLUMNS
from tests.viewer.markup import Page, found
from tests.viewer.stories import NINE_THIRTY, refund_question, running


def body_rows(text: str) -> list[list[str]]:
    """Return the texts of the table's cells."""
    body = text.split("<tbody>")[1].split("</tbody>")[0]
    return [
        [unescape(re.sub(r"<[^>]+>", "", cell)).strip() for cell in re.findall(r"<td.*?</td>", row)]
        for row in re.findall(r"<tr.*?</tr>", body, re.DOTALL)
    ]


def names(text: str) -> list[str]:
    return [row[0] for row in body_rows(text)]


def test_a_row_says_what_happened_in_one_line(client):
    text = client.get("/traces/?name=answer+question").text

    (row,) = body_rows(text)
    assert row == [
        "answer question",
        "✓ ok 1 inside 1 anomaly",
        "2026-05-04 09:30:00",
        "4.21 s",
        "2,732",
        "298",
        row[6],
        "What changed in the refund policy?",
        "Refunds now take 30 days.",
        "gpt-4o-mini",
        "c-17",
        "ada",
        "beta, shop",
    ]
    assert re.fullmatch(r"–|≥? ?\$\d+\.\d+", row[6])


def test_every_column_can_be_shown(client):
    keys = [column.key for column in COLUMNS]

    text = client.get("/traces/", query_string={"name": "answer question", "columns": keys}).text

    (row,) = body_rows(text)
    assert len(row) == len(COLUMNS)
    assert row[keys.index("release")] == "1.4.2"
    assert row[keys.index("error")].startswith("KeyError")
    assert row[keys.index("cached")] == "2,048"
    assert row[keys.index("spans")] == "9"


def test_chosen_columns_stay_in_the_addresses_of_the_page(client):
    text = client.get("/traces/?columns=spans&columns=cost").text

    assert [head.text.strip() for head in Page(text).all("th")] == ["Name", "Spans", "Cost"]
    assert 'href="/traces/?sort=-spans&amp;columns=name,spans,cost"' in text


def test_the_head_sorts_and_says_how(client):
    ascending = client.get("/traces/?sort=duration").text

    assert re.search(
        r'aria-sort="ascending"><a href="/traces/\?sort=-duration">Duration', ascending
    )
    durations = [row[3] for row in body_rows(ascending)]
    assert durations[0] == "7 ms"
    assert durations[-1] == "1 min 1 s"


def test_another_order_starts_with_the_largest_number_or_with_a(client):
    text = client.get("/traces/").text

    assert 'href="/traces/?sort=-duration"' in text
    assert 'href="/traces/?sort=name"' in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=error", []),
        ("has_error=true&name=answer+question", ["answer question"]),
        ("q=refund*", ["answer question"]),
        ("tag=beta&tag=shop", ["answer question"]),
        ("tag=beta&tag=none", []),
        ("session=c-17&user=ada", ["answer question"]),
        ("min_duration=60s", ["long output"]),
        ("min_tokens=3000&max_tokens=3100", ["answer question"]),
        ("kind=llm&sort=name", ["long output", "look at pictures"]),
        ("error=KeyError", ["answer question"]),
        ("output=30+days", ["answer question"]),
        ("since=2026-05-05T00:00Z", []),
    ],
)
def test_filters_stand_in_the_address_and_hold_together(query, found, client):
    text = client.get(f"/traces/?{query}").text

    if found:
        assert names(text) == found
        plural = "trace" if len(found) == 1 else "traces"
        assert f'<span id="count">{len(found)} {plural}</span>' in text
    else:
        assert "No trace matches" in text
        assert '<a href="/traces/">Remove' in text


def test_empty_fields_of_the_form_are_taken_out_of_the_address(client):
    usual = "&".join(f"columns={column.key}" for column in COLUMNS if column.is_default)

    answer = client.get(f"/traces/?q=&status=&name=long+output&min_cost=&{usual}")

    assert answer.location == "/traces/?name=long+output"


def test_the_form_shows_the_filter_in_use(client):
    text = client.get("/traces/?status=ok&name=nobody&since=1d&min_cost=0.01").text

    assert "<option selected>ok</option>" in text
    assert '<input name="name" type="text" value="nobody"' in text
    assert '<option value="1d" selected>1 day</option>' in text
    assert "<details open>" in text


def test_another_time_than_the_presets_stays_in_the_form(client):
    text = client.get("/traces/?since=2026-05-01").text

    assert '<option value="2026-05-01T00:00:00Z" selected>' in text


def test_values_of_recent_traces_are_offered(client):
    text = client.get("/traces/").text

    assert re.search(r'<datalist id="known-user">.*<option value="ada">', text)


def test_pages_follow_each_other_both_ways(client):
    seen: list[str] = []
    address = "/traces/?limit=4"
    while address:
        text = client.get(address).text
        seen += re.findall(r'<td class="c-name[^"]*"><a href="/traces/(\w+)', text)
        following = re.search(r'href="([^"]+)" rel="next"', text)
        address = unescape(following[1]) if following else ""

    assert len(seen) == len(set(seen)) == 10
    previous = unescape(found(r'href="([^"]+)" rel="prev"', text))
    assert len(names(client.get(previous).text)) == 4


def test_the_count_says_how_many_of_them_are_shown(client):
    assert '<span id="count">10 traces, 4 shown</span>' in client.get("/traces/?limit=4").text


def test_the_same_address_with_json_gives_the_same_rows(client):
    query = "?name=answer+question&sort=-duration"

    found = client.get(f"/traces.json{query}").json

    assert f"/traces.json{query}" in Page(client.get(f"/traces/{query}").text).addresses()
    assert found["count"] == {"number": 1, "exact": True}
    (row,) = found["traces"]
    assert row["name"] == "answer question"
    assert row["duration"] == 4.21
    assert row["start"] == "2026-05-04T09:30:00Z"
    assert row["usage"]["total"] == 3030
    assert row["tags"] == ["beta", "shop"]


def test_a_link_to_a_trace_remembers_the_list(client):
    text = client.get("/traces/?kind=llm").text

    assert re.search(r'href="/traces/\w{32}\?kind=llm"', text)


def test_an_empty_store_says_how_to_fill_it(url, tmp_path):
    with Book(url) as book:
        text = create_app(book).test_client().get("/traces/").text

    assert "No traces yet</h2>" in text
    assert '<form class="filter"' not in text
    assert "data-live" in text
    assert "SpanbookCallbackHandler" in text
    assert str(tmp_path / "spanbook.db") in text


def test_a_running_trace_makes_the_table_live(recorder, book):
    running(recorder, NINE_THIRTY)
    refund_question(recorder, NINE_THIRTY + timedelta(hours=1))
    assert recorder.flush(10)

    text = create_app(book).test_client().get("/traces/").text

    assert '<div id="results" data-live>' in text
    assert text.count("<tr data-running>") == 1
    assert "● running" in text


def test_a_store_that_lost_something_says_so_on_every_page(url):
    recorder = Recorder(url)
    refund_question(recorder)
    recorder.count_error("it went wrong")
    assert recorder.flush(10)
    recorder.close()

    with Book(url) as book:
        client = create_app(book).test_client()
        assert "Not everything was recorded" in client.get("/traces/").text
        assert "it went wrong" in client.get("/health").text
        assert client.get("/health.json").get_json()["recording"]["errors"] == 1
