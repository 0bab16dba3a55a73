"""Pricing: what a span cost, by which price, and what does not add up, as its row says it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import Connection

from spanbook.moments import stored_money
from spanbook.pricing.charges import Call, Charge, charge, tier_served
from spanbook.pricing.lists import is_standard, price_list
from spanbook.pricing.own import OwnPrices
from spanbook.pricing.rates import Price
from spanbook.pricing.reported import amount
from spanbook.store.joining import SpanNews
from spanbook.store.prices import PriceNumbers, own_of, read_own
from spanbook.store.rows import StoredSpan
from spanbook.store.wording import clean
from spanbook.usage import Usage, anomaly

_LARGEST = (1 << 63) - 1  # that a column holds
_NOTHING: Mapping[str, Any] = {}
_SUSPECT = "the provider reported no tokens beside an answer"


class Pricing:
    """Prices the spans of many batches; what was read of the user's own prices is kept."""

    def __init__(self) -> None:
        self._rows: Sequence[Any] = ()
        self._own = OwnPrices()

    def prepare(self, news: list[SpanNews]) -> None:
        """Load the price list before the store's lock is taken, if it will be needed."""
        if any("usage" in one.record and one.ended for one in news):
            price_list()

    def begin(self, connection: Connection, *, dry: bool = False) -> "BatchPricing":
        """Return what prices the spans of one transaction; a `dry` one writes nothing."""
        return BatchPricing(connection, self, dry=dry)

    def own(self, connection: Connection) -> OwnPrices:
        """Return the prices that the user has added by now."""
        rows = read_own(connection)
        if rows != self._rows:
            self._rows, self._own = rows, own_of(rows)
        return self._own


class BatchPricing:
    """Prices the spans of one transaction, by the prices that the store holds in it."""

    def __init__(self, connection: Connection, pricing: Pricing, *, dry: bool) -> None:
        self._connection = connection
        self._pricing = pricing
        self._numbers = PriceNumbers(connection, dry=dry)
        self._own: OwnPrices | None = None

    def price(self, row: StoredSpan, news: SpanNews) -> StoredSpan:
        """Return `row`, which `news` of an end has made, with what it cost."""
        if not news.ended:
            return row
        if "charged" in news.record:  # imported: what it cost is known, and is in the row
            price = news.record.get("price")
            number = None if price is None else self._numbers.of(Price.from_dict(price))
            return row._replace(price_pk=number)
        attributes = news.record.get("attributes") or _NOTHING
        if row.input_tokens is None and "reported_cost" not in attributes:
            return row
        return self.priced(row, attributes)

    def priced(self, row: StoredSpan, attributes: Mapping[str, Any]) -> StoredSpan:
        """Return `row` with what it cost, by what the span's `attributes` tell besides."""
        reported = _stored(amount(attributes.get("reported_cost")))
        reported = row.reported_cost if reported is None else reported
        tier = _tier(attributes) or tier_served(row.tier)
        if row.input_tokens is None:
            return row._replace(reported_cost=reported)
        usage = usage_of(row)
        strange = _strange(usage, attributes)
        if not row.counted:  # what a span below has paid for already
            return row._replace(reported_cost=reported, anomaly=strange)
        if attributes.get("cached") is True:  # answered without a call
            return row._replace(
                cost=0, reported_cost=reported, computed_cost=0, unpriced=None, anomaly=strange
            )
        if attributes.get("usage_suspect"):
            made = Charge(tier=tier, unpriced=_SUSPECT)
        else:
            made = self._charge(row, usage, tier, attributes.get("request_model"))
        return self._charged(row, made, reported)._replace(anomaly=strange)

    def repriced(self, row: StoredSpan) -> StoredSpan:
        """Return `row`, which has usage and was priced, as it would be now by itself."""
        if row.computed_cost is not None and row.price_pk is None:  # answered without a call
            return row
        made = self._charge(row, usage_of(row), tier_served(row.tier), None)
        return self._charged(row, made, row.reported_cost)

    def _charge(self, row: StoredSpan, usage: Usage, tier: str | None, asked: Any) -> Charge:
        if self._own is None:
            self._own = self._pricing.own(self._connection)
        asked = asked if isinstance(asked, str) else None
        call = Call(row.provider, row.model, row.start_ns, usage, tier, asked)
        return charge(call, self._own)

    def _charged(self, row: StoredSpan, made: Charge, reported: int | None) -> StoredSpan:
        computed = _stored(made.cost)
        known = computed is not None and made.price is not None
        unpriced = made.unpriced
        if unpriced is None and computed is None:
            unpriced = "the cost is too large to be true"
        return row._replace(
            cost=computed if reported is None else reported,
            reported_cost=reported,
            computed_cost=computed,
            price_pk=self._numbers.of(made.price) if known and made.price is not None else None,
            tier=clean(made.tier),
            unpriced=clean(unpriced),
        )


def usage_of(row: StoredSpan) -> Usage:
    """Return the usage of a span that has one."""
    return Usage(
        row.input_tokens or 0,
        row.output_tokens or 0,
        row.cache_read or 0,
        row.cache_write or 0,
        row.audio_input or 0,
        row.image_input or 0,
        row.reasoning or 0,
        row.audio_output or 0,
    )


def _tier(attributes: Mapping[str, Any]) -> str | None:
    """Return the tier that the provider says it served; what was asked for is not what was paid."""
    for name in ("processing", "service_tier", "speed"):
        given = attributes.get(name)
        if isinstance(given, str) and not is_standard(given.strip().lower()):
            return given.strip().lower()[:40]
    return None


def _strange(usage: Usage, attributes: Mapping[str, Any]) -> str | None:
    raw = attributes.get("usage_raw")
    total = cast("dict[str, Any]", raw).get("total_tokens") if type(raw) is dict else None
    found = anomaly(usage, total if type(total) is int else None)
    if attributes.get("usage_suspect"):
        found = _SUSPECT if found is None else f"{found}; {_SUSPECT}"
    return found


def _stored(dollars: Decimal | None) -> int | None:
    stored = None if dollars is None else stored_money(dollars)
    return stored if stored is not None and stored <= _LARGEST else None
