"""What a test recorded, as plain rows to assert on."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import spanbook.figures as written
from spanbook.reading.book import Book, Trace
from spanbook.recording import defaults
from spanbook.recording.recorder import Recorder
from spanbook.spans import SpanError, SpanKind, Status
from spanbook.usage import Usage

_FLUSH = 30.0  # seconds to wait for the store


@dataclass(frozen=True, slots=True)
class RecordedSpan:
    """One span of a test, with what went into it and came out of it."""

    span_id: str
    parent_id: str | None
    depth: int
    kind: SpanKind
    name: str
    status: Status
    duration: timedelta | None
    input: Any
    output: Any
    attributes: dict[str, Any]
    error: SpanError | None
    model: str | None
    usage: Usage | None
    counted: bool
    cost: Decimal | None


class RecordedTrace:
    """What a test recorded so far, in all its traces; each look waits for what is on its way."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def spans(
        self,
        kind: SpanKind | str | None = None,
        name: str | None = None,
        status: Status | str | None = None,
        *,
        unpriced: bool = False,
    ) -> list[RecordedSpan]:
        """Return the spans that match, parents before children, siblings by start.

        Raises:
            ValueError: there is no such kind or status.
        """
        wanted_kind = None if kind is None else SpanKind(kind)
        wanted_status = None if status is None else Status(status)
        return [
            span
            for span in self._all()
            if wanted_kind in (None, span.kind)
            and name in (None, span.name)
            and wanted_status in (None, span.status)
            and (not unpriced or (span.counted and span.usage is not None and span.cost is None))
        ]

    @property
    def tools(self) -> list[str]:
        """The names of the tools that were called, in order."""
        return [span.name for span in self.spans(kind="tool")]

    @property
    def models(self) -> list[str]:
        """The models that were called, in order."""
        return [span.model or "" for span in self.spans(kind="llm")]

    @property
    def errors(self) -> list[RecordedSpan]:
        """The spans that failed."""
        return self.spans(status="error")

    @property
    def usage(self) -> Usage:
        """The tokens of all model calls, each counted once."""
        return sum((row.usage for row in self._rows() if row.usage is not None), Usage())

    @property
    def tokens(self) -> int:
        """The tokens in and out of all model calls."""
        return self.usage.total

    @property
    def cost(self) -> Decimal | None:
        """US dollars of the calls that have a price; None if none has."""
        costs = [row.cost for row in self._rows() if row.cost is not None]
        return sum(costs, Decimal(0)) if costs else None

    @property
    def unpriced(self) -> int:
        """How many model calls have no price: with any, `cost` is a lower bound."""
        return len(self.spans(unpriced=True))

    def outline(self, *, figures: bool = False) -> str:
        """Return all spans, a line each: `kind name`, then `!Error` or `(status)`.

        `figures` adds how long each took and its tokens.
        """
        return "\n".join(_line(span, figures) for span in self._all())

    def _rows(self) -> list[Any]:
        with self._open() as book:
            return book.traces()

    def _all(self) -> list[RecordedSpan]:
        with self._open() as book:
            rows = sorted(book.traces(), key=lambda row: row.start_ns)
            return [span for row in rows for span in _spans(book.trace(row.trace_id))]

    @contextmanager
    def _open(self) -> Generator[Book]:
        self.recorder.flush(_FLUSH)
        with Book(self.recorder.settings.url) as book:
            yield book


def _spans(trace: Trace) -> Iterator[RecordedSpan]:
    payloads = trace.payloads()
    for node in trace.tree().nodes:
        span, payload = node.span, payloads[node.span.span_id]
        yield RecordedSpan(
            span.span_id,
            span.parent_id,
            node.depth,
            span.kind,
            span.name,
            span.status,
            span.duration,
            payload.input,
            payload.output,
            payload.attributes,
            payload.error,
            span.model,
            span.usage,
            span.counted,
            span.cost,
        )


def _line(span: RecordedSpan, figures: bool) -> str:
    words = [f"{'  ' * span.depth}{span.kind} {span.name}"]
    if span.error is not None:
        words.append(f"!{span.error.type.rpartition('.')[2]}")
    elif span.status is not Status.OK:
        words.append(f"({span.status})")
    if figures:
        words.append(f" {written.duration(span.duration)}")
        if span.usage is not None:
            words.append(f" {written.tokens(span.usage)} tokens")
        if span.cost is not None:
            words.append(f" {written.money(span.cost)}")
    return " ".join(words)


@contextmanager
def recording(path: Path) -> Generator[RecordedTrace]:
    """Record what this process does inside into a store of its own at `path`."""
    recorder = Recorder(
        f"sqlite:///{path}",
        journal=str(path.with_suffix(".journal")),
        enabled=True,
        ingest=True,
        sample=1.0,
    )
    try:
        with defaults.used(recorder):
            yield RecordedTrace(recorder)
    finally:
        recorder.close()
