"""Requests to the Responses endpoint as conversations."""

from collections.abc import Mapping
from typing import Any

from spanbook.estimates.chats import call_of, forced_name
from spanbook.estimates.contents import Reader
from spanbook.estimates.conversation import Conversation, Message
from spanbook.estimates.shapes import items, mapping

# What a request names and the provider fetches.
_ELSEWHERE = ("previous_response_id", "conversation", "prompt")


def read_responses(request: Mapping[str, Any], reader: Reader) -> Conversation:
    """Return what a request shows to the model; what it only names is noted as hidden."""
    conversation = Conversation()
    for key in _ELSEWHERE:
        if request.get(key):
            reader.doubts.hide(key)
    if instructions := reader.text(request.get("instructions")):
        conversation.say(Message("system", instructions))
    _read_input(conversation, request.get("input"), reader)
    conversation.tools = [mapping(tool) for tool in items(request.get("tools"))]
    answer = mapping(mapping(request.get("text")).get("format"))
    conversation.schema = answer if answer.get("type") == "json_schema" else None
    conversation.forced = _forced(request.get("tool_choice"), conversation.tools)
    return conversation


def _forced(choice: Any, tools: list[Mapping[str, Any]]) -> str | None:
    """Return the tool that must be called; where one is required and only one offered, that one."""
    if choice == "required":
        return forced_name(tools[0]) if len(tools) == 1 else None
    return forced_name(choice)


def _read_input(conversation: Conversation, given: Any, reader: Reader) -> None:
    if not isinstance(given, list | tuple):
        if given is not None:
            conversation.say(Message("user", reader.text(given)))
        return
    found = [mapping(item) for item in items(given)]
    answered = max((at for at, item in enumerate(found) if _is_answer(item)), default=-1)
    for at, item in enumerate(found):
        # Reasoning is shown to the model again only until it has given its answer.
        if item.get("type") == "reasoning" and at < answered:
            continue
        _read_item(conversation, item, reader)


def _is_answer(item: Mapping[str, Any]) -> bool:
    return item.get("role") == "assistant"


def _read_item(conversation: Conversation, item: Mapping[str, Any], reader: Reader) -> None:
    kind = str(item.get("type") or ("message" if "role" in item else "unknown"))
    match kind:
        case "message":
            content = item.get("content")
            images = reader.images(content)
            conversation.say(Message(str(item.get("role")), reader.text(content), images=images))
        case "function_call" | "custom_tool_call":
            conversation.call([call_of(item, reader)])
        case "function_call_output" | "custom_tool_call_output":
            conversation.answer(str(item.get("call_id")), None, reader.text(item.get("output")))
        case _:
            reader.doubts.hide(kind)
