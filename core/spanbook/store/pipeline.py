"""The pipeline: lines of a journal become rows, each chunk in one transaction, exactly once."""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection, Engine, exc

from spanbook.addresses import store_url
from spanbook.segments import Chunk
from spanbook.store.backends.backend import UNFIT
from spanbook.store.backends.choice import backend_at
from spanbook.store.batch import Batch, prepare
from spanbook.store.compression import Compressor
from spanbook.store.database import open_engine, writing
from spanbook.store.estimating import Estimating
from spanbook.store.filing import Filing
from spanbook.store.flow import Flows
from spanbook.store.losses import Losses, save_losses
from spanbook.store.memory import Memory
from spanbook.store.openings import Openings
from spanbook.store.pace import at_once
from spanbook.store.pricing import Pricing
from spanbook.store.progress import Progress
from spanbook.store.quotes import Quotes
from spanbook.store.records import Pause, decode
from spanbook.store.rollups import Series
from spanbook.store.runs import end_run, run_number

log = logging.getLogger("spanbook")


@dataclass(slots=True)
class Stored:
    """What became of a chunk: records and ends of spans that it held, and lines left out."""

    records: int = 0
    finished: int = 0
    corrupt: int = 0
    note: str = ""


class Pipeline:
    """Stores chunks of the journal segments in one directory. For one thread at a time."""

    def __init__(
        self, url: str, directory: Path, clock: Callable[[], int], *, data_flow: bool = True
    ) -> None:
        self.openings = Openings(directory)
        self.progress = Progress(url, directory)
        self._url = url
        self._backend = backend_at(store_url(url))
        self.chunk_bytes = self._backend.chunk_bytes
        self.most_patience = self.patience = self._backend.patience
        self._patience = self.patience  # of the connection
        self._identity: object = None
        self._clock = clock
        self._engine: Engine | None = None
        self._connection: Connection | None = None
        self._compressor = Compressor()
        self._estimating = Estimating(lambda: self.connection)
        self._pricing = Pricing()
        self._memory = Memory()
        self._flows = Flows() if data_flow else None

    @property
    def connection(self) -> Connection:
        """The pipeline's connection, opened when first needed.

        Raises:
            StoreError: the store cannot be opened.
        """
        if self._connection is not None and self._look() != self._identity:
            self.close()  # somebody moved the store away
        if self._connection is None:
            self._engine = open_engine(self._url, patience=self.patience)
            self._patience = self.patience
            self._connection = self._engine.connect()
            self._backend.attune(self._connection)
            self._identity = self._look()
        if self._patience != self.patience:
            self._patience = self.patience
            self._backend.set_patience(self._connection, self.patience)
        return self._connection

    def _look(self) -> object:
        return self._backend.identity(store_url(self._url))

    def close(self) -> None:
        """Let the store go."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def store(self, chunk: Chunk, pause: Pause, losses: Losses | None = None) -> Stored:
        """Store the lines of `chunk`, how far its segment is held, and what its process lost.

        A line that cannot be stored is counted, reported and left out.

        Raises:
            StoreError: the store cannot be opened.
            SQLAlchemyError: the store does not answer. Nothing of the chunk is stored.
        """
        connection = self.connection
        try:
            batch = self._prepare(chunk.segment, chunk.lines, pause)
            with writing(connection):
                pieces = [self._file(connection, chunk, batch, pause)]
                stored = self._close(connection, chunk, pieces, losses)
        except (exc.DBAPIError, *UNFIT) as error:
            if not self._is_refusal(error):
                raise
            pieces = list[_Piece]()
            with writing(connection):
                self._bisect(connection, chunk, chunk.lines, pieces)
                stored = self._close(connection, chunk, pieces, losses)
        for piece in pieces:
            piece.teach(self._memory)
        if stored.corrupt:
            log.warning("%s: %s", chunk.segment, stored.note)
        return stored

    def prune(self, pause: Pause) -> None:
        """Delete what the store's rules of retention no longer keep, if an hour has passed.

        Raises:
            StoreError: the store cannot be opened.
            SQLAlchemyError: the store does not answer.
        """
        from spanbook.store.upkeep.retention import prune_if_due  # not before there is time

        self.connection.rollback()
        if self._engine is not None:
            prune_if_due(self._engine, pause, self._clock)

    def report(self, segment: str, losses: Losses) -> None:
        """Store what the process of `segment` lost.

        Raises:
            StoreError: the store cannot be opened.
            SQLAlchemyError: the store does not answer.
        """
        with writing(self.connection):
            self._save(self.connection, segment, losses)

    def _save(self, connection: Connection, segment: str, losses: Losses) -> None:
        process = self.openings.of(segment) or {}
        save_losses(connection, process.get("run", ""), losses, self._clock())

    def _prepare(self, segment: str, lines: Sequence[bytes], pause: Pause) -> Batch:
        quotes = Quotes(self.openings.directory / segment)
        records = decode(lines, self._memory.texts, pause, quotes, self._flows)
        return prepare(
            records, self._memory, self._compressor, self._estimating, self._pricing, pause
        )

    def _file(self, connection: Connection, chunk: Chunk, batch: Batch, pause: Pause) -> "_Piece":
        process = self.openings.of(chunk.segment)
        run_pk = None if process is None else run_number(connection, process)
        filing = Filing(connection, process, run_pk, self._clock(), self._pricing.begin(connection))
        filing.add(batch, pause)
        series = filing.write(batch, self._compressor, self._memory.series)
        records = batch.records
        if records.exit_ns is not None and run_pk is not None:
            end_run(connection, run_pk, records.exit_ns)
        return _Piece(
            records.count, records.finished, records.corrupt, batch, filing.finished, series
        )

    def _bisect(
        self, connection: Connection, chunk: Chunk, lines: Sequence[bytes], pieces: "list[_Piece]"
    ) -> None:
        """File `lines` in pieces as large as the store takes; count the lines that it refuses."""
        try:
            with self._backend.attempt(connection):
                batch = self._prepare(chunk.segment, lines, at_once)
                pieces.append(self._file(connection, chunk, batch, at_once))
        except (exc.DBAPIError, *UNFIT) as error:
            if not self._is_refusal(error):
                raise
            if len(lines) > 1:
                middle = len(lines) // 2
                self._bisect(connection, chunk, lines[:middle], pieces)
                self._bisect(connection, chunk, lines[middle:], pieces)
                return
            connection.exec_driver_sql("SELECT 1 FROM traces LIMIT 1")  # it is not the store
            log.debug("A record is refused.", exc_info=error)
            pieces.append(_Piece(corrupt=1))

    def _is_refusal(self, error: Exception) -> bool:
        """Say whether an error is about a record, and not about the store."""
        return not isinstance(error, exc.DBAPIError) or self._backend.refuses(error)

    def _close(
        self, connection: Connection, chunk: Chunk, pieces: "list[_Piece]", losses: Losses | None
    ) -> Stored:
        """Note with the rows how far the segment is held, and what was lost."""
        self.progress.hold(connection, chunk.segment, chunk.end)
        corrupt = sum(piece.corrupt for piece in pieces)
        note = f"{corrupt:,} journal lines could not be read" if corrupt else ""
        stored = Stored(
            sum(piece.records for piece in pieces),
            sum(piece.ended for piece in pieces),
            corrupt,
            note,
        )
        losses = losses or Losses()
        if corrupt or losses:
            total = replace(losses, corrupt=losses.corrupt + corrupt, note=note or losses.note)
            self._save(connection, chunk.segment, total)
        return stored


@dataclass(slots=True)
class _Piece:
    """What was filed, to be learnt once it is committed."""

    records: int = 0
    ended: int = 0
    corrupt: int = 0
    batch: Batch | None = None
    finished: Collection[str] = ()  # traces
    series: dict[Series, int] | None = None

    def teach(self, memory: Memory) -> None:
        """Tell `memory` what the store now holds."""
        if self.batch is not None:
            memory.texts.add(self.batch.records.texts.fresh.keys())
            for trace in self.batch.traces:
                if trace.trace_id not in self.finished:
                    memory.note_indexed(trace.trace_id, trace.texts)
        if self.series:
            memory.note_series(self.series)
