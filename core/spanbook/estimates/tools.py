"""Tools and answer formats as the text in which models are shown them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from spanbook.estimates.estimate import Confidence, Doubts
from spanbook.estimates.shapes import mapping
from spanbook.estimates.typescript import comment, parameters

_GRAMMAR = (
    "IMPORTANT: This tool only accepts string inputs that obey the {syntax} grammar {definition}"
    ". You must reason carefully about the input and make sure it obeys the grammar.\n"
    "IMPORTANT: Do NOT call this tool in parallel with other tools."
)

# What a schema for answers loses on its way into the prompt.
_DROPPED = ("required",)


def render_tools(tools: Sequence[Mapping[str, Any]], doubts: Doubts) -> str | None:
    """Return the tools as one text, or None where none can be shown; hosted ones are hidden."""
    rendered = [text for tool in tools if (text := _tool(tool, doubts)) is not None]
    if not rendered:
        return None
    body = "".join(f"{text}\n\n" for text in rendered)
    return f"# Tools\n\n## functions\n\nnamespace functions {{\n\n{body}}} // namespace functions"


def _tool(tool: Mapping[str, Any], doubts: Doubts) -> str | None:
    kind, name = tool.get("type", "function"), tool.get("name")
    if kind not in ("function", "custom") or not isinstance(name, str):
        doubts.hide(f"tool:{kind}" if isinstance(kind, str) else "tool")
        return None
    return _custom(tool, name, doubts) if kind == "custom" else _function(tool, name)


def _function(tool: Mapping[str, Any], name: str) -> str:
    argument = parameters(mapping(tool.get("parameters")))
    signature = f"(_: {argument})" if argument else "()"
    return "\n".join([*_described(tool.get("description")), f"type {name} = {signature} => any;"])


def _custom(tool: Mapping[str, Any], name: str, doubts: Doubts) -> str:
    doubts.add("custom_tool", Confidence.CLOSE)
    form = mapping(tool.get("format"))
    grammar = mapping(form.get("grammar")) or form
    description = str(tool.get("description") or "")
    if "definition" in grammar:
        rule = _GRAMMAR.format(syntax=grammar.get("syntax"), definition=grammar["definition"])
        description = f"{description}\n{rule}"
    return "\n".join([*_described(description), f"type {name} = (FREEFORM) => any;"])


def _described(description: Any) -> list[str]:
    return comment(description) if isinstance(description, str) and description else []


def render_format(answer: Mapping[str, Any]) -> str:
    """Return the format that answers must have as a text; a description stands above the schema."""
    schema = mapping(_without(answer.get("schema")))
    described = answer.get("description") or schema.get("description")
    if not answer.get("description"):
        schema = {key: value for key, value in schema.items() if key != "description"}
    body = json.dumps(schema, ensure_ascii=False, separators=(",", ":"), default=str)
    lines = [*_described(described), body]
    return f"# Response Formats\n\n## {answer.get('name') or ''}\n\n" + "\n".join(lines)


def _without(schema: Any) -> Any:
    """Return the schema without what is not shown; names of properties are not keywords."""
    if isinstance(schema, list | tuple):
        return [_without(one) for one in cast("Sequence[Any]", schema)]
    if not isinstance(schema, Mapping):
        return schema
    return {
        key: _named(value) if key in ("properties", "$defs", "definitions") else _without(value)
        for key, value in mapping(schema).items()
        if key not in _DROPPED and (key, value) != ("additionalProperties", False)
    }


def _named(schemas: Any) -> Any:
    return {name: _without(one) for name, one in mapping(schemas).items()}
