"""Segments: the files of a journal, JSON lines that outlive the process which wrote them.

A segment starts with a health line of exactly `HEALTH_BYTES`, rewritten in place, then one line a
record, then NUL bytes: space that was reserved and not yet written. A long text that several
records carry is a line of its own, which they name by its place. The writer holds a lock on it;
a segment whose lock is free belongs to nobody any more and may be claimed.
"""

import contextlib
import mmap
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import orjson

from spanbook.errors import JournalError

HEALTH_BYTES = 512
SUFFIX = ".jsonl"
_STEP = 128 << 10  # bytes brought in at once: a tenth of a millisecond
_POPULATE_WRITE = 23  # MADV_POPULATE_WRITE of Linux 5.14; Python has no name for it
_QUOTED_STEP = 16 << 10  # bytes read at once in search of a text's end
_SPARE = 64 << 20  # bytes that must stay free on the disk before a file is mapped

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


def _lock(descriptor: int) -> bool:
    if fcntl is None:
        import msvcrt

        os.lseek(descriptor, 1 << 40, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]  # Windows
        except OSError:
            return False
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


class SegmentWriter:
    """A segment that this process appends to.

    Where the system can reserve disk space the file is mapped into memory: an append is then one
    copy, needs no system call, keeps the interpreter's lock, and survives the process's death.
    """

    def __init__(self, path: Path, size: int) -> None:
        """Create `path` with room for `size` bytes.

        Raises:
            OSError: the file cannot be made, or the disk has no room for it.
        """
        self.path = path
        self.size = size
        self.tail = HEALTH_BYTES
        self.taken = 0  # bytes that the store holds
        self.map: mmap.mmap | None = None
        self._file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | _CLOEXEC, 0o600)
        try:
            _lock(self._file)
            self.map = _reserve(self._file, path, size)
            self._put(0, health_line(0, 0, ""))
        except OSError:
            self.close()
            path.unlink(missing_ok=True)
            raise

    def append(self, line: bytes) -> int:
        """Add one line, which must fit, `tail + len(line) <= size`; return where it stands."""
        start = self.tail
        self.tail = end = start + len(line)  # first: a re-entrant append lands behind this one
        if self.map is not None:
            self.map[start:end] = line
        else:
            self._put(start, line)
        return start

    def touch(self, rest: Callable[[], None]) -> None:
        """Have the kernel bring the mapped pages in now, not at the first append to each.

        `rest` is called between short steps, for other threads' sake.
        """
        if self.map is None:
            return
        with contextlib.suppress(OSError, ValueError):  # an older kernel, or another system
            for start in range(0, self.size, _STEP):
                self.map.madvise(_POPULATE_WRITE, start, min(_STEP, self.size - start))
                rest()

    def seal(self) -> None:
        """Give the memory back; nothing is appended any more."""
        if self.map is not None:
            self.map.close()
            self.map = None

    def write_health(self, dropped: int, errors: int, note: str) -> None:
        """Rewrite the first line."""
        self._put(0, health_line(dropped, errors, note))

    def _put(self, start: int, data: bytes) -> None:
        if self.map is not None:
            self.map[start : start + len(data)] = data
        else:
            os.lseek(self._file, start, os.SEEK_SET)
            os.write(self._file, data)

    def close(self) -> None:
        """Let the file go; its lock is free from now on."""
        self.seal()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


_CLOEXEC = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def _reserve(descriptor: int, path: Path, size: int) -> mmap.mmap | None:
    """Map `size` reserved bytes, or return None where the system cannot promise them."""
    if not hasattr(os, "posix_fallocate") or shutil.disk_usage(path.parent).free < _SPARE + size:
        return None
    os.posix_fallocate(descriptor, 0, size)
    return mmap.mmap(descriptor, size)


def health_line(dropped: int, errors: int, note: str) -> bytes:
    """Return the first line of a segment: `HEALTH_BYTES` bytes."""
    line = b""
    for length in (300, 60, 0):
        line = orjson.dumps(
            {"type": "health", "dropped": dropped, "errors": errors, "note": note[:length]}
        )
        if len(line) < HEALTH_BYTES:
            break
    return line.ljust(HEALTH_BYTES - 1) + b"\n"


def read_lines(path: Path, offset: int, limit: int) -> tuple[list[bytes], int]:
    """Return whole lines of `path` from `offset` on, about `limit` bytes, and where they end.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        data = file.read(limit) or b""
        end = data.rfind(b"\n") + 1
        while not end and data and b"\0" not in data:  # one line longer than the limit
            more = file.read(limit)
            if not more:
                break
            data += more
            end = data.rfind(b"\n") + 1
    lines = (data if end == len(data) else data[:end]).split(b"\n")
    lines.pop()  # what follows the last line
    return lines, offset + end


QUOTED_BYTES = 64  # around a text in the line that holds it


def quoted_line(at: int, text: bytes) -> bytes:
    """Return the line at byte `at` which holds a text, given as JSON, for records to quote."""
    return b'{"type":"text","at":%d,"text":%b}\n' % (at, text)


def read_quoted(path: Path, at: int) -> str | None:
    """Return the text that the line at byte `at` of a segment holds, or None."""
    try:
        lines, _ = read_lines(path, at, _QUOTED_STEP)
        record = orjson.loads(lines[0])
        return record["text"] if record["type"] == "text" and record["at"] == at else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


@dataclass(frozen=True, slots=True)
class Chunk:
    """Lines of one segment that wait for the store, from byte `start` to `end`."""

    segment: str
    start: int
    end: int
    lines: list[bytes]


class ClaimedSegment:
    """A segment that a dead process left, held by this one until closed."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._file = descriptor

    @classmethod
    def claim(cls, path: Path) -> Self | None:
        """Return the segment if nobody holds it, else None."""
        try:
            descriptor = os.open(path, os.O_RDWR | _CLOEXEC)
        except OSError:
            return None
        if _lock(descriptor) and path.exists():
            return cls(path, descriptor)
        os.close(descriptor)
        return None

    def torn_bytes(self, offset: int) -> int:
        """Return how many bytes of an unfinished line follow `offset`."""
        with self.path.open("rb") as file:
            file.seek(offset)
            return len(file.read().rstrip(b"\0"))

    def remove(self) -> None:
        """Delete the file: the store holds all of it."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let the file go for others to claim."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def unclaimed(directory: Path) -> Iterator[ClaimedSegment]:
    """Claim, oldest first, each segment in `directory` whose writer is gone."""
    with contextlib.suppress(FileNotFoundError):
        for path in sorted(directory.glob(f"*{SUFFIX}")):
            claimed = ClaimedSegment.claim(path)
            if claimed is not None:
                yield claimed


def read_health(path: Path) -> dict[str, Any]:
    """Return the health line of a segment: `dropped`, `errors`, `note`.

    Raises:
        JournalError: the file is no segment.
    """
    with path.open("rb") as file:
        head = file.read(HEALTH_BYTES)
    try:
        return orjson.loads(head)
    except orjson.JSONDecodeError as error:
        raise JournalError(f"{path} is not a journal segment; move it out of the way.") from error
