"""Pipelines: work in named steps, one in another or side by side, each a span."""

import inspect
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from spanbook.errors import UnknownTraceError
from spanbook.notices import Listener, NoticeKind
from spanbook.recording.defaults import default_recorder
from spanbook.recording.functions import Callee
from spanbook.recording.listening import Listening
from spanbook.recording.manual import Span
from spanbook.recording.observed import observe
from spanbook.recording.recorder import Recorder
from spanbook.spans import SpanKind, new_span_id

if TYPE_CHECKING:
    from spanbook.reading.book import Trace

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class Step(Span):
    """A span whose steps are given as functions, sync or async.

    Steps are below it wherever they run, also in threads that know nothing of the current span.
    """

    def step(
        self,
        name: str,
        function: Callable[..., T],
        *args: Any,
        kind: SpanKind | str = SpanKind.STEP,
        **kwargs: Any,
    ) -> T:
        """Run `function` as a step and return what it returns: a result, or what to await.

        A function whose first parameter is annotated as a `Step`, or that needs one argument more
        than it is given, gets its own first. Steps of one name are spans of their own each.

        Raises:
            ValueError: `kind` is no span kind.
        """
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            observed = observe(name=name, kind=kind, recorder=self.recorder)(function)
            return cast("T", observed(*args, **kwargs))
        below: dict[str, Any] = {} if self.reference is None else {"parent": self}
        step = Step(name, kind=kind, recorder=self.recorder, **below)
        return step.carry_out(function, args, kwargs)

    def carry_out(
        self, function: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> T:
        """Run `function` as the work of this span, which is not started yet."""
        self.function = Callee(function)
        args, self.input = _given(function, self, args, kwargs)
        if inspect.iscoroutinefunction(function):
            return cast("T", self._awaited(function, args, kwargs))
        with self._open() as opened:
            result = function(*args, **kwargs)
            if inspect.isawaitable(result):
                opened.goes_on = True
                return cast("T", self._completed(result))
            self._keep(result)
        return result

    @contextmanager
    def _open(self) -> Generator["_Opened"]:
        """Start the span and end it with the block, unless something of it is still to come."""
        opened = _Opened()
        self.start()
        self.resume()
        try:
            yield opened
        except BaseException as error:
            self.pause()
            self.finish(error)
            raise
        self.pause()
        if not opened.goes_on:
            self.finish()

    async def _awaited(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        with self:
            result = await function(*args, **kwargs)
            self._keep(result)
        return result

    async def _completed(self, awaitable: Awaitable[Any]) -> Any:
        """Await what a sync function returned, inside the span that it began."""
        self.resume()
        try:
            result = await awaitable
        except BaseException as error:
            self.pause()
            self.finish(error)
            raise
        self.pause()
        self._keep(result)
        self.finish()
        return result

    def _keep(self, result: Any) -> None:
        if not self.has_output:
            self.set_output(result)


class _Opened:
    """Whether a span goes on after its block."""

    goes_on = False


def _given(
    function: Callable[..., Any], step: Step, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return what to call `function` with, and its arguments by name, the step left out.

    Where the arguments fit neither with nor without the step, the call itself will say so.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return args, {**({"args": list(args)} if args else {}), **kwargs}
    ways: list[tuple[Any, ...]] = [(), (step,)]
    if _says_step(signature):
        ways.reverse()
    for first in ways:
        try:
            bound = signature.bind(*first, *args, **kwargs)
        except TypeError:
            continue
        return (*first, *args), _by_name(bound, step)
    return args, dict(kwargs)


def _says_step(signature: inspect.Signature) -> bool:
    """Say whether the first parameter is annotated as a `Step`."""
    first = next(iter(signature.parameters.values()), None)
    annotation = None if first is None else first.annotation
    if isinstance(annotation, str):
        return annotation.rpartition(".")[2] == Step.__name__
    return isinstance(annotation, type) and issubclass(annotation, Span)


def _by_name(bound: inspect.BoundArguments, step: Step) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        if bound.signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            named |= value
        elif value is not step:
            named[name] = value
    return named


class Pipeline:
    """Work that runs in steps, any number of times, also at the same time.

    Each time is a span of the pipeline's name: the root of a trace unless another span is current.
    Nothing is kept in memory, however long it runs: what ran is in the store, `trace` reads it.
    """

    def __init__(
        self,
        name: str,
        *,
        kind: SpanKind | str = SpanKind.CHAIN,
        recorder: Recorder | None = None,
    ) -> None:
        self.name = name
        self._kind = SpanKind(kind)
        self._recorder = recorder
        self._listeners: list[tuple[NoticeKind, Listener]] = []
        self._listening: list[Listening] = []
        self._heard_by: Recorder | None = None
        self._lock = threading.Lock()
        self._last: Step | None = None

    @property
    def recorder(self) -> Recorder:
        """What the pipeline records to."""
        return self._recorder or default_recorder()

    def run(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run `function` as the whole of the pipeline; return its result, or what to await.

        The function may want the `Step` first, as in `Step.step`.
        """
        return self._begin().carry_out(function, args, kwargs)

    def open(self, **given: Any) -> Step:
        """Return the pipeline as a block: `with pipeline.open(question="why?") as step: …`.

        What is `given` is the input.
        """
        step = self._begin()
        if given:
            step.input = given
        return step

    def _begin(self) -> Step:
        recorder = self.recorder
        span_id = new_span_id()
        step = Step(self.name, kind=self._kind, span_id=span_id, recorder=recorder)
        if self._listeners:
            self._attach(recorder)
            for listening in self._listening:
                listening.follow(span_id)
        self._last = step
        return step

    # -- decorated steps --------------------------------------------------------------------------

    @overload
    def step(self, function: F, /) -> F: ...
    @overload
    def step(
        self, /, *, name: str | None = None, kind: SpanKind | str = SpanKind.STEP
    ) -> Callable[[F], F]: ...
    def step(
        self,
        function: Any = None,
        /,
        *,
        name: str | None = None,
        kind: SpanKind | str = SpanKind.STEP,
    ) -> Any:
        """Make each call of a function a step of what is running, as `spanbook.observe` does.

        The function keeps its nature and signature, and needs no argument for it.

        Raises:
            ValueError: `kind` is no span kind.
        """
        decorate = observe(name=name, kind=kind, recorder=self._recorder)
        return decorate if function is None else decorate(function)

    # -- listeners --------------------------------------------------------------------------------

    @overload
    def on(self, kind: NoticeKind | str) -> Callable[[F], F]: ...
    @overload
    def on(self, kind: NoticeKind | str, listener: F) -> F: ...
    def on(self, kind: NoticeKind | str, listener: Any = None) -> Any:
        """Have `listener` told when a step of this pipeline starts, ends, fails or records.

        It may be a coroutine function. Use as a function or as a decorator.

        Raises:
            ValueError: there is no such kind of notice.
        """
        notice = NoticeKind(kind)

        def add(listener: F) -> F:
            with self._lock:
                self._listeners.append((notice, listener))
                self._heard_by = None
            return listener

        return add if listener is None else add(listener)

    def _attach(self, recorder: Recorder) -> None:
        """Have the listeners told by `recorder`, which may be another one than the last time."""
        with self._lock:
            if self._heard_by is recorder:
                return
            before = self._listening
            self._listening = [
                recorder.listen(listener, kind, only_below=True)
                for kind, listener in self._listeners
            ]
            self._heard_by = recorder
        for listening in before:
            listening.stop()

    # -- what ran ---------------------------------------------------------------------------------

    @contextmanager
    def trace(self, trace_id: str | None = None) -> Generator["Trace"]:
        """Read a trace back, by default that of the last time: data, drawings, a page.

        Raises:
            UnknownTraceError: nothing was recorded.
        """
        from spanbook.reading.book import Book

        last = self._last
        wanted = trace_id or (None if last is None else last.trace_id)
        if wanted is None:
            raise UnknownTraceError(
                f"Nothing was recorded of the pipeline {self.name!r}. Run it first, "
                "and see that recording is neither off nor sampled."
            )
        recorder = self.recorder if last is None else last.recorder
        recorder.flush()
        with Book(recorder.settings.url) as book:
            yield book.trace(wanted)
