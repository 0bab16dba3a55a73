"""Gates: conditions on a comparison, such as `cost > +10%`, for those who let a build fail."""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from spanbook.errors import FilterError
from spanbook.reading.arguments import near
from spanbook.reading.comparisons import MEASURES, Compared

_FORM = re.compile(r"\s*(\w+)\s*(<=|>=|<|>)\s*([+-]?)\s*\$?(\d+(?:\.\d+)?)\s*(%|pp|ms|s|m)?\s*")
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TIMES = {"ms": 0.001, "s": 1.0, "m": 60.0}
_DURATIONS = ("duration", "p50", "p95", "p99")


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition: on B itself, or, with a sign, on the change from A to B.

    `relative`: the change is a part of A's value.
    """

    text: str
    measure: str
    comparison: str
    bound: float
    is_change: bool
    relative: bool

    @classmethod
    def read(cls, text: str) -> "Gate":
        """Return the condition that `text` is.

        Raises:
            FilterError: it is none, with what is possible.
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise FilterError(
                f"{text!r} is no condition. Write one as 'cost > +10%', 'error_rate > +1pp', "
                "'p95 > 2s' or 'tokens > +100'."
            )
        measure, comparison, sign, digits, unit = match.groups()
        if measure not in MEASURES:
            raise FilterError(f"Unknown measure {measure!r}. {near(measure, list(MEASURES))}")
        _check_unit(text, measure, sign, unit)
        bound = float(digits) * (-1 if sign == "-" else 1)
        relative = unit == "%" and bool(sign) and measure != "error_rate"
        bound *= 0.01 if unit in ("%", "pp") else _TIMES.get(unit or "", 1.0)
        return cls(text.strip(), measure, comparison, bound, bool(sign), relative)

    def holds(self, compared: Sequence[Compared]) -> bool:
        """Say whether it holds.

        Raises:
            FilterError: what it asks for is not known.
        """
        one = next(one for one in compared if one.measure == self.measure)
        if one.b is None or (self.is_change and one.a is None):
            raise FilterError(f"{self.text!r} cannot be told: {self.measure} is not known.")
        value = one.b
        if self.is_change and one.a is not None:
            value = round(one.b - one.a, 15)
            if self.relative:
                value = value / one.a if one.a else float("inf") if value > 0 else 0.0
        return _COMPARISONS[self.comparison](value, self.bound)


def _check_unit(text: str, measure: str, sign: str, unit: str | None) -> None:
    if measure == "error_rate":
        if unit not in ("pp", "%") or (unit == "%") == bool(sign):
            raise FilterError(
                f"{text!r}: give error_rate in points of percent for a change, as +1pp, or in "
                "percent for B itself, as 5%."
            )
    elif unit == "pp" or (unit == "%" and not sign):
        raise FilterError(f"{text!r}: give a change with its sign, as {measure} > +10%.")
    elif unit in _TIMES and measure not in _DURATIONS:
        raise FilterError(f"{text!r}: {measure} is no time; leave the unit {unit!r} out.")
    elif measure in _DURATIONS and unit is None:
        raise FilterError(f"{text!r}: give {measure} with a unit: ms, s or m.")
