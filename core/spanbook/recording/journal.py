"""The journal: the append-only log on local disk that every record passes through."""

import contextlib
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from spanbook.segments import (
    HEALTH_BYTES,
    QUOTED_BYTES,
    SUFFIX,
    Chunk,
    SegmentWriter,
    quoted_line,
    read_lines,
)
from spanbook.spans import new_span_id

log = logging.getLogger("spanbook")

T = TypeVar("T")

_FIRST = 1 << 20  # bytes of a process's first segment; later ones double up to _LARGEST
_LARGEST = 4 << 20
_RETRY = 1.0  # seconds between attempts to open a segment on a disk that refused one


class Journal:
    """Appends records to this process's segments and hands them to whoever fills the store.

    `append` never raises and never waits for the store. What cannot be kept, on a full disk or
    beyond `limit` bytes of backlog, is dropped, counted, and said once in the log. With
    `only_appends` another process fills the store: it gets each segment that is full, and reads
    the last one as it grows.
    """

    def __init__(
        self,
        directory: Path,
        opening: Callable[[], bytes],
        limit: int,
        *,
        only_appends: bool = False,
    ) -> None:
        self.directory = directory
        self._only_appends = only_appends
        self.dropped = 0
        self.errors = 0
        self.note = ""
        self.wake: Callable[[], None] | None = None  # set while the reader sleeps
        self._opening = opening
        self._limit = limit
        self._start()

    def _start(self) -> None:
        self._lock = threading.RLock()  # re-entrant: a finaliser may append amid an append
        self._segments: deque[SegmentWriter] = deque()
        self.current: SegmentWriter | None = None  # the one that lines go to
        self._spare: SegmentWriter | None = None  # made ready off the caller's thread
        self._left: list[Path] = []  # full segments that are for another process to store
        self._size = _FIRST
        self._retry_at = 0.0
        self._warned = False

    def append(self, line: bytes) -> bool:
        """Keep one line; False if it had to be dropped."""
        return self.write(bytes, line)

    def write(self, encode: Callable[[T], bytes], record: T) -> bool:
        """Keep a record as the line that `encode` makes of it; False if it had to be dropped.

        What a line quotes must stand in its own segment. So it is made while no other can begin,
        and made once more where it has to go into the next.
        """
        with self._lock:
            line = encode(record)
            segment = self.current
            if segment is None or segment.tail + len(line) > segment.size:
                if self._rotate(len(line)) is None:
                    return False
                line = encode(record)
                segment = self._with_room(len(line))
                if segment is None:
                    return False
            segment.append(line)
        wake = self.wake
        if wake is not None:
            wake()
        return True

    def hold(self, text: bytes) -> tuple[SegmentWriter, int] | None:
        """Keep a text, which is JSON, for lines to quote; return in which segment and where."""
        with self._lock:
            segment = self._with_room(len(text) + QUOTED_BYTES)
            if segment is None:
                return None
            at = segment.tail
            start = segment.append(quoted_line(at, text))
        return (segment, at) if start == at else None  # else a finaliser appended in between

    def _with_room(self, length: int) -> SegmentWriter | None:
        segment = self.current
        if segment is None or segment.tail + length > segment.size:
            return self._rotate(length)
        return segment

    def _rotate(self, length: int) -> SegmentWriter | None:
        now = time.monotonic()
        if now < self._retry_at:
            return self._drop(self.note)
        if self.pending > self._limit:
            return self._drop(f"{self.pending:,} bytes wait for the store")
        opening = self._opening()
        needed = HEALTH_BYTES + len(opening) + length
        segment, self._spare = self._spare, None
        if segment is not None and segment.size < needed:
            segment = self._retire(segment)
        if segment is None:
            try:
                segment = self._create(max(self._size, needed))
            except OSError as error:
                self._retry_at = now + _RETRY
                return self._drop(f"{self.directory} cannot be written: {error}")
        segment.append(opening)
        if self.dropped or self.errors:
            segment.write_health(self.dropped, self.errors, self.note)
        if self.current is not None and self.current.taken >= self.current.tail:
            self._retire(self.current)
        elif self._only_appends and self.current is not None:
            self._leave(self.current)
        self._segments.append(segment)
        self.current = segment
        return segment

    def _leave(self, segment: SegmentWriter) -> None:
        """Let a full segment go, for another process to claim."""
        segment.close()
        self._segments.remove(segment)
        self._left.append(segment.path)

    def _create(self, size: int) -> SegmentWriter:
        self.directory.mkdir(parents=True, exist_ok=True)
        name = f"{time.time_ns():020d}-{os.getpid()}-{new_span_id()}{SUFFIX}"
        segment = SegmentWriter(self.directory / name, size)
        self._size = min(2 * self._size, _LARGEST)
        return segment

    def prepare(self, rest: Callable[[], None]) -> None:
        """Make the next segment ready when this one is half full, so that no append waits for it.

        Called by the thread that fills the store; `rest` lets other threads run in between.
        """
        with self._lock:
            for segment in self._segments:
                if segment is not self.current:
                    segment.seal()
            current = self.current
            if current is None or self._spare or current.tail < current.size // 2:
                return
            size = self._size
        try:
            spare = self._create(size)
        except OSError:
            return  # the append that needs one will try again, and count
        spare.touch(rest)
        with self._lock:
            if self.current is None or self._spare is not None:
                self._retire(spare)
            else:
                self._spare = spare

    def _drop(self, reason: str) -> None:
        self.dropped += 1
        self.note = reason
        if not self._warned:
            self._warned = True
            log.warning("Spanbook drops records: %s. The program is not affected.", reason)
        self._write_health()

    def count_error(self, note: str) -> None:
        """Count an internal error, so that the viewer can show it."""
        with self._lock:
            self.errors += 1
            self.note = note
            self._write_health()

    def _write_health(self) -> None:
        if self.current is not None:
            self.current.write_health(self.dropped, self.errors, self.note)

    @property
    def used(self) -> bool:
        """Whether anything was appended since the journal was opened."""
        return self.current is not None

    @property
    def pending(self) -> int:
        """Bytes that the store does not hold yet."""
        with self._lock:
            self._left = [path for path in self._left if path.exists()]
            left = sum(_size(path) for path in self._left)
            return left + sum(s.tail - max(s.taken, HEALTH_BYTES) for s in self._segments)

    def take(self, limit: int) -> Chunk | None:
        """Return the oldest lines that wait, about `limit` bytes, or None."""
        waiting = self._oldest_waiting()
        if waiting is None:
            return None
        path, start, tail = waiting
        try:
            lines, end = read_lines(path, start, min(limit, tail - start))
        except FileNotFoundError:
            self._give_up(path)
            return self.take(limit)
        return Chunk(path.name, start, end, lines)

    def _give_up(self, path: Path) -> None:
        """Go on without a segment that somebody deleted, in a new one."""
        with self._lock:
            for segment in [one for one in self._segments if one.path == path]:
                self._segments.remove(segment)
                segment.close()
                if segment is self.current:
                    self.current = None
            self._drop(f"{path} was deleted while it was written")

    def _oldest_waiting(self) -> tuple[Path, int, int] | None:
        with self._lock:
            for segment in self._segments:
                start = max(segment.taken, HEALTH_BYTES)
                if segment.tail > start:
                    return segment.path, start, segment.tail
        return None

    def done(self, chunk: Chunk) -> None:
        """Note that the store holds `chunk`; a segment that is full and held is removed."""
        with self._lock:
            for segment in list(self._segments):
                if segment.path.name == chunk.segment:
                    segment.taken = chunk.end
                    if segment is not self.current and segment.taken >= segment.tail:
                        self._retire(segment)

    def _retire(self, segment: SegmentWriter) -> None:
        """Remove a segment that holds nothing the store does not."""
        segment.path.unlink(missing_ok=True)
        segment.close()
        if segment in self._segments:
            self._segments.remove(segment)

    def close(self) -> None:
        """Let all segments go: those that the store holds are removed, others can be claimed.

        A later append opens a new one.
        """
        with self._lock:
            for segment in list(self._segments):
                if segment.taken >= segment.tail:
                    self._retire(segment)
                else:
                    segment.close()
            self._segments.clear()
            self.current = None
            if self._spare is not None:
                self._spare = self._retire(self._spare)
        with contextlib.suppress(OSError):  # not empty: other processes' segments
            self.directory.rmdir()

    def forget(self) -> None:
        """Start anew in a forked child: the parent's segments stay the parent's."""
        for segment in (*self._segments, *([self._spare] if self._spare else [])):
            segment.close()
        self.dropped = self.errors = 0
        self._start()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # just gone
        return 0
