"""The events of a whole trace, for a view of it in the order of time."""

from typing import Any

from sqlalchemy import Engine, select

from spanbook.moments import moment
from spanbook.reading import payloads
from spanbook.spans import SpanEvent
from spanbook.store.schema import events, traces


def list_events(engine: Engine, trace_id: str, limit: int) -> list[tuple[str, SpanEvent]]:
    """Return the first `limit` events of a trace by time, each with the id of its span."""
    statement = (
        select(events.c.span_id, events.c.at_ns, events.c.name, events.c.data)
        .join(traces, traces.c.pk == events.c.trace_pk)
        .where(traces.c.trace_id == trace_id)
        .order_by(events.c.at_ns, events.c.pk)
        .limit(limit)
    )
    with engine.connect() as connection:
        rows = connection.execute(statement).all()
    return [(span, SpanEvent(moment(at), name, _data(data))) for span, at, name, data in rows]


def _data(data: bytes | None) -> Any:
    return None if data is None else payloads.unpack(data)
