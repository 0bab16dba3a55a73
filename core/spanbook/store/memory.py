"""Memory: what the pipeline knows of earlier batches. All of it is bounded, none is needed."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Set

from spanbook.store.rollups import Series
from spanbook.store.texts import KnownTexts

_TRACES = 512  # whose indexed texts are remembered
_TEXTS = 4_096  # remembered of one trace
_SERIES = 4_096


class Memory:
    """What was committed lately."""

    def __init__(self) -> None:
        self.texts = KnownTexts()
        self.series: dict[Series, int] = {}
        self._indexed: OrderedDict[str, set[int]] = OrderedDict()

    def indexed(self, trace_id: str) -> Set[int]:
        """Return the hashes of texts of a trace that the full-text index holds."""
        return self._indexed.get(trace_id, frozenset())

    def note_indexed(self, trace_id: str, texts: Iterable[str]) -> None:
        """Remember texts of a trace that goes on."""
        seen = self._indexed.setdefault(trace_id, set())
        if len(seen) < _TEXTS:
            seen.update(map(hash, texts))
        self._indexed.move_to_end(trace_id)
        while len(self._indexed) > _TRACES:
            self._indexed.popitem(last=False)

    def note_series(self, found: Mapping[Series, int]) -> None:
        """Remember the numbers of series."""
        if len(self.series) + len(found) > _SERIES:
            self.series.clear()
        self.series.update(found)
