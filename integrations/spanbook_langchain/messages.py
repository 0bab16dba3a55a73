"""LangChain's values as plain data: messages, prompts, documents, agent steps, generations."""

from collections.abc import Mapping
from typing import Any

from langchain_core.agents import AgentAction, AgentFinish
from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_core.outputs import Generation, LLMResult
from langchain_core.prompt_values import PromptValue

from spanbook.gate.plain import register
from spanbook_langchain.content import parts

ROLES = {
    "human": "user",
    "HumanMessageChunk": "user",
    "ai": "assistant",
    "AIMessageChunk": "assistant",
    "system": "system",
    "SystemMessageChunk": "system",
    "tool": "tool",
    "ToolMessageChunk": "tool",
    "function": "function",
    "FunctionMessageChunk": "function",
    "remove": "remove",
}
FINISH_REASONS = ("finish_reason", "stop_reason", "done_reason", "stopReason")
_SCORES = ("relevance_score", "score", "_score", "similarity_score")
_REPEATED = frozenset(
    {
        "tool_calls",
        "function_call",
        "reasoning_content",
        "refusal",
        "parsed",
        "__openai_role__",
        "__openai_function_call_ids__",
    }
)


def message(value: BaseMessage) -> dict[str, Any]:
    """Return a message of any kind. Its usage is told by the span, not here again."""
    given = value.__dict__
    extra = given.get("additional_kwargs") or {}
    calls = _calls(given, extra)
    made: dict[str, Any] = {"role": _role(given, extra)}
    made["content"] = parts(given.get("content"), without_calls=bool(calls))
    if extra:
        _add_extra(made, extra)
    if given.get("name"):
        made["name"] = given["name"]
    if calls:
        made["tool_calls"] = calls
    if "tool_call_id" in given:
        _add_tool_result(made, given)
    reason = finish_reason(given.get("response_metadata"))
    if reason is not None:
        made["finish_reason"] = reason
    return made


def _role(given: Mapping[str, Any], extra: Mapping[str, Any]) -> str:
    if "__openai_role__" in extra:
        return str(extra["__openai_role__"])
    kind = given.get("type")
    return ROLES.get(kind or "") or given.get("role") or str(kind)


def _calls(given: Mapping[str, Any], extra: Mapping[str, Any]) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = [
        {"id": call.get("id"), "name": call.get("name"), "arguments": call.get("args")}
        for call in given.get("tool_calls") or ()
    ]
    for call in given.get("invalid_tool_calls") or ():
        read = {"id": call.get("id"), "name": call.get("name"), "arguments": call.get("args")}
        calls.append({**read, "error": call.get("error")})
    function = extra.get("function_call") if extra else None
    if isinstance(function, dict) and not calls:
        calls.append({"name": function.get("name"), "arguments": function.get("arguments")})
    return calls


def _add_extra(made: dict[str, Any], extra: Mapping[str, Any]) -> None:
    reasoning = extra.get("reasoning_content")
    if isinstance(reasoning, str) and reasoning:
        content = made["content"]
        shown = content if isinstance(content, list) else []
        if isinstance(content, str) and content:
            shown = [{"type": "text", "text": content}]
        made["content"] = [{"type": "reasoning", "text": reasoning}, *shown]
    if extra.get("refusal"):
        made["refusal"] = extra["refusal"]
    rest = {key: item for key, item in extra.items() if key not in _REPEATED}
    if rest:
        made["extra"] = rest


def _add_tool_result(made: dict[str, Any], given: Mapping[str, Any]) -> None:
    made["tool_call_id"] = given["tool_call_id"]
    if given.get("status") == "error":
        made["status"] = "error"
    if given.get("artifact") is not None:
        made["artifact"] = given["artifact"]


def finish_reason(said: Any) -> str | None:
    """Return why the model stopped, as its response metadata or generation info say."""
    if not said or not isinstance(said, dict):
        return None
    for key in FINISH_REASONS:
        found = said.get(key)
        if found:
            return found if isinstance(found, str) else str(getattr(found, "name", found))
    return None


def document(value: Document) -> dict[str, Any]:
    """Return a document with its score, where the retriever left one in the metadata."""
    given = value.__dict__
    metadata = given.get("metadata") or {}
    made: dict[str, Any] = {} if given.get("id") is None else {"id": given["id"]}
    made["text"] = given.get("page_content")
    for key in _SCORES:
        if key in metadata and _is_number(metadata[key]):
            made["score"] = metadata[key]
            break
    made["metadata"] = metadata
    return made


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def prompt_value(value: PromptValue) -> dict[str, Any]:
    """Return a prompt as its messages, or as its text."""
    given = value.__dict__
    if "messages" in given:
        return {"messages": given["messages"]}
    return {"prompt": given["text"]} if "text" in given else {"prompt": value.to_string()}


def generation(value: Generation) -> dict[str, Any]:
    """Return one candidate: its message, or its text."""
    given = value.__dict__
    info = given.get("generation_info")
    said = given.get("message")
    made = message(said) if isinstance(said, BaseMessage) else {"text": given.get("text")}
    if "finish_reason" not in made:
        reason = finish_reason(info)
        if reason is not None:
            made["finish_reason"] = reason
    return made


def llm_result(value: LLMResult) -> dict[str, Any]:
    """Return the candidates of each prompt."""
    return {"generations": value.generations}


def agent_action(value: AgentAction) -> dict[str, Any]:
    """Return what an agent decided to do."""
    return {"tool": value.tool, "input": value.tool_input, "log": value.log}


def agent_finish(value: AgentFinish) -> dict[str, Any]:
    """Return what an agent ended with."""
    return {"output": value.return_values, "log": value.log}


for _cls, _convert in (
    (BaseMessage, message),
    (Document, document),
    (PromptValue, prompt_value),
    (Generation, generation),
    (LLMResult, llm_result),
    (AgentAction, agent_action),
    (AgentFinish, agent_finish),
):
    register(_cls, _convert)
