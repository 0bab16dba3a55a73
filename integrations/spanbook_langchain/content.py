"""The blocks of a message's content, in the spelling of any provider, as parts of ours."""

from collections.abc import Callable, Mapping
from typing import Any

Block = Mapping[str, Any]

# Repeated by the message's own tool calls.
CALLS = frozenset(
    {
        "tool_call",
        "tool_call_chunk",
        "invalid_tool_call",
        "tool_use",
        "function_call",
        "input_json_delta",
    }
)


def parts(content: Any, *, without_calls: bool) -> Any:
    """Return `content` as text or parts; `without_calls` leaves out blocks that are tool calls."""
    if not isinstance(content, list):
        return content
    return [
        _part(block)
        for block in content
        if not (without_calls and isinstance(block, dict) and block.get("type") in CALLS)
    ]


def text_of(content: Any) -> str:
    """Return the text of a message's content."""
    if isinstance(content, str):
        return content
    texts = [block.get("text") for block in content or () if isinstance(block, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))


def _part(block: Any) -> Any:
    if isinstance(block, str):
        return {"type": "text", "text": block}
    if not isinstance(block, dict):
        return block
    kind = block.get("type")
    convert = PARTS.get(kind) if isinstance(kind, str) else None
    return block if convert is None else convert(block)


def _text(block: Block) -> dict[str, Any]:
    return {**block, "type": "text"}


def _reasoning(block: Block) -> dict[str, Any]:
    inner = block.get("reasoning_content")
    found = inner.get("text") if isinstance(inner, dict) else inner
    for key in ("reasoning", "thinking", "text"):
        found = found or block.get(key)
    if not found and isinstance(block.get("summary"), list):
        found = "\n".join(str(item.get("text", "")) for item in block["summary"] if item)
    part = {"type": "reasoning", "text": found or ""}
    sealed = block.get("encrypted_content") or block.get("data")
    return {**part, "encrypted": len(sealed)} if isinstance(sealed, str) else part


def _image(block: Block) -> dict[str, Any]:
    return _media("image", block)


def _audio(block: Block) -> dict[str, Any]:
    return _media("audio", block)


def _file(block: Block) -> dict[str, Any]:
    return _media("file", block)


PARTS: dict[str, Callable[[Block], Any]] = {
    "text": dict,
    "input_text": _text,
    "output_text": _text,
    "reasoning": _reasoning,
    "thinking": _reasoning,
    "redacted_thinking": _reasoning,
    "reasoning_content": _reasoning,
    "image": _image,
    "image_url": _image,
    "input_image": _image,
    "audio": _audio,
    "input_audio": _audio,
    "file": _file,
    "input_file": _file,
    "document": _file,
    "video": _file,
    "media": _file,
}

_WHERE = ("image_url", "input_audio", "file", "source", "audio")  # blocks inside the block
_BASE64 = ("base64", "data", "file_data")
_TYPES = ("mime_type", "media_type", "mimeType")
_NAMES = ("filename", "name", "file_id", "id", "detail", "title")


def _media(kind: str, block: Block) -> dict[str, Any]:
    """Return an image, sound or file with its content where the gate finds it, or its address."""
    held = next((block[key] for key in _WHERE if isinstance(block.get(key), dict)), block)
    part: dict[str, Any] = {"type": kind}
    part.update({key: held[key] for key in _NAMES if isinstance(held.get(key), str)})
    address = held.get("url") or block.get("image_url") or block.get("url")
    encoded = next((held[key] for key in _BASE64 if isinstance(held.get(key), str)), None)
    if encoded is not None:
        part["media"] = _data_url(encoded, _media_type(kind, held) or _media_type(kind, block))
    elif isinstance(address, str):
        part["media" if address.startswith("data:") else "url"] = address
    elif len(part) == 1:
        return dict(block)
    return part


def _media_type(kind: str, held: Block) -> str | None:
    given = next((held[key] for key in _TYPES if isinstance(held.get(key), str)), None)
    form = held.get("format")
    return given or (f"{kind}/{form}" if isinstance(form, str) else None)


def _data_url(encoded: str, media_type: str | None) -> str:
    if encoded.startswith("data:"):
        return encoded
    return f"data:{media_type or 'application/octet-stream'};base64,{encoded}"
