"""The ingester: a thread that fills the store from this process's journal."""

import contextlib
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import exc

from spanbook.errors import SpanbookError
from spanbook.store.losses import Losses
from spanbook.store.pace import Pace, at_once
from spanbook.store.pipeline import Pipeline
from spanbook.store.records import Pause
from spanbook.store.takeover import take_over

if TYPE_CHECKING:
    from spanbook.recording.journal import Journal

log = logging.getLogger("spanbook")

T = TypeVar("T")

_LAG = 2.0  # seconds for which a program that computes all the time is left alone
_LOOK = 0.25  # seconds between looks whether it still does
_MUCH = 1 << 28  # bytes in the journal from which on catching up comes first
_POLL = 0.03  # seconds between looks at the journal while records come
_IDLE = 1.0  # seconds without records after which the thread sleeps until it is woken
_TICK = 1.0  # seconds between ticks while it sleeps
_PRUNE = 600.0  # seconds between looks whether the rules of retention are due
_FIRST_RETRY = 0.05  # seconds, doubled with every failure
_LAST_RETRY = 5.0
_FORK_PATIENCE = 2.0  # seconds that a fork waits for a chunk to be stored

_OUTAGES = (exc.SQLAlchemyError, SpanbookError, OSError)


class Ingester:
    """Fills the store at `url` from `journal`, in a thread and when asked to drain.

    While the store does not answer nothing is lost: records wait in the journal, and the ingester
    tries again, less and less often.
    """

    def __init__(
        self,
        url: str,
        journal: "Journal",
        *,
        clock: Callable[[], int] = time.time_ns,
        data_flow: bool = True,
    ) -> None:
        self.written = 0  # finished spans that the store holds
        self.last_error: Exception | None = None
        self.tick: Callable[[], object] | None = None  # called about once a second
        self._journal = journal
        self._pipeline = Pipeline(url, journal.directory, clock, data_flow=data_flow)
        self._lock = threading.Lock()  # held while a chunk is stored
        self._pace = Pace()
        self._woken = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._told = Losses()
        self._segment = ""  # the last one that was stored from
        _ingesters.add(self)

    def start(self) -> None:
        """Fill the store in a thread from now on."""
        self._stopping = self._pace.hurried = False
        self._woken.clear()
        self._thread = threading.Thread(target=self._run, name="spanbook-ingester", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and let the store go. Whatever waits stays in the journal."""
        self._stopping = True
        self._pace.hurried = True
        self._woken.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=5.0)
        if self._lock.acquire(timeout=5.0):
            self._pipeline.close()
            self._lock.release()

    def step(self, pause: Pause = at_once) -> int:
        """Store one chunk; return its bytes, 0 if nothing waits.

        Raises:
            SQLAlchemyError, StoreError, OSError: the store does not answer; the journal keeps all.
        """
        losses = Losses(self._journal.dropped, self._journal.errors, note=self._journal.note)
        news = losses if losses != self._told else None
        chunk = self._journal.take(self._pipeline.chunk_bytes)
        if chunk is not None:
            stored = self._pipeline.store(chunk, pause, news)
            self._journal.done(chunk)
            self.written += stored.finished
            self._segment = chunk.segment
        elif news is not None:
            self._pipeline.report(self._segment, news)
        self._told = losses
        return 0 if chunk is None else chunk.end - chunk.start

    def drain(self, timeout: float) -> bool:
        """Store all that waits now, on this thread; False if that takes longer than `timeout`."""
        deadline = time.monotonic() + timeout
        with self._hurry(timeout) as mine:
            if not mine:
                return False
            waiting = self._journal.pending
            while waiting > 0:
                left = max(deadline - time.monotonic(), 0)
                self._pipeline.patience = min(left, self._pipeline.most_patience)
                stored = self._try_step(at_once)
                waiting -= stored or 0
                if waiting > 0 and time.monotonic() >= deadline:
                    return False
                if stored is None:
                    time.sleep(min(_FIRST_RETRY, max(deadline - time.monotonic(), 0)))
                elif not stored:
                    break
        return True

    @contextlib.contextmanager
    def _hurry(self, timeout: float) -> Generator[bool]:
        """Get the thread to finish its chunk without rests; tell whether it did in time."""
        self._pace.hurried = True
        mine = self._lock.acquire(timeout=max(timeout, 0))
        try:
            yield mine
        finally:
            self._pace.hurried = self._stopping
            if mine:
                self._lock.release()

    def _try_step(self, pause: Pause) -> int | None:
        """Store one chunk; None if the store does not answer, which is said once."""
        try:
            stored = self.step(pause)
        except _OUTAGES as error:
            if self.last_error is None:
                log.warning("The store does not answer; records wait in the journal. %s", error)
            self.last_error = error
            self._pipeline.close()
            return None
        self.last_error = None
        return stored

    def let_go(self) -> bool:
        """Close the database between two chunks and store nothing until `go_on`; True if done."""
        self._pace.hurried = True
        mine = self._lock.acquire(timeout=_FORK_PATIENCE)
        self._pace.hurried = self._stopping
        if mine:
            self._pipeline.close()
        return mine

    def go_on(self) -> None:
        """Store again after `let_go`."""
        self._lock.release()

    # -- the thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        retry = _FIRST_RETRY
        idle_at = next_tick = 0.0
        next_prune = time.monotonic() + _TICK
        left_behind = take_over(self._pipeline, self._pace.pause)
        collecting = True
        while not self._stopping:
            self._stand_back()
            stored = self._guarded(self._turn)
            if stored is None:
                self._woken.wait(retry)
                retry = min(2 * retry, _LAST_RETRY)
                continue
            retry = _FIRST_RETRY
            now = time.monotonic()
            if stored:
                idle_at = now + _IDLE
            elif collecting:
                collecting = self._guarded(lambda: self._collect(left_behind)) or False
            elif now < idle_at:
                self._pace.wait(self._woken, _POLL)
            else:
                self._sleep()
            if self.tick is not None and now >= next_tick:
                next_tick = now + _TICK
                self._guarded(self.tick)
            if now >= next_prune and not stored:
                next_prune = now + _PRUNE
                self._guarded(self._prune)
        left_behind.close()

    def _guarded(self, action: Callable[[], T]) -> T | None:
        """Let nothing that is wrong with us end the thread."""
        try:
            return action()
        except Exception as error:
            if type(error) is not type(self.last_error):
                log.warning("Spanbook failed to fill its store.", exc_info=error)
            self.last_error = error
            self._journal.count_error(f"ingester: {type(error).__qualname__}")
            return None

    def _turn(self) -> int | None:
        with self._lock:
            self._pace.start()
            self._pipeline.patience = self._pipeline.most_patience
            self._journal.prepare(self._pace.pause)
            return None if self._stopping else self._try_step(self._pace.pause)

    def _collect(self, left_behind: Iterator[int]) -> bool:
        """Store some of what dead processes left; False when that is done."""
        with self._lock:
            try:
                return not self._stopping and next(left_behind, None) is not None
            except _OUTAGES as error:
                log.debug("What others left is collected another time.", exc_info=error)
                return False

    def _prune(self) -> None:
        """Apply the rules of retention that the store carries, unless someone else just did."""
        with self._lock:
            try:
                if not self._stopping:
                    self._pipeline.prune(self._pace.pause)
            except _OUTAGES as error:
                log.debug("What is too old is deleted another time.", exc_info=error)

    def _stand_back(self) -> None:
        """Leave a program that computes all the time alone for a while."""
        until = time.monotonic() + _LAG
        while (
            self._pace.crowded
            and not self._stopping
            and time.monotonic() < until
            and self._journal.pending < _MUCH
        ):
            self._journal.prepare(self._pace.pause)
            self._pace.wait(self._woken, _LOOK)

    def _sleep(self) -> None:
        """Wait for the next record, and for those that follow at once."""
        self._woken.clear()
        self._journal.wake = self._wake
        if not self._journal.pending and not self._stopping:
            self._woken.wait(None if self.tick is None else _TICK)
        self._journal.wake = None
        self._woken.clear()
        if self._journal.pending and not self._stopping:
            self._pace.wait(self._woken, _POLL)

    def _wake(self) -> None:
        self._journal.wake = None
        self._woken.set()


# A database connection must not be carried into a forked child: its locks would be, too.

_ingesters: "weakref.WeakSet[Ingester]" = weakref.WeakSet()
_held: list[Ingester] = []


def _before_fork() -> None:
    _held.extend(ingester for ingester in list(_ingesters) if ingester.let_go())


def _after_fork() -> None:
    while _held:
        _held.pop().go_on()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork
    )
