"""Joining: the span that a framework already has for the model call that a client makes."""

from spanbook.recording import ambient
from spanbook.recording.live import LiveSpan
from spanbook.recording.recorder import Recorder
from spanbook.spans import SpanKind

_JOINED = (SpanKind.LLM, SpanKind.EMBEDDING)


def framework_span(recorder: Recorder, kind: SpanKind, model: str | None) -> LiveSpan | None:
    """Return the open span of the framework for this very call, or None.

    That is the span which code here is part of, if a framework says so and it is of this kind. A
    span that the program opened by hand is its own; the call stands below it.
    """
    if kind not in _JOINED:
        return None
    here = recorder.current()
    if here is not None and here.kind is kind and here is not ambient.current.get():
        return here
    return _announced(recorder, kind, model, here)


def _announced(
    recorder: Recorder, kind: SpanKind, model: str | None, here: LiveSpan | None
) -> LiveSpan | None:
    """Return the call that a framework announced in this context and nobody has made so far.

    Of several that it announced together, below one parent, the first: they are made in order.
    """
    waiting: list[LiveSpan] = []
    for key, named in ambient.announced.get():
        live = recorder.find(key)
        if live is not None and live.kind is kind and _fits(live, named, model):
            waiting.append(live)
    if not waiting:
        return None
    up = waiting[-1].up
    if up is not here and not _is_above(up, here):
        return None
    return next(live for live in waiting if live.up is up)


def _fits(live: LiveSpan, named: str | None, model: str | None) -> bool:
    if live.known is not None and live.kind is not SpanKind.EMBEDDING:
        return False  # made already; embeddings come in several requests
    return named is None or model is None or named == model


def _is_above(up: LiveSpan | None, here: LiveSpan | None) -> bool:
    while here is not None:
        if here is up:
            return True
        here = here.up
    return up is None
