"""Chance: whether two groups differ by more than what they would without any reason.

Formulas that need nothing but the normal distribution, the same each time they are computed:
intervals of a rate by Wilson (1927), of the difference of two rates by Newcombe (1998, method 10),
of a median by its order statistics, and the rank test of Mann and Whitney (1947) with ties.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import NormalDist

CONFIDENCE = 0.95
FEW = 8  # values of a group; with fewer the rank test's approximation does not hold
_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a value lies with 95 % confidence."""

    low: float
    high: float


def rate_interval(hits: int, of: int) -> Interval:
    """Return the interval of a rate; `of` is 1 or more."""
    rate, square = hits / of, _Z * _Z / of
    middle = (rate + square / 2) / (1 + square)
    half = _Z / (1 + square) * math.sqrt(rate * (1 - rate) / of + square / (4 * of))
    low = 0.0 if hits == 0 else max(middle - half, 0.0)
    return Interval(low, 1.0 if hits == of else min(middle + half, 1.0))


def rate_difference(hits: int, of: int, other_hits: int, other_of: int) -> Interval:
    """Return the interval of the second rate less the first."""
    first, second = hits / of, other_hits / other_of
    one, other = rate_interval(hits, of), rate_interval(other_hits, other_of)
    below = math.hypot(second - other.low, one.high - first)
    above = math.hypot(other.high - second, first - one.low)
    return Interval(second - first - below, second - first + above)


def median_interval(ordered: Sequence[float]) -> Interval:
    """Return the interval of the median of ascending values, of which there is one or more."""
    count = len(ordered)
    half = _Z * math.sqrt(count) / 2
    low = max(math.floor(count / 2 - half), 0)
    high = min(math.ceil(count / 2 + half), count - 1)
    return Interval(ordered[low], ordered[high])


def rank_test(values: Sequence[float], others: Sequence[float]) -> float | None:
    """Return the two-sided p of the rank test, None for too few values to tell."""
    first, second = len(values), len(others)
    if min(first, second) < FEW:
        return None
    marked = sorted([(value, 0) for value in values] + [(value, 1) for value in others])
    total, ranks, ties, seen = first + second, 0.0, 0, 0
    for _, group in groupby(marked, key=lambda pair: pair[0]):
        sides = [side for _, side in group]
        ranks += sides.count(0) * (seen + (len(sides) + 1) / 2)
        ties += len(sides) ** 3 - len(sides)
        seen += len(sides)
    spread = first * second / 12 * (total + 1 - ties / (total * (total - 1)))
    if spread <= 0:
        return 1.0
    distance = abs(ranks - first * (first + 1) / 2 - first * second / 2) - 0.5
    return 2 * (1 - NormalDist().cdf(max(distance, 0) / math.sqrt(spread)))
