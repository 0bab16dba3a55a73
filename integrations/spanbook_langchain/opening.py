"""Opening a span for a LangChain run: its place, its kind, what its tags and metadata say."""

import sys
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from spanbook.architecture.component import Component
from spanbook.architecture.describing import walkers
from spanbook.architecture.walk import Walk
from spanbook.recording import ambient
from spanbook.recording.live import LiveSpan
from spanbook.recording.recorder import Recorder
from spanbook.spans import SpanKind
from spanbook_langchain.kinds import chain_kind, is_node
from spanbook_langchain.memo import Memo
from spanbook_langchain.metadata import (
    own_metadata,
    own_tags,
    take_trace_context,
    take_trace_tags,
)
from spanbook_langchain.running import place, thread_id

_NOTHING: Mapping[str, Any] = {}


class Run(NamedTuple):
    """What LangChain says of every run that starts."""

    id: UUID
    parent: UUID | None
    tags: list[str]
    metadata: Mapping[str, Any]


def open_span(
    recorder: Recorder,
    run: Run,
    *,
    kind: SpanKind | None,
    name: str,
    input: Any,
    attributes: dict[str, Any],
    defaults: Mapping[str, Any],
    model: str | None = None,
    provider: str | None = None,
    watched: Any = None,
) -> LiveSpan | None:
    """Open the span of `run` and return it, None where nothing is recorded.

    Without a `kind` the run is a chain or an agent. `defaults` are the handler's own for the trace.
    The trace's architecture is that of `watched`, else of the object whose method is running.
    """
    if not recorder.settings.enabled:
        return None
    run_id, parent_id, tags, metadata = run
    parent, up = place(recorder, parent_id)
    above = up.memo if up is not None and isinstance(up.memo, Memo) else None
    if kind is None:
        is_foreign = up is None and parent_id is not None
        inherited = None if is_foreign else _NOTHING if above is None else above.metadata
        kind = chain_kind(name, tags, metadata, inherited)
    context = _describe(run, above, attributes, defaults)
    is_top = parent_id is None and above is None
    live = recorder.begin(
        run_id,
        kind=kind,
        name=name,
        parent=parent,
        input=input,
        attributes=attributes,
        model=model,
        provider=provider,
        context=context,
        made_of=(lambda: _architecture(recorder, watched)) if is_top else None,
    )
    if live is not None and live.memo is None:
        live.memo = Memo(tags, metadata, is_node=is_node(tags))
        live.memo.seeks_session = above is None and "session" not in context
        if above is not None and above.seeks_session:
            _find_session(recorder, run_id, above)
    return live


def _architecture(recorder: Recorder, watched: Any) -> str | None:
    if not recorder.settings.architecture:
        return None
    from spanbook_langchain.components import running_object

    frame = sys._getframe(1)  # noqa: SLF001  # the documented way to it
    root = running_object(frame) if watched is None else watched
    return None if root is None else recorder.architecture(root)


def _describe(
    run: Run, above: Memo | None, attributes: dict[str, Any], defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """Add the run's own tags and metadata to `attributes`; return those of its trace."""
    context: dict[str, Any] = {}
    own: dict[str, Any] = {}
    if run.metadata:
        own = own_metadata(run.metadata, None if above is None else above.metadata)
    if own:
        context = take_trace_context(own, ambient.surroundings.get())
        if own:
            attributes["metadata"] = own
    tags = own_tags(run.tags, () if above is None else above.tags) if run.tags else []
    if above is None:
        given, tags = take_trace_tags(tags)
        if given:
            context = ambient.merge({"tags": given}, context)
        if defaults:
            context = ambient.merge(ambient.merge(defaults, ambient.surroundings.get()), context)
    if tags:
        attributes["tags"] = tags
    return context


def _find_session(recorder: Recorder, run_id: UUID, above: Memo) -> None:
    """Take the session from the configured thread, which LangChain shows to children only."""
    above.seeks_session = False
    thread = thread_id()
    if thread is not None and not ambient.surroundings.get().get("session"):
        recorder.annotate(run_id, session=str(thread))


def _walk(value: Any) -> tuple[Component, Walk] | None:
    """Walk an object. The walker is imported late: this module may be while LangChain's are."""
    from spanbook_langchain.components import walk_langchain

    return walk_langchain(value)


walkers.append(_walk)
