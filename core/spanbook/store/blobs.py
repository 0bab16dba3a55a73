"""Blobs: contents that are kept once, under the hash of their bytes."""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from spanbook.store.compression import Compressor
from spanbook.store.schema import blob_uses, blobs
from spanbook.store.statements import KEEP, Insert, Lookup

_INSERT = Insert(blobs, rule=KEEP)
_INSERT_USE = Insert(blob_uses, rule=KEEP)
_KNOWN = Lookup(blobs, "hash", columns=["hash"])


@dataclass(frozen=True, slots=True)
class Content:
    """What one blob holds."""

    data: bytes
    media_type: str | None = None  # None: text


class Blobs:
    """The contents that one batch brings, by hash."""

    def __init__(self) -> None:
        self._contents: dict[bytes, Content] = {}
        self._texts: dict[str, bytes] = {}
        self._media: list[bytes] = []

    def add_text(self, text: str) -> bytes:
        """Keep `text` if a stored payload will refer to it; return its hash."""
        digest = self._texts.get(text)
        if digest is None:
            data = text.encode()
            digest = self._texts[text] = hashlib.sha256(data).digest()[:16]
            self._contents[digest] = Content(data)
        return digest

    def add_media(self, record: dict[str, Any]) -> None:
        """Keep the content of a `blob` record.

        Raises:
            ValueError: the content or its hash cannot be read.
        """
        data = base64.b64decode(record["data"], validate=True)
        digest = bytes.fromhex(record["hash"])
        self._contents[digest] = Content(data, str(record.get("media_type") or "") or None)
        self._media.append(digest)

    def write(
        self, connection: Connection, compressor: Compressor, uses: list[tuple[bytes, int]]
    ) -> None:
        """Store media, and what `uses`, pairs of hash and trace, refer to, unless it is there."""
        wanted = dict.fromkeys([*self._media, *(digest for digest, _ in uses)])
        known = {bytes(row[0]) for row in _KNOWN.run(connection, wanted)}
        # Media came when they were first seen, which may be several batches ago.
        fresh = {
            key: self._contents[key] for key in wanted if key not in known and key in self._contents
        }
        bodies = compressor.shortest([content.data for content in fresh.values()])
        rows: Iterable[tuple[Any, ...]] = (
            (digest, len(content.data), content.media_type, body)
            for (digest, content), body in zip(fresh.items(), bodies, strict=True)
        )
        _INSERT.run(connection, list(rows))
        _INSERT_USE.run(connection, uses)
