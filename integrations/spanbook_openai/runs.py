"""Runs: events of a stream that differ in a few words only, read without parsing each.

Most events of a long answer repeat the one before but for the words. A run of them is recognised
by its bytes, all at once, which costs a fraction of parsing. Whatever says more is parsed: a run
begins only after an event that was, and every event in it equals that one.
"""

import re
from collections.abc import Iterator

_WORDS = b'"delta":{"content":"'
_PADDING = b',"obfuscation":"'  # of a length that differs from event to event
_PADDED = re.compile(rb',"obfuscation":"[^"\\]*"(?=\})')

# What surrounds the words is replaced by control characters, which no JSON has in it.
_RUN = re.compile(rb'((?:\x00[^"\\\x00\x01\n]+\x01)+)')
_MARKS = b"\x00\x01"


class Runs:
    """Finds runs of events like the one that was parsed last."""

    def __init__(self) -> None:
        self._around = (b"", b"")  # what stood before the words of that event, and after

    def learn(self, event: bytes) -> None:
        """Note what surrounds the words of an event, if it says nothing else."""
        self._around = (b"", b"")
        if _PADDING in event:
            event = _PADDED.sub(b"", event)
        start = event.find(_WORDS) + len(_WORDS)
        end = event.find(b'"}', start)
        if not len(_WORDS) <= start < end:
            return
        head, tail = event[:start], event[end:]
        choice = head.partition(b'"choices":')[2]
        if choice.count(b"{") == 2 and b"{" not in tail and b"[" not in tail:
            self._around = (b"data: " + head, tail + b"\n\n")

    def cut(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield, in order, bytes that are to be parsed and the run that follows them.

        A run is its words between marks. It is to be taken with `words`, after the parsing.
        """
        around = self._around
        if not around[0] or around[0] not in data:
            yield data, b""
            return
        if _PADDING in data:
            data = _PADDED.sub(b"", data)
        short = data.replace(around[0], b"\x00").replace(around[1], b"\x01")
        pieces = iter(_RUN.split(short))
        for piece in pieces:
            run = next(pieces, b"")
            yield _restored(piece, around), b""
            if around == self._around:
                yield b"", run
            else:  # what was parsed just now says that this is something else
                yield _restored(run, around), b""

    @staticmethod
    def words(run: bytes) -> tuple[int, str]:
        """Return the number of events in a run, and their words."""
        return run.count(b"\x00"), run.translate(None, _MARKS).decode("utf-8", "replace")


def _restored(short: bytes, around: tuple[bytes, bytes]) -> bytes:
    return short.replace(b"\x01", around[1]).replace(b"\x00", around[0])
