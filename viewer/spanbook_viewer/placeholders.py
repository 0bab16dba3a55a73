"""What stands in a recorded value where the live value could not be kept, in words."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from spanbook_viewer import formats

INLINE_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
INLINE_AUDIO = frozenset(
    {
        "audio/aac",
        "audio/flac",
        "audio/mp4",
        "audio/mpeg",
        "audio/ogg",
        "audio/wav",
        "audio/webm",
        "audio/x-wav",
    }
)


def mark(value: Any) -> str | None:
    """Return which placeholder `value` is, or None where it is ordinary data."""
    if not isinstance(value, Mapping):
        return None
    name = cast("Mapping[str, Any]", value).get("$")
    return name if isinstance(name, str) else None


def is_media(value: Any) -> bool:
    """Tell whether `value` stands for content that the store keeps as a blob."""
    return mark(value) == "media" and isinstance(value.get("hash"), str)


def is_image(value: Any) -> bool:
    """Tell whether `value` stands for an image that a browser may safely show in a page."""
    return is_media(value) and value.get("media_type") in INLINE_IMAGES


def is_audio(value: Any) -> bool:
    """Tell whether `value` stands for sound that a browser may safely play in a page."""
    return is_media(value) and value.get("media_type") in INLINE_AUDIO


def words(value: Mapping[str, Any]) -> str:
    """Return a placeholder in words, such as `truncated, 10,000,000 characters`."""
    name = mark(value)
    describe = _WORDS.get(name or "")
    return describe(value) if describe else f"not recorded ({name})"


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else formats.UNKNOWN


def _bytes(value: Any) -> str:
    return formats.size(value) if isinstance(value, int) else formats.UNKNOWN


def _shape(value: Any) -> str:
    lengths = cast("list[Any]", value) if isinstance(value, list) else []
    return " × ".join(str(length) for length in lengths) or "scalar"


def _object(value: Mapping[str, Any]) -> str:
    text = f"object of {value.get('type', 'unknown type')}"
    return f"{text}, could not be read: {value['error']}" if value.get("error") else text


_WORDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "truncated": lambda value: f"truncated, {_number(value.get('size'))} characters",
    "more": lambda value: f"and {_number(value.get('count'))} more, not recorded",
    "bytes": lambda value: f"bytes, {_bytes(value.get('size'))}, not recorded",
    "media": lambda value: f"{value.get('media_type', 'media')}, {_bytes(value.get('size'))}",
    "object": _object,
    "cycle": lambda _: "cycle: a value that contains itself",
    "depth": lambda _: "deeper than the limit, not recorded",
    "array": lambda value: f"array {_shape(value.get('shape'))}, {value.get('dtype', '?')}",
    "table": lambda value: f"table {_shape(value.get('shape'))}",
    "generator": lambda value: f"{value.get('type', 'generator')}, not consumed",
    "hidden": lambda _: "hidden by a setting",
    "text": lambda _: "text that this store does not hold",
}
