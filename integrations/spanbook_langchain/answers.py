"""What a model call answered: candidates, usage, model, how it stopped."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spanbook.pricing.reported import reported_cost
from spanbook.recording.recorder import MISSING
from spanbook.tokens import read_usage
from spanbook.usage import Usage
from spanbook_langchain.messages import finish_reason

_RAW = ("token_usage", "usage", "amazon-bedrock-invocationMetrics", "usage_metadata")
_MODELS = ("model_name", "model", "model_id", "modelId")
_KEPT = ("service_tier", "system_fingerprint")  # of the response metadata
_OWN_IDS = ("lc_run-", "run-")  # message ids that LangChain made up


@dataclass(slots=True)
class Answer:
    """An answer in our words. `output` is MISSING where there is none."""

    output: Any = MISSING
    usage: Usage | None = None
    model: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])


def read_answer(response: Any, provider: str | None = None) -> Answer:
    """Return what `response` says; with several candidates all of them, and usage once."""
    answer = Answer()
    candidates = _candidates(response, answer)
    if not candidates:
        return answer
    given = candidates[0].__dict__
    said = given.get("message")
    fields: Mapping[str, Any] = {} if said is None else said.__dict__
    metadata = fields.get("response_metadata") or {}
    output = response.llm_output or {}
    info = given.get("generation_info") or {}
    answer.output = _output(candidates, is_chat=said is not None)
    answer.usage = _usage(candidates, output, metadata, info, provider)
    answer.model = _first_text(metadata, _MODELS) or _first_text(output, _MODELS)
    reason = finish_reason(metadata) or finish_reason(info)
    if reason is not None:
        answer.attributes["finish_reason"] = reason
    _describe(answer, fields, metadata, output)
    _add_charged(answer, [*_places(output), *_places(metadata), *_places(info)])
    _uncount_cached(answer, fields.get("usage_metadata"))
    return answer


def _candidates(response: Any, answer: Answer) -> list[Any]:
    """Return the candidates, and note in `answer` what a failed request left.

    LangChain hands its response in as one more candidate: the status and the request id of that
    are kept, its headers and body are not.
    """
    found: list[Any] = []
    for candidate in (one for several in response.generations for one in several):
        said = candidate.__dict__.get("message")
        fields = {} if said is None else said.__dict__
        metadata = fields.get("response_metadata") or {}
        if "status_code" in metadata or ("headers" in metadata and not fields.get("content")):
            answer.attributes.update(_failure(metadata))
        else:
            found.append(candidate)
    return found


def _failure(metadata: Mapping[str, Any]) -> dict[str, Any]:
    kept = {"http_status": metadata.get("status_code"), "request_id": metadata.get("request_id")}
    return {name: value for name, value in kept.items() if isinstance(value, (str, int))}


def _output(candidates: list[Any], *, is_chat: bool) -> dict[str, Any]:
    if is_chat:
        return {"messages": candidates}
    texts = [candidate.__dict__.get("text") for candidate in candidates]
    return {"text": texts[0]} if len(texts) == 1 else {"texts": texts}


def _usage(
    candidates: Sequence[Any],
    output: Mapping[str, Any],
    metadata: Mapping[str, Any],
    info: Mapping[str, Any],
    provider: str | None,
) -> Usage | None:
    """Return the usage from the first place that has it. Candidates each repeat the whole."""
    dialect = "langchain_bedrock" if provider and "bedrock" in provider else "langchain"
    for candidate in candidates:
        said = candidate.__dict__.get("message")
        usage = None if said is None else read_usage(_reported(said), dialect)
        if usage is not None:
            return usage
    for raw in (*_places(output), *_places(metadata), *_places(info)):
        usage = read_usage(raw)
        if usage is not None:
            return usage
    return read_usage(metadata, "ollama") or read_usage(info, "ollama")


def _reported(said: Any) -> Any:
    return said.__dict__.get("usage_metadata")


def _places(said: Mapping[str, Any]) -> Iterator[Any]:
    return (said[key] for key in _RAW if said.get(key))


def _describe(
    answer: Answer,
    fields: Mapping[str, Any],
    metadata: Mapping[str, Any],
    output: Mapping[str, Any],
) -> None:
    attributes = answer.attributes
    response_id = metadata.get("id") or output.get("id") or fields.get("id")
    if isinstance(response_id, str) and not response_id.startswith(_OWN_IDS):
        attributes["response_id"] = response_id
    for key in _KEPT:
        value = metadata.get(key) or output.get(key)
        if isinstance(value, str):
            attributes[key] = value


def _add_charged(answer: Answer, places: Sequence[Any]) -> None:
    """Keep what stands beside the usage and decides what the call cost: a cost, the tier served."""
    for raw in places:
        if not isinstance(raw, Mapping):
            continue
        cost = reported_cost(raw)
        if cost is not None:
            answer.attributes.setdefault("reported_cost", cost)
        for key in ("service_tier", "speed"):  # as Anthropic says it
            if isinstance(raw.get(key), str):
                answer.attributes.setdefault(key, raw[key])


def _uncount_cached(answer: Answer, reported: Any) -> None:
    """Count nothing for an answer from LangChain's cache, which marks it with a cost of zero."""
    cost = reported.get("total_cost") if isinstance(reported, dict) else None
    if isinstance(cost, (int, float)) and cost == 0:
        answer.attributes["cached"] = True
        answer.attributes.pop("reported_cost", None)  # of the call that filled the cache
        if answer.usage is not None:
            answer.attributes["cached_usage"] = answer.usage.to_dict()
        answer.usage = Usage()


def _first_text(said: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    return next((said[key] for key in keys if isinstance(said.get(key), str) and said[key]), None)
