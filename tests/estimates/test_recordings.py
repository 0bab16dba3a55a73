"""What providers reported for recorded requests is what we estimate."""

from collections import defaultdict

import pytest

from benchmarks.tokens import Measured, find, is_exact, measure
from tests.traffic import FOLDER, MISSING

pytest.importorskip("tiktoken")

RECORDINGS = find(str(FOLDER))

pytestmark = pytest.mark.skipif(RECORDINGS is None, reason=MISSING)

# The exact share that every group must reach; the present figures are in docs/tokens.md.
AT_LEAST = {
    "chat_text": 0.97,
    "chat_tools": 0.95,
    "chat_tool_history": 0.9,
    "chat_schema": 0.8,
    "completion": 0.9,
    "embedding": 0.97,
    "images_known_size": 0.5,
    "responses_text": 0.8,
    "responses_tools": 0.7,
}


@pytest.fixture(scope="module")
def measured() -> dict[str, list[Measured]]:
    assert RECORDINGS is not None
    groups: dict[str, list[Measured]] = defaultdict(list)
    for row in measure(RECORDINGS):
        groups[row.group].append(row)
    return groups


@pytest.mark.parametrize(("group", "least"), AT_LEAST.items())
def test_most_estimates_of_a_group_are_exact(
    measured: dict[str, list[Measured]], group: str, least: float
):
    rows = measured.get(group)
    if not rows:
        pytest.skip(f"no recordings of {group}")

    assert sum(map(is_exact, rows)) / len(rows) >= least


def test_a_lower_bound_is_never_above_what_was_reported(measured: dict[str, list[Measured]]):
    above = [
        row for rows in measured.values() for row in rows if row.is_bound and (row.error or 0) > 0
    ]

    assert not above
