"""Changes: what happened to a trace since a live page asked last."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, func, or_, select

from spanbook.errors import FilterError, UnknownTraceError
from spanbook.reading.cursors import pack, unpack
from spanbook.reading.pages import AnyRow
from spanbook.reading.records import SPAN_COLUMNS, TRACE_COLUMNS, fields_of, span_rows, trace_row
from spanbook.reading.rows import Changes
from spanbook.spans import Status
from spanbook.store.schema import spans, traces

_OPEN = (Status.RUNNING.value, Status.INCOMPLETE.value)  # what may still change
_FEW = 300  # open spans that a token can name; beyond, the next answer holds all spans


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a page has seen: the last span, the last payload block, and the spans then open.

    `open` is None where they were too many to name.
    """

    span: int
    block: int
    open: tuple[int, ...] | None

    def encode(self) -> str:
        return pack([self.span, self.block, self.open])

    @classmethod
    def decode(cls, text: str) -> "_Seen":
        match unpack(text):
            case [int(span), int(block), None]:
                return cls(span, block, None)
            case [int(span), int(block), [*pks]] if all(type(pk) is int for pk in pks):
                return cls(span, block, tuple(pks))
            case _:
                raise FilterError(f"The token {text[:40]!r} is not one of ours. Reload the page.")


def changes(engine: Engine, trace_id: str, after: str | None = None) -> Changes:
    """Return the trace and those of its spans that began, ended or still ran since `after`.

    `after` is the token of the last answer; without one, every span is in the answer.

    Raises:
        UnknownTraceError: the store does not hold the trace.
        FilterError: `after` is no token of ours.
    """
    seen = None if after is None else _Seen.decode(after)
    with engine.connect() as connection:
        trace = _find(connection, trace_id)
        pk = fields_of(trace)["pk"]
        now_seen = _look(connection, pk)
        statement = select(*SPAN_COLUMNS).where(spans.c.trace_pk == pk, *_since(seen))
        rows = connection.execute(statement.order_by(spans.c.start_ns, spans.c.pk)).all()
    return Changes(trace_row(trace), tuple(span_rows(rows, trace_id)), now_seen.encode())


def mark(engine: Engine, trace_id: str) -> str:
    """Return the token that `changes` would return now, without the changes.

    Raises:
        UnknownTraceError: the store does not hold the trace.
    """
    with engine.connect() as connection:
        return _look(connection, fields_of(_find(connection, trace_id))["pk"]).encode()


def _find(connection: Connection, trace_id: str) -> AnyRow:
    found = select(*TRACE_COLUMNS).where(traces.c.trace_id == trace_id)
    trace = connection.execute(found).first()
    if trace is None:
        raise UnknownTraceError(f"The store holds no trace {trace_id!r}; it may be deleted.")
    return trace


def _look(connection: Connection, trace_pk: int) -> _Seen:
    here = spans.c.trace_pk == trace_pk
    last = select(
        func.max(spans.c.pk), func.max(spans.c.start_block), func.max(spans.c.end_block)
    ).where(here)
    span, start_block, end_block = connection.execute(last).one()
    running = select(spans.c.pk).where(here, spans.c.status.in_(_OPEN)).limit(_FEW + 1)
    pks: Sequence[Any] = connection.execute(running).scalars().all()
    named = tuple(pks) if len(pks) <= _FEW else None
    return _Seen(span or 0, max(start_block or 0, end_block or 0), named)


def _since(seen: _Seen | None) -> list[ColumnElement[bool]]:
    if seen is None or seen.open is None:
        return []
    return [
        or_(
            spans.c.pk > seen.span,
            spans.c.start_block > seen.block,
            spans.c.end_block > seen.block,
            spans.c.pk.in_(seen.open),
        )
    ]
