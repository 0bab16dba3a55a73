"""Live spans: what a recorder knows of a span between its start and its end."""

from typing import Any

from spanbook.references import SpanReference
from spanbook.spans import SpanKind
from spanbook.usage import Usage


class Known:
    """What others than its own integration know of a span, to be told with its end."""

    __slots__ = ("attributes", "model", "provider", "told", "usage")

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.model: str | None = None
        self.provider: str | None = None
        self.attributes: dict[str, Any] = {}
        self.told: dict[str, Any] = {}  # input, output, status, error


class LiveSpan:
    """A span that has started and, while `ended_at` is None, not finished.

    `kind` and `name` may be changed while it is open: its end carries the final ones. `memo` is the
    integration's, for whatever it must remember from start to end. `root` is the span at the top of
    what this process knows of the trace, `up` the parent if it lives in this process, `owner` the
    recorder. With a `parent` but no `up` it continues a trace of another process. Times are
    nanoseconds since 1970 UTC.
    """

    __slots__ = (
        "chunks",
        "ended_at",
        "event_count",
        "failure",
        "first_token",
        "kind",
        "known",
        "memo",
        "name",
        "open_below",
        "opened_at",
        "owner",
        "parent",
        "root",
        "sampled",
        "span",
        "start",
        "trace",
        "up",
        "usage_below",
    )

    def __init__(
        self,
        trace: str,
        span: str,
        up: "LiveSpan | None",
        kind: SpanKind,
        name: str,
        start: int,
        opened_at: int,
        sampled: bool,
        owner: object,
        remote: SpanReference | None = None,
    ) -> None:
        self.trace = trace
        self.span = span
        self.up = up
        self.kind = kind
        self.name = name
        self.start = start
        self.opened_at = opened_at
        self.sampled = sampled
        self.owner = owner
        if up is None:
            self.parent: str | None = None if remote is None else remote.span_id
            self.root: LiveSpan = self
        else:
            self.parent = up.span
            self.root = up.root
        self.ended_at: int | None = None
        self.usage_below = False
        self.failure: tuple[int, str] | None = None  # identity of the exception seen below
        self.first_token: int | None = None
        self.chunks = 0
        self.event_count = 0
        self.open_below = 0  # of a root: spans of its trace that are open in this process
        self.memo: Any = None
        self.known: Known | None = None

    def __repr__(self) -> str:
        return f"<LiveSpan {self.kind} {self.name!r} {self.trace}/{self.span}>"
