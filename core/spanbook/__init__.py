"""Spanbook records what an LLM application did, in a database you own."""

from typing import TYPE_CHECKING, Any

from spanbook.notices import Exporter, Notice, NoticeKind, SpanSnapshot
from spanbook.pipelines import Pipeline, Step
from spanbook.recording.ambient import context, paused
from spanbook.recording.architectures import describe
from spanbook.recording.carrying import (
    carried,
    continued,
    headers,
    install_threads,
    traceparent,
    uninstall_threads,
)
from spanbook.recording.defaults import configure, default_recorder, flush, listen
from spanbook.recording.functions import version_of
from spanbook.recording.manual import Span as span  # noqa: N813  # reads as a verb where it is used
from spanbook.recording.manual import current_span, current_span_id, current_trace_id
from spanbook.recording.observed import observe
from spanbook.recording.outlet import Flushed
from spanbook.recording.recorder import Recorder
from spanbook.recording.runs import Run as run  # noqa: N813  # reads as a verb where it is used
from spanbook.references import SpanReference
from spanbook.settings import Limits, Settings
from spanbook.spans import SpanKind, Status, new_trace_id
from spanbook.usage import Usage

if TYPE_CHECKING:
    from spanbook.drawing.components import draw
    from spanbook.reading.book import Book
    from spanbook.reading.book import Book as open  # noqa: A004, N813  # spanbook.open(url)

__all__ = [
    "Book",
    "Exporter",
    "Flushed",
    "Limits",
    "Notice",
    "NoticeKind",
    "Pipeline",
    "Recorder",
    "Settings",
    "SpanKind",
    "SpanReference",
    "SpanSnapshot",
    "Status",
    "Step",
    "Usage",
    "carried",
    "configure",
    "context",
    "continued",
    "current_span",
    "current_span_id",
    "current_trace_id",
    "default_recorder",
    "describe",
    "draw",
    "flush",
    "headers",
    "install_threads",
    "listen",
    "new_trace_id",
    "observe",
    "open",
    "paused",
    "run",
    "span",
    "traceparent",
    "uninstall_threads",
    "version_of",
]


def __getattr__(name: str) -> Any:
    """Import the read side when it is first asked for: it brings SQLAlchemy."""
    if name in ("Book", "open"):
        from spanbook.reading.book import Book

        return Book
    if name == "draw":
        from spanbook.drawing.components import draw

        return draw
    raise AttributeError(f"module 'spanbook' has no attribute {name!r}")
