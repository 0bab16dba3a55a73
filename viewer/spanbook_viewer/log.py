"""What happened in a trace, in the order of time: spans begin and end, events fall between."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from spanbook.moments import duration, moment_ns
from spanbook.reading.rows import SpanRow
from spanbook.spans import SpanEvent

PAGE = 500  # entries of one page
EVENTS = 10_000  # of one trace that the log can hold

_ORDER = {"start": 0, "event": 1, "end": 2}


class Entry(NamedTuple):
    """One line of the log: a span began or ended, or an event happened inside it."""

    at_ns: int
    what: str
    span: SpanRow
    depth: int
    event: SpanEvent | None = None

    @property
    def data(self) -> Any:
        """What the event said."""
        return self.event.data if self.event else None


@dataclass(frozen=True, slots=True)
class LogPage:
    """Some of the entries, the number of the first, and how many there are altogether."""

    entries: Sequence[Entry]
    first: int
    total: int
    start_ns: int

    @property
    def end(self) -> int:
        """The number of the first entry that is not on this page."""
        return self.first + len(self.entries)

    def since_start(self, entry: Entry) -> timedelta:
        """Return the time from the start of the trace to an entry."""
        return duration(entry.at_ns - self.start_ns)


def log_page(
    spans: Sequence[tuple[SpanRow, int]],
    events: Sequence[tuple[str, SpanEvent]],
    first: int,
) -> LogPage:
    """Return the entries from number `first` on; `spans` come with their depths in the tree."""
    known: Mapping[str, tuple[SpanRow, int]] = {
        span.span_id: (span, depth) for span, depth in spans
    }
    found = [Entry(span.start_ns, "start", span, depth) for span, depth in spans]
    found += [
        Entry(span.end_ns, "end", span, depth) for span, depth in spans if span.end_ns is not None
    ]
    found += [
        Entry(moment_ns(event.at), "event", *known[span_id], event)
        for span_id, event in events
        if span_id in known
    ]
    found.sort(key=lambda entry: (entry.at_ns, _ORDER[entry.what]))
    start = found[0].at_ns if found else 0
    first = first if first < len(found) else 0
    return LogPage(found[first : first + PAGE], first, len(found), start)
