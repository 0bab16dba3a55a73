"""Histograms: how many durations fall into each bucket of 5 %, packed into some hundred bytes.

Packed ones are added up as they are: each is a long number with 32 bits for every bucket, so that
one addition adds all buckets at once.
"""

import math
import struct
from collections.abc import Mapping

BUCKET_GROWTH = 1.05  # a bucket of the histogram ends 5 % above where it starts

_LOG_GROWTH = math.log(BUCKET_GROWTH)
_HEAD = 2  # bytes that say which bucket is the first
_LANE = 4  # bytes of a bucket
_ROOM = (1 << 8 * _LANE) - 1  # durations that can be added up before a bucket might overflow


def bucket(duration_ns: int) -> int:
    """Return the bucket of a duration: steps of 5 % above one microsecond."""
    return int(math.log(duration_ns / 1000) / _LOG_GROWTH) if duration_ns > 1000 else 0


def pack(counts: Mapping[int, int]) -> bytes:
    """Return counts by bucket as bytes, the same for the same counts."""
    used = [step for step, count in counts.items() if count > 0]
    if not used:
        return b""
    first, last = min(used), max(used)
    lanes = [max(counts.get(step, 0), 0) for step in range(first, last + 1)]
    return struct.pack(f"<H{len(lanes)}I", first, *lanes)


def unpack(packed: bytes) -> dict[int, int]:
    """Return the counts by bucket that `pack` was given, those above zero."""
    if not packed:
        return {}
    first, *lanes = struct.unpack(f"<H{(len(packed) - _HEAD) // _LANE}I", packed)
    return {first + place: count for place, count in enumerate(lanes) if count}


class HistogramSum:
    """The sum of many histograms."""

    __slots__ = ("_counts", "_lanes", "_room")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._lanes = 0
        self._room = _ROOM

    def add_counts(self, counts: Mapping[int, int]) -> None:
        """Add counts by bucket."""
        for step, count in counts.items():
            self._counts[step] = self._counts.get(step, 0) + count

    def add_packed(self, packed: bytes, count: int) -> None:
        """Add a packed histogram, which holds `count` durations."""
        if count > self._room:
            self._unload()
        self._room -= count
        first = int.from_bytes(packed[:_HEAD], "little")
        self._lanes += int.from_bytes(packed[_HEAD:], "little") << 8 * _LANE * first

    def counts(self) -> dict[int, int]:
        """Return the counts by bucket."""
        self._unload()
        return self._counts

    def _unload(self) -> None:
        if self._lanes:
            size = -(-self._lanes.bit_length() // (8 * _LANE)) * _LANE
            lanes = self._lanes.to_bytes(size, "little")
            self.add_counts(unpack(bytes(_HEAD) + lanes))
        self._lanes, self._room = 0, _ROOM
