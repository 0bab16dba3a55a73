"""The data beside the pages, for programs."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from spanbook.reading.filters import SpanFilter, TraceFilter
from spanbook_viewer.app import create_app
from tests.viewer.markup import Page

DOCS = Path(__file__).parents[2] / "docs" / "api.md"
SESSION = "id=c-17"
DOCUMENTS = [
    "/traces.json",
    "/spans.json",
    "/versions.json",
    "/functions.json",
    "/sessions.json",
    "/users.json",
    f"/session.json?{SESSION}",
    "/statistics.json",
    "/accounting.json",
    "/compare.json",
    "/health.json",
]


@pytest.fixture
def addresses(shown) -> list[str]:
    trace, span = shown.address("answer question"), shown.span("answer question", "lookup")
    compared = f"/compare.json?trace={shown.trace('answer question')}"
    return [*DOCUMENTS, compared, f"{trace}.json", f"{trace}/spans/{span}.json"]


def head_link(text: str) -> str:
    (link,) = Page(text).all("link", rel="alternate")
    assert link.attributes["type"] == "application/json"
    return link.attributes["href"]


@pytest.mark.parametrize(
    "path",
    [
        "/traces/?status=error&sort=-cost",
        "/spans/?kind=llm&kind=tool",
        "/sessions/?user=ada",
        "/users/",
        f"/session?{SESSION}",
        "/statistics/?by=model",
        "/accounting/",
        "/health",
    ],
)
def test_a_page_names_the_same_as_data_in_its_head(path, client):
    address = head_link(client.get(path).text)

    assert urlsplit(address).path.endswith(".json")
    assert urlsplit(address).query == urlsplit(path).query
    assert client.get(address).is_json


def test_the_page_of_a_trace_names_it_without_what_chooses_how_it_is_shown(shown, client):
    path = shown.address("answer question")

    assert head_link(client.get(f"{path}?view=log&status=error").text) == f"{path}.json"


def test_an_error_page_names_no_data(client):
    assert Page(client.get("/traces/none").text).all("link", rel="alternate") == []


def test_every_document_is_json_for_this_site_only(addresses, client):
    for address in addresses:
        answer = client.get(address)

        assert (answer.status_code, answer.mimetype) == (200, "application/json"), address
        assert isinstance(answer.json, (dict, list)), address
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_foreign_page_is_not_let_in_when_it_asks_before(addresses, client):
    for address in addresses:
        answer = client.options(address, headers={"Origin": "https://evil.example"})

        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_every_document_asks_for_the_token(shown, addresses):
    guarded = create_app(shown.book, token="a b&c", allowed_hosts=None).test_client()
    for address in addresses:
        refused = guarded.get(address)
        answered = guarded.get(address, headers={"Authorization": "Bearer a b&c"})

        assert (refused.status_code, refused.mimetype) == (401, "application/problem+json")
        assert refused.get_json()["detail"] == "This viewer asks for a token."
        assert answered.status_code == 200


def test_every_document_asks_for_a_known_host(addresses, client):
    for address in addresses:
        answer = client.get(address, headers={"Host": "evil.example"})

        assert (answer.status_code, answer.mimetype) == (403, "application/problem+json")


def test_an_unknown_argument_is_refused_with_near_matches_by_every_document(addresses, client):
    for address in addresses:
        answer = client.get(f"{address}{'&' if '?' in address else '?'}stauts=error")

        assert (answer.status_code, answer.mimetype) == (400, "application/problem+json"), address
        assert answer.json["status"] == 400
        assert "'stauts'" in answer.json["detail"], address
    detail = client.get("/spans.json?stauts=error").json["detail"]
    assert detail == "Unknown filter 'stauts'. Did you mean status?"


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("/traces.json?min_cost=much", 400, "give US dollars"),
        ("/traces.json?after=nonsense", 400, "cursor"),
        ("/traces.json?limit=1001", 400, "from 1 to 1000"),
        ("/traces.json?limit=all&after=x", 400, "leave after and before out"),
        ("/spans.json?limit=all&kind=lmm", 400, "Did you mean llm?"),
        ("/statistics.json?by=modle", 400, "Did you mean model?"),
        ("/session.json?id=none", 404, "No trace belongs"),
        (f"/traces/{'0' * 32}.json", 404, "The store holds no trace"),
        ("/nowhere.json", 404, "There is no page at /nowhere.json"),
    ],
)
def test_what_is_wrong_is_told_as_a_problem_document(address, status, words, client):
    answer = client.get(address)

    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert words in answer.json["detail"]
    assert answer.json.keys() == {"type", "title", "status", "detail", "advice"}


def test_other_addresses_tell_problems_in_what_the_request_prefers(client):
    def form(accept):
        return client.get("/traces.csv?stauts=error", headers={"Accept": accept}).mimetype

    assert form("application/json") == "application/problem+json"
    assert form("text/html,application/xhtml+xml,*/*;q=0.8") == "text/html"
    assert form("*/*") == "text/html"


@pytest.mark.parametrize(
    ("noun", "query"),
    [("traces", "sort=name"), ("spans", "kind=tool&sort=-duration"), ("spans", "")],
)
def test_cursors_lead_through_all_rows_once_which_limit_all_gives_at_once(noun, query, client):
    pages, after = [], ""
    while after is not None:
        cursor = f"&after={after}" if after else ""
        found = client.get(f"/{noun}.json?limit=300&{query}{cursor}").json
        pages += found[noun]
        after = found["next"]

    whole = client.get(f"/{noun}.json?limit=all&{query}").json

    assert whole[noun] == pages
    assert whole["count"] == {"number": len(pages), "exact": True}
    assert whole.keys() == found.keys()
    assert (whole["next"], whole["previous"]) == (None, None)


def test_a_list_without_rows_is_whole_too(client):
    whole = client.get("/traces.json?limit=all&name=none+such").json

    assert whole["traces"] == []
    assert whole["count"] == {"number": 0, "exact": True}


def test_the_list_links_to_the_file_of_all_rows(client):
    page = Page(client.get("/traces/?status=ok&limit=1").text)

    assert "/traces.json?status=ok&limit=all" in page.addresses()


def test_moments_and_durations_are_words_in_groups_too(client):
    (session,) = [one for one in client.get("/sessions.json").json if one["name"] == "c-17"]

    assert session["start"] == session["last"] == "2026-05-04T09:30:00Z"
    assert session["busy"] == 4.21
    assert not [name for name in session if name.endswith("_ns")]


def test_an_answer_that_did_not_change_is_not_sent_again(addresses, client):
    for address in [one for one in addresses if not one.startswith(("/stat", "/acc"))]:
        tag = client.get(address).headers["ETag"]

        again = client.get(address, headers={"If-None-Match": tag})

        assert (again.status_code, again.data) == (304, b""), address


def test_the_documentation_names_every_filter_and_every_document(shown):
    text = DOCS.read_text("utf-8")
    named = set(re.findall(r"`(\w+)`", text))

    assert named >= {*TraceFilter.ARGUMENTS, *SpanFilter.ARGUMENTS, "sort", "limit"}
    documents = [rule.rule for rule in shown.app.url_map.iter_rules() if rule.rule.endswith("json")]
    for rule in documents:
        assert re.sub(r"<\w+>", "ID", rule.replace("<hash>", "HASH")) in text, rule


def test_the_documented_problem_is_the_one_that_is_told(client):
    answer = client.get("/traces.json?stauts=error").json

    for value in (answer["title"], answer["detail"], answer["advice"]):
        assert value in DOCS.read_text("utf-8")
