"""Wording: text made fit for a column, and previews that say in words what a value holds."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import orjson

NAME_LENGTH = 200
NAME_BYTES = 500  # five names fit into one entry of an index of PostgreSQL, which has 2,704 bytes
PREVIEW_LENGTH = 200

_SPARE = 100  # characters of space that a preview may lose and still be full

# Where a dict says one thing in words, it is most often under one of these, the first that it has.
_SPEAKING = (
    "question",
    "query",
    "input",
    "prompt",
    "text",
    "output",
    "answer",
    "result",
    "content",
)


def clean(text: Any, length: int = NAME_LENGTH, most_bytes: int = NAME_BYTES) -> str | None:
    """Return `text` without characters that a database refuses; None if empty.

    It is cut to `length` characters, and to `most_bytes` of UTF-8.
    """
    if text is None:
        return None
    if type(text) is not str:
        text = str(text)
    elif len(text) <= length and text.isascii() and "\0" not in text:
        return text or None
    if len(text) > length:
        text = text[:length]
    if not text.isascii():
        text = text.encode("utf-8", "replace")[:most_bytes].decode(errors="ignore")
    if "\0" in text:
        text = text.replace("\0", "")
    return text or None


def input_preview(value: Any) -> str | None:
    """Return what was asked: of a chat the last message of the user, else the value in words."""
    return _preview(value, _last_question)


def output_preview(value: Any) -> str | None:
    """Return what came out: of a chat the text of the answer, else the value in words."""
    return _preview(value, _last_message)


def error_preview(error: Any) -> str | None:
    """Return type and message of an error."""
    if type(error) is not dict:
        return None
    error = cast("dict[str, Any]", error)
    message = error.get("message")
    words = message if type(message) is str else ""
    return _shown(f"{error.get('type')}: {words}" if words else error.get("type"))


def _preview(value: Any, choose: Callable[[list[Any]], Any]) -> str | None:
    words = _words(value, choose, 4)
    if words is None:
        return None
    words = " ".join(words[: PREVIEW_LENGTH + _SPARE].split())
    return _shown(words)


def _shown(text: Any) -> str | None:
    """Return a preview, which is no key: its length alone counts."""
    return clean(text, PREVIEW_LENGTH, 4 * PREVIEW_LENGTH)


def _words(value: Any, choose: Callable[[list[Any]], Any], depth: int) -> str | None:
    if value is None:
        return None
    if type(value) is str:
        return value
    if isinstance(value, dict) and depth:
        return _dict_words(cast("dict[str, Any]", value), choose, depth - 1)
    if isinstance(value, list) and depth:
        return _list_words(cast("list[Any]", value), choose, depth - 1)
    return _json(value)


def _dict_words(
    value: dict[str, Any], choose: Callable[[list[Any]], Any], depth: int
) -> str | None:
    if "$" in value:
        return _placeholder(value)
    messages = value.get("messages")
    if type(messages) is list and messages:
        return _words(choose(cast("list[Any]", messages)), choose, depth)
    if "role" in value or type(value.get("content")) in (str, list):
        return _message_words(value, choose, depth)
    for key in _SPEAKING:
        if value.get(key):
            return _words(value[key], choose, depth)
    if len(value) == 1:
        return _words(next(iter(value.values())), choose, depth)
    return _json(value)


def _message_words(
    message: Mapping[str, Any], choose: Callable[[list[Any]], Any], depth: int
) -> str | None:
    words = _words(message.get("content") or None, choose, depth)
    calls = message.get("tool_calls")
    if words or type(calls) is not list:
        return words
    names = [str(_part(call).get("name")) for call in cast("list[Any]", calls)]
    return "calls " + ", ".join(names) if names else words


def _list_words(value: list[Any], choose: Callable[[list[Any]], Any], depth: int) -> str | None:
    first = value[0] if value else None
    if "role" in _part(first):
        return _words(choose(value), choose, depth)
    if "type" in _part(first):  # parts of a message
        parts = [_part_words(part) for part in value[:20]]
        return " ".join(part for part in parts if part)
    if isinstance(first, (str, dict)):
        return _words(first, choose, depth)
    return _json(value[:50])


def _part_words(part: Any) -> str | None:
    if type(part) is str:
        return part
    text = _part(part).get("text")
    return text if type(text) is str else f"[{_part(part).get('type')}]"


def _part(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _placeholder(value: Mapping[str, Any]) -> str:
    text = value.get("text")
    return text if type(text) is str else f"[{value['$']}]"


def _json(value: Any) -> str | None:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # nested too deep
        return None


def _last_message(messages: list[Any]) -> Any:
    return messages[-1]


def _last_question(messages: list[Any]) -> Any:
    for message in reversed(messages):
        if _part(message).get("role") == "user":
            return message
    return messages[-1]
