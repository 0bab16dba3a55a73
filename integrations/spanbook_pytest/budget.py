"""Budgets: how much a test may take at most, and what to say if it took more."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import Any, Self

from spanbook import figures
from spanbook_pytest.recorded import RecordedTrace


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that a test may take; None is any amount. `cost` is in US dollars."""

    tokens: int | None = None
    cost: Decimal | None = None
    seconds: float | None = None

    @classmethod
    def of(cls, *args: Any, **given: Any) -> Self:
        """Return the budget that a marker gives.

        Raises:
            ValueError: it gives nothing, something unknown, or no number.
        """
        names = [field.name for field in fields(cls)]
        if args or not given or set(given) - set(names):
            raise ValueError(f"A budget takes {', '.join(names)}, by name and at least one.")
        try:
            if given.get("cost") is not None:
                given["cost"] = Decimal(str(given["cost"]))
            wrong = [name for name, limit in given.items() if limit is not None and not limit >= 0]
        except (InvalidOperation, TypeError):
            wrong = list(given)
        if wrong:
            raise ValueError(f"A budget is a number, 0 or more: {', '.join(wrong)}.")
        return cls(**given)

    def report(self, trace: RecordedTrace, seconds: float) -> str | None:
        """Return what went over the budget and what was recorded; None if nothing did."""
        over = list(self._over(trace, seconds))
        if not over:
            return None
        lines = [f"  {line}" for line in over]
        return "\n".join(["Over budget:", *lines, "", trace.outline(figures=True)])

    def _over(self, trace: RecordedTrace, seconds: float) -> Iterator[str]:
        usage = trace.usage
        if self.tokens is not None and usage.total > self.tokens:
            told = figures.tokens(usage)
            yield f"{told} tokens, of {self.tokens:,} ({usage.input:,} in, {usage.output:,} out)"
        if self.cost is not None:
            yield from self._over_cost(trace, self.cost)
        if self.seconds is not None and seconds > self.seconds:
            yield f"{seconds:.2f} seconds, of {self.seconds:g}"

    @staticmethod
    def _over_cost(trace: RecordedTrace, limit: Decimal) -> Iterator[str]:
        cost, unpriced = trace.cost, trace.unpriced
        if cost is not None and cost > limit:
            yield f"{figures.money(cost, unpriced)}, of {figures.money(limit)}"
        elif unpriced:
            models = ", ".join(sorted({span.model or "?" for span in trace.spans(unpriced=True)}))
            calls = figures.plural(unpriced, "call")
            yield f"the cost is not known: {calls} without a price ({models})"
