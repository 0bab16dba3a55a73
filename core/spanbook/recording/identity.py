"""Identity: which ids a framework's key stands for, and whether a trace of that id is kept."""

import hashlib
from collections.abc import Hashable
from uuid import UUID

_LOW_64 = (1 << 64) - 1


def number_of(key: Hashable) -> int | None:
    """Return the 128 bits that `key` stands for, the same in every process; None: any will do."""
    if isinstance(key, UUID):
        return key.int
    if isinstance(key, str):
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:16])
    return None


def trace_id_of(number: int) -> str:
    """Return the 32 hex digits of a trace whose root's key stands for `number`."""
    return f"{number:032x}"


def span_id_of(number: int) -> str:
    """Return the 16 hex digits of a span whose key stands for `number`."""
    return f"{number & _LOW_64:016x}"


def is_sampled(trace: str, rate: float) -> bool:
    """Say whether a trace is kept at `rate`: by the 56 low bits of its id, random in any UUID."""
    return rate >= 1 or int(trace[18:], 16) < rate * (1 << 56)
