"""What the detail of a span says of its tokens and its cost."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from spanbook.moments import moment
from spanbook.reading.costs import CostExplanation
from spanbook.usage import INPUT_PARTS, OUTPUT_PARTS, Usage

LABELS = {
    "input": "In",
    "output": "Out",
    "cache_read": "read from cache",
    "cache_write": "written to cache",
    "audio_input": "audio in",
    "image_input": "images in",
    "reasoning": "reasoning",
    "audio_output": "audio out",
    "request": "The call itself",
}


@dataclass(frozen=True, slots=True)
class CostLine:
    """One part of a usage: its tokens, what a million of them cost, and what these did.

    `is_part`: its tokens are among those of the line above that is none. `charged` are the tokens
    that are paid for at this rate: of a whole, those that no part with a rate of its own covers.
    """

    label: str
    tokens: int | None
    is_part: bool = False
    charged: int | None = None
    rate: Decimal | None = None
    amount: Decimal | None = None


def cost_lines(usage: Usage, explanation: CostExplanation) -> list[CostLine]:
    """Return the lines of a table of `usage` and what each of its parts costs."""
    shares = {share.part: share for share in explanation.shares}
    lines: list[CostLine] = []
    for part, tokens in _parts(usage):
        share = shares.pop(part, None)
        is_part = part not in ("input", "output")
        if share is None:
            lines.append(CostLine(LABELS[part], tokens, is_part))
        else:
            lines.append(
                CostLine(LABELS[part], tokens, is_part, share.tokens, share.rate, share.amount)
            )
    for part, share in shares.items():
        label = LABELS.get(part, part.replace("_", " "))
        per_call = share.rate if part != "request" else None
        lines.append(CostLine(label, None, False, share.tokens, per_call, share.amount))
    return lines


def price_start(explanation: CostExplanation) -> datetime | None:
    """Return from when on the price held; None where it always did, or there is none."""
    price = explanation.price
    return None if price is None or price.start_ns is None else moment(price.start_ns)


def _parts(usage: Usage) -> Iterator[tuple[str, int]]:
    for whole, parts in (("input", INPUT_PARTS), ("output", OUTPUT_PARTS)):
        yield whole, getattr(usage, whole)
        for part in parts:
            if getattr(usage, part):
                yield part, getattr(usage, part)
