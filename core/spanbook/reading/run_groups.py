"""Run groups: what runs that share a name, a release or a value in their config come to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Engine, case, func, null, select

from spanbook.errors import FilterError
from spanbook.moments import money
from spanbook.reading.arguments import near
from spanbook.reading.expressions import OF_RUNS, write_path, write_value
from spanbook.reading.list_filter import NONE
from spanbook.reading.metadata import number_at, text_at
from spanbook.reading.pages import AnyRow
from spanbook.reading.run_conditions import run_column, run_conditions, source
from spanbook.reading.run_filter import RunFilter, run_path
from spanbook.spans import Status
from spanbook.store.schema import runs

GROUPED_BY = ("name", "status", "project", "release", "environment", "host", "commit")
_TOTALS = ("traces", "errors", "tokens", "cost")


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """The last values of one metric over several runs; those that are no numbers are not in it."""

    count: int
    mean: float | None
    least: float | None
    most: float | None


@dataclass(frozen=True, slots=True)
class RunGroup:
    """Runs that share `value`, None where they have none. `filter` finds them.

    `metrics` are by path, such as `("metrics", "accuracy")`.
    """

    value: str | float | None
    run_count: int
    failed_count: int
    trace_count: int
    error_count: int
    total_tokens: int | None
    cost: Decimal | None
    metrics: Mapping[tuple[str, ...], MetricSummary]
    filter: RunFilter


def group_runs(
    engine: Engine, filter: RunFilter, by: str, metrics: Sequence[tuple[str, ...]] = ()
) -> list[RunGroup]:
    """Return the runs that `filter` finds by a field, or by a path such as `config.top_k`.

    They are sorted as the filter says: by their number, by a sum over their traces, or by the mean
    of one of `metrics`; else by what they share.

    Raises:
        FilterError: runs cannot be grouped by `by`.
    """
    path = run_path(by)
    if path is None and by not in GROUPED_BY:
        advice = near(by, list(GROUPED_BY))
        raise FilterError(f"Cannot group runs by {by!r}. {advice} Or a path such as config.top_k.")
    with engine.connect() as connection:
        dialect = connection.dialect.name
        number, text = _keys(by, path, dialect)
        values = [number_at(runs.c[root], keys, dialect) for root, *keys in metrics]
        failed = case((runs.c.status == Status.ERROR.value, 1), else_=0)
        inner = (
            select(
                number.label("number"),
                text.label("text"),
                failed.label("failed"),
                *(run_column(name).label(name) for name in _TOTALS),
                *(value.label(f"m{place}") for place, value in enumerate(values)),
            )
            .select_from(source(filter, *_TOTALS))
            .where(*run_conditions(filter, dialect))
            .subquery()
        )
        sums = [func.count(), *(func.sum(inner.c[name]) for name in ("failed", *_TOTALS))]
        for place in range(len(values)):
            value = inner.c[f"m{place}"]
            sums += [func.count(value), func.avg(value), func.min(value), func.max(value)]
        keys = (inner.c.number, inner.c.text)
        rows = connection.execute(select(*keys, *sums).group_by(*keys)).all()
    groups = [_group(row, filter, by, path, metrics) for row in rows]
    return _sorted(groups, filter)


def _keys(
    by: str, path: tuple[str, ...] | None, dialect: str
) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """Return the number, and where there is none the text, that runs are grouped by."""
    if path is None:
        return null(), runs.c[by]
    column, keys = runs.c[path[0]], path[1:]
    number = number_at(column, keys, dialect)
    return number, case((number.is_(None), text_at(column, keys, dialect)))


def _group(
    row: AnyRow,
    filter: RunFilter,
    by: str,
    path: tuple[str, ...] | None,
    metrics: Sequence[tuple[str, ...]],
) -> RunGroup:
    number, text, count, failed, traced, errors, tokens, cost, *rest = row
    value = text if number is None else float(number)
    return RunGroup(
        value,
        count,
        int(failed),
        int(traced),
        int(errors),
        None if tokens is None else int(tokens),
        None if cost is None else money(int(cost)),
        {
            metric: MetricSummary(*rest[4 * place : 4 * place + 4])
            for place, metric in enumerate(metrics)
        },
        _narrowed(filter, by, path, value),
    )


def _narrowed(
    filter: RunFilter, by: str, path: tuple[str, ...] | None, value: str | float | None
) -> RunFilter:
    whole = replace(filter, sort="start", descending=True, after=None, before=None)
    if path is None:
        given: Any = NONE if value is None else value
        return replace(whole, **{by: (Status(given),) if by == "status" else given})
    return narrowed(whole, path, value)


def narrowed(filter: RunFilter, path: Sequence[str], value: str | float | None) -> RunFilter:
    """Return the filter of those of its runs that have a value at a path; None: have none."""
    told = "is null" if value is None else f"= {write_value(written(value))}"
    before = "" if filter.where is None else f"{filter.where} and "
    return replace(filter, where=OF_RUNS.read(f"{before}{write_path(path)} {told}"))


def written(value: str | float) -> str:
    """Return a value of a config as text; whole numbers without a point."""
    if isinstance(value, str):
        return value
    return f"{value:.0f}" if value == int(value) and abs(value) < 1e15 else repr(value)


def _sorted(groups: list[RunGroup], filter: RunFilter) -> list[RunGroup]:
    path = run_path(filter.sort)

    def known(group: RunGroup) -> float | None:
        match filter.sort:
            case "traces":
                return group.trace_count
            case "errors":
                return group.error_count
            case "tokens":
                return group.total_tokens
            case "cost":
                return None if group.cost is None else float(group.cost)
            case _ if path is not None and path in group.metrics:
                return group.metrics[path].mean
            case _:
                return group.run_count

    alike = sorted(
        groups, key=lambda one: (one.value is None, isinstance(one.value, str), one.value or 0)
    )
    having = [group for group in alike if known(group) is not None]
    having.sort(key=lambda group: known(group) or 0, reverse=filter.descending)
    return having + [group for group in alike if known(group) is None]
