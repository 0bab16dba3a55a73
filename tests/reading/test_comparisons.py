"""Groups of traces side by side, and conditions on them."""

import pytest

from spanbook.errors import FilterError
from spanbook.reading.comparisons import Compared, compare_groups, read_group
from spanbook.reading.gates import Gate
from tests.reading.shelves import SECOND, Shelf


@pytest.fixture
def releases(shelf: Shelf) -> Shelf:
    """Twenty traces of each of two releases; those of the second are slower and dearer."""
    for number in range(20):
        for release, factor in (("1.0", 1), ("1.1", 3)):
            shelf.trace(
                tags=("even",) if number % 2 == 0 else (),
                release=release,
                version="v",
                status="error" if number < 2 * factor else "ok",
                duration_ns=factor * (number + 1) * SECOND,
                total_tokens=100 if number else None,
                cost=factor * 10**10 if number else None,
            )
    shelf.trace(release="1.1", status="running")
    return shelf


def compared(shelf: Shelf, a: str = "release:1.0", b: str = "release:1.1") -> dict[str, Compared]:
    found = compare_groups(read_group(shelf.engine, a), read_group(shelf.engine, b))
    return {one.measure: one for one in found}


def test_measures_are_those_of_the_traces(releases: Shelf):
    found = compared(releases)

    values = {name: (one.a, one.b) for name, one in found.items()}
    assert values == {
        "traces": (20, 21),
        "error_rate": (0.1, 0.3),
        "duration": (10.5, 31.5),
        "p50": (10, 30),
        "p95": (19, 57),
        "p99": (20, 60),
        "tokens": (100, 100),
        "cost": (pytest.approx(0.01), pytest.approx(0.03)),
    }


def test_each_sentence_says_whether_it_is_chance(releases: Shelf):
    found = compared(releases)

    assert found["error_rate"].sentence == "No difference beyond chance."
    assert found["p50"].sentence == "B takes longer, beyond chance."
    assert found["tokens"].sentence == "No difference beyond chance."
    assert found["cost"].sentence == "B costs more, beyond chance."
    back = compared(releases, "release:1.1", "release:1.0")
    assert back["p50"].sentence == "B takes shorter, beyond chance."


def test_a_trace_a_tag_and_a_filter_are_groups_too(releases: Shelf):
    assert read_group(releases.engine, f"{1:032x}").traces == 1
    assert read_group(releases.engine, "tag:even").traces == 20
    assert read_group(releases.engine, "release=1.0&status=error").traces == 2


@pytest.mark.parametrize(
    "text", ["1.0", "release:9", "run:none", "colour=red", "q=word", "f" * 32, "release:"]
)
def test_what_names_no_traces_is_refused(releases: Shelf, text: str):
    with pytest.raises(FilterError):
        read_group(releases.engine, text)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("cost > +10%", True),
        ("cost > +250%", False),
        ("error_rate > +1pp", True),
        ("error_rate > +20pp", False),
        ("error_rate >= +20pp", True),
        ("error_rate > 5%", True),
        ("p95 > 56s", True),
        ("p95>+40s", False),
        ("duration < -10%", False),
        ("tokens <= 100", True),
        ("traces < 21", False),
        ("cost > $0.02", True),
    ],
)
def test_a_condition_holds_or_not(releases: Shelf, condition: str, holds: bool):
    assert Gate.read(condition).holds(list(compared(releases).values())) is holds


@pytest.mark.parametrize(
    "text",
    ["cost", "costs > +10%", "cost > +1pp", "cost > 10%", "error_rate > 1", "p95 > 2", "cost > 2s"],
)
def test_a_bad_condition_is_refused_with_advice(text: str):
    with pytest.raises(FilterError, match=r"Write one|Did you mean|give|leave"):
        Gate.read(text)


def test_what_is_not_known_cannot_be_a_condition(shelf: Shelf):
    shelf.trace(release="1.0")
    shelf.trace(release="1.1")

    with pytest.raises(FilterError, match="cost is not known"):
        Gate.read("cost > +1%").holds(list(compared(shelf).values()))
