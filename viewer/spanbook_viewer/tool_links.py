"""Which span ran a tool call that a model requested, and which model requested it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine

from spanbook.reading import queries
from spanbook.reading.rows import Payload, SpanRow
from spanbook.spans import SpanKind
from spanbook_viewer.shapes import calls_in

LOOKED_AT = 24  # payloads read for one page at most


def results(
    engine: Engine, spans: Sequence[SpanRow], selected: SpanRow, payload: Payload
) -> dict[str, str]:
    """Return, for the calls in what the selected span took and gave, the spans that ran them.

    Both are named by their ids.
    """
    wanted = {call.id for side in (payload.input, payload.output) for call in calls_in(side)}
    found: dict[str, str] = {}
    for span in _near(spans, selected) if wanted - {None} else []:
        if found.keys() == wanted - {None}:
            break
        call = _call_of(queries.get_payload(engine, span.trace_id, span.span_id))
        if call is not None and call in wanted:
            found.setdefault(call, span.span_id)
    return found


def _near(spans: Sequence[SpanRow], selected: SpanRow) -> list[SpanRow]:
    """Return the tools that may have run its calls: the first since its start, the last before."""
    tools = [span for span in spans if span.kind == SpanKind.TOOL]
    since = [span for span in tools if span.start_ns >= selected.start_ns]
    before = [span for span in tools if span.start_ns < selected.start_ns]
    return since[:LOOKED_AT] + before[: -LOOKED_AT - 1 : -1]


def requester(
    engine: Engine, spans: Sequence[SpanRow], selected: SpanRow, payload: Payload
) -> SpanRow | None:
    """Return the model span whose output requested the selected tool call."""
    call = _call_of(payload) if selected.kind == SpanKind.TOOL else None
    if call is None:
        return None
    before = [
        span for span in spans if span.kind == SpanKind.LLM and span.start_ns <= selected.start_ns
    ]
    for span in before[: -LOOKED_AT - 1 : -1]:
        output = queries.get_payload(engine, span.trace_id, span.span_id).output
        if any(requested.id == call for requested in calls_in(output)):
            return span
    return None


def _call_of(payload: Payload) -> str | None:
    call: Any = payload.attributes.get("tool_call_id")
    return call if isinstance(call, str) else None
