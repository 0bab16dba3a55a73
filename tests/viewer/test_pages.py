"""What every page keeps to."""

import re

import pytest

from spanbook_viewer.pages import PAGES
from tests.viewer.conftest import Shown
from tests.viewer.markup import Page

PATHS = [
    *(page.endpoint for page in PAGES),
    "patterns.index",
    "refund",
    "hostile",
    "log",
    "no trace",
    "bad filter",
]
SPECIAL = {
    "refund": lambda shown: shown.address("answer question"),
    "hostile": lambda shown: shown.address("<script>window.harmed = 1</script>"),
    "log": lambda shown: shown.address("answer question") + "?view=log",
    "no trace": lambda _: "/traces/" + "0" * 32,
    "bad filter": lambda _: "/traces/?stauts=error",
}


@pytest.fixture(params=PATHS)
def answer(request, shown: Shown, client):
    find = SPECIAL.get(request.param)
    if find is not None:
        return client.get(find(shown))
    with shown.app.test_request_context():
        path = shown.app.url_for(request.param)
    return client.get(path)


def test_has_one_heading_a_title_landmarks_and_a_language(answer):
    assert answer.text.count("<h1") == 1
    assert '<html lang="en"' in answer.text
    assert "<main id=" in answer.text
    assert '<nav aria-label="Pages">' in answer.text
    assert 'class="skip" href="#main"' in answer.text
    assert re.search(r"<title>.+ · Spanbook</title>", answer.text, re.DOTALL)


def test_points_at_nothing_outside_the_viewer(answer):
    addresses = Page(answer.text).addresses()

    assert addresses
    assert [a for a in addresses if re.match(r"\s*([a-z][a-z0-9+.-]*:|//)", a, re.I)] == []


def test_holds_no_inline_script_style_or_handler(answer):
    elements = Page(answer.text).elements

    assert [e for e in elements if e.tag == "script" and not e.attributes.get("src")] == []
    assert [e for e in elements if e.tag in ("style", "iframe", "object", "base", "svg")] == []
    assert [e for e in elements if any(name.startswith("on") for name in e.attributes)] == []


def test_is_well_nested_and_names_each_id_once(answer):
    page = Page(answer.text)

    ids = [e.attributes["id"] for e in page.elements if "id" in e.attributes]
    assert page.faults == []
    assert len(ids) == len(set(ids))
    assert [e for e in page.all("button") if "a" in e.inside] == []
    assert [e for e in page.all("a") if "a" in e.inside or "button" in e.inside] == []


def test_every_control_has_a_name(answer):
    page = Page(answer.text)

    fields = [e for e in page.elements if e.tag in ("input", "select")]
    assert [
        e for e in fields if e.attributes.get("type") != "hidden" and "label" not in e.inside
    ] == []
    assert [
        b for b in page.all("button") if not (b.text.strip() or b.attributes.get("aria-label"))
    ] == []
    assert [i for i in page.all("img") if "alt" not in i.attributes] == []


def test_forbids_the_browser_what_it_does_not_need(answer):
    policy = answer.headers["Content-Security-Policy"]

    assert "default-src 'self'" in policy
    assert "style-src-attr 'unsafe-inline'" in policy
    assert "script-src" not in policy
    assert "unsafe-eval" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "private" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.label)
def test_a_page_is_in_the_header_and_marks_itself_as_current(page, shown, client):
    with shown.app.test_request_context():
        path = shown.app.url_for(page.endpoint)

    text = client.get(path).text

    assert re.search(rf'data-key="g {page.key}" aria-current="page">{page.label}</a>', text)


def test_keys_of_pages_are_distinct():
    assert len({page.key for page in PAGES}) == len(PAGES)


def test_the_root_leads_to_the_traces(client):
    answer = client.get("/")

    assert (answer.status_code, answer.location) == (302, "/traces/")


def test_links_stay_below_the_root_that_the_viewer_is_mounted_at(shown, client):
    text = client.get("/traces/", environ_overrides={"SCRIPT_NAME": "/tools/spanbook"}).text

    own = [address for address in Page(text).addresses() if address.startswith("/")]
    assert own
    assert [address for address in own if not address.startswith("/tools/spanbook/")] == []


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/traces/" + "0" * 32, 404, "It may have been deleted"),
        ("/nowhere", 404, "There is no page at /nowhere"),
        ("/traces/?stauts=error", 400, "Did you mean status?"),
        ("/traces/?min_cost=much", 400, "give US dollars"),
        ("/traces/?columns=colour", 400, "Unknown column"),
        ("/traces/?after=nonsense", 400, "cursor"),
    ],
)
def test_an_error_is_a_page_that_says_what_to_do(path, status, words, client):
    answer = client.get(path)

    assert answer.status_code == status
    assert words in answer.text.replace("&#39;", "'")


def test_an_unexpected_error_is_a_page_too(shown, client, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("secret of the store")

    monkeypatch.setattr("spanbook_viewer.trace_list.queries.list_traces", fail)

    answer = client.get("/traces/")

    assert answer.status_code == 500
    assert "RuntimeError while this page was made" in answer.text
    assert "secret of the store" not in answer.text
    assert "secret of the store" in caplog.text


def test_colours_and_refresh_are_kept_without_a_script(client):
    answer = client.get("/preferences?theme=dark&refresh=10&back=/traces/%3Fstatus%3Dok")

    assert answer.location == "/traces/?status=ok"
    text = client.get("/health").text
    assert 'data-theme="dark"' in text
    assert '<noscript><meta http-equiv="refresh" content="10"></noscript>' in text


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil", "x", ""])
def test_preferences_lead_back_to_this_viewer_only(back, client):
    assert client.get("/preferences", query_string={"back": back}).location == "/"


@pytest.mark.parametrize("value", ["<b>", "7", "-1"])
def test_unknown_preferences_are_ignored(value, client):
    client.set_cookie("spanbook-theme", value)
    client.set_cookie("spanbook-refresh", value)

    text = client.get("/health").text

    assert "data-theme" not in text
    assert '<body data-refresh="">' in text
