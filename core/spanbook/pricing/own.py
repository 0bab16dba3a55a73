"""Own prices: those that the user added, which win over any list."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from spanbook.pricing.names import provider_name
from spanbook.pricing.rates import OWN, Price, Rates


@dataclass(frozen=True, slots=True)
class OwnPrice:
    """A price that the user added for a model, at one provider or at any, from a day on."""

    pk: int
    provider: str | None  # None: any
    model: str
    start_ns: int | None  # None: always
    rates: Rates = field(hash=False)

    def as_price(self) -> Price:
        """Return it as the price of a call."""
        return Price(self.provider, self.model, OWN, self.start_ns, self.rates)


class OwnPrices:
    """The prices that the user added, by model."""

    def __init__(self, prices: Iterable[OwnPrice] = ()) -> None:
        self._by_model: dict[str, list[tuple[OwnPrice, Price]]] = {}
        for own in sorted(prices, key=_rank, reverse=True):
            found = self._by_model.setdefault(own.model.strip().lower(), [])
            found.append((own, own.as_price()))

    def find(self, provider: str | None, model: str, at_ns: int) -> Price | None:
        """Return the price of a call: one for its provider before one for any, then the newest."""
        for own, price in self._by_model.get(model.strip().lower(), ()):
            begun = own.start_ns is None or own.start_ns <= at_ns
            if begun and (own.provider is None or _is_same(own.provider, provider)):
                return price
        return None


def _rank(own: OwnPrice) -> tuple[bool, bool, int, int]:
    has_start = own.start_ns is not None
    return own.provider is not None, has_start, own.start_ns or 0, own.pk


def _is_same(one: str, other: str | None) -> bool:
    return other is not None and provider_name(one) == provider_name(other)
