"""Metric history: how the metrics of runs went, in as many points as a chart has."""

from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Engine,
    func,
    literal_column,
    select,
    type_coerce,
)

from spanbook.store.schema import run_metrics, runs

POINTS = 200  # of each metric


@dataclass(frozen=True, slots=True)
class Point:
    """The values of some neighbouring steps, or of one; unknown ones are not among the numbers.

    `count` are the numbers among `steps` values, of which the first was logged at `step`.
    """

    step: int
    steps: int
    count: int
    mean: float | None
    least: float | None
    most: float | None


@dataclass(frozen=True, slots=True)
class History:
    """How one metric of a run went, in the order of steps."""

    run_id: str
    name: str
    points: list[Point] = field(default_factory=list[Point])

    @property
    def steps(self) -> int:
        """How many values were logged."""
        return sum(point.steps for point in self.points)


def metric_histories(
    engine: Engine, run_ids: Collection[str], names: Collection[str], points: int = POINTS
) -> list[History]:
    """Return the histories of the metrics of these names, by name, in the order of `run_ids`."""
    one = run_metrics
    ends = (
        select(
            one.c.run_pk,
            one.c.name,
            func.min(one.c.step).label("first"),
            func.max(one.c.step).label("last"),
        )
        .where(one.c.run_pk.in_(select(runs.c.pk).where(runs.c.run_id.in_(run_ids))))
        .where(one.c.name.in_(names))
        .group_by(one.c.run_pk, one.c.name)
        .subquery()
    )
    span: ColumnElement[int] = ends.c.last - ends.c.first
    width = span // literal_column(str(points), BigInteger) + literal_column("1", BigInteger)
    here = (one.c.run_pk == ends.c.run_pk) & (one.c.name == ends.c.name)
    values = (
        select(
            one.c.run_pk,
            one.c.name,
            one.c.step,
            one.c.value,
            ((one.c.step - ends.c.first) // type_coerce(width, BigInteger)).label("place"),
        )
        .join_from(one, ends, here)
        .subquery()
    )
    value = values.c.value
    key = (runs.c.run_id, values.c.name, values.c.place)
    counts = (func.min(values.c.step), func.count(), func.count(value))
    statement = (
        select(*key, *counts, func.avg(value), func.min(value), func.max(value))
        .join_from(values, runs, runs.c.pk == values.c.run_pk)
        .group_by(*key)
        .order_by(*key)
    )
    found: dict[tuple[str, str], History] = {}
    with engine.connect() as connection:
        for run_id, name, _, *numbers in connection.execute(statement):
            history = found.setdefault((run_id, name), History(run_id, name))
            history.points.append(Point(*numbers))
    order = {run_id: place for place, run_id in enumerate(run_ids)}
    return sorted(found.values(), key=lambda history: (history.name, order[history.run_id]))
