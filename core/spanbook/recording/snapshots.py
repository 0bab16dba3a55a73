"""Snapshots: records of spans, as lines of JSON, read into what listeners are told."""

from typing import Any

import orjson

from spanbook.gate.plain import repaired
from spanbook.moments import moment
from spanbook.notices import SpanSnapshot
from spanbook.spans import SpanError, SpanEvent, SpanKind, Status
from spanbook.usage import Usage

Record = dict[str, Any]

_DEPTH = 240


def line_of(record: Record) -> bytes:
    """Return a record as JSON, independent of it."""
    try:
        return orjson.dumps(record, default=str)
    except orjson.JSONEncodeError:  # a lone surrogate, rarely
        return orjson.dumps(repaired(record, _DEPTH))


def record_of(line: bytes) -> Record:
    """Return the record of a line."""
    return orjson.loads(line)


def without_input(record: Record) -> bytes:
    """Return the line of a record that leaves out what may be long."""
    return line_of({name: value for name, value in record.items() if name != "input"})


def snapshot(start: Record, end: Record) -> SpanSnapshot:
    """Return a span as its start and, where it is not empty, its end tell it."""
    both = {**start, **end}
    error, usage = end.get("error"), end.get("usage")
    return SpanSnapshot(
        trace_id=both["trace"],
        span_id=both["span"],
        parent_id=both.get("parent"),
        kind=SpanKind(both["kind"]),
        name=both["name"],
        status=Status(both.get("status", Status.RUNNING)),
        start_ns=both["start"],
        end_ns=end.get("end"),
        input=both.get("input"),
        output=end.get("output"),
        attributes={**start.get("attributes", {}), **end.get("attributes", {})},
        error=None
        if error is None
        else SpanError(error["type"], error["message"], error.get("stack")),
        usage=None if usage is None else Usage.from_dict(usage),
        counted=usage is not None and end.get("counted", True),
        model=both.get("model"),
        provider=both.get("provider"),
    )


def event(record: Record) -> SpanEvent:
    """Return what an event record tells."""
    return SpanEvent(moment(record["at"]), record["name"], record.get("data"))
