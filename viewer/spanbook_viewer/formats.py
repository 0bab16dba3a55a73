"""How numbers, times and states are written on every page."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from spanbook.figures import (
    FAMILIES,
    GLYPHS,
    UNKNOWN,
    count,
    duration,
    family,
    money,
    plural,
    tokens,
)
from spanbook.usage import Usage

__all__ = [
    "FAMILIES",
    "FILTERS",
    "GLYPHS",
    "UNKNOWN",
    "clock",
    "count",
    "duration",
    "estimate_words",
    "exact_money",
    "family",
    "moment",
    "money",
    "plain_number",
    "plural",
    "share",
    "size",
    "tokens",
    "usage_words",
]

_PARTS = (
    ("input", "in"),
    ("output", "out"),
    ("cache_read", "cached"),
    ("cache_write", "cache written"),
    ("reasoning", "reasoning"),
    ("audio_input", "audio in"),
    ("image_input", "image in"),
    ("audio_output", "audio out"),
)


def usage_words(usage: Usage | None) -> str:
    """Return a usage in words, such as `2,732 in · 298 out · 2,048 cached`."""
    if usage is None:
        return UNKNOWN
    mark = "≈ " if usage.estimated else ""
    numbers = [
        f"{getattr(usage, part):,} {word}"
        for part, word in _PARTS
        if part in ("input", "output") or getattr(usage, part)
    ]
    return mark + " · ".join(numbers)


def estimate_words(how: Any) -> str:
    """Return how a usage was estimated and how far to trust it: `tiktoken; input exact`."""
    match how:
        case {"method": str(method), **rest}:
            sides = [f"{name} {text.replace('_', ' ')}" for name, text in rest.items()]
            return "; ".join([f"with {method}", *sides])
        case _:
            return "by the program that recorded it"


def exact_money(value: Decimal | None) -> str:
    """Return US dollars to the last digit that counts, and to two decimals at least."""
    if value is None:
        return UNKNOWN
    digits = f"{value.normalize():,f}"
    whole, _, rest = digits.partition(".")
    return f"${whole}.{rest.ljust(2, '0')}"


def plain_number(value: Decimal | None) -> str:
    """Return a decimal number without an exponent and without closing zeros."""
    return UNKNOWN if value is None else f"{value.normalize():,f}"


def share(part: int, whole: int) -> str:
    """Return a part in percent, or – of nothing."""
    if not whole:
        return UNKNOWN
    percent = 100 * part / whole
    return "<1 %" if 0 < percent < 1 else f"{percent:.0f} %"


def size(value: int | None) -> str:
    """Return a number of bytes such as `512 B`, `34 kB` or `1.2 MB`."""
    if value is None:
        return UNKNOWN
    if value < 1_000:
        return f"{value} B"
    if value < 999_500:
        return f"{value / 1_000:.0f} kB"
    return f"{value / 1_000_000:,.1f} MB"


def clock(value: datetime | None) -> str:
    """Return a moment as `2026-05-04 09:30:00.250 UTC`, for titles."""
    if value is None:
        return UNKNOWN
    moment = value.astimezone(UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} UTC"


def moment(value: datetime | None, zone: bool = True) -> Markup | str:
    """Return a `<time>` in UTC; `zone` is False where a column head names the zone."""
    if value is None:
        return UNKNOWN
    utc = value.astimezone(UTC)
    exact = utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    text = f"{utc:%Y-%m-%d %H:%M:%S}" + (" UTC" if zone else "")
    return Markup(f'<time datetime="{exact}">{text}</time>')  # noqa: S704 -- digits only


FILTERS: dict[str, Callable[..., Any]] = {
    "clock": clock,
    "count": count,
    "duration": duration,
    "exact_money": exact_money,
    "family": family,
    "moment": moment,
    "money": money,
    "plain_number": plain_number,
    "plural": plural,
    "share": share,
    "size": size,
    "tokens": tokens,
    "usage_words": usage_words,
}
