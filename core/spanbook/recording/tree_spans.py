"""Spans that are built by hand, with their children in them, before anything is recorded."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from spanbook.errors import ArgumentError
from spanbook.spans import SpanKind, Status

_MILLISECOND = 1_000_000  # nanoseconds
_LATEST = (1 << 63) // _MILLISECOND


class StatusCode(StrEnum):
    """How a span ended, in the words of W&B; `Status` has more."""

    SUCCESS = "SUCCESS"
    ERROR = "ERROR"


_STATUSES = {StatusCode.SUCCESS.value: Status.OK}


@dataclass
class Result:
    """One of the named results of a span: what went in, what came out."""

    inputs: dict[str, Any] | None = None
    outputs: dict[str, Any] | None = None


def _no_results() -> list[Result]:
    return []


def _no_spans() -> "list[Span]":
    return []


@dataclass
class Span:
    """A span and the spans below it. Times are milliseconds since 1970 UTC; None: not known."""

    span_id: str | None = None
    name: str | None = None
    start_time_ms: float | None = None
    end_time_ms: float | None = None
    status_code: StatusCode | Status | str | None = None
    status_message: str | None = None
    attributes: dict[str, Any] | None = field(default_factory=dict[str, Any])
    results: list[Result] | None = field(default_factory=_no_results)
    child_spans: "list[Span] | None" = field(default_factory=_no_spans)
    span_kind: SpanKind | str | None = None

    def add_attribute(self, key: str, value: Any) -> None:
        """Add an attribute."""
        self.attributes = {**(self.attributes or {}), key: value}

    def add_named_result(
        self, inputs: dict[str, Any] | None, outputs: dict[str, Any] | None
    ) -> None:
        """Add a result to those that are there."""
        self.results = [*(self.results or ()), Result(inputs, outputs)]

    def add_child_span(self, span: "Span") -> None:
        """Put a span below this one."""
        self.child_spans = [*(self.child_spans or ()), span]

    @property
    def kind(self) -> SpanKind:
        """The kind as Spanbook has it; `step` where none is given or it is unknown."""
        try:
            return checked_kind(self.span_kind) or SpanKind.STEP
        except ArgumentError:
            return SpanKind.STEP

    @property
    def status(self) -> Status:
        """The status as Spanbook has it; `ok` where none is given or it is unknown."""
        try:
            status = checked_status(self.status_code) or Status.OK
        except ArgumentError:
            status = Status.OK
        return Status.INCOMPLETE if status is Status.RUNNING else status

    @property
    def times(self) -> tuple[int | None, int | None]:
        """Start and end in nanoseconds, as far as they are known."""
        return _nanoseconds(self.start_time_ms), _nanoseconds(self.end_time_ms)


def checked_kind(given: SpanKind | str | None) -> SpanKind | None:
    """Return a kind that is given in letters of any case.

    Raises:
        ArgumentError: it is no kind of span.
    """
    try:
        return None if given is None else SpanKind(str(given).lower())
    except ValueError:
        raise ArgumentError(
            f"The kind is {given!r}. Give one of {', '.join(kind.upper() for kind in SpanKind)}."
        ) from None


def checked_status(given: StatusCode | Status | str | None) -> Status | None:
    """Return a status that is given in letters of any case, in W&B's words or in ours.

    Raises:
        ArgumentError: it is no status.
    """
    if given is None:
        return None
    try:
        return _STATUSES.get(str(given).upper()) or Status(str(given).lower())
    except ValueError:
        raise ArgumentError(f"The status is {given!r}. Give SUCCESS or ERROR.") from None


def _nanoseconds(milliseconds: Any) -> int | None:
    if type(milliseconds) is int and 0 <= milliseconds < _LATEST:
        return milliseconds * _MILLISECOND
    if isinstance(milliseconds, float) and 0 <= milliseconds < _LATEST:  # to the microsecond
        return round(milliseconds * 1000) * 1000
    return None


def walk(root: Span) -> Iterator[tuple[Span, Span | None, bool]]:
    """Yield each span with the one above it as it begins, and once more, True, as it ends.

    A span that stands below itself is left out there.
    """
    pending: list[tuple[Span, Span | None, bool]] = [(root, None, False)]
    open_spans: set[int] = set()
    while pending:
        span, above, is_end = pending.pop()
        if is_end:
            open_spans.discard(id(span))
        elif id(span) in open_spans:
            continue
        else:
            open_spans.add(id(span))
            pending.append((span, above, True))
            pending += [(child, span, False) for child in reversed(span.child_spans or ())]
        yield span, above, is_end


def named_results(span: Span) -> Mapping[str, Any]:
    """Return `input` and `output` of a span: of one result itself, of several a list of each."""
    results = span.results or []
    inputs = [result.inputs for result in results]
    outputs = [result.outputs for result in results]
    told: dict[str, Any] = {}
    for name, values in (("input", inputs), ("output", outputs)):
        if any(value is not None for value in values):
            told[name] = values[0] if len(values) == 1 else values
    return told
