"""Histograms, packed and added up."""

import random

import pytest

from spanbook.store import histograms
from spanbook.store.histograms import HistogramSum, pack, unpack


@pytest.mark.parametrize("counts", [{}, {0: 1}, {7: 3, 9: 1}, {0: 2**32 - 1, 500: 1}], ids=str)
def test_what_was_packed_is_unpacked(counts: dict[int, int]):
    assert unpack(pack(counts)) == counts


def test_empty_buckets_at_the_ends_take_no_room():
    assert pack({3: 0, 4: 1, 9: 0}) == pack({4: 1})


@pytest.mark.parametrize("room", [histograms._ROOM, 100])  # pyright: ignore[reportPrivateUsage]
def test_a_sum_is_that_of_the_counts(monkeypatch: pytest.MonkeyPatch, room: int):
    monkeypatch.setattr(histograms, "_ROOM", room)
    choose = random.Random(3)
    total = HistogramSum()
    expected: dict[int, int] = {}
    for _ in range(50):
        counts = {choose.randrange(400): choose.randrange(1, 20) for _ in range(9)}
        total.add_packed(pack(counts), sum(counts.values()))
        for step, count in counts.items():
            expected[step] = expected.get(step, 0) + count
    total.add_counts({5: 2})
    expected[5] = expected.get(5, 0) + 2

    assert total.counts() == expected
    assert total.counts() == expected


def test_a_full_bucket_does_not_run_over_into_the_next():
    most = 2**32 - 1
    total = HistogramSum()
    for _ in range(3):
        total.add_packed(pack({8: most}), most)

    assert total.counts() == {8: 3 * most}
