"""The part of a trace's time scale that a page shows, and the parts beside it."""

from dataclasses import dataclass
from datetime import timedelta

from spanbook.moments import duration

SMALLEST = 1e-5  # of the whole: what a browser can still place to the pixel


@dataclass(frozen=True, slots=True)
class Zoom:
    """A window on a time scale of `length_ns`, from `start` to `end` as fractions of it."""

    length_ns: int
    start: float = 0.0
    end: float = 1.0

    @classmethod
    def between(cls, length_ns: int, start_ms: float | None, end_ms: float | None) -> "Zoom":
        """Return the window between two moments, as far as it is on the scale."""
        if length_ns <= 0:
            return cls(length_ns)
        start = 0.0 if start_ms is None else max(0.0, start_ms * 1e6 / length_ns)
        end = 1.0 if end_ms is None else min(1.0, end_ms * 1e6 / length_ns)
        return cls(length_ns).window((start + end) / 2, end - start)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return self.start <= 0 and self.end >= 1

    @property
    def scale(self) -> float:
        """How many times wider than the whole the window is drawn."""
        return 1 / (self.end - self.start)

    @property
    def milliseconds(self) -> tuple[float | None, float | None]:
        """The window as an address says it; None twice for the whole."""
        if self.is_whole:
            return None, None
        return round(self.start * self.length_ns / 1e6, 6), round(
            self.end * self.length_ns / 1e6, 6
        )

    def labels(self) -> tuple[timedelta, timedelta, timedelta]:
        """Return the times at the beginning, in the middle and at the end, since the start."""
        middle = (self.start + self.end) / 2
        first, second, third = (
            duration(round(place * self.length_ns)) for place in (self.start, middle, self.end)
        )
        return first, second, third

    def resized(self, factor: float) -> "Zoom":
        """Return a window with the same middle that is `factor` times as long."""
        return self.window((self.start + self.end) / 2, (self.end - self.start) * factor)

    def around(self, offset: float, width: float) -> "Zoom":
        """Return the window that just holds what begins at `offset` and is `width` long."""
        return self.window(offset + width / 2, width * 1.04)

    def window(self, middle: float, width: float) -> "Zoom":
        """Return the window around `middle` that is `width` long, moved onto the scale."""
        width = min(1.0, max(SMALLEST, width))
        start = min(max(0.0, middle - width / 2), 1 - width)
        return Zoom(self.length_ns, start, start + width)
