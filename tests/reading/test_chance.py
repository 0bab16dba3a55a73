"""Whether groups differ beyond chance: published values, and every permutation counted."""

import random
from itertools import combinations

import pytest

from spanbook.reading.chance import median_interval, rank_test, rate_difference, rate_interval


def test_the_interval_of_a_rate_is_wilsons():
    found = rate_interval(10, 100)

    assert (found.low, found.high) == pytest.approx((0.0552, 0.1744), abs=1e-4)
    assert rate_interval(0, 5).low == 0.0
    assert rate_interval(5, 5).high == 1.0


def test_the_interval_of_a_difference_is_newcombes():
    found = rate_difference(48, 80, 56, 70)  # his example (a)

    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=1e-4)


def test_the_interval_of_a_median_holds_it():
    found = median_interval(list(range(101)))

    assert found.low < 50 < found.high
    assert median_interval([7]) == median_interval([7, 7])


@pytest.mark.parametrize("shift", [0, 1, 3, 6])
def test_the_rank_test_is_near_the_share_of_permutations_as_extreme(shift: int):
    choose = random.Random(shift)
    values = [choose.randrange(8) for _ in range(8)]
    others = [choose.randrange(8) + shift for _ in range(8)]
    pool = values + others

    def distance(side: tuple[int, ...], rest: list[int]) -> float:
        return abs(sum((a > b) + (a == b) / 2 for a in side for b in rest) - 32)

    observed = distance(tuple(values), others)
    splits = [
        distance(tuple(pool[i] for i in side), [pool[i] for i in range(16) if i not in side])
        for side in combinations(range(16), 8)
    ]
    exact = sum(one >= observed for one in splits) / len(splits)

    assert rank_test(values, others) == pytest.approx(exact, abs=0.03)


def test_few_values_tell_nothing_and_equal_ones_no_difference():
    assert rank_test([1.0] * 7, [2.0] * 100) is None
    assert rank_test([1.0] * 9, [1.0] * 9) == 1.0
