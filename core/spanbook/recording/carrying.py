"""Carrying: the current span and context go along into threads and into other processes."""

import contextvars
import functools
import logging
import pickle
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Generic, ParamSpec, TypeAlias, TypeVar

from spanbook.recording import ambient, defaults
from spanbook.recording.guard import guarded
from spanbook.recording.manual import current_reference
from spanbook.references import HEADER, SpanReference
from spanbook.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

Source: TypeAlias = SpanReference | str | Mapping[Any, Any] | Iterable[tuple[Any, Any]] | None

log = logging.getLogger("spanbook")


def traceparent() -> str | None:
    """Return the `traceparent` header that names the current span to another process, or None."""
    here = current_reference()
    return None if here is None else here.traceparent


def headers() -> dict[str, str]:
    """Return the headers that make the receiver's spans part of this trace; none outside a span.

    They fit an HTTP request, a message of a queue, the headers of a Celery task, …
    """
    header = traceparent()
    return {} if header is None else {HEADER: header}


@contextmanager
def continued(
    source: Source,
) -> Generator[None]:
    """Let what starts inside continue the trace of another process.

    `source` is what arrived: a `traceparent`, the headers that may hold one, by name or as pairs,
    or a reference. One that is not there or not valid is passed over, as W3C Trace Context says.
    Whether the trace is recorded is the sender's decision.
    """
    remote = _named(source)
    if remote is None:
        yield
    else:
        with ambient.held(ambient.current, None), ambient.held(ambient.remote, remote):
            yield


@guarded
def _named(source: Source) -> SpanReference | None:
    match source:
        case str():
            return SpanReference.from_traceparent(source)
        case SpanReference() | None:
            return source
        case _:
            return SpanReference.from_headers(source)


def carried(function: Callable[P, T]) -> Callable[P, T]:
    """Return `function`, to be called in the span and context that are current here and now.

    For threads and executors of any kind: `executor.submit(spanbook.carried(work), item)`. It can
    be called any number of times, also at once, and can be pickled if `function` can: in another
    process its spans continue this trace and go into the same store, unless that process has called
    `configure`. For this the settings are pickled too, a password in the URL included.
    """
    return Carried(function, contextvars.copy_context())


class Carried(Generic[P, T]):
    """A function with the context that it is to be called in."""

    def __init__(self, function: Callable[P, T], context: contextvars.Context) -> None:
        self._function = function
        self._context = context
        functools.update_wrapper(self, function, updated=())

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call the function in a copy of the context: one context cannot be entered twice."""
        return self._context.copy().run(self._function, *args, **kwargs)

    def __reduce__(self) -> Any:
        return _unpacked, (self._function, self._context.copy().run(_packed))


class _Parcel:
    """What of a context goes into another process."""

    def __init__(
        self, remote: SpanReference | None, context: Any, run: str | None, settings: bytes | None
    ) -> None:
        self.remote = remote
        self.context = context
        self.run = run
        self.settings = settings


@guarded
def _packed() -> _Parcel:
    recorder = defaults.default_recorder()
    context = recorder.gate.plain(dict(ambient.surroundings.get()), "metadata")
    settings = _packed_settings(recorder.settings)
    return _Parcel(current_reference(), context, ambient.run_id(recorder), settings)


def _packed_settings(settings: Settings) -> bytes | None:
    """Return the settings pickled; None where their mask cannot be."""
    try:
        return pickle.dumps(settings)
    except (pickle.PicklingError, AttributeError, TypeError):
        return None


def _unpacked(function: Callable[P, T], parcel: _Parcel | None) -> Callable[P, T]:
    context = None if parcel is None else _opened(parcel)
    if context is not None:
        return Carried(function, context)
    if defaults.is_unset():
        defaults.configure(settings=Settings(enabled=False))  # rather than without its mask
    return function


@guarded
def _opened(parcel: _Parcel) -> contextvars.Context:
    """Return a context that holds what was packed."""
    if defaults.is_unset():
        defaults.configure(settings=_settings(parcel.settings))
    context = contextvars.Context()
    context.run(ambient.remote.set, parcel.remote)
    context.run(ambient.surroundings.set, parcel.context)
    if parcel.run is not None:
        context.run(ambient.runs.set, ((parcel.run, defaults.default_recorder()),))
    return context


def _settings(packed: bytes | None) -> Settings:
    if packed is not None:
        return pickle.loads(packed)  # noqa: S301  # it came with the function, by the same way
    log.warning(
        "Nothing is recorded in this process: the mask cannot be sent to it. Define the mask at "
        "the top of a module, or call spanbook.configure(…) where the process starts."
    )
    return Settings(enabled=False)


_start: Any = threading.Thread.start
_submit: Any = ThreadPoolExecutor.submit
_carries_into_threads = False


def install_threads() -> None:
    """Carry span and context into every thread and executor of the process, until uninstalled.

    This replaces `threading.Thread.start` and `concurrent.futures.ThreadPoolExecutor.submit` by
    functions that call them with what `carried` returns. Doing it twice does it once.
    """
    global _start, _submit, _carries_into_threads  # noqa: PLW0603  # as the patches are
    _carries_into_threads = True
    if threading.Thread.start is not _carrying_start:
        _start, threading.Thread.start = threading.Thread.start, _carrying_start
    if ThreadPoolExecutor.submit is not _carrying_submit:
        _submit, ThreadPoolExecutor.submit = ThreadPoolExecutor.submit, _carrying_submit


def uninstall_threads() -> None:
    """Take back what `install_threads` did; threads that run go on.

    What somebody else has put over it meanwhile stays, and ours does nothing below it.
    """
    global _carries_into_threads  # noqa: PLW0603  # as the patches are
    _carries_into_threads = False
    if threading.Thread.start is _carrying_start:
        threading.Thread.start = _start
    if ThreadPoolExecutor.submit is _carrying_submit:
        ThreadPoolExecutor.submit = _submit


@functools.wraps(_start)
def _carrying_start(self: threading.Thread) -> None:
    if _carries_into_threads:
        run = carried(self.run)

        def carrying_run() -> None:
            del self.run  # it refers to the thread: no circle must keep that alive
            run()

        self.run = carrying_run
    _start(self)


@functools.wraps(_submit)
def _carrying_submit(
    self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
) -> Future[Any]:
    if not _carries_into_threads:
        return _submit(self, fn, *args, **kwargs)
    # The executor's own threads, which this may start, are to hold on to no context.
    return contextvars.Context().run(_submit, self, carried(fn), *args, **kwargs)
