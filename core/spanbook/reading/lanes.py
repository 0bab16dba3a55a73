"""Lanes: which line of a timeline each span is drawn on, so that none covers another."""

from collections.abc import Sequence
from heapq import heappop, heappush

from spanbook.reading.rows import SpanRow


def assign(spans: Sequence[SpanRow], now: int) -> list[int]:
    """Return a lane for each span, so that no two in a lane overlap, from 0 on.

    Spans take the lowest free lane in the order of their starts, the longer first. One may begin
    where another ends. A span without an end lasts until `now`, in nanoseconds since 1970.
    """
    ends = [_end(span, now) for span in spans]
    order = sorted(range(len(spans)), key=lambda i: (spans[i].start_ns, -ends[i], i))
    lanes = [0] * len(spans)
    busy: list[tuple[int, int]] = []  # (end, lane)
    free: list[int] = []
    for i in order:
        while busy and busy[0][0] <= spans[i].start_ns:
            heappush(free, heappop(busy)[1])
        lanes[i] = heappop(free) if free else len(busy)
        heappush(busy, (ends[i], lanes[i]))
    return lanes


def _end(span: SpanRow, now: int) -> int:
    end = now if span.end_ns is None else span.end_ns
    return max(end, span.start_ns + 1)  # even a moment takes its place
