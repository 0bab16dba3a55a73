"""The clock of a recorder: wall time whose differences are never negative."""

import time

_DRIFT = 50_000_000  # nanoseconds by which wall time may stray before it is followed


class Clock:
    """Tells nanoseconds since 1970 UTC by the monotonic clock, so that durations are true.

    `settle`, called where a trace begins, follows wall time when that was set or the machine slept.
    """

    __slots__ = ("_offset",)

    def __init__(self) -> None:
        self._offset = time.time_ns() - time.perf_counter_ns()

    def __call__(self) -> int:
        """Return the time now."""
        return time.perf_counter_ns() + self._offset

    def settle(self) -> None:
        """Follow wall time if it strayed from ours."""
        offset = time.time_ns() - time.perf_counter_ns()
        if abs(offset - self._offset) > _DRIFT:
            self._offset = offset
