"""Blocks: payloads of spans of one trace that were ingested together, as one piece of JSON."""

from collections.abc import Set
from typing import Any

import orjson
from sqlalchemy import Connection

from spanbook.store.compression import Compressor
from spanbook.store.numbers import Numbers
from spanbook.store.schema import payloads
from spanbook.store.statements import Insert

BLOCK_BYTES = 65_536  # of JSON, about; to read one span's payload is to read its block

_INSERT = Insert(payloads)


class Block:
    """Payloads by span id. Stored only if a stored span refers to it."""

    __slots__ = ("_parts", "body", "pk", "size", "uses")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0
        self.body = b""
        self.uses: set[bytes] = set()  # hashes of the blobs that it refers to
        self.pk: int | None = None  # given when the first span refers to the block

    def add(self, span_id: str, payload: bytes, uses: Set[bytes]) -> None:
        """Add the payload of one span, as JSON, and the hashes of the blobs that it refers to."""
        self._parts.append(b"%s:%s" % (orjson.dumps(span_id), payload))
        self.size += len(payload)
        self.uses |= uses

    def close(self) -> bytes:
        """Return the JSON of the whole block."""
        return b"{%s}" % b",".join(self._parts)


class Blocks:
    """The blocks of one batch."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []

    def open(self) -> Block:
        """Return a new block."""
        block = Block()
        self._blocks.append(block)
        return block

    def compress(self, compressor: Compressor) -> None:
        """Make the bodies."""
        bodies = compressor.shortest([block.close() for block in self._blocks])
        for block, body in zip(self._blocks, bodies, strict=True):
            block.body = body


class BlockNumbers:
    """Numbers the blocks that spans refer to, and keeps the rows to store."""

    def __init__(self, numbers: Numbers) -> None:
        self.uses: list[tuple[bytes, int]] = []  # which trace refers to which blob
        self._numbers = numbers
        self._rows: list[tuple[Any, ...]] = []

    def of(self, block: Block | None, trace_pk: int) -> int | None:
        """Return the number of `block`; None for no block."""
        if block is None:
            return None
        if block.pk is None:
            block.pk = self._numbers.block(trace_pk, block.body)
            self._rows.append((block.pk, trace_pk, block.body))
            self.uses += [(digest, trace_pk) for digest in block.uses]
        return block.pk

    def write(self, connection: Connection) -> None:
        """Store the blocks that were numbered."""
        _INSERT.run(connection, self._rows)
