"""Listening: whoever wants to know what happens is told, apart from the program and each other."""

import contextvars
import functools
import inspect
import sys
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from spanbook.notices import Exporter, Listener, Notice, NoticeKind
from spanbook.recording.guard import report
from spanbook.recording.snapshots import (
    Record,
    event,
    line_of,
    record_of,
    snapshot,
    without_input,
)
from spanbook.spans import Status

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Runner

_MOST_BYTES = 16 << 20  # that may wait for one listener; what comes then is dropped, counted
_MOST_OPEN = 10_000  # spans remembered between start and end
_MOST_ENDED = 1_024  # spans below which others may still start
_LONG = 65_536  # bytes of a start from which on its input is not remembered
_LOOK = 0.02  # seconds between looks at a loop that may have ended
_TOLD = frozenset({"start", "end", "event"})

_inside: contextvars.ContextVar[bool] = contextvars.ContextVar("spanbook_listener", default=False)


class Listening:
    """One listener, told in order by a thread of its own; ends with `stop`.

    What it raises is counted and logged once. What waits for it is bounded: a slow one misses
    notices, counted by `dropped`, and slows nothing. With `only_below` it is told of spans that
    were announced with `follow`, and those below them.
    """

    def __init__(
        self,
        listener: Listener,
        kinds: Collection[NoticeKind],
        owner: object,
        *,
        only_below: bool = False,
        close: Callable[[], object] | None = None,
    ) -> None:
        self.dropped = 0
        self.errors = 0
        self._listener = listener
        self._kinds = frozenset(kinds)
        self._owner = owner
        self._only_below = only_below
        self._close = close
        self._leave: Callable[[Listening], None] | None = None
        self.forked()

    def forked(self) -> None:
        """Start anew: what waits is the parent process's."""
        self._lock = threading.RLock()  # re-entrant: a finaliser may end a span amid this
        self._queue: SimpleQueue[tuple[bytes | str, AbstractEventLoop | None] | None] = (
            SimpleQueue()
        )
        self._waiting = 0  # bytes
        self._pending = 0  # entries
        self._thread: threading.Thread | None = None
        self._runner: Runner | None = None
        self._loop: AbstractEventLoop | None = None  # that the listener runs on now
        self._open: dict[str, bytes] = {}
        self._ended: deque[str] = deque(maxlen=_MOST_ENDED)
        self._roots: set[str] = set()

    # -- the program's side -----------------------------------------------------------------------

    def follow(self, span_id: str) -> None:
        """Tell of a span that will start next, and of all below it."""
        self._put(span_id, None)

    def put(self, line: bytes, loop: "AbstractEventLoop | None") -> None:
        """Have the listener told of a record that was made while `loop` ran."""
        self._put(line, loop)

    def _put(self, entry: bytes | str, loop: "AbstractEventLoop | None") -> None:
        with self._lock:
            if self._waiting + len(entry) > _MOST_BYTES:
                self.dropped += 1
                return
            self._waiting += len(entry)
            self._pending += 1
            if self._thread is None:
                self._start()
        self._queue.put((entry, loop))

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="spanbook-listener", daemon=True)
        self._thread = thread
        contextvars.Context().run(thread.start)

    def drain(self, timeout: float) -> bool:
        """Wait until the listener was told everything so far; False if that takes too long.

        A coroutine that waits for the very loop that calls this is not waited for.
        """
        deadline = time.monotonic() + timeout
        here = running_loop()
        while self._pending:
            if here is not None and self._loop is here:
                return False
            if time.monotonic() >= deadline or threading.current_thread() is self._thread:
                return False
            time.sleep(0.001)
        return True

    def stop(self, timeout: float = 5.0) -> None:
        """Tell the listener what waits, and then nothing any more."""
        if self._leave is not None:
            self._leave(self)
        self.close(timeout)

    def close(self, timeout: float) -> None:
        """Tell the listener what waits and end its thread; a later record starts it anew."""
        drained = self.drain(timeout)
        with self._lock:
            thread = self._thread
        if thread is None:
            self._let_go()
            return
        self._queue.put(None)
        if drained and thread is not threading.current_thread():
            thread.join(timeout)

    def _let_go(self) -> None:
        """Close the exporter, in the thread that it was called in, and a loop of ours."""
        if self._close is not None:
            self._guarded(self._close)
        if self._runner is not None:
            self._runner.close()
            self._runner = None

    # -- the listener's thread --------------------------------------------------------------------

    def _run(self) -> None:
        _inside.set(True)
        queue = self._queue
        while True:
            item = queue.get()
            if item is None:
                break
            entry, loop = item
            try:
                self._take(entry, loop)
            finally:
                with self._lock:
                    self._waiting -= len(entry)
                    self._pending -= 1
        self._let_go()
        with self._lock:
            self._thread = None
            if self._pending:  # came meanwhile
                self._start()

    def _take(self, entry: bytes | str, loop: "AbstractEventLoop | None") -> None:
        if isinstance(entry, str):
            self._roots.add(entry)
            return
        record = record_of(entry)
        for notice in self._notices(record, entry):
            if notice.kind in self._kinds:
                self._guarded(functools.partial(self._tell, notice, loop))

    def _notices(self, record: Record, line: bytes) -> Iterable[Notice]:
        """Return what a record tells; each notice has data of its own."""
        span = record["span"]
        if record["type"] == "start":
            if not self._concerns(span, record.get("parent")):
                return
            if len(self._open) >= _MOST_OPEN:
                del self._open[next(iter(self._open))]
            self._open[span] = line if len(line) < _LONG else without_input(record)
            yield Notice(NoticeKind.START, snapshot(record, {}))
            return
        start = self._open.get(span)
        if record["type"] == "event":
            if start is not None:
                yield Notice(NoticeKind.RECORD, snapshot(record_of(start), {}), event(record))
            return
        if start is None and not self._concerns(span, record.get("parent")):
            return
        start = start or b"{}"
        self._open.pop(span, None)
        self._ended.append(span)
        self._roots.discard(span)
        ends = {Status.OK: [NoticeKind.SUCCESS], Status.ERROR: [NoticeKind.ERROR]}
        for kind in (*ends.get(record["status"], ()), NoticeKind.COMPLETE):
            yield Notice(kind, snapshot(record_of(start), record_of(line)))

    def _concerns(self, span: str, parent: str | None) -> bool:
        if not self._only_below:
            return True
        return (
            span in self._roots
            or parent in self._roots
            or parent in self._open
            or parent in self._ended
        )

    def _guarded(self, action: Callable[[], object]) -> None:
        """Let nothing that a listener does end the thread."""
        try:
            action()
        except BaseException as error:  # noqa: BLE001  # theirs, and it stays in its place
            self.errors += 1
            name = getattr(self._listener, "__qualname__", type(self._listener).__qualname__)
            report(error, f"the listener {name}", self._owner)

    def _tell(self, notice: Notice, loop: "AbstractEventLoop | None") -> None:
        told = self._listener(notice)
        if not inspect.isawaitable(told):
            return
        if loop is None or not self._finish_there(told, loop):
            self._finish_here(told)

    def _finish_there(self, told: Awaitable[object], loop: "AbstractEventLoop") -> bool:
        """Await `told` on the program's loop; False if that has ended before it began."""
        import asyncio
        from concurrent.futures import CancelledError, wait

        waiting = _awaited(told)
        try:
            future = asyncio.run_coroutine_threadsafe(waiting, loop)
        except RuntimeError:  # the loop is closed
            waiting.close()
            return False
        self._loop = loop
        try:
            while not future.done():
                if loop.is_closed():
                    waiting.close()
                    return False
                wait([future], _LOOK)
            future.result()
        except CancelledError:  # the loop was ending
            return False
        finally:
            self._loop = None
        return True

    def _finish_here(self, told: Awaitable[object]) -> None:
        """Await `told` on a loop of ours, unless another loop has begun it."""
        import asyncio

        if inspect.iscoroutine(told) and inspect.getcoroutinestate(told) != inspect.CORO_CREATED:
            told.close()
            self.dropped += 1
            return
        if self._runner is None:
            self._runner = asyncio.Runner()
        self._runner.run(_awaited(told))


async def _awaited(told: Awaitable[object]) -> object:
    return await told


def running_loop() -> "AbstractEventLoop | None":
    """Return the event loop that runs in this thread; asyncio is not imported for it."""
    asyncio: Any = sys.modules.get("asyncio")
    if asyncio is None:
        return None
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class Listeners:
    """Whoever listens to one recorder."""

    def __init__(self, owner: object) -> None:
        self._owner = owner
        self._all: tuple[Listening, ...] = ()

    def __bool__(self) -> bool:
        """Say whether somebody listens."""
        return bool(self._all)

    def add(
        self, listener: Listener | Exporter, kinds: Iterable[str], *, only_below: bool = False
    ) -> Listening:
        """Have a listener, or an exporter, told from now on.

        Raises:
            ValueError: one of `kinds` is no kind of notice.
        """
        chosen = [NoticeKind(kind) for kind in kinds] or list(NoticeKind)
        tell, close = (
            (listener.export, listener.close)
            if isinstance(listener, Exporter)
            else (listener, None)
        )
        listening = Listening(tell, chosen, self._owner, only_below=only_below, close=close)
        listening._leave = self._remove  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        self._all = (*self._all, listening)
        return listening

    def _remove(self, listening: Listening) -> None:
        self._all = tuple(one for one in self._all if one is not listening)

    def tell(self, record: Record) -> None:
        """Hand a record on. What a listener itself records is not told: that would have no end."""
        if record["type"] not in _TOLD or _inside.get():
            return
        line, loop = line_of(record), running_loop()
        for listening in self._all:
            listening.put(line, loop)

    def drain(self, timeout: float) -> None:
        """Wait until everybody was told, at most `timeout` seconds."""
        deadline = time.monotonic() + timeout
        for listening in self._all:
            listening.drain(max(deadline - time.monotonic(), 0))

    def close(self, timeout: float) -> None:
        """Tell everybody what waits and end their threads."""
        deadline = time.monotonic() + timeout
        for listening in self._all:
            listening.close(max(deadline - time.monotonic(), 0))

    def forked(self) -> None:
        """Start anew in a forked child."""
        for listening in self._all:
            listening.forked()
