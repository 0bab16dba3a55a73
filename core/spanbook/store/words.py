"""Words: how texts are cut for full-text search, alike on every store."""

import re
import unicodedata
from itertools import groupby

LONGEST = 200  # characters of a word that are compared

# Letters that FTS5's tokenizer takes for separators, though Unicode has come to call them letters.
_NO_LETTERS = frozenset([*map(chr, range(0x19B0, 0x19CA)), "\u1cf2", "\u1cf3"])
_ASCII_WORDS = re.compile("[0-9a-z]+")


def words(text: str) -> list[str]:
    """Return the words of a question; a closing `*` asks for a beginning."""
    found: list[str] = []
    composed = unicodedata.normalize("NFC", text)
    for is_word, run in groupby(composed, _is_letter):
        if is_word:
            found.append("".join(run))
        elif found and next(run) == "*" and not found[-1].endswith("*"):
            found[-1] += "*"
    return found or [letter for letter in composed if not letter.isspace()]


def indexed(text: str) -> set[str]:
    """Return the different words of a text, folded, as an index of words keeps them.

    For stores that have no tokenizer of their own with the rules of SQLite's.
    """
    if text.isascii():
        return {word[:LONGEST] for word in _ASCII_WORDS.findall(text.lower())}
    composed = unicodedata.normalize("NFC", text)
    runs = ("".join(run) for is_word, run in groupby(composed, _is_letter) if is_word)
    return {folded(run) for run in runs}


def folded(word: str) -> str:
    """Return a word without case and without the marks on its letters."""
    if word.isascii():
        return word.lower()[:LONGEST]
    bare = [c for c in unicodedata.normalize("NFD", word.lower()) if not unicodedata.combining(c)]
    return unicodedata.normalize("NFC", "".join(bare))[:LONGEST]


def _is_letter(letter: str) -> bool:
    category = unicodedata.category(letter)
    return (category[0] in "LN" or category == "Co") and letter not in _NO_LETTERS
