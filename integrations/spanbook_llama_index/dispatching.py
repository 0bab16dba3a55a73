"""The two handlers that LlamaIndex's dispatcher calls: one for spans, one for events."""

import inspect
from collections.abc import Callable
from typing import Any

from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.events.exception import ExceptionEvent
from llama_index.core.instrumentation.events.llm import (
    LLMChatEndEvent,
    LLMChatInProgressEvent,
    LLMCompletionEndEvent,
    LLMCompletionInProgressEvent,
)
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.instrumentation.span import BaseSpan
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler
from pydantic import BaseModel, Field
from workflows.runtime.types.step_function import SpanCancelledEvent

from spanbook_llama_index.tracing import Tracing

Bound = inspect.BoundArguments

_LISTENS: dict[type, Callable[[Tracing, Any], None]] = {
    LLMChatInProgressEvent: Tracing.piece,
    LLMCompletionInProgressEvent: Tracing.piece,
    LLMChatEndEvent: Tracing.answered,
    LLMCompletionEndEvent: Tracing.answered,
    ExceptionEvent: Tracing.broke,
    ReRankStartEvent: Tracing.reranks,
    ReRankEndEvent: Tracing.reranked,
    SpanCancelledEvent: Tracing.cancelled,
}
_THEIRS = ("llama_index", "llama_index_instrumentation", "workflows")


class Spans(BaseSpanHandler[BaseSpan]):
    """Passes spans on. The base class's own bookkeeping is left out: it would be done twice."""

    tracing: Any = Field(exclude=True, repr=False)

    def __init__(self, tracing: Tracing) -> None:
        BaseModel.__init__(self, tracing=tracing)
        self._lock = None

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex knows this handler by."""
        return "SpanbookSpans"

    def span_enter(
        self,
        id_: str,
        bound_args: Bound,
        instance: Any = None,
        parent_id: str | None = None,
        tags: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Open a span."""
        self.tracing.enter(id_, bound_args.arguments, instance, parent_id, tags)

    def span_exit(
        self, id_: str, bound_args: Bound, instance: Any = None, result: Any = None, **_: Any
    ) -> None:
        """Close a span with its result."""
        self.tracing.exit(id_, bound_args.arguments, instance, result)

    def span_drop(
        self,
        id_: str,
        bound_args: Bound,
        instance: Any = None,
        err: BaseException | None = None,
        **_: Any,
    ) -> None:
        """Close a span that an exception left."""
        self.tracing.drop(id_, instance, err)

    def close(self) -> None:
        """Close what is open, when the dispatcher is shut down."""
        self.tracing.close()

    def new_span(self, *_: Any, **__: Any) -> None:
        """Make nothing: spans are kept by the recorder."""

    def prepare_to_exit_span(self, *_: Any, **__: Any) -> None:
        """Do nothing, as before."""

    def prepare_to_drop_span(self, *_: Any, **__: Any) -> None:
        """Do nothing, as before."""


class Events(BaseEventHandler):
    """Passes those events on that tell more than the spans do."""

    tracing: Any = Field(exclude=True, repr=False)

    def __init__(self, tracing: Tracing) -> None:
        BaseModel.__init__(self, tracing=tracing)

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex knows this handler by."""
        return "SpanbookEvents"

    def handle(self, event: BaseEvent, **_: Any) -> None:
        """Take note of an event."""
        kind = type(event)
        listen = _LISTENS.get(kind)
        if listen is not None:
            listen(self.tracing, event)
        elif kind.__module__.partition(".")[0] not in _THEIRS:
            self.tracing.happened(event)
