"""Payloads: what LlamaIndex's older callbacks tell of an event when it starts and when it ends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from llama_index.core.callbacks.schema import CBEventType, EventPayload

from spanbook.recording.recorder import MISSING
from spanbook.usage import Usage
from spanbook_llama_index.answers import read_answer
from spanbook_llama_index.asked import asked, model_of, parameters
from spanbook_llama_index.given import answer, counts, documents, vectors

Payload = Mapping[Any, Any]


@dataclass(slots=True)
class Told:
    """What a payload tells of a span. `is_whole`: it has what an event of its type ends with."""

    name: str | None = None
    input: Any = MISSING
    output: Any = MISSING
    model: str | None = None
    usage: Usage | None = None
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])
    is_whole: bool = True


def at_start(event_type: CBEventType, payload: Payload) -> Told:
    """Return what the start of an event tells."""
    told = Told()
    _STARTS.get(event_type, _query)(told, payload)
    return told


def at_end(event_type: CBEventType, payload: Payload, *, keep_vectors: bool) -> Told:
    """Return what the end of an event tells."""
    told = Told()
    if event_type is CBEventType.EMBEDDING:
        _embedded(told, payload, keep_vectors)
    else:
        _ENDS.get(event_type, _answered)(told, payload)
    return told


def _query(told: Told, payload: Payload) -> None:
    if EventPayload.QUERY_STR in payload:
        told.input = {"query": payload[EventPayload.QUERY_STR]}


def _model(told: Told, payload: Payload) -> None:
    given = dict(payload.get(EventPayload.ADDITIONAL_KWARGS) or {})
    if EventPayload.MESSAGES in payload:
        given["messages"] = payload[EventPayload.MESSAGES]
    else:
        given["prompt"] = payload.get(EventPayload.PROMPT)
    told.input = asked(given)
    about = _component(told, payload)
    chosen = parameters(about, given)
    if chosen:
        told.attributes["parameters"] = chosen


def _component(told: Told, payload: Payload) -> Mapping[str, Any]:
    about = payload.get(EventPayload.SERIALIZED) or {}
    name = about.get("class_name")
    told.name = name if isinstance(name, str) else None
    told.model = model_of(about)
    return about


def _embedding(told: Told, payload: Payload) -> None:
    _component(told, payload)


def _parsing(told: Told, payload: Payload) -> None:
    given = payload.get(EventPayload.DOCUMENTS, payload.get(EventPayload.CHUNKS)) or ()
    told.input = {"count": len(given)}
    told.attributes["num_documents"] = len(given)


def _reranking(told: Told, payload: Payload) -> None:
    told.input = {
        "query": payload.get(EventPayload.QUERY_STR),
        **documents(payload.get(EventPayload.NODES)),
    }
    told.model = payload.get(EventPayload.MODEL_NAME)
    if payload.get(EventPayload.TOP_K) is not None:
        told.attributes["top_n"] = payload[EventPayload.TOP_K]


def _tool(told: Told, payload: Payload) -> None:
    about = payload.get(EventPayload.TOOL)
    told.name = getattr(about, "name", None)
    told.input = payload.get(EventPayload.FUNCTION_CALL)


def _said(told: Told, payload: Payload) -> None:
    response = payload.get(EventPayload.RESPONSE) or payload.get(EventPayload.COMPLETION)
    read = read_answer(response)
    told.output, told.usage, told.model = read.output, read.usage, read.model
    told.attributes = read.attributes
    told.is_whole = response is not None


def _embedded(told: Told, payload: Payload, keep_vectors: bool) -> None:
    texts = payload.get(EventPayload.CHUNKS) or ()
    told.input = {"count": len(texts), "texts": texts}
    told.attributes["num_chunks"] = len(texts)
    found = payload.get(EventPayload.EMBEDDINGS)
    told.output = vectors(found, is_one=False, keep=keep_vectors)
    told.is_whole = found is not None


def _found(told: Told, payload: Payload) -> None:
    nodes = payload.get(EventPayload.NODES)
    told.output = documents(nodes)
    told.attributes["document_count"] = len(nodes or ())
    told.is_whole = nodes is not None


def _parsed(told: Told, payload: Payload) -> None:
    nodes = payload.get(EventPayload.NODES, payload.get(EventPayload.CHUNKS))
    told.output = {"count": len(nodes or ())}
    told.attributes["num_nodes"] = counts((), nodes)["num_nodes"]
    told.is_whole = nodes is not None


def _answered(told: Told, payload: Payload) -> None:
    if EventPayload.RESPONSE in payload:
        told.output = answer(payload[EventPayload.RESPONSE])
    told.is_whole = EventPayload.RESPONSE in payload


def _returned(told: Told, payload: Payload) -> None:
    told.is_whole = EventPayload.FUNCTION_OUTPUT in payload
    told.output = payload.get(EventPayload.FUNCTION_OUTPUT, MISSING)


def _anything(told: Told, payload: Payload) -> None:
    told.output = {str(getattr(key, "value", key)): item for key, item in payload.items()}


_Reader = Callable[[Told, Payload], None]

_STARTS: dict[CBEventType, _Reader] = {
    CBEventType.LLM: _model,
    CBEventType.EMBEDDING: _embedding,
    CBEventType.NODE_PARSING: _parsing,
    CBEventType.RERANKING: _reranking,
    CBEventType.FUNCTION_CALL: _tool,
}
_ENDS: dict[CBEventType, _Reader] = {
    CBEventType.LLM: _said,
    CBEventType.RETRIEVE: _found,
    CBEventType.RERANKING: _found,
    CBEventType.NODE_PARSING: _parsed,
    CBEventType.FUNCTION_CALL: _returned,
    CBEventType.SUB_QUESTION: _anything,
    CBEventType.TREE: _anything,
}
