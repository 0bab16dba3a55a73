"""Items of the responses API, sent and received, as messages."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from spanbook_openai.content import data_url, image_type, parts, reasoning, sealed

Item = Mapping[str, Any]


def conversation(body: Mapping[str, Any]) -> Any:
    """Return the messages that a request sends, its instructions first."""
    made: list[Any] = []
    instructions = body.get("instructions")
    if instructions:
        made.append({"role": "system", "content": instructions})
    given = body.get("input")
    if isinstance(given, str):
        made.append({"role": "user", "content": given})
    elif isinstance(given, Sequence):
        made += [sent(item) for item in given]
    return made


def sent(item: Any) -> Any:
    """Return one item as a message."""
    if not isinstance(item, Mapping):
        return item
    kind = item.get("type")
    convert = SENT.get(kind) if isinstance(kind, str) else None
    if convert is not None:
        return convert(item)
    if "role" in item:
        return {"role": item["role"], "content": parts(item.get("content"))}
    return {"role": "assistant", "content": [_other(item)]}


def received(items: Any, status: Any = None) -> dict[str, Any]:
    """Return all items of an answer as the one message that they are."""
    content: list[Any] = []
    calls: list[dict[str, Any]] = []
    for item in items if isinstance(items, Sequence) else ():
        if not isinstance(item, Mapping):
            continue
        if item.get("type") in CALLS:
            calls.append(_call(item))
        elif item.get("type") == "message":
            content += parts(item.get("content")) or []
        else:
            content += _parts_of(item)
    made: dict[str, Any] = {"role": "assistant", "content": _plain(content)}
    if calls:
        made["tool_calls"] = calls
    if status:
        made["finish_reason"] = status
    return made


def _plain(content: list[Any]) -> Any:
    if len(content) == 1 and content[0].keys() == {"type", "text"} and content[0]["type"] == "text":
        return content[0]["text"]
    return content or None


def _parts_of(item: Item) -> list[Any]:
    if item.get("type") != "reasoning":
        return [_other(item)]
    thought = reasoning(_summary(item), item)
    return [thought] if thought["text"] or "encrypted" in thought else []


def _summary(item: Item) -> str:
    found = [*_texts(item.get("summary")), *_texts(item.get("content"))]
    return "\n".join(found)


def _texts(given: Any) -> list[str]:
    entries = given if isinstance(given, list) else []
    return [
        str(entry["text"]) for entry in entries if isinstance(entry, Mapping) and "text" in entry
    ]


def _other(item: Item) -> dict[str, Any]:
    """Return an item that is neither text nor call; a generated image is kept as media."""
    result = item.get("result")
    if item.get("type") == "image_generation_call" and isinstance(result, str):
        rest = {key: value for key, value in item.items() if key not in ("result", "type")}
        media = data_url(result, image_type(item.get("output_format")))
        return {"type": "image", "media": media, **rest}
    return sealed(item)


def _call(item: Item) -> dict[str, Any]:
    return {
        "id": item.get("call_id") or item.get("id"),
        "name": item.get("name"),
        "arguments": item.get("arguments", item.get("input")),
    }


def _sent_call(item: Item) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": [_call(item)]}


def _sent_result(item: Item) -> dict[str, Any]:
    content = parts(item.get("output"))
    return {"role": "tool", "tool_call_id": item.get("call_id"), "content": content}


def _sent_thought(item: Item) -> dict[str, Any]:
    return {"role": "assistant", "content": [reasoning(_summary(item), item)]}


CALLS = frozenset({"function_call", "custom_tool_call"})
SENT: dict[str, Callable[[Item], dict[str, Any]]] = {
    "function_call": _sent_call,
    "custom_tool_call": _sent_call,
    "function_call_output": _sent_result,
    "custom_tool_call_output": _sent_result,
    "reasoning": _sent_thought,
}
