"""The plug-in that pytest loads: the fixture `spanbook_trace` and the marker `budget`.

It is loaded wherever Spanbook is installed, so it imports nothing until a test asks for it.
"""

import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from spanbook_pytest.recorded import RecordedTrace

FIXTURE = "spanbook_trace"


@pytest.fixture
def spanbook_trace(tmp_path: Path) -> Generator["RecordedTrace"]:
    """What the test does, recorded into a store of its own: spans, tools, tokens, cost."""
    from spanbook_pytest.recorded import recording

    with recording(tmp_path / "spanbook.db") as trace:
        yield trace


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the marker."""
    config.addinivalue_line(
        "markers",
        "budget(tokens=None, cost=None, seconds=None): fail the test if its model calls or itself "
        "take more than this (US dollars for cost).",
    )


def pytest_itemcollected(item: pytest.Item) -> None:
    """Record the tests that have a budget."""
    names: list[str] | None = getattr(item, "fixturenames", None)
    if names is not None and FIXTURE not in names and item.get_closest_marker("budget"):
        names.append(FIXTURE)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Hold a test that passes to its budget; show what a test that fails recorded."""
    trace: RecordedTrace | None = getattr(item, "funcargs", {}).get(FIXTURE)
    marker = item.get_closest_marker("budget")
    if trace is None:
        return (yield)
    from spanbook_pytest.budget import Budget

    try:
        budget = None if marker is None else Budget.of(*marker.args, **marker.kwargs)
    except ValueError as error:
        pytest.fail(str(error), pytrace=False)
    began = time.perf_counter()
    try:
        result = yield
    except (Exception, pytest.fail.Exception):
        item.add_report_section("call", "recorded spans", trace.outline())
        raise
    if budget is not None:
        report = budget.report(trace, time.perf_counter() - began)
        if report:
            pytest.fail(report, pytrace=False)
    return result
