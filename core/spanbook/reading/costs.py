"""Costs: what a span cost and why, and the prices there are."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine, select

from spanbook.errors import UnknownTraceError
from spanbook.pricing.charges import Call, find_price
from spanbook.pricing.cost import Cost, Share, cost_of
from spanbook.pricing.lists import price_list
from spanbook.pricing.rates import Price, Unpriced, read_rates
from spanbook.reading.records import SPAN_COLUMNS, span_row
from spanbook.reading.rows import SpanRow
from spanbook.store.prices import own_of, read_own
from spanbook.store.schema import prices, spans, traces
from spanbook.usage import Usage


@dataclass(frozen=True, slots=True)
class CostExplanation:
    """What a span cost, by which price, and what each part of its usage adds to that.

    `price` is None where no price is known, or an answer came from a cache. The amounts of
    `shares` add up to the span's `computed_cost`.
    """

    span: SpanRow
    price: Price | None
    shares: tuple[Share, ...]

    @property
    def total(self) -> Decimal | None:
        """What the shares add up to; None without a price."""
        if self.price is None:
            return None
        return sum((share.amount for share in self.shares), Decimal(0))


def explain_cost(engine: Engine, trace_id: str, span_id: str) -> CostExplanation:
    """Return how the cost of a span came about, by the price that was applied then.

    Raises:
        UnknownTraceError: the store does not hold the span.
    """
    statement = (
        select(prices, *SPAN_COLUMNS)
        .select_from(spans)
        .join(traces, traces.c.pk == spans.c.trace_pk)
        .outerjoin(prices, prices.c.pk == spans.c.price_pk)
        .where(traces.c.trace_id == trace_id, spans.c.span_id == span_id)
    )
    with engine.connect() as connection:
        row = connection.execute(statement).first()
    if row is None:
        raise UnknownTraceError(f"The store holds no span {span_id!r} in trace {trace_id!r}.")
    width = len(prices.c)
    span = span_row(trace_id, *row[width:])
    known = row[0] is not None
    price = price_of(dict(zip(prices.c.keys(), row[:width], strict=True))) if known else None
    return _by(span, price)


def explain_by(span: SpanRow, price: Mapping[str, Any] | None) -> CostExplanation:
    """Return how the cost of a span came about by a price that was taken along."""
    return _by(span, None if price is None else Price.from_dict(price))


def _by(span: SpanRow, price: Price | None) -> CostExplanation:
    made = None if price is None or span.usage is None else cost_of(span.usage, price)
    return CostExplanation(span, price, made.shares if isinstance(made, Cost) else ())


def price_of(row: Mapping[str, Any]) -> Price:
    """Return the price that a row of the store's prices holds."""
    return Price(
        row["provider"], row["model"], row["source"], row["start_ns"], read_rates(row["rates"])
    )


def find_spans(engine: Engine, span_id: str) -> list[str]:
    """Return the traces that have a span of this id."""
    statement = (
        select(traces.c.trace_id)
        .join(spans, spans.c.trace_pk == traces.c.pk)
        .where(spans.c.span_id == span_id)
    )
    with engine.connect() as connection:
        return list(connection.execute(statement).scalars())


def list_prices(engine: Engine, model: str | None = None) -> list[Price]:
    """Return the user's own prices, then those of the list that hold now.

    With `model`, those of models whose name has it in it.
    """
    with engine.connect() as connection:
        found = own_of(read_own(connection)).all()
    listed = price_list()
    if listed is not None:
        found += listed.current(time.time_ns())
    wanted = (model or "").strip().lower()
    return [price for price in found if wanted in price.model.lower()]


def price_now(
    engine: Engine, provider: str | None, model: str, tier: str | None = None
) -> Price | str:
    """Return the price that a call has now, or why there is none."""
    with engine.connect() as connection:
        own = own_of(read_own(connection))
    found = find_price(Call(provider, model, time.time_ns(), Usage(), tier), own)
    return found.reason if isinstance(found, Unpriced) else found
