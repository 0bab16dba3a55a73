"""Terms: the single comparisons that an expression joins, and what each kind of field takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from operator import ge, gt, le, lt
from typing import Any, TypeAlias

from spanbook.reading.arguments import (
    choice,
    read_duration,
    read_flag,
    read_money,
    read_number,
    read_text,
    read_time,
)
from spanbook.spans import SpanKind, Status


class Operator(StrEnum):
    """What a term asks of a field. `EQUAL` may have several values: any of them will do."""

    EQUAL = "="
    CONTAINS = "contains"
    NULL = "is null"
    BELOW = "<"
    UP_TO = "<="
    ABOVE = ">"
    FROM = ">="


COMPARE: Mapping[Operator, Callable[[Any, Any], Any]] = {
    Operator.BELOW: lt,
    Operator.UP_TO: le,
    Operator.ABOVE: gt,
    Operator.FROM: ge,
}
_ORDERS = frozenset(COMPARE)
_PLAIN = frozenset({Operator.EQUAL, Operator.NULL})


def number_of(text: str) -> float | None:
    """Return the number that `text` writes; None where it is none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _number(text: str) -> float:
    number = number_of(text)
    if number is None:
        raise ValueError(f"is {text!r}; give a number to compare with")
    return number


@dataclass(frozen=True, slots=True)
class Kind:
    """What can be asked of a field and how its values are read.

    `bound` reads what a value is compared with by size, where that differs.
    """

    read: Callable[[str], Any]
    operators: frozenset[Operator]
    bound: Callable[[str], Any] | None = None

    def reader(self, operator: Operator) -> Callable[[str], Any]:
        """Return what reads a value for `operator`."""
        return self.bound if self.bound is not None and operator in _ORDERS else self.read


TEXT = Kind(read_text, _PLAIN | {Operator.CONTAINS})
DATA = Kind(read_text, _PLAIN | _ORDERS | {Operator.CONTAINS}, _number)
NUMBER = Kind(read_number, _PLAIN | _ORDERS)
MONEY = Kind(read_money, _PLAIN | _ORDERS)
DURATION = Kind(read_duration, _PLAIN | _ORDERS)
TIME = Kind(read_time, _PLAIN | _ORDERS)
FLAG = Kind(read_flag, _PLAIN)

_TEXTS = (
    *("name", "project", "model", "session", "user", "release", "version", "environment"),
    *("trace_id", "error"),
)
_COUNTS = (
    *("tokens", "input_tokens", "output_tokens", "cache_read", "cache_write", "reasoning"),
    *("audio_input", "audio_output"),
)
_SHARED: Mapping[str, Kind] = {
    **dict.fromkeys(_TEXTS, TEXT),
    **dict.fromkeys(_COUNTS, NUMBER),
    "status": Kind(choice(Status), _PLAIN),
    "kind": Kind(choice(SpanKind), _PLAIN),
    "tag": TEXT,
    "start": TIME,
    "end": TIME,
    "duration": DURATION,
    "cost": MONEY,
    "input": TEXT,
    "output": TEXT,
}
Fields: TypeAlias = Mapping[str, Kind]

TRACE_FIELDS: Fields = {
    **_SHARED,
    **dict.fromkeys(("architecture", "run"), TEXT),
    **dict.fromkeys(("spans", "errors", "unpriced", "anomalies"), NUMBER),
}
SPAN_FIELDS: Fields = {
    **_SHARED,
    **dict.fromkeys(("provider", "tier", "trace", "span_id", "unpriced", "anomaly"), TEXT),
    **dict.fromkeys(("counted", "estimated"), FLAG),
    "first_token": DURATION,
}
RUN_FIELDS: Fields = {
    **dict.fromkeys(("name", "project", "run", "host", "command", "python"), TEXT),
    **dict.fromkeys(("commit", "release", "environment", "error"), TEXT),
    "status": _SHARED["status"],
    "start": TIME,
    "end": TIME,
    "duration": DURATION,
    **dict.fromkeys(("traces", "errors", "tokens"), NUMBER),
    "cost": MONEY,
}

# What can be gone into by keys: `metadata.customer`, `output.documents.0.text`.
ROOTS = ("metadata", "attributes", "input", "output")
RUN_ROOTS = ("config", "metrics")


@dataclass(frozen=True, slots=True)
class Term:
    """One comparison: a field, or a path of keys below one, an operator and its values.

    A negated term holds exactly where the plain one does not, also where there is no value.
    """

    field: str
    operator: Operator
    values: tuple[Any, ...] = ()
    keys: tuple[str, ...] = ()
    is_negated: bool = False
