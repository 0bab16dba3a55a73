"""Quotes: long texts that the journal holds already, so that records refer to them.

A prompt is met again in a chain's input, its prompt's output and its model's input. The journal's
current segment gets it once, as a line of its own, and each record says where that stands.
"""

from typing import Any, Protocol

import orjson

LONG = 1_024  # characters; such a text is quoted
_LARGEST = 1 << 20  # bytes; a larger one would not leave room in a segment for others
_SAMPLE = 24  # characters of both ends by which a text is looked up
_MOST = 64  # texts remembered
_MOST_TEXT = 2_000_000  # characters of them together


class Holder(Protocol):
    """A journal: what lines of its current segment may quote has to stand in that segment."""

    @property
    def current(self) -> object:
        """The segment, or None."""
        ...

    def hold(self, text: bytes) -> tuple[object, int] | None:
        """Append a text and return in which segment and where it stands, None if it could not."""
        ...


class Quote:
    """A text in the data of a record, of which `segment` holds `text` at byte `at`.

    `given` is what the program passed; `text` is that without secrets.
    """

    __slots__ = ("at", "given", "segment", "text")

    def __init__(self, given: str, text: str, segment: object, at: int) -> None:
        self.given = given
        self.text = text
        self.segment = segment
        self.at = at

    def __str__(self) -> str:
        return self.text


class Quotes:
    """The texts that the current segment of one journal holds, the last few of them."""

    def __init__(self, journal: Holder) -> None:
        self._journal = journal
        self._held: dict[tuple[int, str, str], Quote] = {}
        self._size = 0

    def find(self, text: str) -> Quote | None:
        """Return the quote of `text`, or None where the current segment does not hold it."""
        quote = self._held.get((len(text), text[:_SAMPLE], text[-_SAMPLE:]))
        if quote is None or quote.segment is not self._journal.current:
            return None
        given = quote.given
        return quote if given is text or given == text else None

    def add(self, given: str, text: str) -> Quote | str:
        """Have the journal hold `text`, all that may be kept of `given`; return what refers to it.

        Where that cannot be, the text stays where it is.
        """
        try:
            encoded = orjson.dumps(text)
        except orjson.JSONEncodeError:  # a lone surrogate, rarely
            return text
        place = None if len(encoded) > _LARGEST else self._journal.hold(encoded)
        if place is None:
            return text
        quote = Quote(given, text, *place)
        self._remember(quote)
        return quote

    def _remember(self, quote: Quote) -> None:
        given = quote.given
        self._size += len(given)
        if len(self._held) >= _MOST or self._size > _MOST_TEXT:
            self._held.clear()
            self._size = len(given)
        self._held[len(given), given[:_SAMPLE], given[-_SAMPLE:]] = quote

    def render(self, value: Any) -> Any:
        """Return what stands for a quote in a line of the current segment."""
        if type(value) is not Quote:
            raise TypeError
        if value.segment is self._journal.current:
            return {"$": "quote", "at": value.at}
        return value.text
