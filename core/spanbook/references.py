"""References: spans named by their ids, and how these travel from one process to another.

The header is `traceparent` of W3C Trace Context, https://www.w3.org/TR/trace-context/.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, cast

from spanbook.errors import ArgumentError
from spanbook.moments import moment_ns

HEADER = "traceparent"
_HEADER = re.compile(
    r"(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)
_DIGITS = re.compile(r"[0-9a-f]+")
_LATEST = 1 << 63  # nanoseconds: what a database holds


@dataclass(frozen=True, slots=True)
class SpanReference:
    """A span of another process, or of an earlier one, named by its ids.

    `sampled` says whether its trace is recorded there; None: not known, the trace's id decides.

    Raises:
        ArgumentError: `trace_id` is not 32 hex digits, or `span_id` not 16, or all are 0.
    """

    trace_id: str
    span_id: str
    sampled: bool | None = None

    def __post_init__(self) -> None:
        """Refuse ids that cannot be."""
        object.__setattr__(self, "trace_id", checked_trace_id(self.trace_id))
        object.__setattr__(self, "span_id", checked_span_id(self.span_id))

    @classmethod
    def from_traceparent(cls, header: str) -> Self | None:
        """Return the span that a `traceparent` header names; None if the header is not valid."""
        match = _HEADER.fullmatch(header.strip(" \t"))
        if match is None:
            return None
        version, trace_id, span_id, flags, more = match.groups()
        if version == "00" and more is not None:
            return None  # only versions to come may say more
        return cls(trace_id, span_id, bool(int(flags, 16) & 1))

    @classmethod
    def from_headers(cls, headers: Mapping[Any, Any] | Iterable[tuple[Any, Any]]) -> Self | None:
        """Return the span that the `traceparent` among `headers` names, if there is a valid one."""
        given: Any = headers
        pairs: Iterable[tuple[Any, Any]] = given.items() if hasattr(given, "items") else given
        for name, value in pairs:
            if _text(name).lower() == HEADER:
                return cls.from_traceparent(_text(value))
        return None

    @property
    def traceparent(self) -> str:
        """The header that names this span; its flag says sampled unless it is known not to be."""
        return f"00-{self.trace_id}-{self.span_id}-{'00' if self.sampled is False else '01'}"


def _text(value: Any) -> str:
    """Return a header's name or value; ASGI servers hand out bytes."""
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def checked_trace_id(given: str) -> str:
    """Return a trace id in lower case.

    Raises:
        ArgumentError: it is not 32 hexadecimal digits, or all are 0.
    """
    return _checked(given, 32, "trace", "new_trace_id()")


def checked_span_id(given: str) -> str:
    """Return a span id in lower case.

    Raises:
        ArgumentError: it is not 16 hexadecimal digits, or all are 0.
    """
    return _checked(given, 16, "span", "none, and it is made")


def _checked(given: str, length: int, word: str, else_give: str) -> str:
    text = given.lower() if type(cast(Any, given)) is str else ""
    if len(text) != length or not _DIGITS.fullmatch(text) or not text.strip("0"):
        raise ArgumentError(
            f"The {word} id is {given!r}. Give {length} hexadecimal digits, not all 0, "
            f"or {else_give}."
        )
    return text


def checked_time(given: datetime | int) -> int:
    """Return a moment as nanoseconds since 1970 UTC.

    Raises:
        ArgumentError: it is neither an aware datetime nor such a number.
    """
    if isinstance(given, datetime) and given.tzinfo is not None:
        return moment_ns(given)
    if type(given) is int and 0 <= given < _LATEST:
        return given
    raise ArgumentError(
        f"The time is {given!r}. Give a datetime with a time zone, "
        "or whole nanoseconds since 1970 UTC such as time.time_ns()."
    )
