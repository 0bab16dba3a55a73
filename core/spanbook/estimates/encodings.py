"""The encodings of OpenAI's models, built from local tables."""

from functools import cache
from threading import Lock
from typing import Any

from spanbook.estimates import ranks
from spanbook.estimates.ranks import CL100K, O200K, Table

_ENDINGS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_CAPITALS, _SMALLS = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"

# How each encoding cuts text into words; what is in the tables is tokens inside these words.
PATTERNS: dict[Table, str] = {
    CL100K: "|".join(
        (
            r"'(?i:[sdmt]|ll|ve|re)",
            r"[^\r\n\p{L}\p{N}]?+\p{L}++",
            r"\p{N}{1,3}+",
            r" ?[^\s\p{L}\p{N}]++[\r\n]*+",
            r"\s++$|\s*[\r\n]|\s+(?!\S)|\s",
        )
    ),
    O200K: "|".join(
        (
            rf"[^\r\n\p{{L}}\p{{N}}]?[{_CAPITALS}]*[{_SMALLS}]+{_ENDINGS}",
            rf"[^\r\n\p{{L}}\p{{N}}]?[{_CAPITALS}]+[{_SMALLS}]*{_ENDINGS}",
            r"\p{N}{1,3}",
            r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
            r"\s*[\r\n]+|\s+(?!\S)|\s+",
        )
    ),
}

_building = Lock()


def encoder(table: Table) -> Any | None:
    """Return tiktoken's encoding of `table`, or None where tiktoken or the table is missing."""
    with _building:
        return _build(table)


@cache
def _build(table: Table) -> Any | None:
    known = ranks.loaded(table)
    if known is not None:
        return known
    try:
        from tiktoken import Encoding
    except ImportError:
        return None
    found = ranks.read_ranks(table)
    if found is None:
        return None
    return Encoding(table.name, pat_str=PATTERNS[table], mergeable_ranks=found, special_tokens={})
