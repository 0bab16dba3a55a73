"""What kind of span a LangChain run is, and what it is called."""

from collections.abc import Mapping, Sequence
from typing import Any

from spanbook.spans import SpanKind

KINDS = {  # by run_type
    "prompt": SpanKind.PROMPT,
    "parser": SpanKind.PARSER,
    "llm": SpanKind.LLM,
    "tool": SpanKind.TOOL,
    "retriever": SpanKind.RETRIEVER,
    "embedding": SpanKind.EMBEDDING,
}

_AGENT = "langchain_create_agent"
_NODE = "graph:step:"


def chain_kind(
    name: str,
    tags: Sequence[str],
    metadata: Mapping[str, Any],
    inherited: Mapping[str, Any] | None,
) -> SpanKind:
    """Return the kind of a run that LangChain calls just a chain.

    An agent is known by the metadata that `create_agent` leaves, never by the word in a name. All
    that runs inside an agent inherits these metadata, so they count only for the run that has
    them first or goes by the agent's own name. `inherited` is None where the parent is unknown.
    """
    if metadata.get("ls_integration") != _AGENT or is_node(tags):
        return SpanKind.CHAIN
    is_named = name in (metadata.get("lc_agent_name"), "LangGraph")
    is_first = inherited is not None and inherited.get("ls_integration") != _AGENT
    return SpanKind.AGENT if is_named or is_first else SpanKind.CHAIN


def is_node(tags: Sequence[str]) -> bool:
    """Say whether these are the tags of a graph's node."""
    for tag in tags:  # noqa: SIM110  # a generator costs more than all the rest of it
        if tag.startswith(_NODE):
            return True
    return False


def run_name(name: str | None, serialized: Any, default: str) -> str:
    """Return what a run is called: by its caller, else by its own name, else by its class."""
    if name:
        return name
    if isinstance(serialized, dict):
        given = serialized.get("name")
        if isinstance(given, str) and given:
            return given
        path = serialized.get("id")
        if isinstance(path, list) and path and isinstance(path[-1], str):
            return path[-1]
    return default


def template(serialized: Any) -> Any:
    """Return the template texts of a prompt, by role where it has several; None without any."""
    if not isinstance(serialized, dict):
        return None
    given = serialized.get("kwargs")
    if not isinstance(given, dict):
        return None
    if isinstance(given.get("template"), str):
        return given["template"]
    messages = given.get("messages")
    if not isinstance(messages, list):
        return None
    return [part for message in messages if (part := _message_template(message)) is not None]


def _message_template(message: Any) -> dict[str, Any] | None:
    if not isinstance(message, dict) or not isinstance(message.get("kwargs"), dict):
        return None
    given = message["kwargs"]
    name = str((message.get("id") or ["?"])[-1])
    prompt = given.get("prompt")
    if isinstance(prompt, dict) and isinstance(prompt.get("kwargs"), dict):
        return {"class": name, "template": prompt["kwargs"].get("template")}
    if "variable_name" in given:
        return {"class": name, "variable": given["variable_name"]}
    return {"class": name, "template": given.get("content")}
