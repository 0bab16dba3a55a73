"""Frames: what is remembered of LlamaIndex's spans, recorded or not, while they are open."""

from collections import deque
from collections.abc import Mapping
from typing import Any

from spanbook.recording.live import LiveSpan
from spanbook_llama_index.asked import Template
from spanbook_llama_index.plans import SILENT, Plan

_MOST_ENDED = 1_024  # frames that children may still name after their end


class Frame:
    """One span of LlamaIndex. It is also the recorder's key of the span that is recorded for it.

    `span` is the frame that is recorded in its place: itself, or the nearest above, or None.
    `up` is the frame that LlamaIndex names as the parent; it is forgotten at the end.
    """

    up: "Frame | None" = None
    parent: "Frame | None" = None  # the recorded frame above
    span: "Frame | None" = None
    plan: Plan = SILENT
    live: LiveSpan | None = None
    is_open = True
    instance = 0  # the id of the component, while it runs
    tags: Mapping[str, Any] | None = None
    has_asked = False  # a model, right below
    template: Template | None = None  # of a prompt that is on its way to a model
    is_cancelled = False  # by who runs the workflow, which is no failure
    tool_call: str | None = None  # the model's call that a tool answers
    inner: "Frame | None" = None  # a span that LlamaIndex reports by events alone

    # Of streams: a frame whose result is one stays open until that ends.
    waits = False
    last: Any = None  # the last piece that a model gave, or what else of the end is known
    heard: Any = None  # the text that a model below has given
    failure: BaseException | None = None  # what ended a stream below
    is_written = False  # by the thread or task that reads the stream of a chat engine

    # Of models that call themselves, as `achat` calls `chat`: it is one call.
    delegates: "list[Frame] | None" = None
    answers: "list[Any] | None" = None

    def __init__(self, id: str, up: "Frame | None", plan: Plan) -> None:
        self.id = id
        self.plan = plan
        if up is not None:
            self.up = up
            self.span = up.span


class Frames:
    """The frames of one installation by id: the open ones, and the last few that ended."""

    def __init__(self) -> None:
        self._known: dict[str, Frame] = {}
        self._ended: deque[str] = deque()

    @property
    def open(self) -> int:
        """How many frames are open."""
        return len(self.all())

    def find(self, id: str | None) -> Frame | None:
        """Return the frame `id`, open or ended lately."""
        return None if id is None else self._known.get(id)

    def add(self, frame: Frame) -> None:
        """Hold an open frame."""
        self._known[frame.id] = frame

    def end(self, frame: Frame) -> bool:
        """Let go of all that a frame holds; False if it has ended before."""
        if not frame.is_open:
            return False
        frame.is_open = False
        frame.up = None
        if frame.template is not None:
            frame.template = None
        frame.answers = None
        if frame.span is frame:
            frame.instance = 0
            frame.tags = frame.inner = frame.last = frame.heard = frame.failure = None
            for other in frame.delegates or ():
                self.end(other)
            frame.delegates = None
        self._ended.append(frame.id)
        if len(self._ended) > _MOST_ENDED:
            self._known.pop(self._ended.popleft(), None)
        return True

    def all(self) -> list[Frame]:
        """Return the open frames, the outermost first."""
        return [frame for frame in list(self._known.values()) if frame.is_open]
