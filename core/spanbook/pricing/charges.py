"""Charges: what one model call costs, by the user's own prices or else by the list."""

from dataclasses import dataclass
from decimal import Decimal

from spanbook.pricing.cost import cost_of
from spanbook.pricing.lists import NO_LIST, is_standard, price_list
from spanbook.pricing.own import OwnPrices
from spanbook.pricing.rates import Price, Unpriced
from spanbook.usage import Usage

LONG = "long context"  # the tier of a call with so much input that other rates hold


@dataclass(frozen=True, slots=True)
class Call:
    """What the price of a model call depends on.

    `request_model` is the model that was asked for, where another one answered. `tier` is the
    service tier that the provider says it served.
    """

    provider: str | None
    model: str | None
    at_ns: int
    usage: Usage
    tier: str | None = None
    request_model: str | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """What a call costs by which price, or why that is not known; `tier` where it is not usual."""

    cost: Decimal | None = None
    price: Price | None = None
    tier: str | None = None
    unpriced: str | None = None


def charge(call: Call, own: OwnPrices) -> Charge:
    """Return what `call` costs. The model that answered decides, then the one asked for."""
    tier = None if is_standard(call.tier) else call.tier
    price = find_price(call, own)
    if isinstance(price, Unpriced):
        return Charge(tier=tier, unpriced=price.reason)
    cost = cost_of(call.usage, price)
    if isinstance(cost, Unpriced):
        return Charge(price=price, tier=tier, unpriced=cost.reason)
    if cost.is_long:
        tier = LONG if tier is None else f"{tier}, {LONG}"
    return Charge(cost.total, price, tier)


def find_price(call: Call, own: OwnPrices) -> Price | Unpriced:
    """Return the price of `call`, or why there is none."""
    names = [name for name in (call.model, call.request_model) if name]
    if not names:
        return Unpriced("the model is not known")
    found = [_price_of(name, call, own) for name in names]
    return next((one for one in found if isinstance(one, Price)), found[0])


def _price_of(name: str, call: Call, own: OwnPrices) -> Price | Unpriced:
    mine = own.find(call.provider, name, call.at_ns)
    if mine is not None:
        return mine
    prices = price_list()
    if prices is None:
        return NO_LIST
    return prices.find(call.provider, name, call.at_ns, call.tier)


def tier_served(tier: str | None) -> str | None:
    """Return the service tier of a charge's `tier`, which may name a long context besides."""
    served = None if tier is None else tier.removesuffix(LONG).removesuffix(", ")
    return served or None
