"""Texts in payloads: long and repeated ones stand outside, the words of all can be found."""

import re
from collections.abc import Iterable
from typing import Any

import orjson

from spanbook.store.blobs import Blobs

ALWAYS_LONG = 4_096  # characters; such a text stands outside its payload
LONG = 1_024  # such a text does when it comes again
LONG_MESSAGE = 128  # the same for the content of a message: histories repeat themselves

_REMEMBERED = 8_192
_HASH = re.compile("[0-9a-f]{32}")
_TOO_DEEP = b'{"$":"depth"}'


class KnownTexts:
    """Texts that came lately, as hashes; the number of them is bounded."""

    def __init__(self) -> None:
        self._young: set[int] = set()
        self._old: set[int] = set()

    def __contains__(self, key: int) -> bool:
        return key in self._young or key in self._old

    def add(self, keys: Iterable[int]) -> None:
        """Remember more texts, and forget the oldest when there are many."""
        self._young.update(keys)
        if len(self._young) > _REMEMBERED:
            self._old, self._young = self._young, set()


class BatchTexts:
    """The texts of one batch."""

    def __init__(self, known: KnownTexts) -> None:
        self.known = known
        self.blobs = Blobs()
        self.fresh: dict[int, str] = {}  # texts that came for the first time: in which trace


class TraceTexts:
    """Turns payloads of one trace into JSON, collects their texts and takes some of them out."""

    __slots__ = ("_batch", "_trace_id", "found")

    def __init__(self, trace_id: str, batch: BatchTexts) -> None:
        self.found: set[str] = set()  # all that can be searched
        self._trace_id = trace_id
        self._batch = batch

    def encode(self, value: Any, uses: set[bytes]) -> bytes:
        """Return the JSON of `value`, which is changed: hashes, added to `uses`, replace texts."""
        if type(value) is str:
            self.found.add(value)
            if len(value) >= LONG:
                value = self._stand_in(value, uses)
        elif type(value) is dict or type(value) is list:
            self.take_out(value, uses, self.found)
        return encode(value)

    def take_out(self, value: Any, uses: set[bytes], found: set[str]) -> None:
        """Put hashes, added to `uses`, in place of texts in `value`; add all texts to `found`.

        Media that `value` refers to are in use as well.
        """
        waiting: list[Any] = [value]
        note = found.add
        while waiting:
            container = waiting.pop()
            # `__class__`, because `type` would lead the type checker astray.
            is_dict = container.__class__ is dict
            if is_dict and "$" in container:
                _note_content(container, uses)
            for key, item in container.items() if is_dict else enumerate(container):
                kind = item.__class__
                if kind is str:
                    note(item)
                    size = len(item)
                    if size >= LONG_MESSAGE and (size >= LONG or key == "content"):
                        container[key] = self._stand_in(item, uses)
                elif kind is dict or kind is list:
                    waiting.append(item)

    def _stand_in(self, text: str, uses: set[bytes]) -> Any:
        """Return what stands for a text in its payload: its hash, added to `uses`, or itself."""
        digest = self._outside(text)
        if digest is None:
            return text
        uses.add(digest)
        return {"$": "text", "blob": digest.hex()}

    def _outside(self, text: str) -> bytes | None:
        """Return the hash of a text to keep outside, or None.

        What comes again within a trace need not: the block that holds it is compressed as one.
        """
        key = hash(text)
        batch = self._batch
        if (
            len(text) >= ALWAYS_LONG
            or key in batch.known
            or batch.fresh.setdefault(key, self._trace_id) != self._trace_id
        ):
            return batch.blobs.add_text(text)
        return None


def contents_of(value: Any) -> set[bytes]:
    """Return the hashes of the media and bytes that `value` refers to."""
    uses: set[bytes] = set()
    waiting: list[Any] = [value]
    while waiting:
        container = waiting.pop()
        if container.__class__ is dict:
            if "$" in container:
                _note_content(container, uses)
            waiting += container.values()
        elif container.__class__ is list:
            waiting += container
    return uses


def _note_content(stand_in: dict[str, Any], uses: set[bytes]) -> None:
    """Add the hash of the media or bytes that a placeholder stands for to `uses`."""
    digest: Any = stand_in.get("hash")
    if type(digest) is str and _HASH.fullmatch(digest):
        uses.add(bytes.fromhex(digest))


def encode(value: Any) -> bytes:
    """Return the JSON of `value`; of what is nested too deep, only that."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return _TOO_DEEP
