"""Ignoring: the kinds of spans that a user does not want, by our names or by LlamaIndex's."""

from collections.abc import Iterable

from llama_index.core.callbacks.schema import CBEventType

from spanbook.spans import SpanKind

# The kinds that LlamaIndex's older callbacks report; the rest is a part of those around it.
KINDS = {
    CBEventType.QUERY: SpanKind.CHAIN,
    CBEventType.RETRIEVE: SpanKind.RETRIEVER,
    CBEventType.SYNTHESIZE: SpanKind.SYNTHESIZER,
    CBEventType.LLM: SpanKind.LLM,
    CBEventType.EMBEDDING: SpanKind.EMBEDDING,
    CBEventType.RERANKING: SpanKind.RERANKER,
    CBEventType.FUNCTION_CALL: SpanKind.TOOL,
    CBEventType.AGENT_STEP: SpanKind.AGENT,
    CBEventType.CHUNKING: SpanKind.STEP,
    CBEventType.NODE_PARSING: SpanKind.STEP,
    CBEventType.TREE: SpanKind.STEP,
    CBEventType.SUB_QUESTION: SpanKind.CHAIN,
}
_NAMES = {kind.value: kind for kind in SpanKind} | {
    event.value: kind for event, kind in KINDS.items()
}


def kinds_of(ignore: Iterable[SpanKind | CBEventType | str]) -> frozenset[SpanKind]:
    """Return the kinds that `ignore` names.

    Raises:
        ValueError: a name that is neither a kind nor an event type.
    """
    names = [ignore] if isinstance(ignore, str) else ignore
    kinds: set[SpanKind] = set()
    for name in names:
        kind = _NAMES.get(str(getattr(name, "value", name)))
        if kind is None:
            raise ValueError(
                f"Cannot ignore {name!r}: it is no kind of span. "
                f"Choose from {', '.join(sorted(kind.value for kind in SpanKind))}."
            )
        kinds.add(kind)
    return frozenset(kinds)
