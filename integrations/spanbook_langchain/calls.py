"""A model call as it is sent: its model, its parameters, the tools it offers."""

from collections.abc import Mapping
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from langchain_core.tools import BaseTool

PARAMETERS = frozenset(
    {
        "best_of",
        "candidate_count",
        "decoding_method",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_new_tokens",
        "max_output_tokens",
        "max_tokens",
        "max_tokens_to_sample",
        "min_new_tokens",
        "min_p",
        "modalities",
        "n",
        "num_ctx",
        "num_predict",
        "parallel_tool_calls",
        "presence_penalty",
        "reasoning",
        "reasoning_effort",
        "repeat_penalty",
        "repetition_penalty",
        "response_mime_type",
        "seed",
        "service_tier",
        "stop",
        "stop_sequences",
        "stream",
        "streaming",
        "temperature",
        "thinking",
        "thinking_budget",
        "tool_choice",
        "top_k",
        "top_logprobs",
        "top_p",
        "truncation",
        "verbosity",
    }
)
_MODELS = ("model", "model_name", "model_id", "deployment_name", "azure_deployment", "endpoint")


def model_of(metadata: Mapping[str, Any], params: Mapping[str, Any]) -> str | None:
    """Return the model that a call asks for."""
    given = metadata.get("ls_model_name")
    if isinstance(given, str) and given:
        return given
    return next((params[key] for key in _MODELS if _is_text(params.get(key))), None)


def provider_of(metadata: Mapping[str, Any]) -> str | None:
    """Return who is asked."""
    given = metadata.get("ls_provider")
    return given if isinstance(given, str) and given else None


def parameters(metadata: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a call: those on the list only, as others may be secret."""
    chosen = {
        key: value for key, value in params.items() if key in PARAMETERS and value is not None
    }
    for key, own in (("ls_temperature", "temperature"), ("ls_max_tokens", "max_tokens")):
        if own not in chosen and metadata.get(key) is not None:
            chosen[own] = metadata[key]
    if params.get("response_format") is not None:
        chosen["response_format"] = _format(params["response_format"])
    return chosen


def _format(given: Any) -> Any:
    """Return the name of an answer's format; its schema is the program's, not the call's."""
    if isinstance(given, dict):
        schema = given.get("json_schema")
        name = schema.get("name") if isinstance(schema, dict) else given.get("title")
        return {"type": given.get("type"), "name": name} if name else given.get("type", "schema")
    return given if isinstance(given, str) else _name_of(given)


def offered(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the tools that a call offers: name, description and the schema of the parameters."""
    given = params.get("tools")
    if not isinstance(given, (list, tuple)):
        given = params.get("functions")
    if not isinstance(given, (list, tuple)):
        return []
    return [tool for entry in given for tool in _tools(entry)]


def _tools(entry: Any) -> list[dict[str, Any]]:
    match entry:
        case {"function": dict(inner)} | {"toolSpec": dict(inner)}:
            return [_tool(inner)]
        case {"function_declarations": list(several)} | {"functionDeclarations": list(several)}:
            return [tool for inner in several for tool in _tools(inner)]
        case {"name": str()}:
            return [_tool(entry)]
        case {"title": str(title), "properties": _}:
            return [{**_tool(entry), "name": title, "parameters": entry}]
        case {"type": str(name)}:  # a tool of the provider's own
            return [{"name": name}]
        case dict():
            return [{"name": str(next(iter(entry), "tool"))}]
        case _:
            return [_live_tool(entry)]


def _tool(given: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"name": given.get("name")}
    if _is_text(given.get("description")):
        made["description"] = given["description"]
    for key in ("parameters", "input_schema", "inputSchema", "args_schema"):
        if isinstance(given.get(key), dict):
            schema = given[key]
            made["parameters"] = schema.get("json", schema) if key == "inputSchema" else schema
            break
    return made


def _live_tool(tool: Any) -> dict[str, Any]:
    own = tool.__dict__ if isinstance(tool, BaseTool) else {}
    name, description = own.get("name"), own.get("description")
    made: dict[str, Any] = {"name": name if _is_text(name) else _name_of(tool)}
    if _is_text(description):
        made["description"] = description
    return made


def _name_of(value: Any) -> str:
    named = isinstance(value, (type, FunctionType, MethodType, BuiltinFunctionType))
    return value.__name__ if named else type(value).__name__


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)
