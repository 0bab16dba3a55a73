"""The links between spans, for a view of how data flows."""

from sqlalchemy import Engine, or_, select

from spanbook.reading.rows import LinkRow
from spanbook.store.flow import NAME as DATA
from spanbook.store.schema import links, traces


def list_links(engine: Engine, trace_id: str) -> list[LinkRow]:
    """Return the links that begin or end in a trace."""
    statement = (
        select(
            traces.c.trace_id,
            links.c.span_id,
            links.c.to_trace_id,
            links.c.to_span_id,
            links.c.name,
        )
        .join(traces, traces.c.pk == links.c.trace_pk)
        .where(or_(traces.c.trace_id == trace_id, links.c.to_trace_id == trace_id))
        .order_by(traces.c.trace_id, links.c.span_id, links.c.to_span_id, links.c.name)
    )
    with engine.connect() as connection:
        return [LinkRow(*row) for row in connection.execute(statement)]


def data_flows(engine: Engine, trace_id: str) -> list[tuple[str, str]]:
    """Return whose output became whose input, as pairs of span ids, of a trace."""
    found = list_links(engine, trace_id)
    return [(link.to_span_id, link.span_id) for link in found if link.name == DATA]
