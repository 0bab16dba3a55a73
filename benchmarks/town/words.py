"""Invented words and sentences, some common and most rare, as in any language."""

from itertools import accumulate
from random import Random

_STARTS = ("b", "br", "c", "d", "dr", "f", "g", "gl", "h", "k", "l", "m", "n", "p", "pl", "r", "s")
_MIDDLES = ("a", "e", "i", "o", "u", "ai", "ea", "ou")
_ENDS = ("", "l", "m", "n", "nd", "r", "rt", "s", "st", "t")
_COMMON = ("the", "of", "to", "and", "a", "in", "is", "for", "order", "refund", "ticket", "answer")
_WORDS, _SENTENCES = 6_000, 8_000


class Words:
    """Sentences drawn from a fixed stock; a text's rarest words belong to few texts."""

    def __init__(self, random: Random) -> None:
        made = {"".join(self._syllables(random)) for _ in range(_WORDS)} - set(_COMMON)
        vocabulary = [*_COMMON, *sorted(made)]
        weights = list(accumulate(1 / (rank + 2) for rank in range(len(vocabulary))))
        self._sentences = [
            " ".join(
                random.choices(vocabulary, cum_weights=weights, k=random.randint(6, 18))
            ).capitalize()
            + "."
            for _ in range(_SENTENCES)
        ]

    @staticmethod
    def _syllables(random: Random) -> list[str]:
        return [
            random.choice(_STARTS) + random.choice(_MIDDLES) + random.choice(_ENDS)
            for _ in range(random.randint(1, 3))
        ]

    def text(self, random: Random, sentences: int) -> str:
        """Return a text of so many sentences."""
        return " ".join(random.choices(self._sentences, k=sentences))
