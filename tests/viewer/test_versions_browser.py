"""The pages of versions in a real browser: as wide as the window, and without barriers."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from spanbook.reading.book import Book
from tests.viewer import trees
from tests.viewer.program import Served
from tests.viewer.test_accessibility import needs_axe, seen, violations
from tests.viewer.test_browser import browser, context, page

__all__ = ["browser", "context", "page", "seen"]
PATHS = ["list", "empty", "support", "looping", "level 0", "hostile", "observed"]
PATHS += ["split", "unified", "hostile split", "since good", "first", "compared"]


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The address of each page."""
    url = f"sqlite:///{tmp_path_factory.mktemp('versions') / 'spanbook.db'}"
    found = trees.record(
        url,
        trees.support(0.0),
        trees.support(0.2, trees.TEMPLATE.replace("Never", "Do not")),
        trees.graph(("think", "act"), ("act", "think", "again")),
        trees.deep(40),
        trees.hostile(),
        None,
        trees.support(0.4, parser=False),
        failing={6},
    )
    with Book(url) as book:
        served = Served(book)
        paths = {"list": "/versions/", "empty": "/versions/?name=none+such"}
        names = ("support", "looping", "level 0", "hostile")
        paths |= {
            name: f"/versions/{trace.architecture}"
            for name, trace in zip(names, found[1:], strict=False)
        }
        paths["observed"] = f"/traces/{found[5].trace_id}/architecture"
        one, other, bad = found[0], found[1], found[6]
        between = f"/versions/diff?a={one.architecture}"
        paths["split"] = f"{between}&b={bad.architecture}"
        paths["unified"] = f"{between}&b={other.architecture}&form=unified"
        paths["hostile split"] = f"{between}&b={found[4].architecture}"
        paths["since good"] = f"/traces/{bad.trace_id}/since-good"
        paths["first"] = f"/traces/{one.trace_id}/since-good"
        paths["compared"] = f"/compare/?trace={one.trace_id}&trace={bad.trace_id}"
        yield {name: served.address + path for name, path in paths.items()}
        served.stop()


@pytest.mark.parametrize("name", PATHS)
def test_no_page_is_wider_than_a_telephone(name: str, addresses: dict[str, str], page: Page):
    page.set_viewport_size({"width": 320, "height": 700})

    page.goto(addresses[name])

    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@needs_axe
@pytest.mark.parametrize("name", PATHS)
def test_versions_have_no_barrier(name: str, addresses: dict[str, str], seen: Page):
    seen.goto(addresses[name])

    assert violations(seen) == []
