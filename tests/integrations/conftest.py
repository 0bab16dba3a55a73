"""What the tests of integrations share."""

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from spanbook.recording import guard

ABOUT_FAILURES = "test_our_failures_never_reach_the_program"


@pytest.fixture
def nothing_of_ours_fails(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """See internal errors where a framework would swallow them."""
    failures: list[Any] = []
    monkeypatch.setattr(guard, "strict", False)
    report = guard.report

    def note(error: Exception, where: str, owner: Any = None) -> None:
        failures.append((where, error))
        report(error, where, owner)

    monkeypatch.setattr(guard, "report", note)
    yield
    if ABOUT_FAILURES not in request.node.name and failures:
        raise failures[0][1]


@pytest.fixture
def loop_to_borrow(request: pytest.FixtureRequest) -> Iterator[None]:
    """Give sync tests an event loop: LlamaIndex makes one where there is none, and leaves it."""
    if inspect.iscoroutinefunction(request.function):
        yield
        return
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()
