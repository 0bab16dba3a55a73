"""A session as a conversation: what each of its traces was asked and what it answered."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from flask import url_for
from sqlalchemy import Engine

from spanbook.errors import UnknownTraceError
from spanbook.reading import queries
from spanbook.reading.filters import TraceFilter
from spanbook.reading.groups import GroupRow, get_group
from spanbook.reading.rows import Payload, TracePage, TraceRow
from spanbook_viewer.shapes import Message, Preview, preview

TURNS = 50  # of one page


@dataclass(frozen=True, slots=True)
class Turn:
    """One trace of a session, as a turn of the conversation."""

    number: int
    trace: TraceRow
    asked: Preview | None
    answered: Preview | None
    error: Any


@dataclass
class Conversation:
    """The turns of a session in the order of time, and what they come to."""

    engine: Engine
    session: str
    after: str | None
    first: int

    @cached_property
    def totals(self) -> GroupRow:
        """What all turns of the session come to."""
        return get_group(self.engine, "session", self.session)

    @cached_property
    def page(self) -> TracePage:
        """The traces of this page."""
        return queries.list_traces(
            self.engine,
            TraceFilter.of(session=self.session, sort="start", limit=TURNS, after=self.after),
        )

    @cached_property
    def turns(self) -> list[Turn]:
        """The turns of this page."""
        return [_turn(self.engine, self.first + i, row) for i, row in enumerate(self.page.rows)]

    @property
    def following(self) -> str | None:
        """The address of the page after this one."""
        if self.page.next is None:
            return None
        first = self.first + len(self.page.rows)
        return url_for("sessions.show", id=self.session, after=self.page.next, turn=first)


def _turn(engine: Engine, number: int, trace: TraceRow) -> Turn:
    payload = _payload(engine, trace)
    if payload is None:
        return Turn(number, trace, None, None, None)
    asked = _last(preview(payload.input), "user", "human") if payload.has_input else None
    answered = _last(preview(payload.output), "assistant", "ai") if payload.has_output else None
    return Turn(number, trace, asked, answered, payload.error)


def _payload(engine: Engine, trace: TraceRow) -> Payload | None:
    if trace.root_id is None:
        return None
    try:
        return queries.get_payload(engine, trace.trace_id, trace.root_id)
    except UnknownTraceError:  # deleted meanwhile
        return None


def _last(value: Preview, *roles: str) -> Preview:
    """Return of a chat only the last message of that role: a turn repeats those before it."""
    own: Sequence[Message] = [message for message in value.messages if message.role in roles]
    return replace(value, messages=[own[-1]], tools=[], rest=None, has_rest=False) if own else value
