"""Installing: everything that LlamaIndex does in this process, by its own dispatcher."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from llama_index.core.callbacks.schema import CBEventType
from llama_index_instrumentation import get_dispatcher

from spanbook.recording.recorder import Recorder
from spanbook.spans import SpanKind
from spanbook_llama_index import tracing
from spanbook_llama_index.dispatching import Events, Spans
from spanbook_llama_index.ignoring import kinds_of
from spanbook_llama_index.tracing import Tracing

VARIABLE = "SPANBOOK_LLAMA_INDEX"
_TRUE = {"1", "true", "yes", "on"}


def install(
    recorder: Recorder | None = None,
    *,
    ignore: Iterable[SpanKind | CBEventType | str] = (),
    vectors: bool = False,
) -> None:
    """Record all that LlamaIndex does in this process, in all threads and tasks, from now on.

    `ignore` names kinds of spans to leave out, as "embedding" or an event type of LlamaIndex's;
    what is below them moves up. `vectors` keeps embeddings themselves. Calling it again replaces
    what was installed.

    Raises:
        ValueError: `ignore` names what is no kind.
    """
    made = Tracing(recorder, ignore=kinds_of(ignore), vectors=vectors)
    uninstall()
    root = get_dispatcher()
    root.add_span_handler(Spans(made))
    root.add_event_handler(Events(made))
    tracing.installed = made


def uninstall() -> None:
    """Undo `install`. Spans that are open become incomplete, handlers of others stay."""
    root = get_dispatcher()
    root.span_handlers[:] = [one for one in root.span_handlers if not _is_ours(one)]
    root.event_handlers[:] = [one for one in root.event_handlers if not _is_ours(one)]
    before, tracing.installed = tracing.installed, None
    if before is not None:
        before.close()


def _is_ours(handler: Any) -> bool:
    """Say whether a handler is ours, also if this package has been loaded anew since."""
    return type(handler).__module__ == Spans.__module__


def install_from_environment(environ: Mapping[str, str] = os.environ) -> None:
    """Do as the variable SPANBOOK_LLAMA_INDEX says."""
    if environ.get(VARIABLE, "").strip().lower() in _TRUE:
        install()
