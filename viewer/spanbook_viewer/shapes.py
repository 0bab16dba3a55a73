"""The conventional shapes of inputs and outputs, read from plain data for their own previews."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from spanbook_viewer import placeholders

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a message: a text, a model's reasoning, media, an address or other data."""

    type: Literal["text", "reasoning", "media", "address", "data"]
    value: Any
    note: str = ""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's request to call a tool."""

    id: str | None
    name: str
    arguments: Any


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message.

    `answers` is the id of the tool call that it is the result of, `notes` are short fields beside
    the conventional ones in words, `rest` longer ones.
    """

    role: str
    name: str | None
    parts: list[Part]
    calls: list[ToolCall]
    answers: str | None
    notes: str
    rest: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """One retrieved text with its place, id and score."""

    place: int
    id: str | None
    text: Part
    score: Any
    metadata: Any


@dataclass(frozen=True, slots=True)
class Preview:
    """An input or output, ready to draw: in one of these shapes, else as data.

    `rest` is what stood beside the conventional keys, drawn as data below.
    """

    messages: list[Message] = field(default_factory=list[Message])
    documents: list[Document] = field(default_factory=list[Document])
    texts: list[Part] = field(default_factory=list[Part])
    tools: list[Any] = field(default_factory=list[Any])
    rest: Any = None
    has_rest: bool = False


def preview(value: Any) -> Preview:
    """Return how `value` is drawn."""
    if isinstance(value, str) or placeholders.mark(value) in ("truncated", "media"):
        return Preview(texts=[part(value)])
    if isinstance(value, Mapping) and placeholders.mark(cast("Data", value)) is None:
        return _of_mapping(dict(cast("Data", value)))
    if _are_messages(value):
        return Preview(messages=[message(item) for item in _list(value)])
    return Preview(rest=value, has_rest=True)


def _of_mapping(value: dict[str, Any]) -> Preview:
    messages: list[Message] = []
    documents: list[Document] = []
    texts: list[Part] = []
    tools: list[Any] = []
    if _are_messages(value.get("messages")):
        messages = [message(item) for item in _list(value.pop("messages"))]
        tools = _list(value.pop("tools", None))
    if _are_documents(value.get("documents")):
        found = _list(value.pop("documents"))
        documents = [_document(place, item) for place, item in enumerate(found, 1)]
    texts += [part(value.pop(key)) for key in ("prompt", "query", "text") if _is_text(value, key)]
    if not documents and _are_strings(value.get("texts")):
        texts += [part(text) for text in value.pop("texts")]
    return Preview(
        messages,
        documents,
        texts,
        tools,
        value,
        has_rest=bool(value) or not (messages or documents or texts or tools),
    )


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [cast("dict[str, Any]", item) for item in _list(value) if isinstance(item, dict)]


def _are_messages(value: Any) -> bool:
    items = _list(value)
    return bool(items) and all(
        (
            isinstance(item, dict)
            and isinstance(cast("Data", item).get("role"), str)
            and ("content" in item or "tool_calls" in item)
        )
        or placeholders.mark(item) == "more"
        for item in items
    )


def _are_documents(value: Any) -> bool:
    items = _list(value)
    return bool(items) and all(isinstance(item, dict) and "text" in item for item in items)


def _are_strings(value: Any) -> bool:
    items = _list(value)
    return bool(items) and all(isinstance(item, str) for item in items)


def message(item: Data) -> Message:
    """Return one chat message as it is drawn."""
    if placeholders.mark(item) == "more":
        return Message("more", None, [Part("data", item)], [], None, "", {})
    known = ("role", "name", "content", "tool_calls", "tool_call_id")
    rest = {key: value for key, value in item.items() if key not in known}
    short = {key: rest.pop(key) for key in list(rest) if _is_short(rest[key])}
    return Message(
        role=item["role"],
        name=_text(item.get("name")),
        parts=_parts(item.get("content")),
        calls=[_call(call) for call in _dicts(item.get("tool_calls"))],
        answers=_text(item.get("tool_call_id")),
        notes=" · ".join(f"{key} {value}" for key, value in short.items()),
        rest=rest,
    )


def _is_text(item: Data, key: str) -> bool:
    value = item.get(key)
    return isinstance(value, str) or placeholders.mark(value) == "truncated"


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _is_short(value: Any) -> bool:
    return isinstance(value, (int, float)) or (isinstance(value, str) and 0 < len(value) < 80)


def _parts(content: Any) -> list[Part]:
    if content is None or content == "":
        return []
    if isinstance(content, list) and not _are_records(content):
        return [part(item) for item in cast("list[Any]", content)]
    return [part(content)]


def _are_records(content: Any) -> bool:
    """Tell whether content is a tool's list of records, which has no parts of a message in it."""
    items = [item for item in _list(content) if placeholders.mark(item) != "more"]
    return bool(items) and all(
        isinstance(item, dict) and not {"$", "type", "text"} & item.keys() for item in items
    )


def part(value: Any) -> Part:
    """Return one piece of content as it is drawn."""
    if isinstance(value, str):
        return Part("text", value)
    match placeholders.mark(value):
        case "truncated":
            return Part("text", value.get("text", ""), placeholders.words(value))
        case "media":
            return Part("media", value)
        case _:
            return _typed(cast("Data", value)) if isinstance(value, dict) else Part("data", value)


def _typed(value: Data) -> Part:
    text: Any = value.get("text")
    match value.get("type"):
        case "text" | "reasoning" as name if isinstance(text, str):
            return Part(name, text)
        case "text" | "reasoning" as name if placeholders.mark(text) == "truncated":
            return Part(name, text.get("text", ""), placeholders.words(text))
        case "image" | "audio" | "file" if placeholders.mark(value.get("media")) == "media":
            return Part("media", value["media"])
        case "image" if isinstance(value.get("url"), str):
            return Part("address", value["url"], "image that was sent by address, not loaded here")
        case _:
            return Part("data", value)


def _call(call: dict[str, Any]) -> ToolCall:
    return ToolCall(_text(call.get("id")), str(call.get("name") or "?"), call.get("arguments"))


def _document(place: int, item: Data) -> Document:
    identity = item.get("id")
    return Document(
        place=place,
        id=None if identity is None else str(identity),
        text=part(item.get("text")),
        score=item.get("score"),
        metadata=item.get("metadata"),
    )


def calls_in(value: Any) -> list[ToolCall]:
    """Return the tool calls that an output requests."""
    return [call for message in preview(value).messages for call in message.calls]


def source_text(value: Any) -> str | None:
    """Return the text that `value` is, where it is nothing but a text; None for other data."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and len(cast("Data", value)) == 1:
        (only,) = cast("Data", value).items()
        if only[0] in ("prompt", "query", "text") and isinstance(only[1], str):
            return only[1]
    return None


def tools_offered(tools: list[Any]) -> str:
    """Return the names of the tools that a model was offered."""
    return ", ".join(str(tool.get("name", "?")) for tool in _dicts(tools))
