"""Traces as outlines, so that a failing comparison shows the whole of both."""

from collections import defaultdict

from spanbook.reading.book import Book
from spanbook.reading.rows import SpanRow
from spanbook.recording.recorder import Recorder


def outline(recorder: Recorder) -> str:
    """Return every trace of the recorder's store: `kind name`, then `!Error` or `(status)`."""
    assert recorder.flush(10), recorder.flush(0)
    with Book(recorder.settings.url) as book:
        traces = sorted(book.traces(), key=lambda trace: trace.start)
        return "\n".join(_outline(book.trace(trace.trace_id).spans) for trace in traces)


def _outline(spans: list[SpanRow]) -> str:
    ids = {span.span_id for span in spans}
    below: dict[str | None, list[SpanRow]] = defaultdict(list)
    for span in spans:
        below[span.parent_id if span.parent_id in ids else None].append(span)
    lines: list[str] = []

    def write(span: SpanRow, depth: int) -> None:
        lines.append("  " * depth + line(span))
        for child in below[span.span_id]:
            write(child, depth + 1)

    for root in below[None]:
        write(root, 0)
    return "\n".join(lines)


def line(span: SpanRow) -> str:
    """Return a span in a few words."""
    words = f"{span.kind} {span.name}"
    if span.status == "error":
        return f"{words} !{(span.error_type or '').rpartition('.')[2]}"
    return words if span.status == "ok" else f"{words} ({span.status})"
