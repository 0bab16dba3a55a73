"""The pages in a real browser: with scripts, without, and nothing from other machines."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from spanbook.reading.book import Book
from spanbook.recording.recorder import Recorder
from tests.viewer.program import Served, viewing
from tests.viewer.stories import HOSTILE, refund_question, running

MISSING = (
    "No Chromium for the browser tests. Install one with apt-get install chromium, or with "
    "playwright install chromium."
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = which("chromium") or which("chromium-browser") or which("google-chrome")
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        if path is None and not Path(own).exists():
            if os.environ.get("CI"):
                pytest.fail(MISSING)
            pytest.skip(MISSING)
        browser = playwright.chromium.launch(
            executable_path=path or own,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def served(shown) -> Iterator[Served]:
    served = Served(shown.book)
    yield served
    served.stop()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 760})
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that must neither report an error nor ask another host for anything."""
    page = context.new_page()
    trouble: list[str] = []
    page.on(
        "console",
        lambda message: (
            trouble.append(message.text) if message.type in ("error", "warning") else None
        ),
    )
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith(("http://127.0.0.1:", "data:"))
            else trouble.append(request.url)
        ),
    )
    yield page
    assert [line for line in trouble if "ERR_CONNECTION_REFUSED" not in line] == []


@pytest.fixture
def address(shown, served) -> str:
    return served.address + shown.address("answer question")


def row(page: Page, name: str):
    return page.locator(".tree li > .row", has_text=name).first


def scripted(page: Page) -> None:
    """Wait until the page's scripts have run."""
    expect(page.locator("[data-help]")).to_be_visible()


def heading(page: Page):
    return page.locator("#detail h2")


def test_a_click_selects_row_bar_and_detail_and_the_address_keeps_it(page, address):
    page.goto(address)

    bar = row(page, "lookup").locator(".mark").bounding_box()
    assert bar
    page.mouse.click(bar["x"] + 5, bar["y"] + 4)

    expect(heading(page)).to_contain_text("lookup")
    expect(row(page, "lookup").locator("a")).to_have_attribute("aria-current", "true")
    assert page.locator(".tree [aria-current]").count() == 1
    assert "span=" in page.url
    page.reload()
    expect(heading(page)).to_contain_text("lookup")
    page.go_back()
    expect(heading(page)).to_contain_text("answer question")


def test_folding_hides_what_is_below_and_outlives_a_selection(page, address):
    page.goto(address)
    button = page.get_by_role("button", name="Fold policy agent")

    button.click()

    expect(button).to_have_attribute("aria-expanded", "false")
    expect(row(page, "lookup")).to_be_hidden()
    page.get_by_role("link", name="Log").click()
    page.get_by_role("link", name="Tree").click()
    expect(row(page, "lookup")).to_be_hidden()
    page.get_by_role("button", name="Fold policy agent").click()
    expect(row(page, "lookup")).to_be_visible()


def test_keys_walk_fold_open_and_go(page, address):
    page.goto(address)
    scripted(page)

    for key in ("j", "j", "k"):
        page.keyboard.press(key)
    focused = "document.activeElement.querySelector('.label').textContent"
    assert page.evaluate(focused) == "policy index"
    page.keyboard.press("Enter")
    expect(heading(page)).to_contain_text("policy index")
    page.keyboard.press("h")
    expect(row(page, "cross-encoder")).to_be_hidden()
    page.keyboard.press("l")
    expect(row(page, "cross-encoder")).to_be_visible()
    page.keyboard.press("e")
    expect(heading(page)).to_contain_text("lookup")
    page.keyboard.press("g")
    page.keyboard.press("h")
    expect(page.get_by_role("heading", level=1)).to_have_text("Health")
    scripted(page)
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page.get_by_role("heading", level=1)).to_have_text("Traces")
    scripted(page)
    page.keyboard.press("/")
    page.keyboard.type("jk")
    expect(page.get_by_label("Search")).to_have_value("jk")


def test_the_help_lists_the_keys_that_are_on_the_page(page, address):
    page.goto(address)
    scripted(page)
    keys = {element.get_attribute("data-key") for element in page.locator("[data-key]").all()}

    page.keyboard.press("?")

    dialog = page.get_by_role("dialog")
    shown = {line.inner_text().replace(" ", "") for line in dialog.locator("td:first-child").all()}
    assert {key.replace(" ", "") for key in keys} <= shown
    assert {"j", "k", "h", "l", "Enter"} <= shown
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_keys_with_ctrl_are_left_to_the_browser(page, address):
    page.goto(address)
    scripted(page)

    page.keyboard.press("Control+j")

    assert page.evaluate("document.activeElement === document.body")


def test_the_wheel_zooms_around_the_pointer_a_drag_pans_and_a_key_resets(page, address):
    page.goto(address)
    scripted(page)
    bar = row(page, "lookup").locator(".mark")
    before = bar.bounding_box()
    assert before
    middle, line = before["x"] + before["width"] / 2, before["y"] + 4

    page.mouse.move(middle, line)
    page.mouse.wheel(0, -300)

    expect(page.locator(".scale span").first).not_to_have_text("0 ms")
    wide = bar.bounding_box()
    assert wide
    assert wide["width"] > 1.5 * before["width"]
    assert abs(wide["x"] + wide["width"] / 2 - middle) < 2
    page.wait_for_url("**from=**")
    page.mouse.down()
    page.mouse.move(middle + 40, line, steps=4)
    page.mouse.up()
    moved = bar.bounding_box()
    assert moved
    assert 36 <= moved["x"] - wide["x"] <= 44
    expect(heading(page)).to_contain_text("answer question")  # a drag selects nothing
    row(page, "lookup").locator("a").click(position={"x": 60, "y": 10})
    expect(heading(page)).to_contain_text("lookup")
    assert "from=" in page.url
    page.reload()
    expect(page.locator(".scale span").first).not_to_have_text("0 ms")
    scripted(page)
    page.keyboard.press("0")
    expect(page.locator(".scale span").first).to_have_text("0 ms")
    page.wait_for_url(lambda url: "from=" not in url)


def test_arrows_walk_and_fold_and_shifted_ones_pan(page, address):
    page.goto(address)
    scripted(page)
    row(page, "policy agent").locator("a").click(position={"x": 60, "y": 10})
    expect(heading(page)).to_contain_text("policy agent")

    page.keyboard.press("ArrowLeft")
    expect(row(page, "lookup")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(row(page, "lookup")).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(row(page, "ChatPromptTemplate").locator("a")).to_be_focused()
    page.keyboard.press("+")
    expect(page.locator(".scale span")).to_have_text(["1.05 s", "2.10 s", "3.16 s"])
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator(".scale span")).to_have_text(["1.58 s", "2.63 s", "3.68 s"])


def test_finding_marks_counts_and_walks(page, address):
    page.goto(address)
    scripted(page)

    page.keyboard.press("/")
    page.keyboard.type("refund policy")
    page.keyboard.press("Enter")

    expect(page.get_by_text("1 of 5 spans")).to_be_visible()
    expect(row(page, "policy index")).to_contain_text("in input")
    page.keyboard.press("n")
    expect(heading(page)).to_contain_text("policy index")
    page.keyboard.press("n")
    expect(heading(page)).to_contain_text("policy agent")
    page.keyboard.press("N")
    expect(page.get_by_text("2 of 5 spans")).to_be_visible()
    assert page.evaluate("CSS.highlights.get('found').size") > 0


def test_more_children_come_without_loading_the_page_again(page, shown, served):
    page.goto(served.address + shown.address("wide 7x100"))
    page.evaluate("window.same = true")

    page.get_by_role("link", name="and 50 more").first.click()

    expect(page.locator(".tree")).to_contain_text("call 0.99")
    expect(page.get_by_text("Showing 408 of 708 spans.")).to_be_visible()
    assert page.evaluate("window.same")


def test_a_running_trace_grows_and_keeps_folding_selection_and_scroll(page, url):
    recorder = Recorder(url)
    story = running(recorder, datetime.now(UTC) - timedelta(seconds=1))
    for place in range(40):
        story.step(f"s{place}", "tool", (10 + place, 11 + place), "root")
    assert recorder.flush(10)
    with Book(url) as book:
        (trace,) = book.traces()
    page.set_viewport_size({"width": 1280, "height": 500})
    with viewing(url) as (_, address):
        page.goto(f"{address}traces/{trace.trace_id}")
        page.locator("a", has_text="s30").click()
        expect(heading(page)).to_contain_text("s30")

        story.step("late", "tool", (60, 61), "root", name="late arrival")
        story.begin("group", "chain", 70, "root", "late group")
        story.step("inner", "tool", (71, 72), "group", name="inner step")
        assert recorder.flush(10)
        expect(page.locator(".tree")).to_contain_text("late arrival")
        page.get_by_role("button", name="Fold late group").click()
        expect(row(page, "inner step")).to_be_hidden()
        scroll = page.evaluate("scrollY")
        story.end("group", 80)
        story.end("open", 90)
        assert recorder.flush(10)

        expect(row(page, "thinking")).not_to_contain_text("running")
        expect(row(page, "inner step")).to_be_hidden()
        expect(heading(page)).to_contain_text("s30")
        assert page.evaluate("scrollY") == scroll > 0

    expect(page.locator("#connection")).to_be_visible()
    story.end("root", 2000)
    assert recorder.flush(10)
    recorder.close()
    with viewing(url, port=address.rpartition(":")[2].strip("/")):
        expect(page.locator("#connection")).to_be_hidden()
        expect(page.locator("#facts")).to_contain_text("✓ ok")
        expect(page.locator("[data-live]")).to_have_count(0)


def test_a_running_trace_can_be_paused_and_goes_on(page, url):
    recorder = Recorder(url)
    story = running(recorder, datetime.now(UTC) - timedelta(seconds=1))
    assert recorder.flush(10)
    with Book(url) as book:
        served = Served(book)
        (trace,) = book.traces()
        page.goto(f"{served.address}/traces/{trace.trace_id}")
        scripted(page)

        page.keyboard.press("p")
        expect(page.get_by_role("link", name="Go on")).to_be_visible()
        story.step("late", "tool", (60, 61), "root", name="late arrival")
        assert recorder.flush(10)
        page.reload()
        expect(page.get_by_role("link", name="Go on")).to_be_visible()  # it is remembered
        scripted(page)
        story.step("later", "tool", (62, 63), "root", name="later arrival")
        assert recorder.flush(10)
        with page.expect_response("**part=live*"):
            page.keyboard.press("p")

        expect(page.locator(".tree")).to_contain_text("later arrival")
        expect(page.get_by_role("link", name="Pause")).to_be_visible()
        served.stop()
    recorder.close()


def test_an_empty_table_shows_the_first_trace_by_itself(page, url):
    recorder = Recorder(url)
    with Book(url) as book:
        served = Served(book)
        page.goto(f"{served.address}/traces/")
        expect(page.get_by_role("heading", level=2)).to_have_text("No traces yet")

        refund_question(recorder)
        assert recorder.flush(10)

        expect(page.locator("tbody tr")).to_have_count(1)
        served.stop()
    recorder.close()


def test_the_table_follows_a_running_trace(page, tmp_path):
    recorder = Recorder(f"sqlite:///{tmp_path / 'live.db'}")
    story = running(recorder, datetime.now(UTC) - timedelta(seconds=1))
    assert recorder.flush(10)
    with Book(recorder.settings.url) as book:
        served = Served(book)
        page.goto(f"{served.address}/traces/")
        expect(page.locator("tbody")).to_contain_text("running")

        story.end("open", 500)
        story.end("root", 900)
        refund_question(recorder)
        assert recorder.flush(10)

        expect(page.locator("#count")).to_have_text("2 traces")
        expect(page.locator("tbody")).not_to_contain_text("● running")
        served.stop()
    recorder.close()


def test_the_chosen_refresh_and_colours_survive_a_change_of_page(page, served):
    page.goto(f"{served.address}/traces/")
    page.get_by_text("View", exact=True).click()
    page.get_by_label("Refresh").select_option("30")
    page.get_by_label("Colours").select_option("dark")

    page.goto(f"{served.address}/health")

    assert page.evaluate("document.body.dataset.refresh") == "30"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 19, 24)"


def test_colours_follow_the_system(browser, served):
    with browser.new_context(color_scheme="dark") as dark, browser.new_context() as light:
        seen = []
        for context in (dark, light):
            page = context.new_page()
            page.goto(f"{served.address}/traces/")
            seen.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    assert seen == ["rgb(16, 19, 24)", "rgb(255, 255, 255)"]


def test_copying_takes_the_source_text(context, page, shown, served, address):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{address}?span={shown.span('answer question', 'policy index')}")

    page.get_by_role("button", name="Copy the input").click()

    expect(page.get_by_role("button", name="Copy the input")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "refund policy"


def test_hostile_content_does_nothing(page, shown, served):
    trace = shown.trace(HOSTILE)
    for span in shown.book.trace(trace).spans:
        page.goto(f"{served.address}/traces/{trace}?span={span.span_id}")
        for summary in page.locator("details:not([open]) > summary").all():
            if summary.is_visible():
                summary.click()
        assert page.evaluate("window.harmed") is None
    page.goto(f"{served.address}/patterns")
    assert page.evaluate("window.harmed") is None


def test_a_click_on_a_node_selects_its_span_which_the_tree_then_shows(page, address):
    page.goto(address + "?view=graph")

    page.get_by_role("link", name="lookup").first.click()
    expect(heading(page)).to_contain_text("lookup")
    page.get_by_role("link", name="One node a span").click()
    expect(page.locator(".graph a")).to_have_count(9)
    page.get_by_role("link", name="Tree").click()

    expect(page.locator('.tree [aria-current="true"]')).to_contain_text("lookup")


def test_a_drag_over_columns_of_a_chart_looks_closer_at_their_time(page, served):
    page.goto(f"{served.address}/statistics/?since=2026-05-04T09:00Z&until=2026-05-04T10:00Z")
    scripted(page)
    columns = page.locator("[data-plot]").first.locator("a")
    first, last = columns.nth(30).bounding_box(), columns.nth(40).bounding_box()
    ends = [
        columns.nth(30).get_attribute("data-since"),
        columns.nth(40).get_attribute("data-until"),
    ]
    assert first
    assert last

    page.mouse.move(first["x"] + 1, first["y"] + first["height"] - 2)
    page.mouse.down()
    page.mouse.move(last["x"] + 1, last["y"] + last["height"] - 2, steps=5)
    expect(page.locator("[data-plot] .chosen")).to_have_count(11)
    page.mouse.up()

    page.wait_for_url("**since=2026-05-04T09%3A1**")
    shown = parse_qs(urlsplit(page.url).query)
    assert [shown["since"][0], shown["until"][0]] == ends


def test_a_call_leads_to_its_result_and_the_result_to_its_call(page, shown, address):
    page.goto(f"{address}?span={shown.span('answer question', 'gpt-5.6-mini')}")
    scripted(page)
    page.evaluate("window.same = true")

    page.get_by_role("link", name="its result, lookup").click()
    expect(heading(page)).to_contain_text("lookup")
    page.locator("#detail").get_by_role("link", name="gpt-5.6-mini").click()

    expect(heading(page)).to_contain_text("gpt-5.6-mini")
    assert page.evaluate("window.same")


def test_pages_are_complete_without_javascript(browser, shown, served, address):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(address)

        page.get_by_role("link", name="tool lookup").click()

        expect(heading(page)).to_contain_text("lookup")
        expect(page.get_by_role("button")).to_have_text(["Find"])
        page.get_by_role("link", name="Only errors").click()
        expect(page.locator(".tree li")).to_have_count(3)
        page.goto(served.address)
        page.get_by_label("Name", exact=True).fill("look at pictures")
        page.get_by_role("button", name="Filter").click()
        expect(page.locator("tbody tr")).to_have_count(1)


@pytest.mark.parametrize("width", [320, 400, 640, 900, 1280, 2000])
@pytest.mark.parametrize(
    "name",
    ["answer question", "deep chain", HOSTILE, "long output", "patterns", "table", "log", "graph"],
)
def test_nothing_sticks_out_of_the_page(width, name, page, shown, served):
    paths = {"patterns": "/patterns", "table": "/traces/"}
    is_view = name in ("log", "graph")
    path = paths.get(name) or shown.address("answer question" if is_view else name)
    page.set_viewport_size({"width": width, "height": 760})

    page.goto(served.address + path + (f"?view={name}" if is_view else ""))

    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_ten_thousand_spans_do_not_freeze_the_page(page, tmp_path):
    from tests.viewer.stories import wide

    recorder = Recorder(f"sqlite:///{tmp_path / 'big.db'}")
    wide(recorder, groups=100, each=99)
    assert recorder.flush(60)
    recorder.close()
    with Book(recorder.settings.url) as book:
        served = Served(book)
        (trace,) = book.traces()
        page.goto(f"{served.address}/traces/{trace.trace_id}")

        expect(page.get_by_text("of 10,001 spans.")).to_be_visible()
        assert page.locator(".tree li").count() < 1_000
        served.stop()


def test_a_dragged_edge_widens_a_column_and_the_address_keeps_it(page, served):
    page.goto(f"{served.address}/traces/?name=answer+question&columns=status,cost")
    box = page.locator("th[data-column=status] .grip").bounding_box()

    page.mouse.move(box["x"] + 4, box["y"] + 4)
    page.mouse.down()
    page.mouse.move(box["x"] + 64, box["y"] + 4)
    with page.expect_navigation():
        page.mouse.up()

    found = re.search(r"columns=name(?:%2C|,)status(?:%3A|:)(\d+)(?:%2C|,)cost$", page.url)
    assert found is not None
    width = page.locator("th[data-column=status]").bounding_box()["width"]
    assert abs(width - int(found[1])) < 1
