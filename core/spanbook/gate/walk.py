"""The walk through one live value that copies it into plain data.

This runs on the traced program's thread for every input and output. The two loops, over a dict and
over a list, are therefore written out: exact types are told apart in place, nothing is called for
a short string or a number, and a container is copied whole before its items are replaced.
"""

# ruff: noqa: BLE001 - the gate is total: whatever reading a value raises stays in its place

from collections.abc import Callable, Iterator, Mapping
from itertools import islice, repeat
from math import isfinite
from operator import is_
from typing import TYPE_CHECKING, Any, cast

from spanbook import placeholders
from spanbook.classes import class_of
from spanbook.gate.arrays import VECTOR, is_vector
from spanbook.gate.media import PLACES, Media
from spanbook.gate.quotes import LONG, Quotes
from spanbook.gate.readers import reader_of
from spanbook.gate.secrets import KEY_LENGTH, PLAIN, SECRET, KeyNames, mask_user_info, redact
from spanbook.placeholders import JSON, LEAST, MOST

if TYPE_CHECKING:
    from spanbook.gate.plain import Gate

SHORT = 64  # characters that no media fits into, so that they need no further look
ALL_TEXT = 20_000_000  # characters of the long strings of one value together
_MARGIN = 1_100  # a URL's user-info that the text limit would cut is still recognised
INFINITE = float("inf")
_NO_SIBLINGS: Mapping[Any, Any] = {}

_KEYS = KeyNames()


class Doubt(BaseException):
    """A value may contain itself: it is to be walked through again, carefully.

    No `Exception`, so that it passes by those who put what raised in a value's place.
    """


class Walk:
    """Values on their way through the gate, one after the other; used by one thread.

    Whether a container contains itself is not asked, since it hardly ever does: one that does
    will reach a limit of depth or number, which is a `Doubt`.

    `again` is the walk over what a user's mask returned: placeholders in it are placeholders.
    `found` are the media met, `named` the hashes of media that the placeholders met name. With
    `quotes` long texts become quotes, which stand for text in the data until it is encoded.
    """

    __slots__ = ("again", "found", "gate", "items", "named", "nodes", "path", "quotes", "room")

    careful = False

    def __init__(self, gate: "Gate", *, again: bool = False) -> None:
        self.gate = gate
        self.again = again
        self.items = gate.limits.items + again
        self.nodes = gate.limits.nodes * (1 + again)
        self.room = ALL_TEXT
        self.path: set[int] = set()
        self.found: list[Media] = []
        self.named: set[JSON] = set()
        self.quotes: Quotes | None = None

    def begin(self, quotes: Quotes | None) -> None:
        """Make ready for another value, after one in which no media were found."""
        self.nodes = self.gate.limits.nodes
        self.room = ALL_TEXT
        self.quotes = quotes

    def value(self, item: Any, depth: int) -> JSON:
        """Return any live value as data, containers at most `depth` deep."""
        kind = class_of(item)
        if kind is str:
            return self.text(item, "", _NO_SIBLINGS) if len(item) > SHORT or "@" in item else item
        if kind is dict:
            return self.mapping(item, depth)
        if kind is list:
            return self.sequence(item, depth)
        if item is None or kind is bool:
            return item
        if kind is int:
            return item if LEAST <= item <= MOST else placeholders.integer(item)
        if kind is float:
            return item if -INFINITE < item < INFINITE else placeholders.not_finite(item)
        return self.instance(item, kind, depth)

    def mapping(self, value: dict[Any, Any], depth: int) -> JSON:
        """Return an exact dict as data."""
        size = len(value)
        if not size:
            return {}
        left = self.nodes - size
        if depth <= 0 or left < 0 or size > self.items:
            return self._less(value, size, depth)
        self.nodes = left
        below = depth - 1
        keys = _KEYS
        out = value.copy()
        entries = iter(out.items())
        for key, item in entries:
            if type(key) is not str or keys[key]:
                if type(key) is str and keys[key] == SECRET:
                    out[key] = redact(key, item, out)
                    continue
                out = self._rename(out, key, item, entries, below)
                break
            try:
                kind = class_of(item)
                if kind is str:
                    if len(item) > SHORT or "@" in item:
                        out[key] = self.text(item, key, out)
                elif kind is dict:
                    out[key] = self.mapping(item, below)
                elif kind is list:
                    out[key] = self.sequence(item, below)
                elif item is None or kind is bool:
                    pass
                elif kind is int:
                    if not LEAST <= item <= MOST:
                        out[key] = placeholders.integer(item)
                elif kind is float:
                    if not -INFINITE < item < INFINITE:
                        out[key] = placeholders.not_finite(item)
                else:
                    out[key] = self.instance(item, kind, below)
            except Exception as error:
                out[key] = placeholders.unread(item, error)
        return out

    def sequence(self, value: list[Any], depth: int) -> JSON:
        """Return an exact list as data."""
        size = len(value)
        if not size:
            return []
        left = self.nodes - size
        if depth <= 0 or left < 0 or size > self.items:
            return self._less(value, size, depth)
        self.nodes = left
        out = value[:size]
        if size >= VECTOR:
            if self.gate.hides_vectors and is_vector(out):
                return placeholders.hidden()
            if all(map(is_, map(type, out), repeat(float))) and isfinite(sum(out)):
                return out
        below = depth - 1
        for index, item in enumerate(out):
            try:
                kind = class_of(item)
                if kind is str:
                    if len(item) > SHORT or "@" in item:
                        out[index] = self.text(item, "", _NO_SIBLINGS)
                elif kind is dict:
                    out[index] = self.mapping(item, below)
                elif kind is list:
                    out[index] = self.sequence(item, below)
                elif item is None or kind is bool:
                    pass
                elif kind is int:
                    if not LEAST <= item <= MOST:
                        out[index] = placeholders.integer(item)
                elif kind is float:
                    if not -INFINITE < item < INFINITE:
                        out[index] = placeholders.not_finite(item)
                else:
                    out[index] = self.instance(item, kind, below)
            except Exception as error:
                out[index] = placeholders.unread(item, error)
        if size >= VECTOR and self.gate.hides_vectors and is_vector(out):  # of another's floats
            return placeholders.hidden()
        return out

    def _less(self, value: dict[Any, Any] | list[Any], size: int, depth: int) -> JSON:
        """Return a container that is too deep or too large as what is kept of it."""
        if not self.careful and (depth <= 0 or self.nodes < size):
            raise Doubt
        if depth <= 0:
            return placeholders.too_deep()
        room = min(self.items, self.nodes)
        if type(value) is dict:
            made = self.mapping(first_entries(value, room), depth)
            if type(made) is dict:
                made["…"] = placeholders.more(size - room)
        else:
            made = self.sequence(cast("list[Any]", value)[:room], depth)
            if size >= VECTOR and self.gate.hides_vectors and is_vector(made):
                made = placeholders.hidden()
            if type(made) is list:
                made.append(placeholders.more(size - room))
        return made

    def instance(self, value: Any, kind: type[Any], depth: int) -> JSON:
        """Return an object of any other type as data."""
        mark = id(value)
        path = self.path
        if mark in path:
            if not self.careful:
                raise Doubt
            return placeholders.cycle()
        path.add(mark)
        try:
            return reader_of(kind)(self, value, depth)
        finally:
            path.discard(mark)

    def text(self, text: str, key: str, siblings: Mapping[Any, Any]) -> JSON:
        """Return an exact string under `key` as data; the same object where nothing is cut."""
        size = len(text)
        if size > SHORT and (key in PLACES or text[:5] == "data:"):
            media = self.gate.shelf.text(key, text, siblings, self.found)
            if media is not None:
                return media
        limit = self.gate.limits.text
        if size > limit:
            return self._cut(text[: limit + _MARGIN], limit, size)
        quotes = self.quotes if LONG <= size <= self.room else None
        quote = None if quotes is None else quotes.find(text)
        if quote is not None:
            self.room -= size
            return cast("JSON", quote)
        kept = mask_user_info(text) if "@" in text else text
        self.room -= size
        if quotes is not None:
            return cast("JSON", quotes.add(text, kept))
        return kept if self.room >= 0 else self._cut(kept, max(0, size + self.room), size)

    def _cut(self, text: str, limit: int, size: int) -> JSON:
        limit = min(limit, max(0, self.room))
        self.room -= limit
        return placeholders.truncated(mask_user_info(text)[:limit], size)

    def _rename(
        self,
        out: dict[Any, Any],
        odd: Any,
        item: Any,
        rest: Iterator[tuple[Any, Any]],
        depth: int,
    ) -> dict[Any, Any]:
        """Return `out`, whose keys from `odd` on have to become other strings."""
        made: dict[Any, Any] = {}
        for key, done in out.items():
            if key is odd:
                break
            made[key] = done
        self._add(made, odd, item, depth)
        for key, item in rest:
            self._add(made, key, item, depth)
        if self.again and made.get("$") == "media":
            self.named.add(made.get("hash"))
        return made

    def _add(self, made: dict[Any, Any], key: Any, item: Any, depth: int) -> None:
        name = plain = self._name(key)
        number = len(made)
        while name in made:
            name = f"{plain} ({number})"
            number += 1
        try:
            if _KEYS[name] == SECRET:
                made[name] = redact(name, item, made)
            elif type(item) is str:
                made[name] = self.text(item, name, made)
            else:
                made[name] = self.value(item, depth)
        except Exception as error:
            made[name] = placeholders.unread(item, error)

    def _name(self, key: Any) -> str:
        name = self._key_text(key, 0)
        if _KEYS[name] == PLAIN:
            return name
        if name and not name.strip("$"):
            return name if self.again else name + "$"
        return mask_user_info(name[:KEY_LENGTH])

    def _key_text(self, key: Any, nesting: int) -> str:
        kind = class_of(key)
        if kind is str:
            return key
        if kind is bytes:
            return key[:KEY_LENGTH].decode("utf-8", "replace")
        if kind is tuple and nesting < 3:
            return ", ".join([self._key_text(part, nesting + 1) for part in key[:10]])
        try:
            read = self.value(key, 0)
        except Exception:
            return placeholders.type_of(key)
        named = type(read) is dict or type(read) is list
        return placeholders.type_of(key) if named else str(read)


class CarefulWalk(Walk):
    """A walk that knows a container inside itself when it meets it."""

    __slots__ = ()

    careful = True

    def mapping(self, value: dict[Any, Any], depth: int) -> JSON:
        """Return an exact dict as data."""
        return self._once(value, super().mapping, depth)

    def sequence(self, value: list[Any], depth: int) -> JSON:
        """Return an exact list as data."""
        return self._once(value, super().sequence, depth)

    def _once(self, value: Any, read: Callable[[Any, int], JSON], depth: int) -> JSON:
        mark = id(value)
        if mark in self.path:
            return placeholders.cycle()
        self.path.add(mark)
        try:
            return read(value, depth)
        finally:
            self.path.discard(mark)


def first_entries(value: dict[Any, Any], count: int) -> dict[Any, Any]:
    """Return the first `count` entries of a dict that another thread may be changing."""
    try:
        return dict(islice(value.items(), count))
    except RuntimeError:
        return dict(islice(value.copy().items(), count))
