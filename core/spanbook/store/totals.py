"""Totals: what a trace's row says of its spans, kept up by differences."""

from typing import Any, cast

import orjson

from spanbook.spans import SpanKind, Status
from spanbook.store.joining import SpanNews
from spanbook.store.records import Record
from spanbook.store.rows import StoredSpan, StoredTrace
from spanbook.store.wording import clean

_ERROR, _LLM = str(Status.ERROR), str(SpanKind.LLM)  # quicker than members, and asked often
_TEXT_FIELDS = (
    *("project", "name", "session", "user", "release", "version", "environment"),
    *("model", "input", "output", "error"),  # only imported traces say these themselves
)


def new_trace(
    pk: int, trace_id: str, run: Record | None, run_pk: int | None, at: int
) -> StoredTrace:
    """Return the row of a trace of which nothing is known but the process that recorded it."""
    run = run or {}
    return StoredTrace(
        pk,
        trace_id,
        run_pk,
        clean(run.get("project")) or "default",
        "",
        str(SpanKind.STEP),
        str(Status.RUNNING),
        None,
        at,
        release=clean(run.get("release")),
        environment=clean(run.get("environment")),
    )


def add_span(trace: StoredTrace, old: StoredSpan | None, new: StoredSpan, news: SpanNews) -> None:
    """Change the totals of `trace` by what is new about one span."""
    if old is None:
        trace.span_count += 1
    elif old.status == _ERROR:
        trace.error_count -= 1
    if new.status == _ERROR:
        trace.error_count += 1
    if old is not None and old.counted:
        _count(trace, old, -1)
    if new.counted:
        _count(trace, new, 1)
    if new.kind == _LLM and new.model and _gives_model(trace, old):
        trace.model = new.model
    is_root = new.parent_id is None and trace.root_id in (None, new.span_id)
    if is_root:
        _add_root(trace, old, new, news)
    elif trace.root_id is None:
        _stand_in(trace, old, new, news)
    _add_error(trace, new, news, is_root=is_root)


def _gives_model(trace: StoredTrace, old: StoredSpan | None) -> bool:
    """Say whether a model call is the one that the trace's model is taken from."""
    return trace.model is None or (old is not None and old.model == trace.model)


def _count(trace: StoredTrace, span: StoredSpan, sign: int) -> None:
    """Add a counted span's usage and cost, or take them off."""
    trace.usage_count += sign
    trace.estimated_count += sign * bool(span.estimated)
    trace.input_tokens += sign * (span.input_tokens or 0)
    trace.output_tokens += sign * (span.output_tokens or 0)
    trace.cache_read += sign * (span.cache_read or 0)
    trace.cache_write += sign * (span.cache_write or 0)
    trace.audio_input += sign * (span.audio_input or 0)
    trace.image_input += sign * (span.image_input or 0)
    trace.reasoning += sign * (span.reasoning or 0)
    trace.audio_output += sign * (span.audio_output or 0)
    total = trace.input_tokens + trace.output_tokens
    trace.total_tokens = total if trace.usage_count else None
    trace.anomaly_count += sign * (span.anomaly is not None)
    if span.cost is None:
        trace.unpriced_count += sign
    else:
        priced = trace.usage_count > trace.unpriced_count
        trace.cost = (trace.cost or 0) + sign * span.cost if priced else None


def _add_root(trace: StoredTrace, old: StoredSpan | None, new: StoredSpan, news: SpanNews) -> None:
    if trace.root_id is None:
        trace.root_id = new.span_id
        trace.input = trace.output = None  # those of the span that stood in for the root
        trace.run_pk = new.run_pk
        trace.name, trace.kind = new.name, new.kind
    elif old is not None and trace.name == old.name:
        trace.name, trace.kind = new.name, new.kind
    _follow(trace, new, news)


def _stand_in(trace: StoredTrace, old: StoredSpan | None, new: StoredSpan, news: SpanNews) -> None:
    """Let the earliest span say what the trace is until its root arrives."""
    if (old is None and trace.span_count == 1) or new.start_ns < trace.start_ns:
        trace.start_ns, trace.name, trace.kind = new.start_ns, new.name, new.kind
    elif old is not None and (old.start_ns, old.name) == (trace.start_ns, trace.name):
        trace.name, trace.kind = new.name, new.kind
    if "entry" in news.record and new.start_ns == trace.start_ns:
        _follow(trace, new, news)  # the root may be another program's, and never arrive


def _follow(trace: StoredTrace, new: StoredSpan, news: SpanNews) -> None:
    """Let the trace stand as its root does, or the first span here of one begun elsewhere."""
    trace.status = new.status
    trace.start_ns, trace.end_ns = new.start_ns, new.end_ns
    trace.duration_ns = None if new.end_ns is None else new.end_ns - new.start_ns
    trace.input = news.record.get("input_preview") or trace.input
    trace.output = news.record.get("output_preview") or trace.output


def _add_error(trace: StoredTrace, new: StoredSpan, news: SpanNews, *, is_root: bool) -> None:
    """Keep the words of the root's error, else of the first."""
    failed = new.status == _ERROR or (is_root and new.error_type is not None)
    if failed and (is_root or trace.error is None):
        trace.error = news.record.get("error_preview") or trace.error


def add_context(trace: StoredTrace, context: dict[str, Any]) -> None:
    """Set attributes of the trace; later ones win, tags and metadata are added.

    Of architectures the first wins: a trace may call several chains.
    """
    for field in _TEXT_FIELDS:
        text = clean(context.get(field))
        if text is not None:
            setattr(trace, field, text)
    if trace.architecture is None:
        trace.architecture = clean(context.get("architecture"))
    tags: Any = context.get("tags")
    if type(tags) is list and tags:
        given = tags_of(trace.tags)
        given += [tag for tag in map(clean, cast("list[Any]", tags)) if tag is not None]
        trace.tags = orjson.dumps(list(dict.fromkeys(given))).decode()
    metadata: Any = context.get("metadata")
    if type(metadata) is dict and metadata:
        known: dict[str, Any] = orjson.loads(trace.metadata) if trace.metadata else {}
        trace.metadata = orjson.dumps({**known, **metadata}).decode()


def tags_of(tags: str | None) -> list[str]:
    """Return the tags that a trace's row holds."""
    return orjson.loads(tags) if tags else []
