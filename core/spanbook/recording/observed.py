"""`@observe`: every call of a function becomes a span."""

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping
from types import TracebackType
from typing import Any, ParamSpec, TypeAlias, TypeVar, cast, overload

from spanbook.recording import ambient
from spanbook.recording.defaults import default_recorder
from spanbook.recording.functions import Callee
from spanbook.recording.guard import guarded
from spanbook.recording.manual import Span
from spanbook.recording.recorder import Recorder
from spanbook.spans import SpanKind

P = ParamSpec("P")
T = TypeVar("T")
Function = Callable[..., Any]
CaptureInput: TypeAlias = bool | Iterable[str] | Callable[[dict[str, Any]], Any]
CaptureOutput: TypeAlias = bool | Callable[[Any], Any]
_MOST_ITEMS = 1_000  # items of a generator that are kept


@overload
def observe(function: Callable[P, T], /) -> Callable[P, T]: ...
@overload
def observe(
    *,
    name: str | None = None,
    kind: SpanKind | str = SpanKind.STEP,
    tags: Iterable[str] = (),
    version: str | None = None,
    capture_input: CaptureInput = True,
    capture_output: CaptureOutput = True,
    attributes: Mapping[str, Any] | None = None,
    enabled: bool = True,
    recorder: Recorder | None = None,
) -> Callable[[Callable[P, T]], Callable[P, T]]: ...
def observe(
    function: Function | None = None,
    /,
    *,
    name: str | None = None,
    kind: SpanKind | str = SpanKind.STEP,
    tags: Iterable[str] = (),
    version: str | None = None,
    capture_input: CaptureInput = True,
    capture_output: CaptureOutput = True,
    attributes: Mapping[str, Any] | None = None,
    enabled: bool = True,
    recorder: Recorder | None = None,
) -> Any:
    """Record each call of a function as a span: arguments, result, exception.

    Functions, coroutine functions, generators and async generators keep their nature, signature and
    docstring. A generator's span is open from its first item until it is exhausted, closed or
    collected; its output is the items, joined if all are text. `self` and `cls` are left out.
    `tags` are added to the trace; `version` is the function's, and the trace's if it is its root.

    `capture_input` is True, False, the names of the arguments to keep, or a function that gets the
    arguments by name and returns what to keep; `capture_output` is True, False, or a function that
    gets the result. What the function itself says with `current_span().set_output(…)` wins.
    `enabled=False` gives the function back as it was.

    Raises:
        ArgumentError: `tags` is a string.
        ValueError: `kind` is no span kind.
    """
    span_kind = SpanKind(kind)
    context: dict[str, Any] = {"version": version} if version is not None else {}
    if tags:
        context |= ambient.checked({"tags": tags})
    keep_input = _chosen(capture_input)

    def decorate(function: Any) -> Any:
        if not enabled:
            return function
        if isinstance(function, (classmethod, staticmethod)):
            wrapped: Function = getattr(cast(object, function), "__func__")  # noqa: B009
            return type(cast(Any, function))(decorate(wrapped))
        observed = _Observed(function, name, span_kind, attributes, recorder)
        observed.context = cast(ambient.Context, context)
        observed.capture_input = keep_input
        observed.capture_output = capture_output
        return functools.wraps(function)(_wrapper(observed))

    return decorate if function is None else decorate(function)


def _chosen(capture: CaptureInput) -> bool | Callable[[dict[str, Any]], Any]:
    if isinstance(capture, bool) or callable(capture):
        return capture
    names = frozenset([capture] if isinstance(capture, str) else capture)
    return lambda arguments: {name: arguments[name] for name in arguments if name in names}


class _Observed:
    """A function and how its calls are recorded."""

    context: ambient.Context
    capture_input: bool | Callable[[dict[str, Any]], Any] = True
    capture_output: CaptureOutput = True

    def __init__(
        self,
        function: Function,
        name: str | None,
        kind: SpanKind,
        attributes: Mapping[str, Any] | None,
        recorder: Recorder | None,
    ) -> None:
        qualified = getattr(function, "__qualname__", type(function).__name__)
        self.function = function
        self._callee = Callee(function)
        self._name = name or qualified.rpartition("<locals>.")[2]
        self.kind = kind
        self._attributes = attributes
        self._recorder = recorder
        self._skipped, self._names = _positional_names(function)

    @property
    def recorder(self) -> Recorder:
        return self._recorder or default_recorder()

    @property
    def off(self) -> bool:
        return not self.recorder.settings.enabled or ambient.is_paused()

    def span(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Span:
        span = Span(
            self._name,
            kind=self.kind,
            attributes=self._attributes,
            recorder=self._recorder,
            **self.context,
        )
        span.function = self._callee
        keep = self.capture_input
        if keep is True:
            span.input = self._arguments(args, kwargs)
        elif keep is not False:
            self._choose_input(keep, span, self._arguments(args, kwargs))
        return span

    def give_output(self, span: Span, result: Any) -> None:
        """Say what a call returned, unless it has said so itself or nobody wants to know."""
        keep = self.capture_output
        if keep is False or span.has_output:
            return
        if keep is True:
            span.set_output(result)
        else:
            self._choose_output(keep, span, result)

    @guarded
    def _choose_input(
        self, keep: Callable[[dict[str, Any]], Any], span: Span, arguments: dict[str, Any]
    ) -> None:
        span.input = keep(arguments)

    @guarded
    def _choose_output(self, keep: Callable[[Any], Any], span: Span, result: Any) -> None:
        span.set_output(keep(result))

    def _arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        given = args[self._skipped :]
        named = dict(zip(self._names, given, strict=False))
        if len(given) > len(self._names):
            named["args"] = given[len(self._names) :]
        return {**named, **kwargs}


def _positional_names(function: Function) -> tuple[int, list[str]]:
    """Return how many leading parameters to leave out (self, cls), and the names of the others."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return 0, []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [parameter.name for parameter in parameters if parameter.kind in kinds]
    skipped = 1 if names[:1] in (["self"], ["cls"]) else 0
    return skipped, names[skipped:]


def _wrapper(observed: _Observed) -> Function:
    function = observed.function
    if inspect.iscoroutinefunction(function):
        return _coroutine(observed)
    if inspect.isasyncgenfunction(function):
        return _async_generator(observed)
    if inspect.isgeneratorfunction(function):
        return _generator(observed)

    def call(*args: Any, **kwargs: Any) -> Any:
        if observed.off:
            return function(*args, **kwargs)
        with observed.span(args, kwargs) as span:
            result = function(*args, **kwargs)
            observed.give_output(span, result)
        return result

    return call


def _coroutine(observed: _Observed) -> Function:
    async def call(*args: Any, **kwargs: Any) -> Any:
        if observed.off:
            return await observed.function(*args, **kwargs)
        with observed.span(args, kwargs) as span:
            result = await observed.function(*args, **kwargs)
            observed.give_output(span, result)
        return result

    return call


def _generator(observed: _Observed) -> Function:
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        generator = observed.function(*args, **kwargs)
        if observed.off:
            return (yield from cast(Generator[Any, Any, Any], generator))
        return (yield from _Steps(generator, _Items(observed, args, kwargs)))

    return call


class _Items:
    """The span of a generator, current while the generator's own code runs, and what it gave."""

    def __init__(self, observed: _Observed, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._observed = observed
        self._span = observed.span(args, kwargs).start()
        self._items: list[Any] = []
        self._count = 0

    def add(self, item: Any) -> None:
        self._count += 1
        if self._observed.kind is SpanKind.LLM:
            self._span.recorder.token(self._span)
        if self._observed.capture_output is not False and len(self._items) < _MOST_ITEMS:
            self._items.append(item)

    def finish(self, error: BaseException | None = None) -> None:
        texts = [item for item in self._items if isinstance(item, str)]
        joined = texts and len(texts) == len(self._items)
        self._observed.give_output(self._span, "".join(texts) if joined else self._items)
        self._span.set_attributes(item_count=self._count)
        self._span.finish(error)

    def __enter__(self) -> None:
        self._span.resume()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._span.pause()
        if error is not None:
            ended = isinstance(error, (StopIteration, StopAsyncIteration))
            self.finish(None if ended else error)


class _Steps(Generator[Any, Any, Any]):
    """A generator whose every step runs inside its span."""

    def __init__(self, generator: Generator[Any, Any, Any], items: _Items) -> None:
        self._generator = generator
        self._items = items

    def send(self, value: Any, /) -> Any:
        with self._items:
            item = self._generator.send(value)
        self._items.add(item)
        return item

    def throw(self, *error: Any) -> Any:
        with self._items:
            item = self._generator.throw(*error)
        self._items.add(item)
        return item

    def close(self) -> None:
        with self._items:
            self._generator.close()
        self._items.finish(GeneratorExit())


def _async_generator(observed: _Observed) -> Function:
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        generator: AsyncGenerator[Any, Any] = observed.function(*args, **kwargs)
        items = _Items(observed, args, kwargs)
        step = generator.asend(None)
        while True:
            try:
                with items:
                    item = await step
            except StopAsyncIteration:
                return
            items.add(item)
            try:
                sent = yield item
            except GeneratorExit as left:
                with items:
                    await generator.aclose()
                items.finish(left)
                raise
            except BaseException as error:  # noqa: BLE001  # whatever the consumer throws in
                step = generator.athrow(error)
            else:
                step = generator.asend(sent)

    return call
