"""What an exported row holds: every field of a trace and of a span, flat, under a fixed name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any

from spanbook.moments import written
from spanbook.usage import COUNTS

Read = Callable[[Any], Any]


class Form(Enum):
    """What the values of a field are."""

    TEXT = "text"
    NUMBER = "number"
    REAL = "real"
    FLAG = "flag"
    SECONDS = "seconds"
    MONEY = "money"
    MOMENT = "moment"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an exported row; `read` returns None where it is unknown.

    Moments are text to the nanosecond, durations seconds, money is `Decimal` US dollars.
    """

    name: str
    read: Read
    form: Form = Form.TEXT


def _text(name: str, of: Read) -> Field:
    return Field(name, lambda row: getattr(of(row), name))


def _number(name: str, of: Read) -> Field:
    return Field(name, lambda row: getattr(of(row), name), Form.NUMBER)


def _moment(name: str, of: Read) -> Field:
    def read(row: Any) -> str | None:
        ns = getattr(of(row), f"{name}_ns")
        return None if ns is None else written(ns)

    return Field(name, read, Form.MOMENT)


def _seconds(name: str, of: Read) -> Field:
    def read(row: Any) -> float | None:
        span: timedelta | None = getattr(of(row), name)
        return None if span is None else span.total_seconds()

    return Field(f"{name}_s", read, Form.SECONDS)


def _money(name: str, of: Read) -> Field:
    return Field(f"{name}_usd", lambda row: getattr(of(row), name), Form.MONEY)


def _usage(of: Read) -> list[Field]:
    def part(name: str) -> Read:
        def read(row: Any) -> Any:
            usage = of(row).usage
            return None if usage is None else getattr(usage, name)

        return read

    counts = [Field(f"{name}_tokens", part(name), Form.NUMBER) for name in (*COUNTS, "total")]
    return [*counts, Field("tokens_estimated", part("estimated"), Form.FLAG)]


def _same(row: Any) -> Any:
    return row


def _span(row: Any) -> Any:
    return row.span


TRACE_FIELDS: Sequence[Field] = (
    *(_text(name, _same) for name in ("trace_id", "project", "name", "kind", "status")),
    _moment("start", _same),
    _moment("end", _same),
    _seconds("duration", _same),
    _number("span_count", _same),
    _number("error_count", _same),
    *_usage(_same),
    _money("cost", _same),
    _number("unpriced_count", _same),
    _number("anomaly_count", _same),
    *(_text(name, _same) for name in ("model", "session", "user")),
    Field("tags", lambda row: list(row.tags), Form.DATA),
    *(_text(name, _same) for name in ("release", "version", "environment")),
    *(_text(name, _same) for name in ("input", "output", "error")),
    Field("metadata", lambda row: row.metadata, Form.DATA),
)

RUN_FIELDS: Sequence[Field] = (
    *(_text(name, _same) for name in ("run_id", "project", "name", "status")),
    _moment("start", _same),
    _moment("end", _same),
    _seconds("duration", _same),
    _number("trace_count", _same),
    _number("error_count", _same),
    _number("total_tokens", _same),
    _money("cost", _same),
    *(_text(name, _same) for name in ("host", "command", "python", "commit", "release")),
    *(_text(name, _same) for name in ("environment", "error")),
    _number("pid", _same),
    Field("is_process", lambda row: row.is_process, Form.FLAG),
    Field("config", lambda row: row.config, Form.DATA),
    Field("metrics", lambda row: row.metrics, Form.DATA),
    Field("packages", lambda row: list(row.packages), Form.DATA),
)

SPAN_FIELDS: Sequence[Field] = (
    *(_text(name, _span) for name in ("trace_id", "span_id", "parent_id")),
    *(_text(name, _span) for name in ("kind", "name", "status")),
    _moment("start", _span),
    _moment("end", _span),
    _seconds("duration", _span),
    _seconds("first_token", _span),
    *(_text(name, _span) for name in ("model", "provider", "tier")),
    *_usage(_span),
    Field("counted", lambda row: row.span.counted, Form.FLAG),
    *(_money(name, _span) for name in ("cost", "reported_cost", "computed_cost")),
    *(_text(name, _span) for name in ("unpriced", "anomaly", "error_type")),
    *(_text(name, _same) for name in ("trace_name", "project", "session", "user")),
    Field("tags", lambda row: list(row.tags), Form.DATA),
    *(_text(name, _same) for name in ("release", "environment")),
)
