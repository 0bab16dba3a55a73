"""Token tables from places on this machine: never from the network, never unchecked."""

import base64
import hashlib
import lzma
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

Ranks = dict[bytes, int]


@dataclass(frozen=True, slots=True)
class Table:
    """Where the table of one encoding is found, and what proves that it is the right one.

    `url` is the address that tiktoken knows the table by: its cache names the file after it.
    """

    name: str
    url: str
    sha256: str  # of tiktoken's own file
    tokens: int
    first: int  # the tokens that stand before it in our file
    packed_sha256: str  # of its part of our file


CL100K = Table(
    name="cl100k_base",
    url="https://openaipublic.blob.core.windows.net/encodings/cl100k_base.tiktoken",
    sha256="223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    tokens=100_256,
    first=0,
    packed_sha256="6bfd43f7b31b50b645b3228413547e662af1ae4801e9b192b9791680a71d650c",
)

O200K = Table(
    name="o200k_base",
    url="https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken",
    sha256="446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    tokens=199_998,
    first=100_256,
    packed_sha256="bac143fe7fe950090c6e4ed9a2f80de5412a92495758b52becbbe5a7eea25ecb",
)


def loaded(table: Table) -> Any | None:
    """Return the encoding that tiktoken already has in memory, without taking its lock."""
    registry = sys.modules.get("tiktoken.registry")
    encodings: dict[str, Any] = getattr(registry, "ENCODINGS", {})
    return encodings.get(table.name)


def read_ranks(table: Table) -> Ranks | None:
    """Return the rank of each token from tiktoken's cache or from our own file, or None."""
    for content in _cached(table):
        if hashlib.sha256(content).hexdigest() == table.sha256:
            return _parse(content)
    return _shipped(table)


def _cached(table: Table) -> Iterator[bytes]:
    name = hashlib.sha1(table.url.encode(), usedforsecurity=False).hexdigest()
    folders = [os.environ.get(key) for key in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR")]
    folders.append(str(Path(tempfile.gettempdir()) / "data-gym-cache"))
    for folder in filter(None, folders):
        with suppress(OSError):
            yield (Path(folder) / name).read_bytes()


def _parse(content: bytes) -> Ranks:
    pairs = (line.split() for line in content.splitlines() if line)
    return {base64.b64decode(token): int(rank) for token, rank in pairs}


def _shipped(table: Table) -> Ranks | None:
    try:
        content = lzma.decompress(files("spanbook").joinpath("data", "token_ranks.xz").read_bytes())
    except (OSError, lzma.LZMAError):
        return None
    tokens = list(islice(_tokens(content), table.first, table.first + table.tokens))
    digest = hashlib.sha256(b"".join(bytes([len(token)]) + token for token in tokens))
    if digest.hexdigest() != table.packed_sha256:
        return None
    return {token: rank for rank, token in enumerate(tokens)}


def _tokens(content: bytes) -> Iterator[bytes]:
    place, end = 0, len(content)
    while place < end:
        size = content[place]
        yield content[place + 1 : place + 1 + size]
        place += size + 1
