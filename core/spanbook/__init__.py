"""Spanbook records what an LLM application did, in a database you own."""

from typing import TYPE_CHECKING, Any

from spanbook.ambient import context
from spanbook.defaults import configure, default_recorder, flush
from spanbook.manual import Span as span  # noqa: N813  # reads as a verb where it is used
from spanbook.manual import current_span_id, current_trace_id
from spanbook.observed import observe
from spanbook.recorder import Flushed, Recorder
from spanbook.settings import Limits, Settings
from spanbook.spans import SpanKind, Status, new_trace_id
from spanbook.usage import Usage

if TYPE_CHECKING:
    from spanbook.book import Book
    from spanbook.book import Book as open  # noqa: A004, N813  # spanbook.open(url)

__all__ = [
    "Book",
    "Flushed",
    "Limits",
    "Recorder",
    "Settings",
    "SpanKind",
    "Status",
    "Usage",
    "configure",
    "context",
    "current_span_id",
    "current_trace_id",
    "default_recorder",
    "flush",
    "new_trace_id",
    "observe",
    "open",
    "span",
]


def __getattr__(name: str) -> Any:
    """Import the read side when it is first asked for: it brings SQLAlchemy."""
    if name in ("Book", "open"):
        from spanbook.book import Book

        return Book
    raise AttributeError(f"module 'spanbook' has no attribute {name!r}")
