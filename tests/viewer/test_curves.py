"""Metrics over steps as lines."""

from spanbook.reading.metric_history import History, Point
from spanbook_viewer.curves import pictures
from spanbook_viewer.run_columns import figure


def history(*values: float | None) -> History:
    return History(
        "r",
        "loss",
        [
            Point(step, 1, value is not None, value, value, value)
            for step, value in enumerate(values)
        ],
    )


def test_a_line_runs_from_edge_to_edge_and_a_gap_is_a_gap():
    (picture,) = pictures([history(0.0, 1.0, None, 0.5)], {"r": "A"})
    (curve,) = picture.curves

    assert (picture.low, picture.high, picture.first, picture.last) == (0.0, 1.0, 0, 3)
    assert (curve.path, curve.dots, curve.band) == ("M0.0,120.0L200.0,0.0", "M600.0,60.0h0", "")


def test_the_largest_numbers_have_a_place_too():
    (picture,) = pictures([history(-1.7e308, 1.7e308)], {"r": ""})

    assert picture.curves[0].path == "M0.0,120.0L600.0,0.0"


def test_without_any_number_there_is_nothing_to_draw():
    (picture,) = pictures([history(None)], {"r": ""})

    assert picture.low is None


def test_figures_have_four_digits_whatever_their_size():
    told = [figure(value) for value in (0.123456, 12345.678, 3.0, -1.5e-7, 1e300, None, 0, -2)]

    assert told == ["0.1235", "12,346", "3", "−1.5e−7", "1e300", "–", "0", "−2"]
