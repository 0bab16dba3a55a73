"""Chat requests, on the wire and in our spans, as conversations."""

from collections.abc import Mapping
from typing import Any

from spanbook.estimates.contents import Reader
from spanbook.estimates.conversation import Call, Conversation, Message
from spanbook.estimates.shapes import items, mapping


def read_chat(request: Mapping[str, Any], reader: Reader) -> Conversation:
    """Return what a chat request shows to the model."""
    conversation = Conversation()
    for message in items(request.get("messages")):
        _read_message(conversation, mapping(message), reader)
    conversation.tools = [_tool(mapping(tool)) for tool in items(request.get("tools"))]
    conversation.tools += [mapping(tool) for tool in items(request.get("functions"))]
    conversation.schema = _schema(mapping(request.get("response_format")))
    conversation.forced = forced_name(request.get("tool_choice") or request.get("function_call"))
    return conversation


def forced_name(choice: Any) -> str | None:
    """Return the name of the one tool that a request demands, or None."""
    found = mapping(choice)
    name = mapping(found.get("function") or found.get("custom") or found).get("name")
    return name if isinstance(name, str) else None


def _read_message(conversation: Conversation, message: Mapping[str, Any], reader: Reader) -> None:
    if "$" in message:
        reader.text(message)
        return
    role, content = str(message.get("role") or "user"), message.get("content")
    name = message.get("name") if isinstance(message.get("name"), str) else None
    text = reader.text(content)
    if role in ("tool", "function"):
        conversation.answer(str(message.get("tool_call_id")), name, text)
        return
    calls = [call_of(mapping(call), reader) for call in items(message.get("tool_calls"))]
    if function := mapping(message.get("function_call")):
        calls.append(call_of({"function": function}, reader))
    if message.get("audio"):
        reader.doubts.hide("audio")
    if text or not calls:
        conversation.say(Message(role, text, name, reader.images(content)))
    if calls:
        conversation.call(calls, name)


def call_of(call: Mapping[str, Any], reader: Reader) -> tuple[str, Call]:
    """Return the id and the call that a message's `tool_calls` or an output item holds."""
    found = mapping(call.get("function") or call.get("custom") or call)
    id = call.get("call_id") or call.get("id") or ""
    return str(id), Call(str(found.get("name") or ""), _arguments(found, reader))


def _arguments(call: Mapping[str, Any], reader: Reader) -> str:
    given = call.get("arguments", call.get("input"))
    return "{}" if given is None else reader.text(given)


def _tool(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    if custom := mapping(tool.get("custom")):
        return {"type": "custom", **custom}
    return mapping(tool.get("function")) or tool


def _schema(choice: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return mapping(choice.get("json_schema")) if choice.get("type") == "json_schema" else None
