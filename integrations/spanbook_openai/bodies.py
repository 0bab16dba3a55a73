"""Bodies: what passes through a response while the program reads it, kept just as far as needed."""

import re
from collections.abc import Mapping
from typing import Any, Protocol

import orjson

from spanbook_openai.events import EventReader
from spanbook_openai.folds import Fold

_MOST = 32 * 1024 * 1024  # bytes of a body that is kept whole


class Body(Protocol):
    """A body that is being read. `error` is what the provider reported inside it."""

    batch: int  # bytes that may wait to be fed together: reading many at once costs less
    error: Any

    @property
    def said(self) -> int:
        """How many pieces of the answer came so far."""
        ...

    @property
    def complete(self) -> bool:
        """Whether all that matters has arrived."""
        ...

    def feed(self, data: bytes) -> None:
        """Take in the next bytes."""
        ...

    def finish(self, *, at_end: bool) -> Any:
        """Return the response: JSON data, text or bytes; None where there is none."""
        ...


class EventBody:
    """A stream of events, folded into one response."""

    batch = 64 * 1024

    def __init__(self, fold: Fold) -> None:
        self._said = 0
        self._fold = fold
        self._events = EventReader()
        self._done = False

    @property
    def said(self) -> int:
        """How many pieces of the answer came."""
        return self._said + self._fold.said

    @property
    def error(self) -> Any:
        """What the provider reported amid the stream."""
        return self._fold.error

    @property
    def complete(self) -> bool:
        """Whether the end was announced, or every candidate has ended."""
        return self._fold.error is None and (self._done or self._fold.complete)

    def feed(self, data: bytes) -> None:
        """Take in the next bytes of the stream."""
        for part in self._fold.cut(data):
            events = self._events.feed(part)
            for event in events:
                self._add(event)
            if events:
                self._fold.learn(events[-1])

    def _add(self, data: bytes) -> None:
        if data.startswith(b"[DONE]"):
            self._done = True
            return
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:
            return
        if type(event) is dict and self._fold.add(event):
            self._said += 1

    def finish(self, *, at_end: bool) -> Any:
        """Return the response that the events make up."""
        if at_end:
            for event in self._events.finish():
                self._add(event)
        return self._fold.response()


class WholeBody:
    """A body of any other kind, kept whole unless it is very large."""

    batch = 0
    error: Any = None

    def __init__(self, content_type: str) -> None:
        self._type = content_type
        self._pieces: list[bytes] = []
        self._size = 0
        self.said = 0
        self.complete = False  # only its end shows that it is

    def feed(self, data: bytes) -> None:
        """Take in the next bytes of the body."""
        self.said += 1
        self._size += len(data)
        if self._size <= _MOST:
            self._pieces.append(data)

    def finish(self, *, at_end: bool) -> Any:
        """Return the content if all of it is there."""
        self.complete = at_end
        if not at_end or self._size > _MOST:
            return None
        return read_content(b"".join(self._pieces), self._type)


def read_content(content: bytes, content_type: str) -> Any:
    """Return a body as JSON data, as text, or as the bytes that it is."""
    if content_type.endswith("json") or content[:1] == b"{":
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError:
            pass
    if content_type.startswith("text/") or content_type.endswith("json"):
        return content.decode("utf-8", "replace")
    return content


_GAP = re.compile(rb"\r\n\r\n|\n\n|\r\r")


class UsageFilter:
    """Takes out of a stream the one event that is there only because the wrapper asked for it."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> bytes:
        """Return the events that `piece` completes, without the one that reports usage only."""
        data = self._rest + piece
        kept: list[bytes] = []
        start = 0
        for gap in _GAP.finditer(data):
            event = data[start : gap.end()]
            start = gap.end()
            if not _is_usage_only(event):
                kept.append(event)
        self._rest = data[start:]
        return b"".join(kept)

    def finish(self) -> bytes:
        """Return what no gap followed."""
        rest, self._rest = self._rest, b""
        return b"" if _is_usage_only(rest) else rest


def _is_usage_only(event: bytes) -> bool:
    if b'"usage"' not in event:
        return False
    lines = [line[5:].strip() for line in event.splitlines() if line.startswith(b"data:")]
    try:
        data = orjson.loads(b"\n".join(lines))
    except orjson.JSONDecodeError:
        return False
    return isinstance(data, Mapping) and data.get("choices") == [] and bool(data.get("usage"))
