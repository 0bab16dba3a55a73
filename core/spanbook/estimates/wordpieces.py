"""Tokens of a text without a tokenizer: words, numbers and marks at what each mostly costs."""

import re
from math import ceil

_PIECES = re.compile(
    r"(?P<word>[A-Za-z]+)"
    r"|(?P<wide>[\u2e80-\ud7ff\uf900-\ufaff]+)"  # Chinese, Japanese, Korean
    r"|(?P<letters>[^\W\d_A-Za-z]+)"
    r"|(?P<digits>\d+)"
    r"|(?P<line>\n\s*)"
    r"|(?P<space>[ \t]{2,})"
    r"|(?P<marks>[^\w\s]+)"
    r"|(?P<joint>_)"
)

_WHOLE_WORD = 10  # letters up to which a word is mostly one token


def count_pieces(text: str) -> int:
    """Return about how many tokens `text` is, for any tokenizer of today's size."""
    total = sum(_cost(match.lastgroup or "", match.group()) for match in _PIECES.finditer(text))
    return max(round(total), 1) if text else 0


def _cost(kind: str, piece: str) -> float:
    size = len(piece)
    match kind:
        case "word":
            return 1 if size <= _WHOLE_WORD else ceil(size / 6)
        case "wide":
            return size * 0.65
        case "letters":
            return size * 0.4
        case "digits" | "marks":
            return ceil(size / 3)
        case "joint":
            return 0.3
        case _:
            return 1
