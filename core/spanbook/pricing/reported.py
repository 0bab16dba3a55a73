"""Costs that providers report themselves, beside the usage of a call."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, cast

_TICKS = -10  # a tick is 1e-10 US dollars


def reported_cost(usage: Mapping[str, Any]) -> str | None:
    """Return the US dollars that `usage` says the call cost, as text: money is never a float."""
    ticks = amount(usage.get("cost_in_usd_ticks"))
    if ticks is not None:
        return _written(ticks.scaleb(_TICKS))
    cost: Any = usage.get("cost")
    if isinstance(cost, Mapping):
        cost = cast("Mapping[str, Any]", cost).get("total_cost")
    found = amount(cost)
    if found is None:
        return None
    details: Any = usage.get("cost_details")
    if usage.get("is_byok") and isinstance(details, Mapping):  # the rest is billed by the provider
        details = cast("Mapping[str, Any]", details)
        found += amount(details.get("upstream_inference_cost")) or 0
    return _written(found)


def amount(value: Any) -> Decimal | None:
    """Return what `value` says as an amount of money; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        return None
    return found if found.is_finite() and found >= 0 else None


def _written(dollars: Decimal) -> str:
    return format(dollars, "f")
