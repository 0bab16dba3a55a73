"""Rows: what the read side returns, frozen.

Moments are kept as the integers that the store holds (`start_ns`) and read as datetimes (`start`),
so that ten thousand rows cost no ten thousand datetimes.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from spanbook.moments import duration, moment
from spanbook.spans import SpanError, SpanEvent, SpanKind, Status
from spanbook.usage import Usage


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One trace with its totals and previews.

    `cost` is None where nothing in the trace has a price; with `unpriced_count` above 0 it is a
    lower bound. `anomaly_count` model calls have usage that does not add up. Without a root
    (`has_root` false) name, kind and times are provisional.
    """

    trace_id: str
    project: str
    name: str
    kind: SpanKind
    status: Status
    start_ns: int
    end_ns: int | None
    duration_ns: int | None
    span_count: int
    error_count: int
    usage: Usage | None
    cost: Decimal | None
    unpriced_count: int
    model: str | None
    session: str | None
    user: str | None
    tags: tuple[str, ...]
    release: str | None
    version: str | None
    environment: str | None
    input: str | None
    output: str | None
    error: str | None
    root_id: str | None
    metadata: dict[str, Any] = field(default_factory=dict[str, Any], hash=False)
    anomaly_count: int = 0
    architecture: str | None = None

    @property
    def has_root(self) -> bool:
        """Whether the root span has arrived."""
        return self.root_id is not None

    @property
    def start(self) -> datetime:
        """When the trace began."""
        return moment(self.start_ns)

    @property
    def end(self) -> datetime | None:
        """When the root ended; None while it runs."""
        return None if self.end_ns is None else moment(self.end_ns)

    @property
    def duration(self) -> timedelta | None:
        """How long the root took; None while it runs."""
        return None if self.duration_ns is None else duration(self.duration_ns)


@dataclass(frozen=True, slots=True)
class SpanRow:
    """One span without its payload.

    `usage` with `counted` false was already reported by a span below and is in no total. `cost` is
    `reported_cost`, which the provider names, else `computed_cost`, which is usage by price. `tier`
    is None for the usual one. `unpriced` says why usage has no computed cost, `anomaly` what does
    not add up in it.
    """

    trace_id: str
    span_id: str
    parent_id: str | None
    kind: SpanKind
    name: str
    status: Status
    start_ns: int
    end_ns: int | None = None
    first_token_ns: int | None = None  # since 1970
    model: str | None = None
    provider: str | None = None
    usage: Usage | None = None
    counted: bool = False
    cost: Decimal | None = None
    error_type: str | None = None
    reported_cost: Decimal | None = None
    computed_cost: Decimal | None = None
    tier: str | None = None
    unpriced: str | None = None
    anomaly: str | None = None

    @property
    def start(self) -> datetime:
        """When the span began."""
        return moment(self.start_ns)

    @property
    def end(self) -> datetime | None:
        """When the span ended; None if it has not, as far as is known."""
        return None if self.end_ns is None else moment(self.end_ns)

    @property
    def duration_ns(self) -> int | None:
        """Nanoseconds from start to end; None without an end."""
        return None if self.end_ns is None else self.end_ns - self.start_ns

    @property
    def duration(self) -> timedelta | None:
        """Time from start to end; None without an end."""
        return None if self.end_ns is None else duration(self.end_ns - self.start_ns)

    @property
    def first_token(self) -> timedelta | None:
        """Time from the start to the first streamed chunk."""
        if self.first_token_ns is None:
            return None
        return duration(self.first_token_ns - self.start_ns)


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run with the totals of its traces.

    `is_process` says that it is a whole process, and was not begun by the program. `total_tokens`
    and `cost` are None where none are known of any trace. `metrics` are the last values.
    """

    run_id: str
    project: str
    name: str | None
    status: Status
    start_ns: int
    end_ns: int | None
    host: str | None
    pid: int | None
    command: str | None
    python: str | None
    commit: str | None
    release: str | None
    environment: str | None
    error: str | None
    is_process: bool
    trace_count: int
    error_count: int
    total_tokens: int | None
    cost: Decimal | None
    config: dict[str, Any] = field(default_factory=dict[str, Any], hash=False)
    metrics: dict[str, Any] = field(default_factory=dict[str, Any], hash=False)
    packages: tuple[str, ...] = ()

    @property
    def start(self) -> datetime:
        """When the run began."""
        return moment(self.start_ns)

    @property
    def end(self) -> datetime | None:
        """When the run ended; None if it has not, as far as is known."""
        return None if self.end_ns is None else moment(self.end_ns)

    @property
    def duration(self) -> timedelta | None:
        """Time from start to end; None without an end."""
        return None if self.end_ns is None else duration(self.end_ns - self.start_ns)


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A metric of a run at one step; `value` is None where it was not a finite number."""

    name: str
    step: int
    at_ns: int
    value: float | None

    @property
    def at(self) -> datetime:
        """When it was logged."""
        return moment(self.at_ns)


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A span (`trace_id`, `span_id`) that refers to another one, and what it is to it."""

    trace_id: str
    span_id: str
    to_trace_id: str
    to_span_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Payload:
    """What went into a span and came out of it, as plain data with the placeholders of the journal.

    `input` and `output` are None both where None was recorded and where nothing was; `has_input`
    and `has_output` tell which.
    """

    input: Any
    output: Any
    has_input: bool
    has_output: bool
    attributes: dict[str, Any]
    events: tuple[SpanEvent, ...]
    error: SpanError | None


@dataclass(frozen=True, slots=True)
class Blob:
    """A large or repeated value that was stored once; `media_type` is None for text."""

    hash: str
    media_type: str | None
    size: int
    content: bytes


@dataclass(frozen=True, slots=True)
class TracePage:
    """Some of the traces that a filter matches, and where the next and the previous page begin.

    Give `next` as the filter's `after`, `previous` as its `before`; None: there is no such page.
    """

    rows: tuple[TraceRow, ...]
    next: str | None
    previous: str | None


@dataclass(frozen=True, slots=True)
class SpanEntry:
    """One span in a list over all traces, with what its trace says."""

    span: SpanRow
    trace_name: str
    project: str
    session: str | None
    user: str | None
    tags: tuple[str, ...]
    release: str | None
    environment: str | None


@dataclass(frozen=True, slots=True)
class SpanPage:
    """Some of the spans that a filter matches; `next` and `previous` are as in a `TracePage`."""

    rows: tuple[SpanEntry, ...]
    next: str | None
    previous: str | None


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows match; `exact` false: at least so many, counting stopped there."""

    number: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Changes:
    """What a live page must redraw, and the token to ask with next time."""

    trace: TraceRow
    spans: tuple[SpanRow, ...]
    token: str


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value that a filter field can take, and how many recent traces have it."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Facets:
    """The values of the filter fields among recent traces, the most frequent first."""

    project: tuple[FacetValue, ...]
    name: tuple[FacetValue, ...]
    kind: tuple[FacetValue, ...]
    model: tuple[FacetValue, ...]
    tag: tuple[FacetValue, ...]
    session: tuple[FacetValue, ...]
    user: tuple[FacetValue, ...]
    release: tuple[FacetValue, ...]
    version: tuple[FacetValue, ...]
    environment: tuple[FacetValue, ...]
