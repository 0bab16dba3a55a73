"""Own prices: those that the user added, which win over any list."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from spanbook.errors import PriceError
from spanbook.moments import moment_ns
from spanbook.pricing.names import provider_name
from spanbook.pricing.rates import OWN, Price, Rate, Rates
from spanbook.pricing.reported import amount
from spanbook.usage import COUNTS

_LARGEST = 10**6  # US dollars for a million tokens; a rate for one token would be far below 1


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

    def all(self) -> list[Price]:
        """Return all of them, by model, each before those that it wins over."""
        return [price for _, found in sorted(self._by_model.items()) for _, price in found]

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


def own_rates(given: Mapping[str, Any]) -> Rates:
    """Return US dollars for a million tokens, given by part of the usage, as rates.

    Raises:
        PriceError: an amount that is none, a part that usage does not have, or no rate at all.
    """
    rates: dict[str, Rate] = {}
    for name, value in given.items():
        if name not in COUNTS:
            raise PriceError(f"There is no rate {name!r}; known are {', '.join(COUNTS)}.")
        dollars = amount(str(value) if isinstance(value, Decimal) else value)
        if dollars is None or dollars > _LARGEST:
            raise PriceError(
                f"The rate {name} is {value!r}; give US dollars for a million tokens, such as 2.5."
            )
        rates[name] = Rate(dollars)
    if not rates.keys() & {"input", "output"}:
        raise PriceError("A price needs a rate for input, for output or for both.")
    return rates


def own_start(since: date | datetime | str | None) -> int | None:
    """Return from when on a price holds; a day begins at midnight UTC.

    Raises:
        PriceError: `since` is no date.
    """
    if since is None:
        return None
    try:
        given = datetime.fromisoformat(since) if isinstance(since, str) else since
    except ValueError:
        raise PriceError(f"{since!r} is no date; give one such as 2026-01-31.") from None
    if not isinstance(given, datetime):
        given = datetime.combine(given, datetime.min.time(), UTC)
    return moment_ns(given)


def own_name(given: str, what: str) -> str:
    """Return the name of a model or a provider without space around it.

    Raises:
        PriceError: nothing is left.
    """
    name = given.strip()
    if not name or "\x00" in name:
        raise PriceError(f"The name of the {what} is {given!r}; give it as spans show it.")
    return name
