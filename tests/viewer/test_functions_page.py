"""The pages of functions: versions, sources, what changed and what uses what."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from spanbook.reading.book import Book
from spanbook_viewer import create_app
from spanbook_viewer.source_diff import paired, unified
from tests.viewer import functions, markup
from tests.viewer.program import Served
from tests.viewer.stories import HOSTILE
from tests.viewer.test_accessibility import needs_axe, seen, violations
from tests.viewer.test_browser import browser, context, page

__all__ = ["browser", "context", "page", "seen"]
PATHS = ["list", "empty", "two", "side", "hostile", "odd"]


@pytest.fixture
def hashes(url: str) -> dict[str, str]:
    return functions.record(url)


@pytest.fixture
def look(url: str, hashes: dict[str, str]):
    """Return what shows a page."""
    return lambda path: create_app(url).test_client().get(path)


def test_functions_are_listed_with_their_figures(look: Any):
    rows = {row["name"]: row for row in look("/functions.json").get_json()}
    text = look("/functions/").text

    assert rows["bees.answer"]["version_count"] == 2
    assert rows["bees.answer"]["latest"]["number"] == 2
    assert rows["odd"]["latest"]["number"] is None
    assert "2 of 2" in text
    assert "unknown" in text


def test_a_version_shows_its_source_its_values_and_its_packages(look: Any, hashes: dict[str, str]):
    text = look(f"/functions/{hashes['bees.answer 2']}").text

    assert '<span class="keyword">def</span> answer' in text
    assert "sqlalchemy==" in text
    assert "global TOP_K 4 → 8" in text
    assert "+1 −1 lines in shorten" in text


@pytest.mark.parametrize("way", ["", "&diff=side"])
def test_any_two_versions_are_compared_line_by_line(look: Any, hashes: dict[str, str], way: str):
    one, other = hashes["bees.answer 1"], hashes["bees.answer 2"]

    text = look(f"/functions/{one}?against={other}{way}").text

    assert "<del>−     return text[1:TOP_K]</del>" in text
    assert "<ins>+     return text[:TOP_K]</ins>" in text


def test_a_graph_is_a_file(look: Any, hashes: dict[str, str]):
    for format, said in (("svg", "<svg"), ("mmd", "flowchart"), ("dot", "digraph")):
        answer = look(f"/functions/{hashes['bees.answer 2']}/graph.{format}")
        assert said in answer.text


def test_a_hash_that_is_not_there_is_a_page_that_says_so(look: Any):
    answer = look("/functions/none")

    assert answer.status_code == 404
    assert "holds no version" in answer.text


def test_hostile_sources_are_shown_as_text(look: Any, hashes: dict[str, str]):
    text = look(f"/functions/{hashes['bees.hostile 1']}").text

    assert HOSTILE not in text
    assert not [e for e in markup.Page(text).all("script") if "src" not in e.attributes]


def test_lines_are_paired_with_what_took_their_place():
    lines = paired("a\nb\nc", "a\nx\ny\nc")

    assert [(line.old, line.new) for line in lines] == [
        ("a", "a"),
        ("b", "x"),
        (None, "y"),
        ("c", "c"),
    ]
    assert [(line.old, line.new) for line in unified(lines)] == [
        ("a", "a"),
        ("b", None),
        (None, "x"),
        (None, "y"),
        ("c", "c"),
    ]


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The address of each page."""
    folder = tmp_path_factory.mktemp("functions")
    found = functions.record(f"sqlite:///{folder / 'spanbook.db'}")
    two = f"/functions/{found['bees.answer 2']}"
    paths = {
        "list": "/functions/",
        "two": two,
        "side": f"{two}?diff=side",
        "hostile": f"/functions/{found['bees.hostile 1']}",
        "odd": f"/functions/{found['odd None']}",
    }
    with Book(f"sqlite:///{folder / 'spanbook.db'}") as book, Book(folder / "empty.db") as none:
        served, empty = Served(book), Served(none)
        yield {
            **{name: served.address + path for name, path in paths.items()},
            "empty": f"{empty.address}/functions/",
        }
        served.stop()
        empty.stop()


@pytest.mark.parametrize("name", PATHS)
def test_no_page_is_wider_than_a_telephone(name: str, addresses: dict[str, str], page: Page):
    page.set_viewport_size({"width": 320, "height": 700})

    page.goto(addresses[name])

    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@needs_axe
@pytest.mark.parametrize("name", PATHS)
def test_functions_have_no_barrier(name: str, addresses: dict[str, str], seen: Page):
    seen.goto(addresses[name])

    assert violations(seen) == []
