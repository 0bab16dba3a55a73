"""What a call was answered: a response's JSON, read into a span's output, usage and attributes."""

from array import array
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spanbook.pricing.reported import reported_cost
from spanbook.recording.recorder import MISSING
from spanbook.spans import Status
from spanbook.tokens import read_usage
from spanbook.usage import Usage
from spanbook_openai.content import address, data_url, image_type
from spanbook_openai.items import received
from spanbook_openai.messages import message

Data = Mapping[str, Any]

_KEPT = ("service_tier", "system_fingerprint", "citations", "search_results", "tool_usage")
_FLOAT = 4  # bytes


@dataclass(slots=True)
class Answer:
    """A response as a span tells it. `error` is what the provider says went wrong."""

    output: Any = MISSING
    usage: Usage | None = None
    model: str | None = None
    status: Status | None = None
    error: Any = None
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])


def read_common(data: Data) -> Answer:
    """Return what responses of all kinds tell: model, usage, cost, ids."""
    answer = Answer(error=data.get("error") or None)
    attributes = answer.attributes
    if isinstance(data.get("model"), str):
        answer.model = data["model"]
    if isinstance(data.get("id"), str):
        attributes["response_id"] = data["id"]
    for key in _KEPT:
        if data.get(key):
            attributes[key] = data[key]
    raw = _usage_of(data)
    if raw is not None:
        _add_usage(answer, raw)
    return answer


def _usage_of(data: Data) -> Data | None:
    vendor = data.get("x_groq")
    for held in (data.get("usage"), vendor.get("usage") if isinstance(vendor, Mapping) else None):
        if isinstance(held, Mapping) and held:
            return held
    return None


def _add_usage(answer: Answer, raw: Data) -> None:
    answer.usage = usage(raw)
    answer.attributes["usage_raw"] = raw
    cost = reported_cost(raw)
    if cost is not None:
        answer.attributes["reported_cost"] = cost


def usage(raw: Data) -> Usage | None:
    """Return the usage that `raw` reports. Gateways mix dialects, so the main numbers decide."""
    if raw.get("prompt_tokens") is not None or raw.get("completion_tokens") is not None:
        return read_usage(raw, "openai")
    if raw.get("type") == "duration":
        return None
    for side in ("input", "output"):  # transcriptions spell it so
        details = raw.get(f"{side}_token_details")
        if details is not None and f"{side}_tokens_details" not in raw:
            raw = {**raw, f"{side}_tokens_details": details}
    return read_usage(raw, "openai_responses")


def _suspect(answer: Answer, *, has_output: bool) -> None:
    """Flag usage of zero beside an answer: reported so, and hardly true."""
    if has_output and answer.usage is not None and answer.usage.total == 0:
        answer.attributes["usage_suspect"] = True


def choices(data: Data, body: Data) -> Answer:
    """Read an answer of the chat or the older completions API."""
    answer = read_common(data)
    given = data.get("choices")
    given = [one for one in given if isinstance(one, Mapping)] if isinstance(given, list) else None
    if given is None:
        if "choices" not in data:
            answer.output = data
        return answer
    reasons = [one["finish_reason"] for one in given if one.get("finish_reason")]
    if reasons:
        answer.attributes["finish_reason"] = reasons[0]
    if given and "message" not in given[0] and "text" in given[0]:
        texts = [one.get("text") for one in given]
        answer.output = {"text": texts[0]} if len(texts) == 1 else {"texts": texts}
    else:
        audio = body.get("audio")
        form = audio.get("format") if isinstance(audio, Mapping) else None
        answer.output = {"messages": [_candidate(one, form) for one in given]}
    _suspect(answer, has_output=bool(given))
    return answer


def _candidate(choice: Data, audio_format: Any) -> Any:
    said = message(choice.get("message"), audio_format)
    made = dict(said) if isinstance(said, Mapping) else {"role": "assistant", "content": said}
    for key in ("finish_reason", "logprobs"):
        if choice.get(key):
            made[key] = choice[key]
    return made


_STATUSES = {"failed": Status.ERROR, "cancelled": Status.CANCELLED}


def response(data: Data, _: Data) -> Answer:
    """Read an answer of the responses API."""
    answer = read_common(data)
    status = data.get("status")
    answer.status = _STATUSES.get(status) if isinstance(status, str) else None
    reason = data.get("incomplete_details")
    reason = reason.get("reason") if isinstance(reason, Mapping) else None
    reason = reason or status
    if reason:
        answer.attributes["finish_reason"] = reason
    for key in ("background", "previous_response_id", "conversation"):
        if data.get(key):
            answer.attributes[key] = data[key]
    if "output" not in data:
        answer.output = data
    else:
        answer.output = {"messages": [received(data["output"], reason)]}
        _suspect(answer, has_output=bool(data["output"]))
    return answer


def embedding(data: Data, _: Data, *, vectors: bool = False) -> Answer:
    """Read embeddings: their number and dimension, and the vectors only if asked for."""
    answer = read_common(data)
    held = data.get("data")
    found = [one.get("embedding") for one in held if isinstance(one, Mapping)] if held else []
    output: dict[str, Any] = {"count": len(found)}
    if found:
        output["dimension"] = _dimension(found[0])
    if vectors:
        output["vectors"] = [_vector(one) for one in found]
    answer.output = output
    return answer


def _dimension(vector: Any) -> int | None:
    if isinstance(vector, str):
        return (len(vector) * 3 // 4 - vector.count("=", -2)) // _FLOAT
    return len(vector) if isinstance(vector, Sequence) else None


def _vector(vector: Any) -> Any:
    return array("f", b64decode(vector)).tolist() if isinstance(vector, str) else vector


def images(data: Data, body: Data) -> Answer:
    """Read generated images: those in the response are kept as media, others by address."""
    answer = read_common(data)
    held = data.get("data")
    form = data.get("output_format") or body.get("output_format")
    if not isinstance(held, list):
        held = [data] if data.get("b64_json") else []
    answer.output = {"images": [_image(one, form) for one in held if isinstance(one, Mapping)]}
    for key in ("size", "quality", "background"):
        if data.get(key):
            answer.attributes[key] = data[key]
    return answer


def _image(image: Data, form: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "image"}
    if isinstance(image.get("b64_json"), str):
        made["media"] = data_url(image["b64_json"], image_type(form))
    if isinstance(image.get("url"), str):
        made["url"] = address(image["url"])
    if image.get("revised_prompt"):
        made["revised_prompt"] = image["revised_prompt"]
    return made


def transcript(data: Data, _: Data) -> Answer:
    """Read a transcription or translation."""
    answer = read_common(data)
    answer.output = {key: value for key, value in data.items() if key not in ("usage", "type")}
    return answer


def moderation(data: Data, _: Data) -> Answer:
    """Read a moderation: whether anything was flagged, and the details."""
    answer = read_common(data)
    results = data.get("results")
    results = results if isinstance(results, list) else []
    flagged = any(one.get("flagged") for one in results if isinstance(one, Mapping))
    answer.output = {"flagged": flagged, "results": results}
    return answer


def anything(data: Data, _: Data) -> Answer:
    """Read a response that no other reader knows."""
    answer = read_common(data)
    answer.output = data
    return answer
