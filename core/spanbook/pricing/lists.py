"""The price list: genai-prices, whose data comes with the package, behind guards of ours.

It is imported when the first price is asked for, and never asks the network: that would take its
updater, which we leave alone.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from spanbook.moments import moment, moment_ns
from spanbook.pricing.names import candidates, is_named, provider_name, split_provider
from spanbook.pricing.rates import Price, Rate, Unpriced

if TYPE_CHECKING:
    from genai_prices.types import (
        ConditionalPrice,
        ModelInfo,
        ModelPrice,
        PriceVariant,
        Provider,
    )

NO_LIST = Unpriced("no price list installed: pip install 'spanbook[prices]'")

# Names of what the list has rates for, in our words.
_RATES = {
    "input_mtok": "input",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "input_audio_mtok": "audio_input",
    "input_image_mtok": "image_input",
    "output_mtok": "output",
    "output_reasoning_mtok": "reasoning",
    "output_audio_mtok": "audio_output",
    "output_image_mtok": "image_output",
    "requests_kcount": "request",
}
_STANDARD = frozenset({"", "default", "standard", "on_demand"})
_CONTEXTS = ("service_tier", "processing", "speed")  # where the list may know a tier
_MOST = 4_096  # calls and prices that are remembered
_MINUTE_NS, _DAY_NS = 60 * 10**9, 86_400 * 10**9
_TWO_HANDS = ("openai", "voyageai")  # whose models have names without a mark of their maker


def is_standard(tier: str | None) -> bool:
    """Say whether a call of this service tier pays the usual price."""
    return tier is None or tier in _STANDARD


class PriceList:
    """The prices that the installed genai-prices holds. What was found is remembered."""

    def __init__(self) -> None:
        from genai_prices.data import providers

        self.source = f"genai-prices {version('genai-prices')}"
        self._providers = {provider.id: provider for provider in providers}
        self._models: dict[tuple[str | None, str], _Model | Unpriced] = {}

    def find(
        self, provider: str | None, model: str, at_ns: int, tier: str | None = None
    ) -> Price | Unpriced:
        """Return the price of a call of `model` at `at_ns`, or why there is none.

        Without a provider, that is the maker of the model, if its name tells. `tier` is the one
        that the provider says it served.
        """
        key = (provider, model)
        found = self._models.get(key)
        if found is None:
            if len(self._models) >= _MOST:
                self._models.clear()
            found = self._models[key] = self._find(provider, model)
        return found if isinstance(found, Unpriced) else found.price(at_ns, tier)

    def _find(self, provider: str | None, model: str) -> "_Model | Unpriced":
        told = provider
        if provider is None or provider_name(provider) == "litellm":
            told, model = split_provider(model) or (None, model)
        if told is None:
            for maker in self._makers(model):
                found = _model_in(maker, maker, model)
                if found is not None:
                    return _Model(self.source, maker, found, has_tiers=True)
            return Unpriced(f"no price for {model}")
        seller = self._providers.get(provider_name(told))
        if seller is None:
            return Unpriced(f"no prices of {told}")
        for maker in self._sold_by(seller):
            found = _model_in(maker, seller, model)
            if found is not None:
                return _Model(self.source, maker, found, has_tiers=maker is seller)
        return Unpriced(f"no price for {model} of {told}")

    def _makers(self, model: str) -> "Iterator[Provider]":
        name = model.lower()
        for provider in self._providers.values():
            if provider.model_match is not None and provider.model_match.is_match(name):
                yield provider
        for known in _TWO_HANDS:
            if known in self._providers:
                yield self._providers[known]

    def _sold_by(self, seller: "Provider") -> "Iterator[Provider]":
        yield seller
        for name in seller.fallback_model_providers or ():
            if name in self._providers:
                yield self._providers[name]

    def current(self, at_ns: int) -> Iterator[Price]:
        """Yield the usual price of every model at that moment."""
        for provider in self._providers.values():
            for model in provider.models:
                price = _Model(self.source, provider, model, has_tiers=True).price(at_ns, None)
                if isinstance(price, Price):
                    yield price


@cache
def price_list() -> PriceList | None:
    """Return the price list; None where none is installed."""
    try:
        return PriceList()
    except ImportError:
        return None


def _model_in(maker: "Provider", seller: "Provider", model: str) -> "ModelInfo | None":
    for name in candidates(model, seller.id):
        for one in maker.models:
            if one.is_match(name) and (
                name == one.id.lower() or is_named(one.match, name, maker.id)
            ):
                return one
    return None


class _Model:
    """A model of the list, with the prices that were asked for."""

    def __init__(
        self, source: str, provider: "Provider", model: "ModelInfo", *, has_tiers: bool
    ) -> None:
        self._source = source
        self._provider = provider
        self._model = model
        self._has_tiers = has_tiers  # what somebody else sells has the maker's usual prices only
        self._grain = _MINUTE_NS if _has_hours(model) else _DAY_NS  # in which a price holds
        self._prices: dict[tuple[str | None, int], Price | Unpriced] = {}

    def price(self, at_ns: int, tier: str | None) -> Price | Unpriced:
        """Return what the model costs at `at_ns`."""
        key = (tier, at_ns // self._grain)
        found = self._prices.get(key)
        if found is None:
            if len(self._prices) >= _MOST:
                self._prices.clear()
            found = self._prices[key] = self._price(moment(at_ns), tier)
        return found

    def _price(self, at: datetime, tier: str | None) -> Price | Unpriced:
        if is_standard(tier):
            return self._made(self._model.get_prices(at), _start_ns(_dated(self._model), at))
        if self._has_tiers:
            for name in _CONTEXTS:
                context = {name: str(tier)}
                fitting = [v for v in self._model.price_variants or () if v.when == context]
                active = [v for v in fitting if v.constraint is None or v.constraint.active(at)]
                if active:
                    starts = (_start_ns(_dated(self._model), at), _start_ns(active, at))
                    start = max((ns for ns in starts if ns is not None), default=None)
                    return self._made(self._model.get_prices(at, context), start)
        return Unpriced(f"no price for tier {tier} of {self._model.id} on {at:%Y-%m-%d}")

    def _made(self, prices: "ModelPrice", start_ns: int | None) -> Price:
        rates = {
            name: _rate(prices.__dict__[key], 1000 if name == "request" else 1)
            for key, name in _RATES.items()
            if prices.__dict__.get(key) is not None
        }
        return Price(self._provider.id, self._model.id, self._source, start_ns, rates)


def _rate(given: Any, factor: int) -> Rate:
    if isinstance(given, Decimal):
        return Rate(given * factor)
    return Rate(
        given.base * factor, tuple((step.start, step.price * factor) for step in given.tiers)
    )


def _has_hours(model: "ModelInfo") -> bool:
    """Say whether the price depends on the time of day."""
    conditions = (*_dated(model), *(model.price_variants or ()))
    return any(hasattr(one.constraint, "start_time") for one in conditions)


def _dated(model: "ModelInfo") -> "list[ConditionalPrice]":
    return model.prices if isinstance(model.prices, list) else []


def _start_ns(conditions: "Iterable[ConditionalPrice | PriceVariant]", at: datetime) -> int | None:
    """Return since when the price that holds at `at` does; None: always, or it is not known."""
    begun = [
        start
        for one in conditions
        if one.constraint is not None and one.constraint.active(at)
        if isinstance(start := getattr(one.constraint, "start_date", None), date)
    ]
    if not begun:
        return None
    return moment_ns(datetime.combine(max(begun), datetime.min.time(), UTC))
