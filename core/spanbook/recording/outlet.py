"""The outlet: a recorder's way into the journal, and from there into the store."""

import contextvars
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spanbook.addresses import journal_directory
from spanbook.gate.plain import Gate
from spanbook.gate.quotes import Quotes
from spanbook.recording.journal import Journal
from spanbook.recording.listening import Listeners
from spanbook.recording.process import process_record
from spanbook.settings import Settings
from spanbook.spans import new_trace_id

if TYPE_CHECKING:
    from spanbook.gate.media import Media
    from spanbook.store.ingester import Ingester


@dataclass(frozen=True, slots=True)
class Flushed:
    """What a flush left behind, in finished spans and dropped records. True if nothing waits."""

    written: int
    pending: int
    dropped: int
    complete: bool

    def __bool__(self) -> bool:
        return self.complete


class Outlet:
    """Takes records through the gate's encoding to the journal, and has the store filled from it.

    `tick` is called now and then by the thread that fills the store. `run_id` names this execution
    of the program; a forked child gets one of its own.
    """

    def __init__(
        self, settings: Settings, clock: Callable[[], int], tick: Callable[[], None]
    ) -> None:
        self.settings = settings
        directory = Path(settings.journal or journal_directory(settings.url)).absolute()
        self.journal = Journal(
            directory,
            self._opening,
            settings.journal_bytes,
            only_appends=not settings.ingest,
        )
        self.gate = Gate(settings, self._keep_media, Quotes(self.journal))
        self.listeners: Listeners | None = None  # None: nobody ever listened
        self._clock = clock
        self._tick = tick
        self._begin()

    def _begin(self) -> None:
        self.run_id = new_trace_id()
        self.finished = 0  # spans whose ends were written
        self._started = self._clock()
        self._ingester: Ingester | None = None

    def _opening(self) -> bytes:
        return self.gate.encode(process_record(self.run_id, self.settings, self._started))

    def write(self, record: dict[str, Any]) -> None:
        """Append one record to the journal; the first starts the thread that fills the store."""
        self.journal.write(self.gate.encode, record)
        if self._ingester is None and self.settings.ingest:
            self._start_ingester()
        if self.listeners is not None:
            self.listeners.tell(record)

    def _start_ingester(self) -> None:
        # Here, since it brings SQLAlchemy, which a program that records nothing never needs.
        from spanbook.store.ingester import Ingester

        self._ingester = Ingester(
            self.settings.url, self.journal, data_flow=self.settings.data_flow
        )
        self._ingester.tick = self._tick
        contextvars.Context().run(self._ingester.start)  # whatever is current here is not its own

    def _keep_media(self, media: "Media") -> None:
        self.write(
            {
                "type": "blob",
                "hash": media.hash,
                "media_type": media.media_type,
                "data": b64encode(media.content).decode(),
            }
        )

    def flush(self, timeout: float) -> Flushed:
        """Wait until the store holds all that was written, at most `timeout` seconds."""
        deadline = time.monotonic() + timeout
        ingester = self._ingester
        complete = self.journal.pending == 0 if ingester is None else ingester.drain(timeout)
        if self.listeners is not None:
            self.listeners.drain(deadline - time.monotonic())
        written = 0 if ingester is None else ingester.written
        return Flushed(written, max(self.finished - written, 0), self.journal.dropped, complete)

    def close(self, timeout: float) -> Flushed:
        """Flush, and let journal and database go; a later record opens them anew."""
        if self.journal.used:
            self.journal.append(self.gate.encode({"type": "exit", "at": self._clock()}))
        flushed = self.flush(timeout)
        if self._ingester is not None:
            self._ingester.stop()
            self._ingester = None
        self.journal.close()
        if self.listeners is not None:
            self.listeners.close(timeout)
        return flushed

    def forked(self) -> None:
        """Start a run and a journal of its own in a forked child."""
        self.journal.forget()
        if self.listeners is not None:
            self.listeners.forked()
        self._begin()
