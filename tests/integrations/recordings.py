"""What an integration recorded, read back from the store, one object a span."""

from dataclasses import dataclass
from typing import Any

from spanbook.reading.book import Book
from spanbook.reading.rows import Payload, SpanRow, TraceRow
from spanbook.recording.recorder import Recorder


@dataclass(frozen=True)
class Recorded:
    """A span with its payload and the row of its trace."""

    row: SpanRow
    payload: Payload
    trace: TraceRow

    def __getattr__(self, name: str) -> Any:
        """Return a field of the payload, else of the row."""
        return getattr(self.payload if hasattr(self.payload, name) else self.row, name)


def recorded(recorder: Recorder, **wanted: Any) -> list[Recorded]:
    """Return the spans by start, of all traces, whose fields are as `wanted`."""
    assert recorder.flush(10), recorder.flush(0)
    found: list[Recorded] = []
    with Book(recorder.settings.url) as book:
        for row in book.traces():
            trace = book.trace(row.trace_id)
            found += [
                Recorded(span, trace.payload(span.span_id), row)
                for span in trace.spans
                if all(getattr(span, name) == value for name, value in wanted.items())
            ]
    return sorted(found, key=lambda one: one.row.start_ns)


def only(recorder: Recorder, **wanted: Any) -> Recorded:
    """Return the one span whose fields are as `wanted`."""
    found = recorded(recorder, **wanted)
    assert len(found) == 1, [f"{one.row.kind} {one.row.name}" for one in found]
    return found[0]
