"""The shelf: media found in payloads, each handed over once and replaced by its placeholder."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from spanbook import placeholders
from spanbook.gate.media import UNKNOWN_TYPE, Encoded, Media, find, sniff
from spanbook.placeholders import JSON

_REMEMBERED = 4096
_AGAIN = 600.0  # seconds after which a content is handed over once more
_PROBE = 64  # base64 digits that hold every head that can be sniffed

Key = TypeVar("Key")
Item = TypeVar("Item")


class _Label(NamedTuple):
    hash: str
    media_type: str
    size: int


class MediaShelf:
    """Replaces media by placeholders and hands each content to `keep` once.

    It remembers hashes, never contents. A content is handed over again after several thousand
    others, or after ten minutes: storing it twice is harmless, and somebody may have deleted it.
    """

    def __init__(
        self,
        keep: Callable[[Media], None] | None,
        limit: int,
        hide: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keep = keep
        self._limit = limit
        self._hide = hide
        self._clock = clock
        self._kept: dict[str, float] = {}  # when, by hash
        # By hash and length of the encoded string: a string object remembers its hash, so an
        # image that is sent again with every step is neither decoded nor hashed again.
        self._known: dict[tuple[int, int], _Label] = {}

    def text(self, key: str, text: str, siblings: Mapping[Any, Any], found: list[Media]) -> JSON:
        """Return a placeholder for the media encoded in `text`, or None where it is prose."""
        encoded = find(key, text, siblings)
        if encoded is None:
            return None
        if encoded.size > self._limit + 2:
            return self._too_large(encoded)
        mark = (hash(text), len(text))
        label = self._known.get(mark)
        if label is None or not self._is_kept(label.hash):
            content = encoded.decode()
            if content is None:
                return None
            media = Media.of(content, encoded.media_type)
            found.append(media)
            label = _Label(media.hash, media.media_type, len(content))
            _remember(self._known, mark, label)
        return self._placeholder(label.media_type, label.size, label.hash)

    def content(self, content: bytes | bytearray | memoryview, found: list[Media]) -> JSON:
        """Return a placeholder for `content`, media where its first bytes say so."""
        view = memoryview(content)
        media_type = sniff(bytes(view[:16]))
        if view.nbytes > self._limit:
            if media_type is None:
                return placeholders.raw(view.nbytes, None)
            return self._placeholder(media_type, view.nbytes, None)
        media = Media.of(bytes(view))
        return self.add(media, found) if media_type else placeholders.raw(view.nbytes, media.hash)

    def add(self, media: Media, found: list[Media]) -> JSON:
        """Return the placeholder of `media`, to be handed over unless it is too large."""
        size = len(media.content)
        if size > self._limit:
            return self._placeholder(media.media_type, size, None)
        if not self._is_kept(media.hash):
            found.append(media)
        return self._placeholder(media.media_type, size, media.hash)

    def hand_over(self, media: Media) -> None:
        """Keep `media` if it is neither hidden nor known to be kept."""
        if self._keep is None or self._hide or self._is_kept(media.hash):
            return
        _remember(self._kept, media.hash, self._clock())
        try:
            self._keep(media)
        except BaseException:
            self._kept.pop(media.hash, None)
            raise

    def _is_kept(self, hash: str) -> bool:
        at = self._kept.get(hash)
        return at is not None and self._clock() - at < _AGAIN

    def _placeholder(self, media_type: str, size: int, hash: str | None) -> JSON:
        return placeholders.hidden() if self._hide else placeholders.media(media_type, size, hash)

    def _too_large(self, encoded: Encoded) -> JSON:
        start = Encoded(encoded.base64[:_PROBE], encoded.media_type, encoded.certain).decode()
        if start is None:
            return None
        media_type = sniff(start) or encoded.media_type or UNKNOWN_TYPE
        return self._placeholder(media_type, encoded.size, None)


def _remember(memory: dict[Key, Item], key: Key, item: Item) -> None:
    if len(memory) >= _REMEMBERED:
        # Another thread may be making room as well; then there is room.
        with suppress(StopIteration, KeyError, RuntimeError):
            del memory[next(iter(memory))]
    memory[key] = item
