"""The tee: sees a response's body as the program reads it, and when it stops reading.

The program gets the very bytes that it would get, at the same moment. Nothing is read on its
behalf. What ends a stream is told apart here: its natural end, a failure, being closed or dropped.
"""

import sys
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

from spanbook.recording.guard import guarded
from spanbook.spans import Status
from spanbook_openai.bodies import Body, UsageFilter
from spanbook_openai.failures import causes, closes_streams, error_of, is_from_client

if TYPE_CHECKING:
    from spanbook_openai.call import Call


class Tee:
    """What one response's body told so far, and how its reading ends: once.

    `reading` says that the body is being asked for more: the response is then closed from inside
    its own iterator, at the natural end or by a failure, and not by the program.
    """

    def __init__(self, call: "Call", body: Body, filter: UsageFilter | None = None) -> None:
        self.reading = False
        self._call = call
        self._body = body
        self.hides = filter
        self._failure: BaseException | None = None
        self._ended = False
        self._told = False
        self.waiting: list[bytes] = []  # pieces that the program has seen, and the body not yet
        self._room = 0  # bytes that may wait
        self.waits = closes_streams()
        self.detach: Callable[[], None] = _nothing

    @property
    def recorder(self) -> Any:
        """The recorder that errors of the tee itself are counted with."""
        return self._call.recorder

    # -- while it is read -------------------------------------------------------------------------

    @guarded
    def take(self) -> int:
        """Let the body read the pieces that wait; return how many bytes of more may wait.

        Once the first words are timed, that are many: reading them together costs less.
        """
        waiting = b"".join(self.waiting)
        self.waiting.clear()
        if self._ended or not waiting:
            return self._room
        self._body.feed(waiting)
        if self._body.said:
            self._room = self._body.batch
            if not self._told:
                self._told = True
                self._call.said()
        if self._body.error is not None and not self.waits:
            self._fail(None)
        return self._room

    @guarded
    def shown(self, piece: bytes) -> bytes:
        """Return what the program gets to see of a piece, where an event is kept from it."""
        assert self.hides is not None
        return self.hides.feed(piece)

    @guarded
    def rest(self) -> bytes:
        """Return what it gets at the end."""
        return b"" if self.hides is None else self.hides.finish()

    # -- ends -------------------------------------------------------------------------------------

    @guarded
    def end(self) -> None:
        """The body ended by itself: it is whole, or a proxy swallowed the rest."""
        self.take()
        if self._ended:
            return
        data = self._body.finish(at_end=True)
        if self._body.error is not None:
            if not self.waits:
                self._fail(None)
        elif self._body.complete:
            self._finish(data)
        else:
            self._finish(data, status=Status.INCOMPLETE, how="silent")

    @guarded
    def failed(self, error: BaseException) -> None:
        """Reading failed. The client may put an exception of its own over it, and then closes."""
        self.take()
        if self._ended:
            return
        self._failure = error
        if not self.waits or not isinstance(error, Exception):
            self._fail(error)

    @guarded
    def closed(self) -> None:
        """The response was closed, or nobody can read it any more."""
        if self._ended or self.reading:
            return
        self.take()
        if self._ended:
            return
        raised = sys.exception()
        whole = self._body.complete
        if self._failure is not None or self._body.error is not None:
            self._fail(raised)
        elif whole:
            self._finish(self._body.finish(at_end=False))
        elif is_from_client(raised, self._call.request) or _is_cancelled(raised):
            self._fail(raised)
        else:
            self._finish(self._body.finish(at_end=False), status=Status.CANCELLED, how="closed")

    def _fail(self, raised: BaseException | None) -> None:
        """End with the exception that the program sees, or else with what is known of it."""
        failure = self._failure
        if raised is None or not self._is_about(raised):
            raised = failure
        if raised is None:
            raised = error_of(self._body.error, self._call.request)
        how = "closed" if _is_cancelled(raised) else "error" if failure is None else "cut"
        self._finish(self._body.finish(at_end=False), error=raised, how=how)

    def _is_about(self, raised: BaseException) -> bool:
        if is_from_client(raised, self._call.request) or _is_cancelled(raised):
            return True
        return self._failure is not None and any(one is self._failure for one in causes(raised))

    def _finish(self, data: Any, *, how: str | None = None, **end: Any) -> None:
        self._ended = True
        self.detach()
        self._call.count(self._body.said)
        self._call.finish(data, attributes={"stream_end": how} if how else None, **end)


def _nothing() -> None:
    pass


def _is_cancelled(error: BaseException | None) -> bool:
    return any(cls.__name__ == "CancelledError" for cls in type(error).__mro__)


def attach(response: Any, tee: Tee, *, is_async: bool) -> None:
    """Let `tee` see the body of `response`: of this one object, not of its class."""
    hooks = _async_hooks(response, tee) if is_async else _hooks(response, tee)
    vars(response).update(hooks)
    names, held = tuple(hooks), weakref.ref(response)

    def detach() -> None:
        kept = held()
        for name in names if kept is not None else ():
            vars(kept).pop(name, None)

    tee.detach = detach
    weakref.finalize(response, tee.closed)


def _hooks(response: Any, tee: Tee) -> dict[str, Any]:
    # The hooks hold the response, and it holds them: a weak reference would be dead when garbage
    # collection closes the iterators.
    read, shut = response.iter_bytes, response.close

    def iter_bytes(chunk_size: int | None = None) -> Iterator[bytes]:
        pieces, keep, hides = read(chunk_size), tee.waiting.append, tee.hides is not None
        waits, room = tee.waits, 0
        tee.reading = True
        try:
            for piece in pieces:
                tee.reading = False
                keep(piece)
                room -= len(piece)
                if room <= 0 or (not waits and b'"error"' in piece):
                    room = tee.take() or 0
                if hides:
                    shown = tee.shown(piece)
                    piece = piece if shown is None else shown
                if piece:
                    yield piece
                tee.reading = True
            rest = tee.rest()
            if rest:
                yield rest
        except GeneratorExit:
            tee.reading = False
            tee.closed()
            pieces.close()
            raise
        except BaseException as error:
            tee.reading = False
            tee.failed(error)
            raise
        tee.reading = False
        tee.end()

    def close() -> None:
        try:
            shut()
        finally:
            tee.closed()

    return {"iter_bytes": iter_bytes, "close": close}


def _async_hooks(response: Any, tee: Tee) -> dict[str, Any]:
    read, shut = response.aiter_bytes, response.aclose

    async def aiter_bytes(chunk_size: int | None = None) -> AsyncIterator[bytes]:
        pieces, keep, hides = read(chunk_size), tee.waiting.append, tee.hides is not None
        waits, room = tee.waits, 0
        tee.reading = True
        try:
            async for piece in pieces:
                tee.reading = False
                keep(piece)
                room -= len(piece)
                if room <= 0 or (not waits and b'"error"' in piece):
                    room = tee.take() or 0
                if hides:
                    shown = tee.shown(piece)
                    piece = piece if shown is None else shown
                if piece:
                    yield piece
                tee.reading = True
            rest = tee.rest()
            if rest:
                yield rest
        except GeneratorExit:
            tee.reading = False
            tee.closed()
            await pieces.aclose()
            raise
        except BaseException as error:
            tee.reading = False
            tee.failed(error)
            raise
        tee.reading = False
        tee.end()

    async def aclose() -> None:
        try:
            await shut()
        finally:
            tee.closed()

    return {"aiter_bytes": aiter_bytes, "aclose": aclose}
