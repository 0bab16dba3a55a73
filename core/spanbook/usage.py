"""Usage: the tokens of one model call, or the sum over several."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

INPUT_PARTS = ("cache_read", "cache_write", "audio_input", "image_input")
OUTPUT_PARTS = ("reasoning", "audio_output")
COUNTS = ("input", "output", *INPUT_PARTS, *OUTPUT_PARTS)
_OTHERS = (*INPUT_PARTS, *OUTPUT_PARTS, "estimated")


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one model call, or the sum over several.

    `cache_read`, `cache_write`, `audio_input` and `image_input` are parts of `input`; `reasoning`
    and `audio_output` are parts of `output`. Parts are breakdowns, never additions, so `total`
    cannot count a token twice. `estimated` says that no provider reported these numbers.
    """

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    audio_input: int = 0
    image_input: int = 0
    reasoning: int = 0
    audio_output: int = 0
    estimated: bool = False

    @property
    def total(self) -> int:
        """Tokens in and out together."""
        return self.input + self.output

    def __add__(self, other: "Usage") -> "Usage":
        """Return the sum, estimated as soon as one summand is."""
        numbers = {
            field.name: getattr(self, field.name) + getattr(other, field.name)
            for field in fields(Usage)
            if field.name != "estimated"
        }
        return Usage(**numbers, estimated=self.estimated or other.estimated)

    def to_dict(self) -> dict[str, int | bool]:
        """Return input, output and the other fields that are not zero."""
        numbers: dict[str, int | bool] = {"input": self.input, "output": self.output}
        for name in _OTHERS:
            value = getattr(self, name)
            if value:
                numbers[name] = value
        return numbers

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the usage that `to_dict` wrote."""
        return cls(**{name: data[name] for name in _FIELDS if name in data})


_FIELDS = tuple(field.name for field in fields(Usage))


def anomaly(usage: Usage, total: int | None = None) -> str | None:
    """Return in words what does not add up in `usage`, or None; `total` is what was reported."""
    if _adds_up(usage) and (total is None or total == usage.total):
        return None
    found = [
        f"{name} is negative ({getattr(usage, name)})"
        for name in COUNTS
        if getattr(usage, name) < 0
    ]
    for whole, parts in (("input", INPUT_PARTS), ("output", OUTPUT_PARTS)):
        number = getattr(usage, whole)
        found += [
            f"{name} {getattr(usage, name)} of {whole} {number}"
            for name in parts
            if getattr(usage, name) > max(number, 0)
        ]
    cached = usage.cache_read + usage.cache_write
    if not found and cached > usage.input:
        found.append(f"cache_read and cache_write {cached} of input {usage.input}")
    if total is not None and total != usage.total:
        found.append(f"total {total} is not input {usage.input} and output {usage.output}")
    return "; ".join(found) or None


def _adds_up(usage: Usage) -> bool:
    """Say whether every part is within its whole, as nearly all usage is."""
    return (
        usage.cache_read >= 0
        and usage.cache_write >= 0
        and usage.cache_read + usage.cache_write <= usage.input
        and 0 <= usage.audio_input <= usage.input
        and 0 <= usage.image_input <= usage.input
        and 0 <= usage.reasoning <= usage.output
        and 0 <= usage.audio_output <= usage.output
    )
