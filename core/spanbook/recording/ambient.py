"""The ambient span and context: what code that names no parent belongs to."""

from collections.abc import Callable, Generator, Hashable, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spanbook.recording.live import LiveSpan

_NONE: Mapping[str, Any] = {}

current: ContextVar["LiveSpan | None"] = ContextVar("spanbook_span", default=None)
surroundings: ContextVar[Mapping[str, Any]] = ContextVar("spanbook_context", default=_NONE)

# A framework that keeps its own notion of the running unit of work says here how to find its key.
sources: list[Callable[[], Any]] = []

# The keys and models of the model calls that frameworks are about to make in this context, for the
# client that makes them. Never taken back: whoever asks passes over those that have ended.
announced: ContextVar[tuple[tuple[Hashable, str | None], ...]] = ContextVar(
    "spanbook_announced", default=()
)
_MOST_ANNOUNCED = 16

FIELDS = (
    "project",
    "name",
    "session",
    "user",
    "tags",
    "metadata",
    "release",
    "version",
    "environment",
)


def announce(key: Hashable, model: str | None) -> None:
    """Say that code which runs here next makes the model call of the open span `key`."""
    announced.set((*announced.get()[1 - _MOST_ANNOUNCED :], (key, model)))


@contextmanager
def context(
    *,
    session: str | None = None,
    user: str | None = None,
    tags: list[str] | tuple[str, ...] = (),
    metadata: Mapping[str, Any] | None = None,
    name: str | None = None,
    release: str | None = None,
    version: str | None = None,
    environment: str | None = None,
    project: str | None = None,
) -> Generator[None]:
    """Stamp every trace that starts inside, in tasks and handlers too.

    Inner contexts win over outer ones; tags and metadata add up. `name` names the traces.
    """
    given = {
        "session": session,
        "user": user,
        "tags": list(tags) or None,
        "metadata": dict(metadata) if metadata else None,
        "name": name,
        "release": release,
        "version": version,
        "environment": environment,
        "project": project,
    }
    token = surroundings.set(merge(surroundings.get(), given))
    try:
        yield
    finally:
        with suppress(ValueError):  # an async generator may be closed from another context
            surroundings.reset(token)


def merge(outer: Mapping[str, Any], inner: Mapping[str, Any]) -> dict[str, Any]:
    """Return `outer` overlaid with what `inner` gives; tags and metadata are united."""
    merged = dict(outer)
    for field, value in inner.items():
        if value is None:
            continue
        if field == "tags":
            value = list(dict.fromkeys([*merged.get("tags", ()), *value]))
        elif field == "metadata":
            value = {**merged.get("metadata", {}), **value}
        merged[field] = value
    return merged
