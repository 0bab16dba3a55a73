"""Messages of the chat API, sent and received, and the tools that a call offers."""

from collections.abc import Mapping, Sequence
from typing import Any

from spanbook_openai.content import audio_type, data_url, parts, reasoning

_PLAIN = frozenset({"role", "content", "name"})
_READ = frozenset(
    {"audio", "content", "function_call", "reasoning", "reasoning_content", "role", "tool_calls"}
)


def messages(given: Any) -> Any:
    """Return the messages of a request."""
    if not isinstance(given, Sequence) or isinstance(given, str):
        return given
    return [message(one) for one in given]


def message(given: Any, audio_format: Any = None) -> Any:
    """Return one message, sent or received. What has no place of its own keeps its name."""
    if not isinstance(given, Mapping):
        return given
    content = given.get("content")
    if type(content) is str and given.keys() <= _PLAIN:
        return given
    made: dict[str, Any] = {"role": given.get("role")}
    made["content"] = _content(given, parts(content), audio_format)
    calls = tool_calls(given)
    if calls:
        made["tool_calls"] = calls
    made.update(
        (key, value)
        for key, value in given.items()
        if key not in _READ and value is not None and value != []
    )
    return made


def _content(given: Mapping[str, Any], content: Any, audio_format: Any) -> Any:
    """Return the content with what stands beside it in the message: thoughts and sound."""
    thought = given.get("reasoning_content") or given.get("reasoning")
    audio = given.get("audio")
    if not isinstance(thought, str) and not isinstance(audio, Mapping):
        return content
    made = [] if content is None or content == "" else content
    made = [{"type": "text", "text": made}] if isinstance(made, str) else list(made)
    if isinstance(thought, str) and thought:
        made.insert(0, reasoning(thought))
    if isinstance(audio, Mapping):
        made.append(_sound(audio, audio_format))
    return made or content


def _sound(audio: Mapping[str, Any], audio_format: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "audio"}
    if isinstance(audio.get("data"), str) and audio["data"]:
        made["media"] = data_url(audio["data"], audio_type(audio_format))
    for key, name in (("transcript", "text"), ("id", "id")):
        if audio.get(key):
            made[name] = audio[key]
    return made


def tool_calls(given: Mapping[str, Any]) -> list[Any]:
    """Return the tool calls of a message in their order. Arguments stay the text they are."""
    calls = given.get("tool_calls")
    made = [_call(call) for call in calls] if isinstance(calls, Sequence) else []
    legacy = given.get("function_call")
    if isinstance(legacy, Mapping):
        made.append({"name": legacy.get("name"), "arguments": legacy.get("arguments")})
    return made


def _call(call: Any) -> Any:
    if not isinstance(call, Mapping):
        return call
    inner = call.get("function") or call.get("custom")
    inner = inner if isinstance(inner, Mapping) else {}
    arguments = inner.get("arguments", inner.get("input"))
    return {"id": call.get("id"), "name": inner.get("name"), "arguments": arguments}


def tools(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the tools that a request offers: name, description and schema of the parameters."""
    given = body.get("tools") or body.get("functions")
    if not isinstance(given, Sequence) or isinstance(given, str):
        return []
    return [_tool(entry) for entry in given if isinstance(entry, Mapping)]


def _tool(entry: Mapping[str, Any]) -> dict[str, Any]:
    inner = entry.get("function") or entry.get("custom")
    held = inner if isinstance(inner, Mapping) else entry
    if "name" not in held:  # a tool of the provider's own, with its settings
        return {**entry, "name": entry.get("type")}
    made: dict[str, Any] = {"name": held["name"]}
    for key in ("description", "parameters", "format"):
        if held.get(key):
            made[key] = held[key]
    if entry.get("type") not in (None, "function"):
        made["type"] = entry["type"]
    return made
