"""The parts of a message's content, in the spelling of any API, as parts of ours."""

import re
from collections.abc import Callable, Mapping
from typing import Any

Block = Mapping[str, Any]

_SIGNED = re.compile(
    r"[?&](?:x-amz-|x-goog-|sig=|se=|signature=|expires=|token=|key=|policy=)", re.IGNORECASE
)
_FORMATS = {"mp3": "mpeg", "pcm16": "pcm", "opus": "ogg"}


def parts(content: Any) -> Any:
    """Return `content`, which is text or a list of blocks, with each block as a part."""
    return [part(block) for block in content] if isinstance(content, list | tuple) else content


def part(block: Any) -> Any:
    """Return one block; what is not known stays as it was."""
    if isinstance(block, str):
        return {"type": "text", "text": block}
    if not isinstance(block, Mapping):
        return block
    kind = block.get("type")
    convert = PARTS.get(kind) if isinstance(kind, str) else None
    return sealed(block) if convert is None else convert(block)


def reasoning(text: str, block: Block | None = None) -> dict[str, Any]:
    """Return what a model thought; of what only the provider can read, the length."""
    made: dict[str, Any] = {"type": "reasoning", "text": text}
    encrypted = None if block is None else block.get("encrypted_content")
    if isinstance(encrypted, str) and encrypted:
        made["encrypted"] = len(encrypted)
    return made


def sealed(block: Block) -> dict[str, Any]:
    """Return `block` with the length of its encrypted content in place of the content."""
    encrypted = block.get("encrypted_content")
    if not isinstance(encrypted, str):
        return dict(block)
    return {**block, "encrypted_content": {"encrypted": len(encrypted)}}


def address(url: str) -> str:
    """Return the URL of media; a signed one without its signature."""
    return url.partition("?")[0] if "?" in url and _SIGNED.search(url) else url


def data_url(encoded: str, media_type: str) -> str:
    """Return base64 as a data URL, which the gate keeps as media."""
    return encoded if encoded.startswith("data:") else f"data:{media_type};base64,{encoded}"


def image_type(form: Any) -> str:
    """Return the media type of images in the format that a parameter names."""
    return f"image/{form}" if isinstance(form, str) and form else "image/png"


def audio_type(form: Any) -> str:
    """Return the media type of sound in the format that a parameter names."""
    return f"audio/{_FORMATS.get(form, form)}" if isinstance(form, str) and form else "audio/wav"


def _text(block: Block) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "text", "text": block.get("text")}
    if block.get("annotations"):
        made["annotations"] = block["annotations"]
    return made


def _image(block: Block) -> dict[str, Any]:
    given = block.get("image_url")
    held = given if isinstance(given, Mapping) else {"url": given, "detail": block.get("detail")}
    made: dict[str, Any] = {"type": "image"}
    if held.get("detail"):
        made["detail"] = held["detail"]
    return _at(made, held.get("url"), block)


def _at(made: dict[str, Any], url: Any, block: Block) -> dict[str, Any]:
    if isinstance(url, str):
        is_data = url[:5].lower() == "data:"
        made["media" if is_data else "url"] = url if is_data else address(url)
    if isinstance(block.get("file_id"), str):
        made["file_id"] = block["file_id"]
    return made


def _audio(block: Block) -> dict[str, Any]:
    held = block.get("input_audio")
    held = held if isinstance(held, Mapping) else block
    data = held.get("data")
    if not isinstance(data, str):
        return dict(block)
    return {"type": "audio", "media": data_url(data, audio_type(held.get("format")))}


def _file(block: Block) -> dict[str, Any]:
    held = block.get("file")
    held = held if isinstance(held, Mapping) else block
    made: dict[str, Any] = {"type": "file"}
    if held.get("filename"):
        made["filename"] = held["filename"]
    data = held.get("file_data")
    if isinstance(data, str):
        made["media"] = data_url(data, "application/octet-stream")
    return _at(made, held.get("file_url"), held)


def _thought(block: Block) -> dict[str, Any]:
    given = block.get("thinking")
    if isinstance(given, list):
        given = "".join(str(item.get("text", "")) for item in given if isinstance(item, Mapping))
    return reasoning(str(given or block.get("text") or ""), block)


PARTS: dict[str, Callable[[Block], dict[str, Any]]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "image_url": _image,
    "input_image": _image,
    "input_audio": _audio,
    "file": _file,
    "input_file": _file,
    "thinking": _thought,
}
