"""Spans opened by hand: `with spanbook.span("rerank", kind="reranker") as span: …`."""

from collections.abc import Mapping
from contextlib import suppress
from contextvars import Token
from types import TracebackType
from typing import Any, Self

from spanbook.recording import ambient
from spanbook.recording.defaults import default_recorder
from spanbook.recording.live import LiveSpan
from spanbook.recording.recorder import MISSING, Recorder
from spanbook.spans import SpanKind, Status
from spanbook.usage import Usage


class Span:
    """A span around a block of code, sync or async, which is the current span meanwhile.

    An exception that leaves the block ends it as `error` or `cancelled` and goes on unchanged.
    Where recording is off, or the trace is not sampled, everything here does nothing.
    """

    def __init__(
        self,
        name: str,
        *,
        kind: SpanKind | str = SpanKind.STEP,
        input: Any = MISSING,
        attributes: Mapping[str, Any] | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self.recorder = default_recorder() if recorder is None else recorder
        self._name = name
        self._kind = SpanKind(kind)
        self._input = input
        self._attributes = dict(attributes or {})
        self._finish: dict[str, Any] = {}
        self._live: LiveSpan | None = None
        self._token: Token[LiveSpan | None] | None = None

    @property
    def trace_id(self) -> str | None:
        """32 hex digits, or None while the span is not recorded."""
        return None if self._live is None else self._live.trace

    @property
    def span_id(self) -> str | None:
        """16 hex digits, or None while the span is not recorded."""
        return None if self._live is None else self._live.span

    def set_output(self, output: Any) -> None:
        """Say what came out of the work."""
        self._finish["output"] = output

    def set_usage(self, usage: Usage) -> None:
        """Say how many tokens the work took."""
        self._finish["usage"] = usage

    def set_status(self, status: Status | str) -> None:
        """Say how the work ended, where it did not raise."""
        self._finish["status"] = Status(status)

    def set_attributes(self, **attributes: Any) -> None:
        """Add attributes; a name that is there already gets the new value."""
        self._attributes.update(attributes)

    def add_event(self, name: str, data: Any = MISSING) -> None:
        """Note something that happened just now."""
        self.recorder.event(self, name, data)

    def annotate(self, **context: Any) -> None:
        """Set attributes of the whole trace: session, user, tags, metadata, name, release, …."""
        self.recorder.annotate(self, **context)

    def start(self) -> Self:
        """Open the span now, for use without `with`; the current span stays what it is."""
        self._live = self.recorder.start(
            self,
            kind=self._kind,
            name=self._name,
            input=self._input,
            attributes=self._attributes,
        )
        self._input = MISSING
        return self

    def end(self, error: BaseException | None = None) -> None:
        """Close the span; the first end counts."""
        self.recorder.finish(self, error=error, attributes=self._attributes, **self._finish)
        self._finish, self._attributes = {}, {}

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
        self.end(error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)


def current_trace_id() -> str | None:
    """Return the id of the trace that code running here belongs to, 32 hex digits, or None."""
    live = default_recorder().current()
    return None if live is None else live.trace


def current_span_id() -> str | None:
    """Return the id of the span that code running here belongs to, 16 hex digits, or None."""
    live = default_recorder().current()
    return None if live is None else live.span
