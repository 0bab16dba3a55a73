"""Pace: leaves the interpreter to the program that is being traced."""

import sys
import time
from threading import Event

_SLICE = 0.0003  # seconds of work without a rest
_REST = 0.00005  # long enough that a waiting thread gets the interpreter
_BUSY = 0.8  # of the switch interval: who had to wait that long shares the interpreter


class Pace:
    """Tells how busy the program is, and rests after slices of work while it is not.

    To hand over the interpreter takes both threads a moment, up to a millisecond, and a program
    that computes all the time gets it back only after its switch interval. With a program like that
    work is best done rarely, in one go; with all others little by little.
    """

    def __init__(self) -> None:
        self.hurried = False  # somebody waits for the work itself
        self.crowded = False  # the program computes all the time
        self._waits = 0
        self._due = 0.0

    def start(self) -> None:
        """Begin to work."""
        self._due = time.perf_counter() + _SLICE

    def pause(self) -> None:
        """Rest a moment if the slice is over and the program has a use for it."""
        if time.perf_counter() > self._due and not self.hurried and not self.crowded:
            begun = time.perf_counter()
            time.sleep(_REST)
            self._judge(time.perf_counter() - begun - _REST)
            self._due = time.perf_counter() + _SLICE

    def wait(self, event: Event, seconds: float) -> None:
        """Wait for `event` and see how long it took to get the interpreter back."""
        begun = time.perf_counter()
        if not event.wait(seconds):
            self._judge(time.perf_counter() - begun - seconds)

    def _judge(self, overdue: float) -> None:
        """Take note of one wait: two long ones in a row are no accident."""
        self._waits = self._waits + 1 if overdue > _BUSY * sys.getswitchinterval() else 0
        self.crowded = self._waits > 1


def at_once() -> None:
    """Do not rest: somebody waits."""
