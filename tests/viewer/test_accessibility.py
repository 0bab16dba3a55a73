"""Pages as axe-core sees them: no violation of WCAG 2.2 A or AA, in both schemes."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from spanbook.reading.documents import read_document
from spanbook_viewer.single_file import to_html
from tests.viewer.stories import HOSTILE
from tests.viewer.test_browser import browser, served

__all__ = ["browser", "served"]

AXE = os.environ.get("SPANBOOK_AXE", "")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
needs_axe = pytest.mark.skipif(
    not AXE, reason="axe-core is fetched by .ci/run, which names it in SPANBOOK_AXE."
)


def violations(page: Page, *, is_covered: bool = False) -> list[str]:
    page.evaluate(Path(AXE).read_text("utf-8"))  # as a debugger would: no policy forbids it
    found = page.evaluate(
        # Recorded Markdown brings headings of its own, which begin where they may.
        # An open menu lies over a part of what is below it, which then counts as too small.
        """([rules, covered]) => axe.run(document, {
            runOnly: rules,
            rules: { "heading-order": { enabled: false }, "target-size": { enabled: !covered } },
            resultTypes: ["violations"]
        })""",
        [RULES, is_covered],
    )
    return [
        f"{one['id']}: {one['help']}: {node['html'][:200]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


@pytest.fixture(params=["light", "dark"])
def seen(browser: Browser, request: pytest.FixtureRequest):
    with browser.new_context(color_scheme=request.param) as context:
        yield context.new_page()


@needs_axe
@pytest.mark.parametrize(
    "path",
    [
        "/traces/",
        "/traces/?name=none+such",
        "/traces/none",
        "/health",
        "/patterns",
        "/spans/",
        "/accounting/",
        "/sessions/",
        "/users/",
        "/session?id=c-17",
    ],
)
def test_pages_have_no_barrier(path, seen: Page, served):
    seen.goto(served.address + path)

    assert violations(seen) == []


@needs_axe
@pytest.mark.parametrize("name", ["answer question", "with an orphan", "flat 700", HOSTILE])
@pytest.mark.parametrize("query", ["", "?view=log", "?view=graph", "?find=refund&from=20&to=80"])
def test_a_trace_has_no_barrier(query, name, seen: Page, shown, served):
    seen.goto(served.address + shown.address(name) + query)

    assert violations(seen) == []


@needs_axe
def test_changes_help_and_menus_have_no_barrier(seen: Page, shown, served):
    second = [s for s in shown.book.trace(shown.trace("answer question")).spans if s.kind == "llm"]
    seen.goto(
        f"{served.address}{shown.address('answer question')}?compare=previous"
        f"&span={second[1].span_id}"
    )
    seen.get_by_text("Take along").click()
    seen.get_by_text("View", exact=True).click()
    assert violations(seen, is_covered=True) == []

    seen.get_by_role("button", name="Keys").click()
    expect(seen.get_by_role("dialog")).to_be_visible()
    assert violations(seen, is_covered=True) == []


@needs_axe
def test_an_exported_file_has_no_barrier(seen: Page, shown, tmp_path: Path):
    file = tmp_path / "trace.html"
    document = read_document(shown.book.engine, shown.trace("answer question"))
    file.write_bytes(b"".join(to_html(document)))
    seen.goto(file.as_uri())

    assert violations(seen) == []
