"""What changed between the inputs of two model calls: messages added, removed and reworded."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, Literal

from sqlalchemy import Engine

from spanbook.reading import queries
from spanbook.reading.filters import TraceFilter
from spanbook.reading.rows import SpanRow, TraceRow
from spanbook.spans import SpanKind
from spanbook_viewer.shapes import Message, Part, preview

WORDS = 4_000  # of one text that are compared word by word; longer texts are compared by lines
LINES = 4_000
MESSAGES = 1_000

_PIECES = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text: as before, removed or added."""

    state: Literal["same", "removed", "added"]
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """What became of some messages: as before, removed, added, or one that was reworded."""

    state: Literal["same", "removed", "added", "changed"]
    messages: Sequence[Message]
    pieces: Sequence[Piece] = field(default_factory=list[Piece])


@dataclass(frozen=True, slots=True)
class InputChanges:
    """The changes since an earlier call; None: there is no earlier one."""

    since: SpanRow | None
    changes: Sequence[Change]

    @property
    def is_same(self) -> bool:
        """Whether both calls were sent the same."""
        return all(change.state == "same" for change in self.changes)


def earlier_call(spans: Sequence[SpanRow], selected: SpanRow) -> SpanRow | None:
    """Return the model call of a trace before the selected one, of the same parent if there is one.

    `spans` stand in the order of their starts.
    """
    if selected.kind != SpanKind.LLM:
        return None
    ids = [span.span_id for span in spans]
    before = [span for span in spans[: ids.index(selected.span_id)] if span.kind == SpanKind.LLM]
    siblings = [span for span in before if span.parent_id == selected.parent_id]
    return (siblings or before or [None])[-1]


def call_of_earlier_turn(engine: Engine, trace: TraceRow) -> SpanRow | None:
    """Return the last model call of the trace before this one in its session."""
    if trace.session is None:
        return None
    asked = TraceFilter.of(session=trace.session, until=trace.start, sort="-start", limit=1)
    for earlier in queries.list_traces(engine, asked).rows:
        calls = [
            span
            for span in queries.list_spans(engine, earlier.trace_id)
            if span.kind == SpanKind.LLM
        ]
        return calls[-1] if calls else None
    return None


def changes(before: Any, after: Any) -> list[Change]:
    """Return what turns the input `before` into `after`."""
    old, new = _messages(before), _messages(after)
    matcher = SequenceMatcher(None, _keys(old), _keys(new), autojunk=False)
    found: list[Change] = []
    for tag, first, last, start, end in matcher.get_opcodes():
        found += _between(old[first:last], new[start:end], is_same=tag == "equal")
    return found


def _between(old: list[Message], new: list[Message], *, is_same: bool) -> Iterator[Change]:
    if is_same:
        yield Change("same", new)
        return
    if len(old) == len(new) and all(a.role == b.role for a, b in zip(old, new, strict=True)):
        for one, other in zip(old, new, strict=True):
            yield Change("changed", [other], pieces(_text(one), _text(other)))
        return
    if old:
        yield Change("removed", old)
    if new:
        yield Change("added", new)


def pieces(before: str, after: str) -> list[Piece]:
    """Return a text with what was removed from it and added to it, by words or by lines."""
    old, new = _PIECES.findall(before), _PIECES.findall(after)
    if len(old) > WORDS or len(new) > WORDS:
        old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    if len(old) > LINES or len(new) > LINES:
        return [Piece("removed", before), Piece("added", after)]
    found: list[Piece] = []
    for tag, first, last, start, end in SequenceMatcher(None, old, new, False).get_opcodes():
        if tag == "equal":
            found.append(Piece("same", "".join(new[start:end])))
            continue
        if last > first:
            found.append(Piece("removed", "".join(old[first:last])))
        if end > start:
            found.append(Piece("added", "".join(new[start:end])))
    return found


def _messages(value: Any) -> list[Message]:
    """Return the messages of a chat; any other input as one message without a role of its own."""
    shape = preview(value)
    if shape.messages:
        return shape.messages[:MESSAGES]
    parts = [*shape.texts, *([Part("data", shape.rest)] if shape.has_rest else [])]
    return [Message("input", None, parts, [], None, "", {})] if parts else []


def _keys(messages: Sequence[Message]) -> list[str]:
    return [f"{message.role}\0{message.name}\0{_text(message)}" for message in messages]


def _text(message: Message) -> str:
    """Return all that a message says as text."""
    said = [
        part.value if isinstance(part.value, str) else _json(part.value) for part in message.parts
    ]
    said += [f"{call.name}({_json(call.arguments)})" for call in message.calls]
    said += [_json(message.rest)] if message.rest else []
    return "\n".join(said)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)
