"""Spans opened by hand: `with spanbook.span("rerank", kind="reranker") as span: …`."""

from collections.abc import Hashable, Mapping
from contextlib import suppress
from contextvars import Token
from datetime import datetime
from types import TracebackType
from typing import Any, Self, Unpack

from spanbook.errors import ArgumentError
from spanbook.recording import ambient
from spanbook.recording.defaults import default_recorder
from spanbook.recording.functions import Callee
from spanbook.recording.live import LiveSpan
from spanbook.recording.recorder import AMBIENT, MISSING, Recorder
from spanbook.references import SpanReference, checked_span_id, checked_time, checked_trace_id
from spanbook.spans import SpanError, SpanKind, Status
from spanbook.usage import Usage


class Span:
    """A span around a block of code, sync or async, which is the current span meanwhile.

    An exception that leaves the block ends it as `error` or `cancelled` and goes on unchanged.
    Where recording is off, or the trace is not sampled, everything here does nothing.

    `parent` is another span, a `SpanReference` to one of another process, or None for a root; by
    default the current span. `tags` are those of the whole trace, as are the other attributes of a
    `Context`, where this span is its root; below another span, `version` is the span's own.

    Raises:
        ArgumentError: an id, a status or an attribute of the trace that cannot be.
        ValueError: `kind` is no span kind.
    """

    def __init__(
        self,
        name: str,
        *,
        kind: SpanKind | str = SpanKind.STEP,
        input: Any = MISSING,
        attributes: Mapping[str, Any] | None = None,
        model: str | None = None,
        provider: str | None = None,
        parent: "Span | SpanReference | Hashable | None" = AMBIENT,
        trace_id: str | None = None,
        span_id: str | None = None,
        recorder: Recorder | None = None,
        **context: Unpack[ambient.Context],
    ) -> None:
        self.recorder = default_recorder() if recorder is None else recorder
        self.input = input  # until it is started
        self.function: Callee | None = None  # what it is a call of
        self._name = name
        self._kind = SpanKind(kind)
        self._attributes = dict(attributes or {})
        self._model = model
        self._provider = provider
        self._parent = parent
        self._trace_id = None if trace_id is None else checked_trace_id(trace_id)
        self._span_id = None if span_id is None else checked_span_id(span_id)
        self._context = dict(ambient.checked(context)) if context else {}
        self._finish: dict[str, Any] = {}
        self._live: LiveSpan | None = None
        self._token: Token[LiveSpan | None] | None = None
        if self._trace_id is not None:
            _check_trace(parent, self._trace_id)

    @property
    def trace_id(self) -> str | None:
        """32 hex digits, or None while the span is not recorded."""
        return self._live.trace if self._live is not None and self._live.sampled else None

    @property
    def span_id(self) -> str | None:
        """16 hex digits, or None while the span is not recorded."""
        return self._live.span if self._live is not None and self._live.sampled else None

    @property
    def live(self) -> LiveSpan | None:
        """The span as its recorder knows it; None before it is started."""
        return self._live

    @property
    def reference(self) -> SpanReference | None:
        """The span by its ids, for links and other processes; None before it is started."""
        return None if self._live is None else reference_to(self._live)

    @property
    def has_output(self) -> bool:
        """Whether the span was told what came out of the work."""
        return "output" in self._finish

    def set_input(self, input: Any) -> None:
        """Say what the work was given, in place of what was said before."""
        self._finish["input"] = input

    def set_output(self, output: Any) -> None:
        """Say what came out of the work."""
        self._finish["output"] = output

    def set_usage(self, usage: Usage) -> None:
        """Say how many tokens the work took."""
        self._finish["usage"] = usage

    def token(self) -> None:
        """Note that a piece of a streamed output arrived; the first one is timed."""
        self.recorder.token(self)

    def set_model(self, model: str, provider: str | None = None) -> None:
        """Say which model answered."""
        self._finish["model"] = model
        if provider is not None:
            self._finish["provider"] = provider

    def set_status(self, status: Status | str, message: str | None = None) -> None:
        """Say how the work ended, where it did not raise; the message is that of a failure.

        Raises:
            ArgumentError: `running` is no way to end.
        """
        if Status(status) is Status.RUNNING:
            raise ArgumentError("A span that ends is not running. Give another status.")
        self._finish["status"] = Status(status)
        if message is not None:
            self._finish["error"] = SpanError("error", message)

    def set_attributes(self, **attributes: Any) -> None:
        """Add attributes; a name that is there already gets the new value."""
        self._attributes.update(attributes)

    def record(self, key: str, value: Any) -> None:
        """Keep a value by its key: now, as an event, and the latest as the attribute `key`.

        So values of one key are all kept, in order, and are seen before the span ends.
        """
        self.add_event(key, value)
        self.set_attributes(**{key: value})

    def add_event(
        self, name: str, data: Any = MISSING, *, at: datetime | int | None = None
    ) -> None:
        """Note something that happened, just now unless a time is given.

        Raises:
            ArgumentError: `at` is neither an aware datetime nor nanoseconds since 1970.
        """
        if self._live is not None:
            moment = None if at is None else checked_time(at)
            self.recorder.event(self._live, name, data, at=moment)

    def link(self, other: "Span | SpanReference | None", name: str = "uses") -> None:
        """Say that this span refers to another one, such as one whose output it used.

        The other may be in another trace. Where it is not recorded there is nothing to link.
        """
        to = other.reference if isinstance(other, Span) else other
        if to is not None and to.sampled is not False and self._live is not None:
            self.recorder.link(self._live, to.trace_id, to.span_id, name)

    def annotate(self, **context: Unpack[ambient.NamedContext]) -> None:
        """Set attributes of the whole trace: session, user, tags, metadata, name, release, ….

        They show on everything in the trace, also on what was recorded before.

        Raises:
            ArgumentError: an attribute that traces do not have.
        """
        ambient.checked(context)
        if self._live is not None:
            self.recorder.annotate(self._live, **context)

    def start(self, at: datetime | int | None = None) -> Self:
        """Open the span, for use without `with`; the current span stays what it is.

        Raises:
            ArgumentError: `at` is neither an aware datetime nor nanoseconds since 1970.
        """
        moment = None if at is None else checked_time(at)
        recorder = self.recorder
        version = self._context.pop("version", None)
        if version is not None:
            self._attributes["version"] = version
        live = recorder.start(
            self,
            kind=self._kind,
            name=self._name,
            parent=self._above(),
            input=self.input,
            attributes=self._attributes,
            model=self._model,
            provider=self._provider,
            context=self._context,
            function=self.function,
            trace_id=self._trace_id,
            span_id=self._span_id,
            at=moment,
        )
        # One that is not sampled is current all the same: what is below it is not sampled either.
        self._live = live = recorder.find(self) if live is None else live
        if live is not None:
            live.memo = self
            if version is not None and live.parent is None:
                recorder.annotate(live, version=version)
        self.input = MISSING
        return self

    def _above(self) -> Hashable | None:
        """Return the parent as the recorder knows it; one that is not recorded is none."""
        if not isinstance(self._parent, Span):
            return self._parent
        live = self._parent.live
        return live if live is not None and live.owner is self.recorder else None

    def finish(
        self, error: BaseException | None = None, *, at: datetime | int | None = None
    ) -> None:
        """Close the span; the first end counts.

        Raises:
            ArgumentError: `at` is neither an aware datetime nor nanoseconds since 1970.
        """
        told = self._finish
        if at is not None:
            told["at"] = checked_time(at)
        if error is not None:
            told["error"] = error
            told.pop("status", None)
        self.recorder.finish(self, attributes=self._attributes, **told)
        self._finish, self._attributes = {}, {}

    end = finish

    def resume(self) -> None:
        """Make this the current span until `pause`, in the same context."""
        if self._live is not None:
            self._token = ambient.current.set(self._live)

    def pause(self) -> None:
        """Make current again what was so before `resume`."""
        if self._token is not None:
            with suppress(ValueError):  # left in another context than entered
                ambient.current.reset(self._token)
            self._token = None

    def __enter__(self) -> Self:
        self.start()
        self.resume()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.pause()
        self.finish(error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)


class FrameworkSpan(Span):
    """The open span of a framework, to add to: what opened it ends it."""

    def __init__(self, live: LiveSpan, recorder: Recorder) -> None:
        super().__init__(live.name, kind=live.kind, recorder=recorder)
        self._live = live
        self._open = live

    def set_input(self, input: Any) -> None:
        """Say what the work was given, in place of what the framework says."""
        self.recorder.enrich(self._open, input=input)

    def set_output(self, output: Any) -> None:
        """Say what came out of the work, in place of what the framework says."""
        self.recorder.enrich(self._open, output=output)

    def set_status(self, status: Status | str, message: str | None = None) -> None:
        """Say how the work ended, in place of what the framework says."""
        super().set_status(status, message)
        self.recorder.enrich(self._open, **self._finish)

    def set_usage(self, usage: Usage) -> None:
        """Say how many tokens the work took, in place of what the framework says."""
        self.recorder.enrich(self._open, usage=usage)

    def set_model(self, model: str, provider: str | None = None) -> None:
        """Say which model answered, where the framework does not."""
        self.recorder.enrich(self._open, model=model, provider=provider)

    def set_attributes(self, **attributes: Any) -> None:
        """Add attributes."""
        self.recorder.enrich(self._open, attributes=attributes)

    def start(self, at: datetime | int | None = None) -> Self:
        """Do nothing: it is open."""
        return self

    def finish(
        self, error: BaseException | None = None, *, at: datetime | int | None = None
    ) -> None:
        """Do nothing: the framework will."""


def _check_trace(parent: Any, trace_id: str) -> None:
    """Refuse a parent in another trace.

    Raises:
        ArgumentError: the parent's trace is known, and another one.
    """
    known = parent.trace_id if isinstance(parent, (Span, SpanReference)) else None
    if known is not None and known != trace_id:
        raise ArgumentError(
            f"The parent is in trace {known}, not in {trace_id}. Give one of the two only; "
            "to refer to a span of another trace, use link()."
        )


def reference_to(live: LiveSpan) -> SpanReference:
    """Return a live span by its ids."""
    return SpanReference(live.trace, live.span, live.sampled)


def current_reference() -> SpanReference | None:
    """Return the span that code running here belongs to, by its ids.

    Outside any span of this process it is the one that `continued` named, if any.
    """
    live = default_recorder().current()
    return ambient.remote.get() if live is None else reference_to(live)


def current_span() -> Span | None:
    """Return the recorded span that code running here belongs to, to add to it, or None.

    That may be one of `observe`, one opened by hand or a framework's.
    """
    recorder = default_recorder()
    live = recorder.current()
    if live is None or not live.sampled:
        return None
    return live.memo if isinstance(live.memo, Span) else FrameworkSpan(live, recorder)


def current_trace_id() -> str | None:
    """Return the id of the recorded trace that code running here belongs to, or None."""
    here = current_reference()
    return None if here is None or here.sampled is False else here.trace_id


def current_span_id() -> str | None:
    """Return the id of the recorded span that code running here belongs to, or None."""
    here = current_reference()
    return None if here is None or here.sampled is False else here.span_id
