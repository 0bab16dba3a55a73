"""Open spans: those that started and did not end, and the last few that did."""

import threading
from collections import deque
from collections.abc import Hashable, Iterator

from spanbook.recording.live import LiveSpan

_MOST_OPEN = 10_000
_MOST_ENDED = 1_024  # parents that children may still name after their end
_REMEMBERED = 60 * 10**9  # nanoseconds they are remembered at most
_OLDEST = 6 * 3600 * 10**9  # nanoseconds a span may stay open before it is given up


class OpenSpans:
    """The spans of one recorder by key. Bounded: a program that never ends spans leaks none.

    `ended` also holds spans that were given up: they have no end, a real one may still come.
    """

    def __init__(self) -> None:
        self.open: dict[Hashable, LiveSpan] = {}
        self.ended: dict[Hashable, LiveSpan] = {}
        self._order: deque[Hashable] = deque()  # keys of `ended`, oldest first
        self._lonely: deque[LiveSpan] = deque()  # roots that ended with spans open below them
        self._lock = threading.Lock()  # of giving up and forgetting; the rest is atomic

    def find(self, key: Hashable) -> LiveSpan | None:
        """Return the span `key`, open or ended lately."""
        return self.open.get(key) or self.ended.get(key)

    def named(self, trace: str, span: str) -> LiveSpan | None:
        """Return the open span with these ids."""
        open_spans = list(self.open.values())
        return next((one for one in open_spans if one.span == span and one.trace == trace), None)

    def add(self, key: Hashable, live: LiveSpan) -> LiveSpan | None:
        """Hold an open span; return the oldest one if that had to be given up for it."""
        self.open[key] = live
        if live.root is not live:
            live.root.open_below += 1
        return self._give_up_oldest() if len(self.open) > _MOST_OPEN else None

    def _give_up_oldest(self) -> LiveSpan | None:
        try:
            oldest = next(iter(self.open))
        except RuntimeError:  # another thread opened or closed one: it will look again
            return None
        return self._give_up(oldest)

    def close(self, key: Hashable, now: int) -> LiveSpan | None:
        """Take the span `key` out and return it; None if it is unknown or has ended before."""
        live = self.open.pop(key, None)
        if live is None:
            late = self.ended.get(key)
            if late is None or late.ended_at is not None:
                return None
            late.ended_at = now
            return late
        live.ended_at = now
        live.memo = None
        root = live.root
        if root is not live:
            root.open_below -= 1
        elif root.open_below > 0:
            self._lonely.append(live)
        self._remember(key, live)
        return live

    def _remember(self, key: Hashable, live: LiveSpan) -> None:
        self.ended[key] = live
        self._order.append(key)
        if len(self._order) > _MOST_ENDED:
            self.ended.pop(self._order.popleft(), None)

    def stale(self, now: int, grace: float) -> Iterator[LiveSpan]:
        """Give up the spans whose root ended `grace` seconds ago, and those open for ever."""
        with self._lock:
            due = self._due_roots(now - int(grace * 1e9))
        if due:
            for key, live in list(self.open.items()):
                if live.root in due and self._give_up(key):
                    yield live
        for key, live in list(self.open.items()):
            if now - live.opened_at < _OLDEST:
                break
            if self._give_up(key):
                yield live
        self._forget(now - _REMEMBERED)

    def _due_roots(self, before: int) -> set[LiveSpan]:
        due: set[LiveSpan] = set()
        while self._lonely and (self._lonely[0].ended_at or 0) <= before:
            due.add(self._lonely.popleft())
        return due

    def _give_up(self, key: Hashable) -> LiveSpan | None:
        live = self.open.pop(key, None)
        if live is not None:
            live.memo = None
            live.root.open_below -= live.root is not live
            self._remember(key, live)
        return live

    def _forget(self, before: int) -> None:
        while self._order:
            live = self.ended.get(self._order[0])
            if live is not None and (live.ended_at or live.opened_at) > before:
                return
            self.ended.pop(self._order.popleft(), None)
