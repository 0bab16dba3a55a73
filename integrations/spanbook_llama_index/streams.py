"""Streams: what a step that returned a generator has still to do, and whose work that is.

LlamaIndex closes a step when it returns; a stream is only read afterwards, often from code that
belongs to no step at all. Python's own call stack says whose generator is running.
"""

import sys
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from types import AsyncGeneratorType, FrameType, GeneratorType
from typing import Any, NamedTuple

from spanbook_llama_index.frames import Frame


def is_stream(value: Any) -> bool:
    """Say whether `value` is a generator. Asked by class: looking closer would use it up."""
    return isinstance(value, (GeneratorType, AsyncGeneratorType))


def _running(stream: Any) -> FrameType | None:
    """Return the Python frame of a generator, None once it is through."""
    return stream.gi_frame if isinstance(stream, GeneratorType) else stream.ag_frame


class _Watched(NamedTuple):
    stream: weakref.ref[Any]
    owner: Frame
    gone: Callable[[], None] | None


class Streams:
    """The generators that steps have returned, none of which is kept alive here."""

    def __init__(self) -> None:
        self._watched: dict[int, _Watched] = {}
        self._bare: set[int] = set()

    def __len__(self) -> int:
        return len(self._watched)

    def watch(
        self, stream: Any, owner: Frame, gone: Callable[[], None] | None, *, is_bare: bool = False
    ) -> None:
        """Let `owner` be above all that runs in `stream`, and call `gone` when that is dropped.

        A stream is `is_bare` if nothing but its own end says that it is over.
        """
        frame = _running(stream)
        if frame is None:
            if gone is not None:
                gone()
            return
        key = id(frame)
        held = weakref.ref(stream, lambda _: self._forget(key, held))
        self._watched[key] = _Watched(held, owner, gone)
        if is_bare:
            self._bare.add(key)

    def _forget(self, key: int, held: weakref.ref[Any]) -> None:
        found = self._watched.get(key)
        if found is not None and found.stream is held:
            del self._watched[key]
            self._bare.discard(key)
            if found.gone is not None:
                found.gone()

    def owner(self) -> Frame | None:
        """Return the frame whose stream runs here, the innermost of several."""
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  # the documented way to it
        while frame is not None:
            found = self._watched.get(id(frame))
            if found is not None:
                stream = found.stream()
                if stream is not None and _running(stream) is frame:
                    return found.owner
            frame = frame.f_back
        return None

    def settle(self) -> None:
        """Look which bare streams are through though somebody still holds them."""
        for key in tuple(self._bare):
            found = self._watched.get(key)
            stream = None if found is None else found.stream()
            if found is not None and stream is not None and _running(stream) is None:
                self._forget(key, found.stream)


class Relay:
    """The answer of one or more steps, which stay open until it has been read.

    The steps that returned one and the same answer are ended together, the innermost first.
    """

    def __init__(self, end: Callable[["Relay", BaseException | None], None]) -> None:
        self.frames: list[Frame] = []
        self.pieces: list[Any] = []
        self.has_begun = False
        self._end = end

    @property
    def text(self) -> str:
        """What has been read so far."""
        return "".join(piece for piece in self.pieces if isinstance(piece, str))

    def gone(self) -> None:
        """Nobody will read it: what has begun says so itself."""
        if not self.has_begun:
            self._end(self, GeneratorExit())

    def read(self, pieces: Generator[Any, Any, Any]) -> Iterator[Any]:
        """Pass `pieces` on."""
        self.has_begun = True
        try:
            for piece in pieces:
                self.pieces.append(piece)
                yield piece
        except GeneratorExit as error:
            pieces.close()
            self._end(self, error)
            raise
        except BaseException as error:
            self._end(self, error)
            raise
        self._end(self, None)

    async def aread(self, pieces: AsyncGenerator[Any, Any]) -> AsyncIterator[Any]:
        """Pass `pieces` on."""
        self.has_begun = True
        try:
            async for piece in pieces:
                self.pieces.append(piece)
                yield piece
        except GeneratorExit as error:
            await pieces.aclose()
            self._end(self, error)
            raise
        except BaseException as error:
            self._end(self, error)
            raise
        self._end(self, None)
