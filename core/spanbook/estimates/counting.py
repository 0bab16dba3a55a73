"""Tokens of a text of any size, whatever the tokenizer makes of it."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from spanbook.estimates.encodings import encoder
from spanbook.estimates.estimate import Method
from spanbook.estimates.ranks import Table
from spanbook.estimates.wordpieces import count_pieces

Count = Callable[[str], int]

CHUNK = 100_000  # tiktoken's expressions overflow their stack on runs of about a million characters
_SEARCHED = 1_000  # characters at the end of a chunk in which a place to cut is looked for

# A word, then a space: no token of either encoding reaches over this place.
_SAFE = re.compile(r"(?<=\w)(?= )")


def counter(table: Table | None) -> tuple[Count, Method]:
    """Return what counts tokens by `table`, or word pieces where that is not possible."""
    encoding = encoder(table) if table is not None else None
    if encoding is None:
        return count_pieces, Method.HEURISTIC
    return lambda text: _count(encoding, text), Method.TIKTOKEN


def _count(encoding: Any, text: str) -> int:
    return sum(_count_chunk(encoding, chunk) for chunk in _chunks(text))


def _count_chunk(encoding: Any, chunk: str) -> int:
    try:
        return len(encoding.encode_ordinary(chunk))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001  a panic inside tiktoken is no Exception
        return count_pieces(chunk)


def _chunks(text: str) -> Iterator[str]:
    start = 0
    while len(text) - start > CHUNK:
        end = start + CHUNK
        places = [match.start() for match in _SAFE.finditer(text, end - _SEARCHED, end)]
        end = places[-1] if places else end
        yield text[start:end]
        start = end
    yield text[start:]
