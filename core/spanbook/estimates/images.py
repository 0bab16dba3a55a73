"""Images: their size from their first bytes, and what a size costs."""

import base64
import binascii
import re
import struct
from dataclasses import dataclass
from math import ceil, floor, sqrt

from spanbook.estimates.families import Patches, Tiles

_DECODED = 2_000_000  # base64 characters that are looked at: JPEG may keep its size far inside


@dataclass(frozen=True, slots=True)
class Image:
    """A picture in a prompt; its size is None where it cannot be seen, as behind a URL."""

    size: tuple[int, int] | None = None
    is_small: bool = False  # sent with detail "low": shown at 512 pixels whatever its size


def image_tokens(image: Image, rule: Tiles | Patches | None) -> int:
    """Return the tokens of an image, or the fewest possible where its size is not known."""
    width, height = image.size or (1, 1)
    match rule:
        case Tiles(base, tile):
            return base if image.is_small else base + tile * _tiles(width, height)
        case Patches(factor, budget):
            if image.is_small:
                width, height = _fit(width, height, 512)
            return ceil(round(_patches(width, height, budget) * factor, 6))
        case None:
            return 0


def _fit(width: float, height: float, side: int) -> tuple[float, float]:
    scale = min(1.0, side / max(width, height))
    return width * scale, height * scale


def _tiles(width: float, height: float) -> int:
    width, height = _fit(width, height, 2_048)
    scale = min(1.0, 768 / min(width, height))
    across, down = (max(ceil(int(side * scale) / 512), 1) for side in (width, height))
    return across * down


def _patches(width: float, height: float, budget: int) -> int:
    count = ceil(width / 32) * ceil(height / 32)
    if count <= budget:
        return count
    scale = sqrt(32 * 32 * budget / (width * height))
    across, down = width * scale / 32, height * scale / 32
    scale *= min(floor(across) / across, floor(down) / down)
    return min(ceil(width * scale / 32) * ceil(height * scale / 32), budget)


def data_url_size(url: str) -> tuple[int, int] | None:
    """Return the size of an image that is written into its URL, or None."""
    head, comma, encoded = url.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith("base64"):
        return None
    encoded = re.sub(r"\s+", "", encoded[:_DECODED])
    try:
        return image_size(base64.b64decode(encoded[: len(encoded) // 4 * 4]))
    except binascii.Error:
        return None


def image_size(content: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels of a PNG, GIF, JPEG or WebP, or None."""
    try:
        if content.startswith(b"\x89PNG"):
            return struct.unpack(">II", content[16:24])
        if content.startswith(b"GIF8"):
            return struct.unpack("<HH", content[6:10])
        if content.startswith(b"\xff\xd8"):
            return _jpeg_size(content)
        if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            return _webp_size(content)
    except (struct.error, IndexError):
        return None
    return None


_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    place = 2
    while place < len(content):
        if content[place] != 0xFF:
            return None
        marker = content[place + 1]
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack(">HH", content[place + 5 : place + 9])
            return width, height
        bare = marker == 0xFF or marker == 0x01 or 0xD0 <= marker <= 0xD8
        place += 1 if marker == 0xFF else 2
        if not bare:
            place += struct.unpack(">H", content[place : place + 2])[0]
    return None


def _webp_size(content: bytes) -> tuple[int, int] | None:
    match content[12:16]:
        case b"VP8X":
            sides = content[24:27], content[27:30]
            width, height = (int.from_bytes(side, "little") + 1 for side in sides)
            return width, height
        case b"VP8L":
            bits = struct.unpack("<I", content[21:25])[0]
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = struct.unpack("<HH", content[26:30])
            return width & 0x3FFF, height & 0x3FFF
        case _:
            return None
