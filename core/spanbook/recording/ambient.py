"""The ambient span and context: what code that names no parent belongs to."""

from collections.abc import Callable, Generator, Hashable, Iterable, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack

from spanbook.errors import ArgumentError
from spanbook.references import SpanReference

if TYPE_CHECKING:
    from spanbook.recording.live import LiveSpan

T = TypeVar("T")

_NONE: Mapping[str, Any] = {}

current: ContextVar["LiveSpan | None"] = ContextVar("spanbook_span", default=None)
surroundings: ContextVar[Mapping[str, Any]] = ContextVar("spanbook_context", default=_NONE)

# The span of another process that traces begun in this context continue, if there is one.
remote: ContextVar[SpanReference | None] = ContextVar("spanbook_remote", default=None)

# Runs that were begun in this context, and in the whole process, the innermost last: each its id
# and the recorder that knows it.
runs: ContextVar[tuple[tuple[str, object], ...]] = ContextVar("spanbook_runs", default=())
process_runs: list[tuple[str, object]] = []

_paused: ContextVar[bool] = ContextVar("spanbook_paused", default=False)
is_paused = _paused.get

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
    "architecture",
)


def run_id(owner: object) -> str | None:
    """Return the innermost run of the recorder `owner`, of this context or else of the process."""
    here = runs.get()
    if not here and not process_runs:
        return None
    return next((run for run, of in reversed((*process_runs, *here)) if of is owner), None)


def announce(key: Hashable, model: str | None) -> None:
    """Say that code which runs here next makes the model call of the open span `key`."""
    announced.set((*announced.get()[1 - _MOST_ANNOUNCED :], (key, model)))


class Context(TypedDict, total=False):
    """What can be said of a whole trace; tags and metadata add up."""

    session: str | None
    user: str | None
    tags: Iterable[str]
    metadata: Mapping[str, Any] | None
    release: str | None
    version: str | None
    environment: str | None
    project: str | None


class NamedContext(Context, total=False):
    """The same, and the trace's name, where that is not its root's."""

    name: str | None


@contextmanager
def context(**given: Unpack[NamedContext]) -> Generator[None]:
    """Stamp every trace that starts inside, in tasks and handlers too.

    Inner contexts win over outer ones, and what a span says of its trace wins over both; tags and
    metadata add up. `name` names the traces.

    Raises:
        ArgumentError: an attribute that traces do not have.
    """
    stamped = merge(surroundings.get(), checked(given))
    with held(surroundings, stamped):
        yield


def checked(given: Context | NamedContext) -> Mapping[str, Any]:
    """Return what is said of a trace.

    Raises:
        ArgumentError: an attribute that traces do not have.
    """
    unknown = given.keys() - set(FIELDS)
    if unknown:
        raise ArgumentError(
            f"A trace has no {', '.join(sorted(unknown))}. "
            f"Give {', '.join(FIELDS)}; anything else goes into metadata."
        )
    if isinstance(given.get("tags"), str):
        raise ArgumentError(f"The tags are {given.get('tags')!r}. Give a list of them.")
    tags = given.get("tags")
    return given if tags is None else {**given, "tags": list(tags)}


@contextmanager
def paused() -> Generator[None]:
    """Record no span that would start inside, in tasks and handlers too.

    Spans that are open go on; what is recorded of them is not affected.
    """
    with held(_paused, True):
        yield


@contextmanager
def held(variable: ContextVar[T], value: T) -> Generator[None]:
    """Hold `value` in `variable` until the block is left."""
    token = variable.set(value)
    try:
        yield
    finally:
        with suppress(ValueError):  # an async generator may be closed from another context
            variable.reset(token)


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
