"""Cost: usage by price, part for part and exactly."""

from decimal import Context, Decimal
from typing import NamedTuple

from spanbook.pricing.rates import Price, Rates, Unpriced
from spanbook.usage import Usage

# One of our own: the program may have set another precision for its own money.
_EXACT = Context(prec=60)
_MILLION = -6


class Share(NamedTuple):
    """So many tokens of one part of the usage, at one rate.

    A part that has no rate of its own is among the tokens of its whole.
    """

    part: str
    tokens: int
    rate: Decimal  # US dollars for a million

    @property
    def amount(self) -> Decimal:
        """US dollars."""
        return _EXACT.scaleb(_EXACT.multiply(self.rate, self.tokens), _MILLION)


class Cost(NamedTuple):
    """US dollars, what they are made of, and whether the call was long enough for other rates."""

    total: Decimal
    shares: tuple[Share, ...]
    is_long: bool = False


class _UnknownError(Exception):
    """Why the shares are not known."""


def cost_of(usage: Usage, price: Price) -> Cost | Unpriced:
    """Return what `usage` costs, or why that cannot be said.

    Where a part is larger than its whole, which some providers report, no more than the whole is
    paid for.
    """
    rates = price.rates
    counted: list[tuple[str, int]] = []
    try:
        _add_input(usage, rates, counted)
        _add_output(usage, rates, counted)
    except _UnknownError as error:
        return Unpriced(str(error))
    if "request" in rates:
        counted.append(("request", 1))
    million_fold = Decimal(0)
    shares: list[Share] = []
    is_long = False
    for part, number in counted:
        rate = rates[part]
        dollars = rate.at(usage.input) if rate.steps else rate.base
        is_long = is_long or dollars != rate.base
        shares.append(Share(part, number, dollars))
        million_fold = _EXACT.fma(dollars, number, million_fold)
    return Cost(_EXACT.scaleb(million_fold, _MILLION), tuple(shares), is_long)


def _add_input(usage: Usage, rates: Rates, counted: list[tuple[str, int]]) -> None:
    whole = rest = usage.input
    cached, written, audio, images = (
        usage.cache_read, usage.cache_write, usage.audio_input, usage.image_input
    )  # fmt: skip
    if whole < 0 or cached < 0 or written < 0 or audio < 0 or images < 0:
        raise _UnknownError("the usage is negative")
    if audio and "audio_input" not in rates:  # sound costs a multiple of text
        raise _UnknownError("the price has no rate for audio_input")
    for part, number in (
        ("cache_read", cached), ("cache_write", written), ("audio_input", audio),
        ("image_input", images),
    ):  # fmt: skip
        if number and part in rates:
            number = min(number, whole)
            rest -= number
            counted.append((part, number))
    if rest < 0:
        raise _UnknownError("the parts of the input overlap or are more than the whole")
    _add_rest(rest, "input", rates, counted)


def _add_output(usage: Usage, rates: Rates, counted: list[tuple[str, int]]) -> None:
    rest = usage.output
    if rest < 0 or usage.reasoning < 0 or usage.audio_output < 0:
        raise _UnknownError("the usage is negative")
    if usage.audio_output and "audio_output" not in rates:
        raise _UnknownError("the price has no rate for audio_output")
    if rest and "image_output" in rates:
        raise _UnknownError("the usage does not say how many of the output tokens are images")
    for part, number in (("reasoning", usage.reasoning), ("audio_output", usage.audio_output)):
        if number and part in rates:
            number = min(number, rest)
            rest -= number
            counted.append((part, number))
    _add_rest(rest, "output", rates, counted)


def _add_rest(number: int, whole: str, rates: Rates, counted: list[tuple[str, int]]) -> None:
    if number:
        if whole not in rates:
            raise _UnknownError(f"the price has no rate for {whole}")
        counted.append((whole, number))
