"""Media: images, sounds and files inside payloads, found by their place and their first bytes."""

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Self

UNKNOWN_TYPE = "application/octet-stream"
HASH_LENGTH = 32


def digest(content: bytes) -> str:
    """Return the name under which `content` is kept."""
    return sha256(content).hexdigest()[:HASH_LENGTH]


@dataclass(frozen=True, slots=True)
class Media:
    """One image, sound or file. A converter may put it anywhere in what it returns."""

    hash: str
    media_type: str
    content: bytes

    @classmethod
    def of(cls, content: bytes, media_type: str | None = None) -> Self:
        """Return `content` with its hash, and the type that its first bytes or the caller say."""
        return cls(digest(content), sniff(content) or media_type or UNKNOWN_TYPE, content)


@dataclass(frozen=True, slots=True)
class Encoded:
    """Base64 that is taken for media when it can be decoded.

    `certain` says that the place alone makes it media; else its first bytes must.
    """

    base64: str
    media_type: str | None
    certain: bool

    @property
    def size(self) -> int:
        """The number of bytes encoded, give or take line breaks."""
        return len(self.base64) * 3 // 4 - self.base64.endswith("=") - self.base64.endswith("==")

    def decode(self) -> bytes | None:
        """Return the bytes, or None where this is something else than base64."""
        content = _decode(self.base64)
        return content if content and (self.certain or sniff(content)) else None


_HEADS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),
)


def sniff(content: bytes) -> str | None:
    """Return the media type that the first bytes of `content` tell, or None."""
    head = content[:16]
    for offset, magic, media_type in _HEADS:
        if head.startswith(magic, offset) and (offset != 8 or head.startswith(b"RIFF")):
            return media_type
    return "audio/mpeg" if _is_mpeg_frame(head) else None


def _is_mpeg_frame(head: bytes) -> bool:
    # Layer III with a possible bit rate and sample rate; bare 0xff 0xfb begins too much else.
    return (
        len(head) >= 4
        and head[0] == 0xFF
        and head[1] in (0xFB, 0xFA, 0xF3, 0xF2)
        and 0x10 <= head[2] < 0xF0
        and head[2] & 0x0C != 0x0C
    )


_DATA_URL = re.compile(r"data:([\w.+-]{1,60}/[\w.+-]{1,80})?(?:;[^,;]{1,100}){0,4};base64,", re.I)
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,80}")
_TYPE_KEYS = ("media_type", "mime_type", "mimeType", "mediaType", "content_type")
_FORMATS = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "pcm16": "audio/pcm",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "pdf": "application/pdf",
}
_BLOCKS = re.compile(
    "audio|file|image|image_generation_call|input_audio|input_file|input_image|media|video"
)
# Keys under which providers put base64; the second are used for nothing else.
PLACES = frozenset(
    {
        "audio",
        "audio_data",
        "b64_json",
        "base64",
        "blob",
        "bytes",
        "data",
        "file_data",
        "image",
        "image_base64",
        "image_data",
        "result",
    }
)
_CERTAIN = frozenset({"b64_json", "base64", "file_data", "image_base64"})
_BEGINS = re.compile(r"[A-Za-z0-9+/_-]{56}")
_URL_SAFE = str.maketrans("-_", "+/")


def find(key: str, text: str, siblings: Mapping[Any, Any]) -> Encoded | None:
    """Return the base64 in `text`, the value of `key` beside `siblings`, or None for prose."""
    if url := _DATA_URL.match(text[:600]):
        return Encoded(text[url.end() :], url[1], certain=True)
    if key not in PLACES or not _BEGINS.match(text):
        return None
    declared = _declared(siblings)
    certain = bool(declared) or key in _CERTAIN or _is_block(siblings)
    return Encoded(text, declared, certain)


def _declared(siblings: Mapping[Any, Any]) -> str | None:
    for key in _TYPE_KEYS:
        named = siblings.get(key)
        if type(named) is str and _MEDIA_TYPE.fullmatch(named):
            return named
    form = siblings.get("format")
    return _FORMATS.get(form.lower()) if type(form) is str else None


def _is_block(siblings: Mapping[Any, Any]) -> bool:
    kind = siblings.get("type")
    return type(kind) is str and _BLOCKS.fullmatch(kind) is not None


def _decode(text: str) -> bytes | None:
    if text.find("\n", 0, 100) >= 56:  # wrapped lines; single words a line are prose
        text = text.replace("\r", "").replace("\n", "")
    if "-" in text or "_" in text:
        text = text.translate(_URL_SAFE)
    try:
        return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)
    except ValueError:
        return None
