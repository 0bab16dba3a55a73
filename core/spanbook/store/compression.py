"""Compression: zstd where that makes a value shorter."""

from collections.abc import Sequence
from typing import Any, cast

import zstandard

_LEVEL = 1
_LEAST = 96  # bytes below which no frame gains anything
_FRAME = b"\x28\xb5\x2f\xfd"  # how a zstd frame begins; JSON never does


class Compressor:
    """Compresses many values at once. Not to be shared between threads."""

    def __init__(self) -> None:
        self._zstd = zstandard.ZstdCompressor(level=_LEVEL)

    def shortest(self, values: Sequence[bytes]) -> list[bytes]:
        """Return each value as a zstd frame, or as it is where that is shorter."""
        bodies = list(values)
        large = [number for number, value in enumerate(values) if len(value) >= _LEAST]
        for number, frame in zip(large, self._frames([values[n] for n in large]), strict=True):
            if len(frame) < len(bodies[number]):
                bodies[number] = frame
        return bodies

    def _frames(self, values: list[bytes]) -> list[bytes]:
        if len(values) > 1 and hasattr(self._zstd, "multi_compress_to_buffer"):
            frames = self._zstd.multi_compress_to_buffer(cast("Any", values))
            return [frames[number].tobytes() for number in range(len(values))]
        return [self._zstd.compress(value) for value in values]


def json_of(body: bytes) -> bytes:
    """Return the JSON of a block or of an event, compressed or not."""
    return _decompress(body) if body.startswith(_FRAME) else body


def content_of(body: bytes, size: int) -> bytes:
    """Return a blob's content of `size` bytes; it is compressed where that made it shorter."""
    return body if len(body) == size else _decompress(body)


def _decompress(body: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(body)
