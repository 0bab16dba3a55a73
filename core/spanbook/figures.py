"""Figures: how kinds, states, times, tokens and money are written, on pages and in terminals."""

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from spanbook.spans import SpanKind, Status
from spanbook.usage import Usage

UNKNOWN = "–"

FAMILIES: dict[str, str] = {
    SpanKind.CHAIN: "structure",
    SpanKind.PARSER: "structure",
    SpanKind.STEP: "structure",
    SpanKind.AGENT: "agent",
    SpanKind.LLM: "model",
    SpanKind.SYNTHESIZER: "model",
    SpanKind.PROMPT: "prompt",
    SpanKind.TOOL: "tool",
    SpanKind.RETRIEVER: "retrieval",
    SpanKind.RERANKER: "judge",
    SpanKind.EVALUATOR: "judge",
    SpanKind.GUARDRAIL: "judge",
    SpanKind.EMBEDDING: "vector",
}

GLYPHS: dict[str, str] = {
    Status.RUNNING: "●",
    Status.OK: "✓",
    Status.ERROR: "✕",
    Status.CANCELLED: "⊘",
    Status.INTERRUPTED: "◇",
    Status.INCOMPLETE: "…",
}


def family(kind: str) -> str:
    """Return the colour family of a kind."""
    return FAMILIES.get(kind, "structure")


def duration(value: timedelta | None) -> str:
    """Return 0–999 ms as ms, then seconds with two decimals, then minutes, then hours."""
    if value is None:
        return UNKNOWN
    microseconds = max(0, value // timedelta(microseconds=1))
    if 0 < microseconds < 500:
        return "<1 ms"
    if microseconds < 999_500:
        return f"{(microseconds + 500) // 1000} ms"
    if microseconds < 59_995_000:
        return f"{microseconds / 1e6:.2f} s"
    return _long_duration((microseconds + 500_000) // 1_000_000)


def _long_duration(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min"


def count(value: int | None) -> str:
    """Return an integer with thousands separators."""
    return UNKNOWN if value is None else f"{value:,}"


def tokens(usage: Usage | None, part: str = "total") -> str:
    """Return one number of a usage, with ≈ where it was estimated."""
    if usage is None:
        return UNKNOWN
    mark = "≈ " if usage.estimated else ""
    return f"{mark}{getattr(usage, part):,}"


def money(value: Decimal | None, unpriced: int = 0) -> str:
    """Return US dollars: two significant digits below a cent, else two decimals.

    With `unpriced` model calls besides, the sum is only a lower bound and starts with ≥.
    """
    if value is None:
        return UNKNOWN
    mark = "≥ " if unpriced else ""
    return f"{mark}${_amount(value)}"


def _amount(value: Decimal) -> str:
    cent = Decimal("0.01")
    if value:
        rounded = value.quantize(Decimal(1).scaleb(value.adjusted() - 1), ROUND_HALF_UP)
        if rounded < cent:
            return f"{rounded:f}"
    return f"{value.quantize(cent, ROUND_HALF_UP):,f}"


def plural(number: int, word: str, words: str = "") -> str:
    """Return `1 span` or `1,204 spans`."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {words or word + 's'}"
