"""Histories of metrics in as many points as a chart has."""

from spanbook.reading.metric_history import Point, metric_histories
from tests.reading.shelves import Shelf


def test_many_steps_become_few_points_that_keep_the_extremes(shelf: Shelf):
    run = shelf.run(history={"loss": [float(step) for step in range(1_000)]})

    (history,) = metric_histories(shelf.engine, [run], ["loss"], points=100)

    assert history.steps == 1_000
    assert len(history.points) == 100
    assert history.points[1] == Point(10, 10, 10, 14.5, 10.0, 19.0)


def test_what_is_no_number_is_counted_and_not_drawn(shelf: Shelf):
    runs = [shelf.run(history={"a": [1.0, None]}), shelf.run(history={"a": [2.0], "b": [0.0]})]

    found = metric_histories(shelf.engine, runs[::-1], ["a"])

    assert [(one.run_id, one.points) for one in found] == [
        (runs[1], [Point(0, 1, 1, 2.0, 2.0, 2.0)]),
        (runs[0], [Point(0, 1, 1, 1.0, 1.0, 1.0), Point(1, 1, 0, None, None, None)]),
    ]
