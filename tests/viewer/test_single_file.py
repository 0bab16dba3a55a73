"""A trace as one HTML file: complete, offline, inert, and importable."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from spanbook.reading.book import Book
from spanbook.reading.documents import read_document
from spanbook.reading.exports import FORMATS
from spanbook.store.imports import import_trace
from spanbook_viewer.single_file import to_html
from tests.viewer.conftest import Shown
from tests.viewer.markup import Page
from tests.viewer.stories import HOSTILE
from tests.viewer.test_browser import browser, context, heading, row

__all__ = ["browser", "context"]

NAMES = ["answer question", "look at pictures", "with an orphan", "deep chain", HOSTILE]


def written(shown: Shown, name: str) -> str:
    return b"".join(to_html(read_document(shown.book.engine, shown.trace(name)))).decode()


@pytest.mark.parametrize("name", NAMES)
def test_the_file_refers_to_nothing_outside_itself(name, shown):
    page = Page(written(shown, name))

    assert page.faults == []
    assert [a for a in page.addresses() if not a.startswith(("#", "data:"))] == []
    ids = [e.attributes["id"] for e in page.elements if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    assert {a for a in page.addresses() if a.startswith("#")} <= {f"#{name}" for name in ids}


def test_the_file_holds_every_span_in_the_tree_and_in_detail(shown):
    text = written(shown, "wide 7x100")

    assert text.count("<li data-span=") == 708
    assert text.count('<section class="detail"') == 708
    assert "more</a>" not in text


def test_only_our_script_may_run(shown):
    text = written(shown, HOSTILE)

    policy = next(e.attributes["content"] for e in Page(text).all("meta") if "http-equiv" in
                  e.attributes)  # fmt: skip
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


@pytest.mark.parametrize("name", NAMES)
def test_an_import_of_the_file_gives_back_the_identical_trace(name, shown, tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'copy.db'}"

    import_trace(url, written(shown, name).encode())

    with Book(url) as copy:
        (trace,) = copy.traces()
        again = b"".join(FORMATS["json"](read_document(copy.engine, trace.trace_id)))
    assert again == b"".join(FORMATS["json"](read_document(shown.book.engine, trace.trace_id)))


@pytest.mark.parametrize("format", ["html", "json", "jsonl", "csv"])
def test_the_page_offers_every_format_as_a_download(format, shown, client):
    path = shown.address("answer question")
    links = [e.attributes["href"] for e in Page(client.get(path).text).all("a", download="")]

    answer = client.get(f"{path}/{format}")

    assert f"{path}/{format}" in links
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Disposition"].endswith(format)
    assert b"answer question" in answer.data


def test_an_unknown_format_or_trace_is_not_found(shown, client):
    assert client.get(f"{shown.address('answer question')}/yaml").status_code == 404
    assert client.get(f"/traces/{'00' * 16}/html").status_code == 404


@pytest.mark.parametrize("scripts", [True, False])
def test_the_file_works_offline_with_and_without_scripts(
    scripts, browser: Browser, shown, tmp_path: Path
):
    file = tmp_path / "trace.html"
    file.write_text(written(shown, "answer question"))
    asked: list[str] = []
    with browser.new_context(java_script_enabled=scripts, offline=True) as context:
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: asked.append(message.text))
        page.goto(file.as_uri())
        expect(page.locator("h2:visible")).to_contain_text("answer question")

        row(page, "lookup").locator("a").click(position={"x": 60, "y": 10})

        expect(page.locator("h2:visible")).to_contain_text("lookup")
        expect(page.locator(".detail:visible")).to_contain_text("KeyError")
        page.get_by_role("link", name="gpt-5.6-mini", exact=True).click()
        expect(page.locator(".detail:visible")).to_contain_text("Answer from the documents only.")
        page.get_by_role("link", name="its result").click()
        expect(page.locator("h2:visible")).to_contain_text("lookup")
    assert asked[0] == file.as_uri()
    assert [address for address in asked if not address.startswith(("file:", "data:"))] == []


def test_the_file_folds_zooms_and_has_keys(context: BrowserContext, shown, tmp_path: Path):
    file = tmp_path / "trace.html"
    file.write_text(written(shown, "answer question"))
    page = context.new_page()
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto(file.as_uri())

    page.get_by_role("button", name="Fold policy agent").click()
    expect(row(page, "lookup")).to_be_hidden()
    page.keyboard.press("+")
    expect(page.locator(".scale span").first).to_have_text("1.05 s")
    page.keyboard.press("0")
    expect(page.locator(".scale span").first).to_have_text("0 ms")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("zoom in")
    assert trouble == []


def test_hostile_text_does_nothing_in_the_file(context: BrowserContext, shown, tmp_path: Path):
    file = tmp_path / "trace.html"
    file.write_text(written(shown, HOSTILE))
    page = context.new_page()
    page.goto(file.as_uri())

    for link in page.locator("#spans .name > a").all():
        link.click(position={"x": 60, "y": 10})
        assert page.evaluate("window.harmed") is None
    expect(page.locator("h2:visible")).to_have_count(1)
    assert heading(page).count() == 0


def test_of_very_many_details_the_file_shows_the_chosen_one(
    context: BrowserContext, shown, tmp_path: Path
):
    file = tmp_path / "trace.html"
    file.write_text(written(shown, "flat 700"))
    page = context.new_page()
    page.goto(file.as_uri())
    expect(page.locator("h2")).to_have_text("chain flat 700")

    row(page, "last child").locator("a").click(position={"x": 60, "y": 10})

    expect(page.locator("h2")).to_have_text("tool last child")
    expect(page.locator(".details")).to_contain_text("the last one")
    page.go_back()
    expect(page.locator("h2")).to_have_text("chain flat 700")
