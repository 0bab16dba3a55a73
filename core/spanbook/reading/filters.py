"""Filters: which traces or spans a list shows and in which order, as values and as an address."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar

from spanbook.reading.arguments import (
    Argument,
    choice,
    read_duration,
    read_flag,
    read_flag_or_text,
    read_money,
    read_number,
    read_text,
    read_time,
    write_duration,
    write_flag,
    write_flag_or_text,
    write_money,
    write_time,
)
from spanbook.reading.expressions import OF_SPANS, OF_TRACES, Expression
from spanbook.reading.list_filter import ListFilter
from spanbook.spans import SpanKind, Status

# The words that a list of traces can be sorted by.
SORTS = (
    "start",
    "duration",
    "tokens",
    "cost",
    "name",
    "status",
    "kind",
    "model",
    "session",
    "user",
    "spans",
    "errors",
    "release",
    "version",
    "environment",
    "tags",
    "input",
    "output",
    "error",
)

# The words that a list of spans can be sorted by.
SPAN_SORTS = (
    "start",
    "duration",
    "tokens",
    "input_tokens",
    "output_tokens",
    "cost",
    "name",
    "model",
)

_TEXT = Argument(read_text)
_TEXTS = Argument(read_text, many=True)
_DURATION = Argument(read_duration, write_duration)
_TIME = Argument(read_time, write_time)
_NUMBER = Argument(read_number)
_MONEY = Argument(read_money, write_money)
_FLAG = Argument(read_flag, write_flag)
_FLAG_OR_TEXT = Argument(read_flag_or_text, write_flag_or_text)
_STATUSES = Argument(choice(Status), many=True)
_BOUNDS = {
    "min_duration": _DURATION,
    "max_duration": _DURATION,
    "min_tokens": _NUMBER,
    "max_tokens": _NUMBER,
    "min_cost": _MONEY,
    "max_cost": _MONEY,
}

_OF_TRACES: dict[str, Argument] = {
    "project": _TEXT,
    "status": _STATUSES,
    "name": _TEXT,
    "kind": Argument(choice(SpanKind)),
    "model": _TEXT,
    "tag": _TEXTS,
    "session": _TEXT,
    "user": _TEXT,
    "release": _TEXT,
    "version": _TEXT,
    "environment": _TEXT,
    "architecture": _TEXT,
    "run": _TEXT,
    "since": _TIME,
    "until": _TIME,
    "q": _TEXT,
    "input": _TEXT,
    "output": _TEXT,
    "error": _TEXT,
    **_BOUNDS,
    "has_error": _FLAG,
    "where": OF_TRACES,
}
_OF_SPANS: dict[str, Argument] = {
    "project": _TEXT,
    "kind": Argument(choice(SpanKind), many=True),
    "name": _TEXT,
    "model": _TEXT,
    "provider": _TEXT,
    "tier": _TEXT,
    "status": _STATUSES,
    "trace_id": _TEXT,
    "run": _TEXT,
    "session": _TEXT,
    "user": _TEXT,
    "tag": _TEXTS,
    "release": _TEXT,
    "version": _TEXT,
    "environment": _TEXT,
    "since": _TIME,
    "until": _TIME,
    **_BOUNDS,
    "unpriced": _FLAG_OR_TEXT,
    "anomaly": _FLAG_OR_TEXT,
    "estimated": _FLAG,
    "counted": _FLAG,
    "cached": _FLAG,
    "where": OF_SPANS,
}


@dataclass(frozen=True, slots=True)
class TraceFilter(ListFilter):
    """Which traces to list; whatever is given must hold. None: not asked for.

    `since` is included, `until` is not; a timedelta is an age, counted back from when the query
    runs. `session`, `user`, `model`, `release`, `version` and `environment` may be "(none)".
    `input`, `output` and `error` look inside the previews, without regard to case; `q` finds whole
    words, or their beginnings (`retriev*`), anywhere in the trace. Bounds are included.
    `kind` is the root's, `run` a run's id, `architecture` the hash of one or "(none)". `where` says
    more in words, such as `cost > 0.05 and metadata.customer = "x"`.
    """

    ARGUMENTS: ClassVar[Mapping[str, Argument]] = _OF_TRACES
    SORTS: ClassVar[tuple[str, ...]] = SORTS

    project: str | None = None
    status: tuple[Status, ...] = ()
    name: str | None = None
    kind: SpanKind | None = None
    model: str | None = None
    tag: tuple[str, ...] = ()
    session: str | None = None
    user: str | None = None
    release: str | None = None
    version: str | None = None
    environment: str | None = None
    architecture: str | None = None
    run: str | None = None
    since: datetime | timedelta | None = None
    until: datetime | timedelta | None = None
    q: str | None = None
    input: str | None = None
    output: str | None = None
    error: str | None = None
    min_duration: timedelta | None = None
    max_duration: timedelta | None = None
    min_tokens: int | None = None
    max_tokens: int | None = None
    min_cost: Decimal | None = None
    max_cost: Decimal | None = None
    has_error: bool | None = None
    where: Expression | None = None


@dataclass(frozen=True, slots=True)
class SpanFilter(ListFilter):
    """Which spans of all traces to list; whatever is given must hold. None: not asked for.

    `since`, `until` and bounds are as those of a `TraceFilter`; times are the span's own.
    `project`, `session`, `user`, `tag`, `release`, `version` and `environment` are those of the
    span's trace, and so is the `run`, by its id. `model`, `provider`, `tier`, `session`, `user`,
    `release`, `version`, `environment` and a `tag` may be "(none)".

    `counted` spans are those whose usage is in the totals: no span below already reported it.
    `unpriced` ones have usage without any known cost, `anomaly` ones usage that does not add up;
    True asks for all of them, a text for one reason. `cached` ones read tokens from a cache.
    `where` says more in words, as that of a `TraceFilter`.
    """

    ARGUMENTS: ClassVar[Mapping[str, Argument]] = _OF_SPANS
    SORTS: ClassVar[tuple[str, ...]] = SPAN_SORTS

    project: str | None = None
    kind: tuple[SpanKind, ...] = ()
    name: str | None = None
    model: str | None = None
    provider: str | None = None
    tier: str | None = None
    status: tuple[Status, ...] = ()
    trace_id: str | None = None
    run: str | None = None
    session: str | None = None
    user: str | None = None
    tag: tuple[str, ...] = ()
    release: str | None = None
    version: str | None = None
    environment: str | None = None
    since: datetime | timedelta | None = None
    until: datetime | timedelta | None = None
    min_duration: timedelta | None = None
    max_duration: timedelta | None = None
    min_tokens: int | None = None
    max_tokens: int | None = None
    min_cost: Decimal | None = None
    max_cost: Decimal | None = None
    unpriced: bool | str | None = None
    anomaly: bool | str | None = None
    estimated: bool | None = None
    counted: bool | None = None
    cached: bool | None = None
    where: Expression | None = None
