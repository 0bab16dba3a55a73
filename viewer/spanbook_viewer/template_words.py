"""Filters, tests and globals of templates that turn recorded values into what a macro draws."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from spanbook.architecture.branches import role_kind
from spanbook.architecture.changes import headline
from spanbook_viewer import outline, parameters, placeholders, run_columns, shapes, values
from spanbook_viewer.long_texts import long_text
from spanbook_viewer.renditions import Allowance, rendition
from spanbook_viewer.shapes import Preview, ToolCall

BRIEF = 200
SIGNATURE = 300


def brief(text: str, length: int = BRIEF) -> str:
    """Return `text` cut to a length that a heading or a row can bear."""
    return text if len(text) <= length else text[:length] + "…"


def signature(call: ToolCall) -> str:
    """Return a call as `name(arguments)`, cut where the arguments are long."""
    return f"{call.name}({brief(_arguments(call), SIGNATURE)})"


def is_long_call(call: ToolCall) -> bool:
    """Tell whether `signature` cuts the arguments of a call."""
    return len(_arguments(call)) > SIGNATURE


def _arguments(call: ToolCall) -> str:
    if call.arguments is None:
        return ""
    if isinstance(call.arguments, str):
        return call.arguments
    return json.dumps(call.arguments, ensure_ascii=False, default=str)


def anchors(preview: Preview, place: str) -> Mapping[str, str]:
    """Return the name in the page of every tool call in a conversation, by the call's id."""
    calls = [call.id for message in preview.messages for call in message.calls if call.id]
    return {call: f"{place}-{number}" for number, call in enumerate(dict.fromkeys(calls))}


FILTERS: dict[str, Callable[..., Any]] = {
    "anchors": anchors,
    "brief": brief,
    "changes_headline": headline,
    "figure": run_columns.figure,
    "indent": outline.indent,
    "lines": values.lines,
    "long_text": long_text,
    "names": shapes.tools_offered,
    "parameter_text": parameters.parameter_text,
    "rendition": rendition,
    "role_kind": role_kind,
    "signature": signature,
    "value_text": run_columns.value_text,
    "words": placeholders.words,
}
GLOBALS: dict[str, Callable[..., Any]] = {"Allowance": Allowance}
TESTS: dict[str, Callable[..., bool]] = {
    "audio": placeholders.is_audio,
    "image": placeholders.is_image,
    "long_call": is_long_call,
    "media": placeholders.is_media,
}
