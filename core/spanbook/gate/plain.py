"""The one gate from live objects to data: bounded, without secrets, and never raising."""

# ruff: noqa: BLE001 - the gate is total: whatever reading a value raises stays in its place

from collections.abc import Callable, Mapping
from typing import Any, cast

import orjson

from spanbook import placeholders
from spanbook.classes import class_of
from spanbook.gate import failures
from spanbook.gate.media import Media
from spanbook.gate.quotes import Quote, Quotes
from spanbook.gate.readers import register
from spanbook.gate.shelf import MediaShelf
from spanbook.gate.walk import CarefulWalk, Doubt, Walk
from spanbook.placeholders import JSON, LEAST, MOST, type_of
from spanbook.settings import Settings

__all__ = ["JSON", "Gate", "Media", "register"]

MASK_FAILED = "[mask failed]"
MASKED = "[masked]"
DEEPEST = 200  # levels that JSON can be written and read in
_RECORD_DEPTH = 240
_QUOTING = frozenset({"input", "output"})  # fields in which texts may be quoted


class Gate:
    """Turns live objects into data and data into journal lines.

    `failures` counts what went wrong in the user's mask and in keeping media. One gate serves any
    number of threads; it keeps no reference to what passes through it, but for the long texts that
    `quotes` remembers.
    """

    def __init__(
        self,
        settings: Settings,
        keep_media: Callable[[Media], None] | None = None,
        quotes: Quotes | None = None,
    ) -> None:
        hide = settings.hide
        self.limits = settings.limits
        self.hides_vectors = "vectors" in hide
        self.shelf = MediaShelf(keep_media, settings.limits.media, "media" in hide)
        self.failures = 0
        self._walks: list[Walk] = []  # that were used, and can be again
        self._quotes = quotes
        self._render = None if quotes is None else quotes.render
        self._mask = settings.mask
        self._hidden = hide & {"input", "output"}
        self._depth = min(settings.limits.depth, DEEPEST)

    def plain(self, value: Any, field: str) -> JSON:
        """Return what may be kept of `value`, a span's `field`, as data independent of it."""
        if field in self._hidden:
            return placeholders.hidden()
        quotes = self._quotes if field in _QUOTING else None
        try:
            walk = self._walks.pop()
        except IndexError:
            walk = Walk(self)
        walk.begin(None if self._mask else quotes)
        try:
            data = walk.value(value, self._depth)
        except Doubt:
            walk, data = self._carefully(value, walk.quotes)
        except Exception as error:
            return placeholders.unread(value, error)
        if self._mask is not None:
            return self._masked(self._mask, data, walk.found, quotes)
        if walk.found:
            self._keep(walk.found)
        elif not walk.careful:
            self._walks.append(walk)
        return data

    def error(self, error: BaseException, *, stack: bool) -> dict[str, str]:
        """Return the type, the message and, if asked, the stack of `error`."""
        told = {"type": type_of(error), "message": self._told(failures.message, error)}
        if stack:
            told["stack"] = self._told(failures.stack, error)
        return told

    def encode(self, record: Mapping[str, Any]) -> bytes:
        """Return a record as one line of JSON; an empty object when nothing else is possible."""
        try:
            return orjson.dumps(record, self._render, orjson.OPT_APPEND_NEWLINE)
        except Exception:  # a lone surrogate, rarely; then it is worth a second, slower look
            return self._encode_repaired(record)

    def _carefully(self, value: Any, quotes: Quotes | None) -> tuple[Walk, JSON]:
        walk = CarefulWalk(self)
        walk.quotes = quotes
        try:
            data = walk.value(value, self._depth)
        except Exception as error:
            data = placeholders.unread(value, error)
        return walk, data

    def _masked(
        self,
        mask: Callable[[Any], Any],
        data: JSON,
        found: list[Media],
        quotes: Quotes | None,
    ) -> JSON:
        walk = CarefulWalk(self, again=True)
        walk.quotes = quotes
        try:
            kept = walk.value(mask(data), self._depth + 2)
        except Exception:
            self.failures += 1
            return MASK_FAILED
        # What the mask took out must not reach the disk as a blob either.
        self._keep([media for media in found if media.hash in walk.named] + walk.found)
        return kept

    def _keep(self, found: list[Media]) -> None:
        for media in found:
            try:
                self.shelf.hand_over(media)
            except Exception:
                self.failures += 1

    def _told(self, tell: Callable[[BaseException], str], error: BaseException) -> str:
        try:
            text = tell(error)
        except Exception as failure:
            text = f"<reading it raised {type_of(failure)}>"
        if self._mask is None:
            return text
        try:
            masked = self._mask(text)
        except Exception:
            self.failures += 1
            return MASK_FAILED
        return str.__str__(masked) if isinstance(masked, str) else MASKED

    def _encode_repaired(self, record: Any) -> bytes:
        try:
            return orjson.dumps(repaired(record, _RECORD_DEPTH), option=orjson.OPT_APPEND_NEWLINE)
        except Exception:
            self.failures += 1
            return b"{}\n"


def repaired(value: Any, depth: int) -> JSON:
    """Return data of which orjson refused a part, with that part replaced."""
    kind = class_of(value)
    if issubclass(kind, str):  # our own enums are text too
        return _repaired_text(str.__str__(value))
    if value is None or kind is bool or kind is float:
        return value
    if kind is int:
        return value if LEAST <= value <= MOST else hex(value)
    if kind is dict and depth > 0:
        entries = cast("dict[Any, Any]", value).items()
        return {_repaired_text(str(key)): repaired(item, depth - 1) for key, item in entries}
    if kind is Quote:
        return _repaired_text(value.text)
    if kind is list and depth > 0:
        return [repaired(item, depth - 1) for item in cast("list[Any]", value)]
    return placeholders.unread(value)


def _repaired_text(text: str) -> str:
    # Surrogates that make a pair become their character, others the replacement character.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
