"""Rows of spans and traces as the pipeline holds them, in the order of the tables' columns."""

from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

from spanbook.spans import Status
from spanbook.store.schema import traces


class StoredSpan(NamedTuple):
    """One row of `spans`."""

    pk: int
    trace_pk: int
    run_pk: int | None
    span_id: str
    parent_id: str | None
    kind: str
    name: str
    status: str
    start_ns: int
    end_ns: int | None
    first_token_ns: int | None
    model: str | None
    provider: str | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read: int | None
    cache_write: int | None
    audio_input: int | None
    image_input: int | None
    reasoning: int | None
    audio_output: int | None
    estimated: bool | None
    counted: bool | None
    cost: int | None
    error_type: str | None
    start_block: int | None
    end_block: int | None
    reported_cost: int | None = None
    computed_cost: int | None = None
    price_pk: int | None = None
    tier: str | None = None
    unpriced: str | None = None
    anomaly: str | None = None
    version_pk: int | None = None

    @property
    def is_finished(self) -> bool:
        """Whether nothing may change it any more."""
        return self.status not in _OPEN


@dataclass(slots=True)
class StoredTrace:
    """One row of `traces`, while a batch changes it."""

    pk: int
    trace_id: str
    run_pk: int | None
    project: str
    name: str
    kind: str
    status: str
    root_id: str | None
    start_ns: int
    end_ns: int | None = None
    duration_ns: int | None = None
    span_count: int = 0
    error_count: int = 0
    usage_count: int = 0
    estimated_count: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int | None = None
    cache_read: int = 0
    cache_write: int = 0
    audio_input: int = 0
    image_input: int = 0
    reasoning: int = 0
    audio_output: int = 0
    cost: int | None = None
    unpriced_count: int = 0
    model: str | None = None
    session: str | None = None
    user: str | None = None
    release: str | None = None
    version: str | None = None
    environment: str | None = None
    tags: str | None = None
    metadata: str | None = None
    input: str | None = None
    output: str | None = None
    error: str | None = None
    anomaly_count: int = 0
    architecture: str | None = None

    def values(self) -> tuple[Any, ...]:
        """Return the row."""
        return _VALUES(self)


_OPEN = frozenset(map(str, (Status.RUNNING, Status.INCOMPLETE)))
_VALUES = attrgetter(*(column.name for column in traces.c))
