"""Notices: what listeners and exporters are told of spans while a program runs."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, TypeAlias, runtime_checkable

from spanbook.moments import duration, moment
from spanbook.spans import SpanError, SpanEvent, SpanKind, Status
from spanbook.usage import Usage


class NoticeKind(StrEnum):
    """What happened to a span. Each ends with `complete`, however it ended."""

    START = "span-start"
    RECORD = "span-record"
    SUCCESS = "span-success"
    ERROR = "span-error"
    COMPLETE = "span-complete"


@dataclass(frozen=True, slots=True)
class SpanSnapshot:
    """What was known of a span at one moment: plain data, bounded and masked, nobody else's.

    `counted` false: a span below already reported this usage.
    """

    trace_id: str
    span_id: str
    parent_id: str | None
    kind: SpanKind
    name: str
    status: Status
    start_ns: int
    end_ns: int | None
    input: Any
    output: Any
    attributes: dict[str, Any]
    error: SpanError | None
    usage: Usage | None
    counted: bool
    model: str | None
    provider: str | None

    @property
    def start(self) -> datetime:
        """When the span began."""
        return moment(self.start_ns)

    @property
    def end(self) -> datetime | None:
        """When it ended; None while it runs."""
        return None if self.end_ns is None else moment(self.end_ns)

    @property
    def duration(self) -> timedelta | None:
        """How long it took; None while it runs."""
        return None if self.end_ns is None else duration(self.end_ns - self.start_ns)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened to a span; `record` is what was recorded, where that is the news."""

    kind: NoticeKind
    span: SpanSnapshot
    record: SpanEvent | None = None


Listener: TypeAlias = Callable[[Notice], Awaitable[object] | object]


@runtime_checkable
class Exporter(Protocol):
    """Takes notices elsewhere. It is called in a thread of its own and may take its time."""

    def export(self, notice: Notice, /) -> Awaitable[object] | object:
        """Take one notice; may be a coroutine function."""
        ...

    def close(self) -> object:
        """Let go of everything: recording is closed. More notices may come when it goes on."""
        ...
