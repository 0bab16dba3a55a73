"""Curves: metrics over steps as lines in one picture, drawn on the server."""

from collections.abc import Sequence
from dataclasses import dataclass

from spanbook.reading.metric_history import History, Point

WIDTH, HEIGHT = 600.0, 120.0
FAMILIES = (*("vector", "tool", "retrieval", "agent", "model", "prompt", "judge", "structure"),)


@dataclass(frozen=True, slots=True)
class Curve:
    """One line: its letter and family, and its path in SVG.

    `dots` are points without neighbours. `band` encloses the values that one point stands for; ""
    where each stands for one.
    """

    letter: str
    family: str
    path: str
    dots: str
    band: str
    history: History


@dataclass(frozen=True, slots=True)
class Picture:
    """All lines of one metric, and what the edges stand for; None: no value is a number."""

    name: str
    curves: tuple[Curve, ...]
    low: float | None
    high: float | None
    first: int
    last: int


def pictures(histories: Sequence[History], letters: dict[str, str]) -> list[Picture]:
    """Return a picture for each metric; `letters` are those of the runs, by their ids."""
    names = dict.fromkeys(history.name for history in histories)
    places = {run_id: place for place, run_id in enumerate(letters)}
    return [
        _picture(name, [one for one in histories if one.name == name], letters, places)
        for name in names
    ]


def _picture(
    name: str, histories: Sequence[History], letters: dict[str, str], places: dict[str, int]
) -> Picture:
    points = [point for history in histories for point in history.points]
    first, last = min(point.step for point in points), max(point.step for point in points)
    leasts = [point.least for point in points if point.least is not None]
    mosts = [point.most for point in points if point.most is not None]
    low, high = (min(leasts), max(mosts)) if leasts and mosts else (None, None)
    scale = _Scale(first, last, low or 0.0, high or 0.0)
    curves = tuple(
        Curve(
            letters[history.run_id],
            FAMILIES[places[history.run_id] % len(FAMILIES)],
            *scale.line(history.points),
            scale.band(history.points),
            history,
        )
        for history in histories
    )
    return Picture(name, curves, low, high, first, last)


@dataclass(frozen=True, slots=True)
class _Scale:
    first: int
    last: int
    low: float
    high: float

    def _x(self, step: int) -> str:
        span = self.last - self.first
        return f"{WIDTH * (step - self.first) / span if span else WIDTH / 2:.1f}"

    def _y(self, value: float) -> str:
        span = self.high / 2 - self.low / 2  # halves, whose difference is always finite
        return f"{HEIGHT * (1 - (value / 2 - self.low / 2) / span) if span else HEIGHT / 2:.1f}"

    def line(self, points: Sequence[Point]) -> tuple[str, str]:
        """Return the means as lines, with a gap where there is no number, and the lone ones."""
        pieces: list[list[str]] = [[]]
        for point in points:
            if point.mean is not None:
                pieces[-1].append(f"{self._x(point.step)},{self._y(point.mean)}")
            elif pieces[-1]:
                pieces.append([])
        lines = "".join(f"M{'L'.join(piece)}" for piece in pieces if len(piece) > 1)
        # A line of no length has round ends, which make a dot.
        return lines, "".join(f"M{piece[0]}h0" for piece in pieces if len(piece) == 1)

    def band(self, points: Sequence[Point]) -> str:
        """Return the area between the least and the greatest values."""
        known = [point for point in points if point.least is not None and point.most is not None]
        if all(point.count <= 1 for point in known):
            return ""
        above = [f"{self._x(point.step)},{self._y(point.most or 0.0)}" for point in known]
        below = [f"{self._x(point.step)},{self._y(point.least or 0.0)}" for point in known[::-1]]
        return f"M{'L'.join([*above, *below])}Z"
