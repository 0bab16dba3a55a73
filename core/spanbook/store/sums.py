"""Sums: what the spans of a trace say that its row should."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, select

from spanbook.spans import Status
from spanbook.store.schema import spans, traces

_SUMMED = (
    "input_tokens",
    "output_tokens",
    "cache_read",
    "cache_write",
    "audio_input",
    "image_input",
    "reasoning",
    "audio_output",
)
_PART = 1_000  # traces in one statement


def sums_of_spans() -> Select[Any]:
    """Select what the spans of each trace say that its row should."""
    counted = spans.c.counted.is_(True)

    def number(*claims: ColumnElement[bool]) -> ColumnElement[Any]:
        return func.count(case((and_(*claims), 1)))

    def total(column: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.coalesce(func.sum(case((counted, column))), 0)

    tokens = total(spans.c.input_tokens) + total(spans.c.output_tokens)
    return select(
        spans.c.trace_pk,
        func.count().label("span_count"),
        number(spans.c.status == str(Status.ERROR)).label("error_count"),
        number(counted).label("usage_count"),
        number(counted, spans.c.estimated.is_(True)).label("estimated_count"),
        number(counted, spans.c.cost.is_(None)).label("unpriced_count"),
        number(counted, spans.c.anomaly.is_not(None)).label("anomaly_count"),
        *(total(spans.c[name]).label(name) for name in _SUMMED),
        case((number(counted) > 0, tokens)).label("total_tokens"),
        func.sum(case((counted, spans.c.cost))).label("cost"),
    ).group_by(spans.c.trace_pk)


_SUMS = sums_of_spans()
_PLACES = [
    [column.name for column in traces.c].index(column.name)
    for column in list(_SUMS.selected_columns)[1:]
]


def summed(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return rows of traces with the sums of the spans that the store holds by now."""
    result: list[tuple[Any, ...]] = []
    for start in range(0, len(rows), _PART):
        part = rows[start : start + _PART]
        wanted = _SUMS.where(spans.c.trace_pk.in_([row[0] for row in part]))
        found = {pk: sums for pk, *sums in connection.execute(wanted)}
        for row in part:
            whole = list(row)
            for place, value in zip(_PLACES, found.get(row[0], ()), strict=False):
                whole[place] = value
            result.append(tuple(whole))
    return result
