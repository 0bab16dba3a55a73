"""Pages that are read again, in a real browser: by themselves, as chosen, or never."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from spanbook.reading.book import Book
from spanbook.recording.recorder import Recorder
from spanbook.store.upkeep.deleting import delete_traces
from tests.viewer.program import Served, viewing
from tests.viewer.stories import Story, refund_question, running
from tests.viewer.test_browser import browser, context, page, scripted

__all__ = ["browser", "context", "page"]


@pytest.fixture
def served(recorder: Recorder, url: str) -> Iterator[Served]:
    """A viewer on a store with one trace, in which more can be recorded."""
    refund_question(recorder)
    assert recorder.flush(10)
    with Book(url) as book:
        served = Served(book)
        yield served
        served.stop()


def choose(context: BrowserContext, served: Served, refresh: str) -> None:
    """Choose how often pages are read again."""
    context.add_cookies([{"name": "spanbook-refresh", "value": refresh, "url": served.address}])


def record_another(recorder: Recorder) -> None:
    story = Story(recorder, "another", datetime.now(UTC) - timedelta(minutes=1))
    context = {"session": "another session", "user": "eve"}
    story.begin("root", "chain", 0, name="another trace", context=context)
    story.end("root", 900)
    assert recorder.flush(10)


def requests_of(page: Page) -> list[str]:
    """Return what the page asks for from now on, as it happens."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    return asked


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/traces/", "another trace"),
        ("/spans/", "another trace"),
        ("/sessions/", "another session"),
        ("/users/", "eve"),
        ("/statistics/", "another trace"),
    ],
)
def test_a_page_shows_what_is_new_as_often_as_was_chosen(
    path, words, page, context, served, recorder
):
    choose(context, served, "60")
    page.clock.install()
    page.goto(served.address + path)
    scripted(page)
    record_another(recorder)
    assert words not in page.locator("main").inner_text()

    page.clock.fast_forward(60_000)

    expect(page.locator("main")).to_contain_text(words)


def test_a_session_grows_while_a_turn_of_it_runs(page, served, recorder):
    story = Story(recorder, "turn", datetime.now(UTC) - timedelta(seconds=1))
    story.begin("root", "chain", 0, name="second turn", context={"session": "c-17"})
    assert recorder.flush(10)
    page.goto(f"{served.address}/session?id=c-17")
    expect(page.locator(".turn").last).to_contain_text("running")

    story.end("root", 900, output="It is done.")
    assert recorder.flush(10)

    expect(page.locator(".turn").last).to_contain_text("It is done.")
    expect(page.locator("[data-live]")).to_have_count(0)


@pytest.mark.parametrize("path", ["/traces/", "/statistics/?since=2026-05-04&until=2026-05-05"])
def test_a_page_without_news_is_asked_about_and_not_drawn_again(path, page, context, served):
    choose(context, served, "3")
    page.clock.install()
    page.goto(served.address + path)
    scripted(page)
    with page.expect_request_finished(lambda request: ".json" not in request.url):
        page.clock.fast_forward(3_000)
    with page.expect_response(lambda answer: answer.status == 304):
        page.clock.fast_forward(3_000)
    page.evaluate("document.querySelector('main tbody').dataset.same = ''")
    asked = requests_of(page)

    for _ in range(3):
        with page.expect_response(lambda answer: answer.status == 304):
            page.clock.fast_forward(3_000)

    assert len(asked) == 3
    assert all(".json" in address for address in asked)
    expect(page.locator("main tbody[data-same]")).to_have_count(1)


def newest(url: str) -> str:
    """Return the address of the trace that began last."""
    with Book(url) as book:
        return f"/traces/{next(iter(book.traces())).trace_id}"


def asked_within_an_hour(page: Page, address: str) -> list[str]:
    page.clock.install()
    page.goto(address)
    scripted(page)
    asked = requests_of(page)
    page.clock.fast_forward("01:00:00")
    page.evaluate("fetch('/health.json').then((answer) => answer.text())")
    return asked


@pytest.mark.parametrize("path", ["/traces/", "/accounting/", "trace"])
def test_a_page_on_which_nothing_runs_asks_for_nothing(path, page, served, url):
    address = newest(url) if path == "trace" else path

    asked = asked_within_an_hour(page, served.address + address)

    assert asked == [f"{served.address}/health.json"]


@pytest.mark.parametrize("path", ["/traces/", "trace"])
def test_with_refresh_off_even_a_running_trace_is_left_alone(
    path, page, context, served, recorder, url
):
    running(recorder, datetime.now(UTC))
    assert recorder.flush(10)
    choose(context, served, "off")

    asked = asked_within_an_hour(page, served.address + (newest(url) if path == "trace" else path))

    assert asked == [f"{served.address}/health.json"]


def test_what_the_reader_filled_in_outlives_a_page_that_is_read_again(
    page, context, served, recorder
):
    choose(context, served, "10")
    page.clock.install()
    page.goto(f"{served.address}/statistics/")
    scripted(page)
    page.get_by_label("Name").fill("half a na")
    page.locator("h1").click()
    record_another(recorder)

    with page.expect_response("**/statistics/"):
        page.clock.fast_forward(10_000)

    expect(page.get_by_label("Name")).to_have_value("half a na")


def test_a_list_reconnects_after_the_viewer_was_started_again(page, url, recorder):
    refund_question(recorder)
    assert recorder.flush(10)
    with viewing(url) as (_, address):
        page.goto(f"{address}traces/")
        page.get_by_text("View", exact=True).click()
        page.get_by_label("Refresh").select_option("3")
        expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("#connection")).to_be_visible()
    record_another(recorder)

    with viewing(url, port=address.rpartition(":")[2].strip("/")):
        expect(page.locator("#connection")).to_be_hidden()
        expect(page.locator("tbody tr")).to_have_count(2)


def test_a_trace_that_is_deleted_meanwhile_says_so(context, served, recorder, url):
    choose(context, served, "3")
    page = context.new_page()  # the browser reports the 404
    page.clock.install()
    page.goto(served.address + newest(url))
    scripted(page)
    with Book(url) as book:
        delete_traces(book.engine, [trace.trace_id for trace in book.traces()])

    page.clock.fast_forward(3_000)

    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing here")
