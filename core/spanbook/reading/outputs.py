"""Outputs: a trace as plain data, its spans nested as they ran or flat."""

from collections.abc import Mapping
from typing import Any

from spanbook.reading.rows import Payload, SpanRow, TraceRow
from spanbook.reading.trees import Tree


def nested(trace: TraceRow, tree: Tree, payloads: Mapping[str, Payload]) -> dict[str, Any]:
    """Return a trace with its spans inside each other, under `spans`."""
    heads: list[dict[str, Any]] = []
    way: list[list[dict[str, Any]]] = [heads]
    for node in tree.nodes:
        del way[node.depth + 1 :]
        below: list[dict[str, Any]] = []
        entry = _span(node.span, payloads.get(node.span.span_id)) | {"spans": below}
        way[-1].append(entry)
        way.append(below)
    return _trace(trace) | {"spans": heads}


def flat(trace: TraceRow, tree: Tree, payloads: Mapping[str, Payload]) -> dict[str, Any]:
    """Return a trace with its spans in one list, parents before children."""
    spans = [_span(node.span, payloads.get(node.span.span_id)) for node in tree.nodes]
    return _trace(trace) | {"spans": spans}


def _trace(trace: TraceRow) -> dict[str, Any]:
    return {
        "trace_id": trace.trace_id,
        "project": trace.project,
        "name": trace.name,
        "status": str(trace.status),
        "start_ns": trace.start_ns,
        "end_ns": trace.end_ns,
        "usage": None if trace.usage is None else trace.usage.to_dict(),
        "cost": None if trace.cost is None else str(trace.cost),
        "session": trace.session,
        "user": trace.user,
        "tags": list(trace.tags),
        "metadata": trace.metadata,
        "release": trace.release,
        "version": trace.version,
        "environment": trace.environment,
    }


def _span(span: SpanRow, payload: Payload | None) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "span_id": span.span_id,
        "parent_id": span.parent_id,
        "kind": str(span.kind),
        "name": span.name,
        "status": str(span.status),
        "start_ns": span.start_ns,
        "end_ns": span.end_ns,
        "model": span.model,
        "provider": span.provider,
        "usage": None if span.usage is None else span.usage.to_dict(),
        "cost": None if span.cost is None else str(span.cost),
    }
    return entry if payload is None else entry | _payload(payload)


def _payload(payload: Payload) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if payload.has_input:
        told["input"] = payload.input
    if payload.has_output:
        told["output"] = payload.output
    told["attributes"] = payload.attributes
    told["events"] = [
        {"at": event.at.isoformat(), "name": event.name, "data": event.data}
        for event in payload.events
    ]
    if payload.error is not None:
        error = payload.error
        told["error"] = {"type": error.type, "message": error.message, "stack": error.stack}
    return told
