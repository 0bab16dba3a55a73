"""Rates and prices: what a million tokens cost, by the part of the usage that they are."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, Self

from spanbook.moments import read_moment
from spanbook.moments import written as written_moment
from spanbook.usage import INPUT_PARTS, OUTPUT_PARTS

# What a price may have a rate for. `request` is a fee for a million requests.
RATED = ("input", *INPUT_PARTS, "output", *OUTPUT_PARTS, "image_output", "request")
OWN = "own"  # the source of prices that the user added


@dataclass(frozen=True, slots=True)
class Rate:
    """US dollars for a million tokens; from a step on, all tokens of a call cost more or less.

    A step is taken by a call with more input tokens than it says, whatever part of the usage the
    rate is for.
    """

    base: Decimal
    steps: tuple[tuple[int, Decimal], ...] = ()  # ascending

    @property
    def all(self) -> tuple[Decimal, ...]:
        """All its amounts."""
        return (self.base, *(dollars for _, dollars in self.steps))

    def at(self, input_tokens: int) -> Decimal:
        """Return the rate of a call with so many input tokens."""
        for start, dollars in reversed(self.steps):
            if input_tokens > start:
                return dollars
        return self.base

    def to_json(self) -> str | dict[str, str]:
        """Return the rate as text, with steps as texts by their start."""
        if not self.steps:
            return written(self.base)
        steps = {str(start): written(dollars) for start, dollars in self.steps}
        return {"0": written(self.base), **steps}

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Return the rate that `to_json` wrote."""
        if isinstance(data, str):
            return cls(Decimal(data))
        (_, base), *steps = ((int(start), Decimal(dollars)) for start, dollars in data.items())
        return cls(base, tuple(steps))


def written(dollars: Decimal) -> str:
    """Return an amount as text, the same for equal amounts."""
    return format(dollars.normalize(), "f")


Rates = Mapping[str, Rate]  # by a name of RATED; a part without one costs what its whole does


def rates_json(rates: Rates) -> str:
    """Return rates as JSON, the same text for the same rates."""
    return json.dumps({name: rates[name].to_json() for name in RATED if name in rates})


def read_rates(text: str) -> dict[str, Rate]:
    """Return the rates that `rates_json` wrote."""
    return {name: Rate.from_json(data) for name, data in json.loads(text).items()}


@dataclass(frozen=True)
class Price:
    """What one model costs from `start_ns` on, and who says so.

    `model` and `provider` are those of the list, which may speak of a family of models. `source`
    is the list and its version, or `own`. Prices with the same content have the same `hash`.
    """

    provider: str | None
    model: str
    source: str
    start_ns: int | None  # None: always
    rates: Rates = field(hash=False)

    @cached_property
    def rates_json(self) -> str:
        """The rates as the store holds them."""
        return rates_json(self.rates)

    @cached_property
    def hash(self) -> bytes:
        """16 bytes that stand for the content."""
        content = [self.provider, self.model, self.source, self.start_ns, self.rates_json]
        return hashlib.sha256(json.dumps(content).encode()).digest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Return the price as plain data, to take along."""
        start = None if self.start_ns is None else written_moment(self.start_ns)
        whose = {"provider": self.provider, "model": self.model, "source": self.source}
        return {**whose, "start": start, "rates": json.loads(self.rates_json)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the price that `to_dict` gave."""
        start = None if data["start"] is None else read_moment(data["start"])
        rates = {name: Rate.from_json(rate) for name, rate in data["rates"].items()}
        return cls(data["provider"], data["model"], data["source"], start, rates)


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Why there is no price, or no cost by it."""

    reason: str
