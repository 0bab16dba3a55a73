"""Flow: whose output became whose input, found by content while payloads are read.

A value is followed where it is an argument or a text of the next input as it is, and where a text
of it stands inside a longer one, such as a formatted prompt. Nothing of it is needed: all memory is
bounded, and what is forgotten is a link that is not drawn.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, cast

import orjson

NAME = "data"  # of such a link

_LEAST = 20  # characters of a text, or of the JSON of a list or dict, that tells where it came from
_LEAST_WHOLE = 8  # the same where the whole output is one whole argument
_LEAST_LETTERS = 6  # different ones, else it is a ruler or padding
_WINDOW, _STEP = 8, 13  # a text of `_LEAST` characters holds a window that begins at a step

_TRACES = 32  # followed from batch to batch
_EXACT = 1_024  # values remembered of a trace, twice
_NEEDLES = 64  # texts remembered that may stand inside longer ones, twice
_FEW = 8  # of them are looked for one by one
_LONGEST_NEEDLE = 16_384
_PIECES = 64  # of one output
_NODES = 300  # values of one input looked at, the last ones of a list first
_LINKS = 16  # of one span, to those that ended last: a history holds all that was ever said
_SCANNED = 32_768  # characters of one input searched
_SAME_WINDOW = 8
_MEMORIES = 4_096

_NOTHING: frozenset[str] = frozenset()

Source = tuple[str, int]  # a span and when it ended


class Flows:
    """The flow of the traces that are being stored."""

    def __init__(self) -> None:
        self._traces: OrderedDict[str, TraceFlow] = OrderedDict()

    def of(self, trace_id: str) -> "TraceFlow":
        """Return the flow of one trace."""
        flow = self._traces.pop(trace_id, None) or TraceFlow(trace_id)
        self._traces[trace_id] = flow
        if len(self._traces) > _TRACES:
            self._traces.popitem(last=False)
        return flow


class _Known:
    """Some outputs of one trace: where each value came from last, and the texts to look for."""

    __slots__ = ("_few", "_windows", "exact", "needles")

    def __init__(self) -> None:
        self.exact: dict[int, Source] = {}  # by hash
        self.needles = 0
        self._few: list[str] = []  # needles that are not among those by window
        self._windows: dict[str, list[str]] = {}  # needles by their first windows

    @property
    def is_full(self) -> bool:
        return self.needles >= _NEEDLES or len(self.exact) >= _EXACT

    def look_for(self, text: str) -> None:
        """Find a text inside longer ones from now on."""
        if len(text) <= _LONGEST_NEEDLE:
            self.needles += 1
            self._few.append(text)
            if len(self._few) > _FEW:
                self._index()

    def _index(self) -> None:
        """Put the needles under the windows that a step can meet."""
        for text in self._few:
            for start in range(_STEP):
                found = self._windows.setdefault(text[start : start + _WINDOW], [])
                found.append(text)
                if len(found) > _SAME_WINDOW:
                    del found[0]
        self._few.clear()

    @property
    def has_index(self) -> bool:
        return bool(self._windows)

    def inside(self, text: str, steps: set[str]) -> Iterator[str]:
        """Yield the needles in `text`; `steps` are its windows if there is an index."""
        looked_at: set[str] = set()
        for needle in self._few:
            if needle in text:
                yield needle
        for window in steps & self._windows.keys():
            for needle in self._windows[window]:
                if needle not in looked_at:
                    looked_at.add(needle)
                    if needle in text:
                        yield needle


class TraceFlow:
    """What the spans of one trace gave, to be found again in what others take."""

    __slots__ = ("_given", "_old", "_searched", "_trace_id", "_young")

    def __init__(self, trace_id: str) -> None:
        self._trace_id = trace_id
        self._young = _Known()
        self._old = _Known()
        self._searched: dict[int, list[int]] = {}  # hashes of texts: of the needles inside
        self._given: dict[str, frozenset[str]] = {}  # what came into a span, or one above it

    def read(self, record: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the links of a start or end, whose input and output are still plain data."""
        links: list[dict[str, Any]] = []
        parent = record.get("parent")
        if "input" in record and self._young.exact:
            links = self._take(record, parent)
        elif parent in self._given:
            self._given.setdefault(record["span"], self._given[parent])
        if "output" in record and parent is not None:  # what a root gives, nobody takes
            self._give(record["output"], (record["span"], record["end"]))
        return links

    def _take(self, record: dict[str, Any], parent: str | None) -> list[dict[str, Any]]:
        """Link a span to those whose output it took, unless a span above it took that before."""
        span, start = record["span"], record["start"]
        inherited = self._given.get(parent or "", _NOTHING)
        found = {
            source: end
            for source, end in self._sources(record["input"])
            if end <= start and source != span and source not in inherited
        }
        fresh = sorted(found, key=lambda source: (-found[source], source))[:_LINKS]
        if len(self._given) > _MEMORIES:
            self._given.clear()
        if fresh or inherited:
            self._given[span] = inherited.union(fresh) if fresh else inherited
        return [
            {"span": span, "to_trace": self._trace_id, "to_span": source, "name": NAME}
            for source in fresh
        ]

    # -- what a span gives ------------------------------------------------------------------------

    def _give(self, output: Any, source: Source) -> None:
        if self._young.is_full:
            self._young, self._old = _Known(), self._young
        known = self._young
        texts, keys = _values(output, _PIECES, short=output.__class__ is str)
        for text in texts:
            key = hash(text)
            if key not in known.exact:
                known.look_for(text)
            known.exact[key] = source
        if output.__class__ is list and not texts:
            items = dict(enumerate(cast("list[Any]", output)[:_PIECES]))
            keys += _values(items, _PIECES, short=False)[1]
        for key in keys:
            known.exact[key] = source

    # -- what a span takes ------------------------------------------------------------------------

    def _sources(self, value: Any) -> Iterator[Source]:
        """Yield whose outputs are in `value`."""
        texts, keys = _values(value, _NODES, short=True)
        scanned = 0
        for text in texts:
            key = hash(text)
            if self._exactly(key) is not None:
                if _is_telling(text):
                    keys.append(key)
            elif key in self._searched:
                keys += self._searched[key]
            elif scanned < _SCANNED:
                scanned += len(text)
                keys += self._search(key, text[:_SCANNED])
        for key in keys:
            source = self._exactly(key)
            if source is not None:
                yield source

    def _exactly(self, key: int) -> Source | None:
        return self._young.exact.get(key) or self._old.exact.get(key)

    def _search(self, key: int, text: str) -> list[int]:
        """Return the hashes of the needles in a text that is new, and remember them."""
        steps: set[str] = set()
        if self._young.has_index or self._old.has_index:
            steps = {text[at : at + _WINDOW] for at in range(0, len(text), _STEP)}
        needles = {*self._young.inside(text, steps), *self._old.inside(text, steps)}
        if len(self._searched) > _MEMORIES:
            self._searched.clear()
        found = self._searched[key] = [hash(needle) for needle in needles if _is_telling(needle)]
        return found


def _values(value: Any, most: int, *, short: bool) -> tuple[list[str], list[int]]:
    """Return what in `value` can tell where it came from: texts, and hashes of what has none.

    Argument by argument: a list or dict without a telling text is compared as a whole, and so is a
    short text where `short` says so. No more than `most` pieces are looked at.
    """
    texts: list[str] = []
    keys: list[int] = []
    is_whole = value.__class__ is not dict or not value
    arguments: list[Any] = [value] if is_whole else list(value.values())
    for argument in arguments[:most]:
        if argument.__class__ is str:
            if len(argument) >= _LEAST:
                texts.append(argument)
            elif short and len(argument) >= _LEAST_WHOLE:
                keys.append(hash(argument))
        elif argument.__class__ is dict or argument.__class__ is list:
            before = len(texts)
            most = _add_texts(argument, texts, most)
            if before == len(texts):
                _add_json(argument, keys)
    if not is_whole and not texts:
        _add_json(value, keys)
    return texts, keys


def _add_texts(value: Any, texts: list[str], most: int) -> int:
    """Add the telling texts in `value`; return how many pieces may still be looked at."""
    waiting: list[Any] = [value]
    while waiting and most > 0:
        item = waiting.pop()
        most -= 1
        # `__class__`, because `type` would lead the type checker astray.
        if item.__class__ is str:
            if len(item) >= _LEAST:
                texts.append(item)
        elif item.__class__ is dict:
            waiting += item.values()
        elif item.__class__ is list:
            waiting += item[-most:] if most else ()
    return most


def _add_json(value: Any, keys: list[int]) -> None:
    """Add the hash of a list or dict; most placeholders look all alike, and are none."""
    if value.__class__ is dict and "$" in value and "hash" not in value:
        return
    try:
        json = orjson.dumps(value)
    except orjson.JSONEncodeError:  # nested too deep
        return
    if len(json) >= _LEAST:
        keys.append(hash(json))


def _is_telling(text: str) -> bool:
    """Say whether a text is more than padding or a ruler."""
    return len(set(text[:64])) >= _LEAST_LETTERS
