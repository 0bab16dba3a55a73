"""Lanes: which line of a timeline each span is drawn on, so that none covers another."""

from collections.abc import Sequence
from heapq import heappop, heappush

from spanbook.reading.rows import SpanRow


def assign(spans: Sequence[SpanRow], now: int) -> list[int]:
    """Return a lane for each span, so that no two in a lane overlap, from 0 on.

    Spans take the lowest free lane in the order of their starts, the longer first. One may begin
    where another ends. A span without an end lasts until `now`, in nanoseconds since 1970.
    """
    return pack([(span.start_ns, _end(span, now)) for span in spans])


def pack(intervals: Sequence[tuple[int, int]]) -> list[int]:
    """Return a lane for each interval, so that no two in a lane overlap, from 0 on."""
    order = sorted(range(len(intervals)), key=lambda i: (intervals[i][0], -intervals[i][1], i))
    lanes = [0] * len(intervals)
    busy: list[tuple[int, int]] = []  # (end, lane)
    free: list[int] = []
    for i in order:
        begin, end = intervals[i]
        while busy and busy[0][0] <= begin:
            heappush(free, heappop(busy)[1])
        lanes[i] = heappop(free) if free else len(busy)
        heappush(busy, (end, lanes[i]))
    return lanes


def _end(span: SpanRow, now: int) -> int:
    end = now if span.end_ns is None else span.end_ns
    return max(end, span.start_ns + 1)  # even a moment takes its place
