"""What a model call answered: its text or message, usage, model, how it stopped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llama_index.core.base.llms.types import ChatResponse, CompletionResponse, ToolCallBlock

from spanbook.recording.recorder import MISSING
from spanbook.tokens import read_usage
from spanbook.usage import Usage

# Where providers keep usage inside `raw`, the first that has some counts; streams repeat it.
_PLACES: tuple[tuple[str, ...], ...] = (
    ("usage",),
    ("usage_metadata",),
    ("response", "usage"),
    ("metadata", "usage"),
    ("_raw_response", "usage_metadata"),
    ("data", "usage"),
    ("x_groq", "usage"),
    ("meta",),
    (),
)
_REASONS = ("finish_reason", "stop_reason", "done_reason", "stopReason")
_DEPTH = 3  # levels of a provider's own objects that hold counts


@dataclass(slots=True)
class Answer:
    """An answer in our words. `output` is MISSING where there is none."""

    output: Any = MISSING
    usage: Usage | None = None
    model: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])


def read_answer(response: Any) -> Answer:
    """Return what `response` says, whole or the last piece of a stream."""
    answer = Answer()
    own = response.__dict__ if isinstance(response, (ChatResponse, CompletionResponse)) else {}
    if not own:
        return answer
    answer.output = {"messages": [own["message"]]} if "message" in own else {"text": own["text"]}
    answer.usage = usage_of(response)
    raw = own.get("raw")
    if raw is not None:
        model = _item(raw, "model")
        answer.model = model if isinstance(model, str) else None
        reason = _reason(raw)
        if reason is not None:
            answer.attributes["finish_reason"] = reason
        response_id = _item(raw, "id")
        if isinstance(response_id, str):
            answer.attributes["response_id"] = response_id
    return answer


def usage_of(response: Any) -> Usage | None:
    """Return the usage that a provider reported with `response`, wherever its integration put it.

    One and the same usage often stands in several places; it is read once and never added up.
    """
    own = response.__dict__
    raw = own.get("raw")
    if raw is not None:
        for path in _PLACES:
            usage = _read(raw, path)
            if usage is not None:
                return usage
    message = own.get("message")
    for said in (own, {} if message is None else message.__dict__):
        extra = said.get("additional_kwargs")
        if extra:
            usage = _read(extra, ("usage",)) or _read(extra, ())
            if usage is not None:
                return usage
    return None


def usage_below(answers: Sequence[tuple[Any, Any]] | None) -> Usage | None:
    """Return the usage of the calls that a model made of itself, each with those below it."""
    total: Usage | None = None
    for response, below in answers or ():
        usage = None if response is None else usage_of(response)
        usage = usage or usage_below(below)
        if usage is not None:
            total = usage if total is None else total + usage
    return total


def says_something(response: Any) -> bool:
    """Say whether a piece of a stream has text or a tool call."""
    if response.delta:
        return True
    message = response.__dict__.get("message")
    return message is not None and any(
        isinstance(block, ToolCallBlock) for block in message.__dict__.get("blocks") or ()
    )


def _read(raw: Any, path: Sequence[str]) -> Usage | None:
    for key in path:
        raw = _item(raw, key)
        if raw is None:
            return None
    return read_usage(_mapping(raw, _DEPTH))


def _item(raw: Any, key: str) -> Any:
    return raw.get(key) if isinstance(raw, Mapping) else getattr(raw, key, None)


def _mapping(raw: Any, depth: int) -> Any:
    """Return a provider's usage object as a mapping, its details too."""
    own = raw if isinstance(raw, Mapping) else getattr(raw, "__dict__", None)
    if not isinstance(own, Mapping) or not depth:
        return raw
    return {
        key: item if isinstance(item, (int, float, str)) else _mapping(item, depth - 1)
        for key, item in own.items()
        if item is not None
    }


def _reason(raw: Any) -> str | None:
    choices = _item(raw, "choices")
    places = (raw, choices[0]) if isinstance(choices, list) and choices else (raw,)
    for place in places:
        for key in _REASONS:
            found = _item(place, key)
            if isinstance(found, str) and found:
                return found
    return None
