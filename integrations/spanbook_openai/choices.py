"""Choices: one candidate of a streamed answer, merged from its deltas."""

from collections.abc import Mapping
from typing import Any

Data = Mapping[str, Any]

_MOST_PIECES = 1_000
_MOST_TEXT = 4_000_000  # characters; the gate cuts far earlier and says so
_ONCE = frozenset({"role", "id", "type", "format"})  # repeated, never continued


class Text:
    """A text that arrives in pieces. Beyond a few million characters it keeps no more."""

    __slots__ = ("_pieces",)

    def __init__(self) -> None:
        self._pieces: list[str] = []

    def add(self, piece: str) -> None:
        """Continue the text."""
        self._pieces.append(piece)
        if len(self._pieces) > _MOST_PIECES:
            self._pieces = ["".join(self._pieces)[:_MOST_TEXT]]

    def __str__(self) -> str:
        return "".join(self._pieces)


class Choice:
    """One candidate of an answer, of chat or of text."""

    __slots__ = (
        "_calls",
        "_content",
        "_current",
        "_is_text",
        "_more",
        "_outer",
        "_parts",
        "finish_reason",
    )

    def __init__(self) -> None:
        self.finish_reason: str | None = None
        self._is_text = False
        self._content: Text | None = None
        self._parts: list[Any] = []  # content that comes as blocks
        self._calls: list[dict[str, Any]] = []
        self._current: dict[Any, dict[str, Any]] = {}  # the call that an index now means
        self._more: dict[str, Any] = {}  # whatever else the message has
        self._outer: dict[str, Any] = {}  # and the choice

    def add(self, entry: Data) -> bool:
        """Take in one delta; return whether it carried a piece of the answer."""
        said = False
        for key, value in entry.items():
            if value is None or key == "index":
                continue
            if key == "delta" or key == "message":
                said = self._add_message(value)
            elif key == "finish_reason":
                self.finish_reason = value
            elif key == "text":
                self._is_text = True
                said = self._add_content(value)
            else:
                known = self._outer.get(key)
                self._outer[key] = (
                    value if isinstance(value, str) else _continued(known, value, key)
                )
        return said

    def say(self, words: str) -> None:
        """Take in a delta of nothing but words."""
        if self._content is not None and not self._parts:
            self._content.add(words)
        else:
            self._add_content(words)

    def _add_message(self, delta: Data) -> bool:
        said = False
        for key, value in delta.items():
            if value is None:
                continue
            if key == "content":
                said = self._add_content(value) or said
            elif key == "tool_calls":
                for call in value:
                    self._add_call(call)
                    said = True
            else:
                said = said or (key != "role" and bool(value))
                self._more[key] = _continued(self._more.get(key), value, key)
        return said

    def _add_content(self, value: Any) -> bool:
        if type(value) is not str:
            self._add_parts(value)
            return bool(value)
        if self._parts and value:
            self._add_parts([{"type": "text", "text": value}])
            return True
        if self._content is None:
            self._content = Text()
        if value:
            self._content.add(value)
            return True
        return False

    def _add_parts(self, blocks: Any) -> None:
        if self._content is not None:
            text, self._content = str(self._content), None
            if text:
                self._parts.append({"type": "text", "text": text})
        for block in blocks if isinstance(blocks, list) else [blocks]:
            last = self._parts[-1] if self._parts else None
            if _continues(last, block):
                self._parts[-1] = _continued(last, block, "")
            else:
                self._parts.append(block)

    def _add_call(self, delta: Data) -> None:
        """Find the call that `delta` continues, or begin one.

        Some providers give no index, some the same index for all calls; a new id is a new call.
        """
        index, given = delta.get("index"), delta.get("id") or None
        call = self._current.get(index) if index is not None or not given else None
        if call is None and index is None:
            call = next((one for one in self._calls if one.get("id") == given), None)
        if index is None and call is None and self._calls and not given:
            call = self._calls[-1]
        if call is None or (given and call.get("id") and call["id"] != given):
            call = {}
            self._calls.append(call)
            self._current[index] = call
        for key, value in delta.items():
            if value is not None and value != "" and key != "index":
                call[key] = _continued(call.get(key), value, key)

    def whole(self, index: Any) -> dict[str, Any]:
        """Return the choice as a response that is not streamed has it."""
        text = None if self._content is None else str(self._content)
        made = {"index": index, "finish_reason": self.finish_reason, **_plain(self._outer)}
        if self._is_text:
            return {**made, "text": text or ""}
        message = {"role": "assistant", **_plain(self._more)}
        message["content"] = _plain(self._parts) or text
        if self._calls:
            message["tool_calls"] = [_plain(call) for call in self._calls]
        return {**made, "message": message}


def _continues(last: Any, block: Any) -> bool:
    return (
        isinstance(last, dict)
        and isinstance(block, dict)
        and last.get("type") == block.get("type")
        and block.get("type") in ("text", "thinking")
    )


def _continued(known: Any, value: Any, key: str) -> Any:
    """Return `known` continued by `value`: texts grow, lists too, fields one by one."""
    if isinstance(value, str):
        return _continued_text(known, value, key)
    if isinstance(value, Mapping):
        held = dict(known) if isinstance(known, Mapping) else {}
        for name, item in value.items():
            if item is not None:
                held[name] = _continued(held.get(name), item, name)
        return held
    if isinstance(value, list) and isinstance(known, list):
        return _continued_list(known, value)
    return value


def _continued_text(known: Any, value: str, key: str) -> Any:
    if key in _ONCE:
        return known or value
    if key == "name":  # some repeat it with every piece, some cut it into pieces
        return value if not known or known == value else f"{known}{value}"
    if isinstance(known, Text):
        known.add(value)
        return known
    made = Text()
    if isinstance(known, str):
        made.add(known)
    made.add(value)
    return made


def _continued_list(known: list[Any], value: list[Any]) -> list[Any]:
    if known and value and _continues(known[-1], value[0]):
        known[-1] = _continued(known[-1], value[0], "")
        value = value[1:]
    known.extend(value)
    return known


def _plain(value: Any) -> Any:
    if isinstance(value, Text):
        return str(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
