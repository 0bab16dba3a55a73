"""Every page zoomed, narrow, by keyboard, by its names, without scripts; on an empty store too."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from flask import url_for
from playwright.sync_api import Browser, Page, expect

from spanbook.reading.book import Book
from spanbook.recording.recorder import Recorder
from spanbook_viewer.app import create_app
from spanbook_viewer.pages import PAGES
from tests.viewer import stories
from tests.viewer.crawling import Crawl
from tests.viewer.program import Served
from tests.viewer.test_browser import browser, context, page, scripted

__all__ = ["browser", "context", "page"]

NAMED = ("link", "button", "textbox", "searchbox", "combobox", "checkbox", "radio")
OTHERS = {  # pages that the header does not lead to, by what they show
    "users": "/users/",
    "session": "/session?id=c-17",
    "trace": "/traces/{trace}",
    "trace, found": "/traces/{trace}?find=refund&from=20&to=80",
    "log": "/traces/{trace}?view=log",
    "graph": "/traces/{trace}?view=graph",
    "architecture": "/traces/{trace}/architecture",
    "comparison": "/compare/?trace={trace}&trace={other}&row=3#texts",
    "statistics by tag": "/statistics/?since=36500d&by=tag",
    "other": "/traces/{other}",
    "no such trace": "/traces/none",
    "nothing matches": "/traces/?name=none",
}
LOST = "/media/00000000"  # what the page of patterns shows is in no store
LISTED = [page.endpoint for page in PAGES]
UNAVOIDABLE = {  # views that the pages of a filled store lead to
    *LISTED,
    *("functions.index", "functions.show", "functions.graph", "media.show", "preferences.keep"),
    *("sessions.show", "sessions.users", "spans.export", "spans.index_json", "static"),
    *("trace.export", "trace.graph", "trace.show", "trace.show_json", "trace.span_json"),
    *("trace.value", "traces.export", "traces.index_json", "versions.graph"),
    *("versions.of_trace", "versions.show", "versions.since_good", "statistics.index_json"),
}


class Store:
    """A served store, and the addresses of its pages."""

    def __init__(self, url: str) -> None:
        self.book = Book(url)
        self.served = Served(self.book)
        names = {trace.name: trace.trace_id for trace in self.book.traces()}
        self._ids = {
            "trace": names.get("answer question", ""),
            "other": names.get("overlapping", ""),
        }

    def address(self, name: str) -> str:
        if name in OTHERS:
            return self.served.address + OTHERS[name].format(**self._ids)
        with create_app(self.book).test_request_context():
            return self.served.address + url_for(name)

    def close(self) -> None:
        self.served.stop()
        self.book.close()


def recorded(directory, *told) -> Store:
    recorder = Recorder(f"sqlite:///{directory / 'spanbook.db'}")
    for story in told:
        story(recorder)
    assert recorder.flush(10)
    recorder.close()
    return Store(recorder.settings.url)


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Iterator[Store]:
    told = (stories.refund_question, stories.overlapping, stories.pictures)
    store = recorded(tmp_path_factory.mktemp("small"), *told)
    yield store
    store.close()


@pytest.fixture(scope="module")
def empty(tmp_path_factory) -> Iterator[Store]:
    store = recorded(tmp_path_factory.mktemp("empty"))
    yield store
    store.close()


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path_factory.mktemp('demo') / 'spanbook.db'}"
    command = "from spanbook.commands import main; main()"
    surroundings = {**os.environ, "SPANBOOK_EXAMPLES_PACE": "0"}
    arguments = [sys.executable, "-c", command, "demo", "--no-view", "--store", url]
    subprocess.run(arguments, env=surroundings, check=True, capture_output=True)
    store = Store(url)
    yield store
    store.close()


@pytest.mark.parametrize("name", ["demo", "empty"])
def test_every_link_and_form_leads_on_without_a_fault(name, request, context):
    store: Store = request.getfixturevalue(name)

    crawl = Crawl(create_app(store.book), store.served.address, context.new_page()).run("/")

    assert [fault for fault in crawl.faults if LOST not in fault] == []
    if name == "demo":
        assert crawl.views >= UNAVOIDABLE


def test_hostile_text_does_nothing_on_any_page_and_asks_nobody(tmp_path, context):
    store = recorded(tmp_path, stories.hostile)
    context.add_init_script("setInterval(() => { if (window.harmed) console.error('harmed'); }, 5)")

    crawl = Crawl(create_app(store.book), store.served.address, context.new_page()).run("/")

    store.close()
    assert [fault for fault in crawl.faults if LOST not in fault] == []


@pytest.fixture
def plain(browser: Browser) -> Iterator[Page]:
    """A page without scripts."""
    with browser.new_context(java_script_enabled=False) as context:
        context.set_default_timeout(10_000)
        yield context.new_page()


PLACES = [
    *(("small", name) for name in (*LISTED, "patterns.index", *OTHERS)),
    *(("empty", name) for name in (*LISTED, "users", "no such trace", "nothing matches")),
]


@pytest.fixture(scope="module", params=PLACES, ids=lambda place: f"{place[0]}-{place[1]}")
def place(request: pytest.FixtureRequest) -> str:
    """The address of each page, on the small store and on the empty one."""
    store, name = request.param
    return request.getfixturevalue(store).address(name)


@pytest.fixture(scope="module")
def opened(place: str, browser: Browser) -> Iterator[Page]:
    """That page, opened once for all that is claimed of it."""
    with browser.new_context() as context:
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.goto(place)
        scripted(page)
        yield page


@pytest.mark.parametrize("width", [640, 320])
def test_a_page_fits_at_200_percent_and_in_320_pixels(width, opened: Page):
    opened.set_viewport_size({"width": width, "height": 512})

    sticking_out = opened.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth ? [] :
            [...document.querySelectorAll("main *, header *")]
            .filter((one) => one.getBoundingClientRect().right > innerWidth)
            .map((one) => one.outerHTML.slice(0, 120))"""
    )

    assert sticking_out == []


def test_everything_on_a_page_that_acts_has_a_name(opened: Page):
    opened.set_viewport_size({"width": 1280, "height": 760})

    told = opened.locator("body").aria_snapshot()

    lines = [line.strip() for line in told.splitlines()]
    roles = "|".join(NAMED)
    assert [line for line in lines if re.fullmatch(rf"- ({roles})(:.*| \[.*)?", line)] == []
    assert len(re.findall(r"- heading .*\[level=1\]", told)) == 1
    assert "- main" in told


STOPS = """() => [...document.querySelectorAll(
    'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]'
)].filter((element) => element.tabIndex >= 0 && element.checkVisibility())"""
NOW = """() => {
    const element = document.activeElement;
    const rings = [null, "::after"].map((part) => getComputedStyle(element, part))
        .filter((style) => style.outlineStyle === "solid").map((style) => style.outlineWidth);
    return [element.dataset.stop, rings, element.outerHTML.slice(0, 200)];
}"""


def test_the_keyboard_reaches_everything_and_shows_where_it_is(opened: Page):
    opened.set_viewport_size({"width": 1280, "height": 760})
    opened.evaluate("document.activeElement.blur()")
    opened.evaluate(f"({STOPS})().forEach((element, number) => element.dataset.stop = number)")
    expected = opened.evaluate(f"({STOPS})().length")
    reached: list[int] = []
    unseen: list[str] = []

    for _ in range(expected):
        opened.keyboard.press("Tab")
        stop, rings, element = opened.evaluate(NOW)
        reached.append(int(stop))
        unseen += [element] if rings != ["2px"] else []

    assert unseen == []
    assert reached == list(range(expected))


def test_nothing_on_a_page_moves(opened: Page):
    assert opened.evaluate("document.getAnimations().length") == 0


@pytest.mark.parametrize("name", ["trace", "graph", "accounting.index", "patterns.index"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_bars_and_swatches_are_seen_in_forced_colours(scheme, name, small, browser: Browser):
    with browser.new_context(forced_colors="active", color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(small.address(name))

        assert page.evaluate(INVISIBLE) == []


# A bar or a swatch is drawn by its background, which forced colours take away.
INVISIBLE = """() => [...document.querySelectorAll(".mark, .swatch, .bar-mark")]
    .filter((one) => one.checkVisibility() && one.getBoundingClientRect().width > 0)
    .filter((one) => {
        const style = getComputedStyle(one);
        const ground = getComputedStyle(document.body).backgroundColor;
        const bare = [ground, "rgba(0, 0, 0, 0)"].includes(style.backgroundColor);
        const drawn = [style.backgroundImage, style.borderTopStyle, style.outlineStyle];
        return bare && drawn.every((one) => one === "none");
    }).map((one) => one.outerHTML.slice(0, 120))"""


def test_the_first_stop_skips_to_the_content(small, page):
    page.goto(small.address("trace"))

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    assert page.evaluate("document.activeElement.id") == "main"


def test_a_page_is_whole_without_scripts(place, plain):
    plain.goto(place)

    expect(plain.locator("h1")).to_have_count(1)
    expect(plain.locator("#connection")).to_be_hidden()
    for control in plain.locator("button:visible, [data-help]:visible").all():
        kind = control.get_attribute("type") or "submit"
        assert kind == "submit", control.inner_text()  # nothing waits for a script


def test_a_store_without_traces_says_on_every_page_how_to_fill_it(empty, plain):
    for name in ("traces.index", "sessions.index", "users"):
        plain.goto(empty.address(name))

        expect(plain.locator("h2").first).to_contain_text("yet")
        expect(plain.locator("pre.code").first).to_be_visible()


def test_a_list_is_filtered_sorted_and_opened_without_scripts(small, plain):
    plain.goto(small.address("traces.index"))

    plain.get_by_role("link", name="Duration").click()
    expect(plain.locator("th[aria-sort]")).to_contain_text("Duration")
    plain.get_by_label("Search").fill("refund")
    plain.get_by_role("button", name="Filter").click()
    expect(plain.locator("tbody tr")).to_have_count(1)
    plain.get_by_role("link", name="answer question").click()
    expect(plain.locator("h1")).to_have_text("answer question")
    plain.get_by_role("link", name="All traces").click()
    expect(plain.get_by_label("Search")).to_have_value("refund")


def test_a_trace_is_read_without_scripts(small, plain):
    plain.goto(small.address("trace"))
    detail = plain.locator("#detail")

    plain.get_by_role("link", name="tool lookup").click()
    expect(detail).to_contain_text("KeyError")
    plain.get_by_title("Hide spans of kind prompt").click()
    expect(plain.locator(".tree li")).to_have_count(8)
    plain.get_by_role("link", name="Zoom in").click()
    expect(plain.locator(".scale span").last).not_to_have_text("4.21 s")
    plain.get_by_label("Find").fill("refund policy")
    plain.get_by_role("button", name="Find").click()
    expect(plain.get_by_text("5 spans")).to_be_visible()
    plain.get_by_role("link", name="Next found span").click()
    expect(detail.locator("h2")).not_to_contain_text("lookup")
    plain.get_by_role("link", name="Log", exact=True).click()
    expect(plain.locator(".log")).to_be_visible()
    plain.get_by_role("link", name="Graph", exact=True).click()
    plain.get_by_role("link", name="One node a span").click()
    plain.locator("#spans").get_by_role("link", name="lookup").first.click()
    expect(detail).to_contain_text("KeyError")


def test_refresh_and_colours_are_chosen_without_scripts(small, plain):
    plain.goto(small.address("statistics.index"))

    plain.get_by_text("View", exact=True).click()
    plain.get_by_label("Colours").select_option("dark")
    plain.get_by_label("Refresh").select_option("30")
    plain.get_by_role("button", name="Apply").click()

    expect(plain.locator("html")).to_have_attribute("data-theme", "dark")
    expect(plain.locator("h1")).to_have_text("Statistics")
    assert '<meta http-equiv="refresh" content="30">' in plain.content()


def test_groups_and_comparisons_are_reached_without_scripts(small, plain):
    plain.goto(small.address("sessions.index"))
    plain.get_by_role("link", name="c-17").click()
    expect(plain.locator("h1")).to_have_text("c-17")
    plain.get_by_role("link", name="answer question").click()
    plain.get_by_role("navigation", name="Views").get_by_role("link", name="Compare").click()
    expect(plain.locator("h2")).to_have_text("Choose another trace")
    plain.get_by_label("Trace id").fill(small.address("other").rpartition("/")[2])
    plain.get_by_role("button", name="Add").click()
    expect(plain.get_by_role("region", name="Compared spans")).to_be_visible()


def test_a_trace_is_read_by_keyboard_alone(small, page):
    page.goto(small.address("traces.index"))
    scripted(page)

    for key in ("j", "Enter"):
        page.keyboard.press(key)
    page.wait_for_url(re.compile(r"/traces/[0-9a-f]{32}"))
    page.goto(small.address("trace"))
    scripted(page)
    page.keyboard.press("e")
    expect(page.locator("#detail h2")).to_contain_text("lookup")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("embedding")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="span")).to_be_visible()
    page.keyboard.press("n")
    page.keyboard.press("g")
    page.keyboard.press("i")
    expect(page.get_by_role("heading", level=1)).to_have_text("Statistics")
