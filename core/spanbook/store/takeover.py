"""Takeover: what others left in the journal goes into the store, and the runs of the dead end."""

import os
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Self

from spanbook.addresses import journal_directory, store_url
from spanbook.errors import JournalError
from spanbook.segments import (
    HEALTH_BYTES,
    SUFFIX,
    Chunk,
    ClaimedSegment,
    read_health,
    read_lines,
    unclaimed,
)
from spanbook.settings import Settings
from spanbook.store.database import writing
from spanbook.store.losses import Losses
from spanbook.store.pace import at_once
from spanbook.store.pipeline import Pipeline
from spanbook.store.records import Pause
from spanbook.store.runs import give_up, run_number

_TURN = "follower"  # the file that whoever follows growing segments holds


class Collector:
    """Brings what others left, or leave to it, from the journal of the store at `url` into it.

    Any number of processes may collect at once. For one thread at a time.
    """

    def __init__(
        self,
        url: str | os.PathLike[str],
        directory: Path | None = None,
        *,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        address = store_url(url)
        self._pipeline = Pipeline(
            address,
            directory or journal_directory(address),
            clock,
            data_flow=Settings.load().data_flow,
        )

    def collect(self) -> int:
        """Store what dead processes left and what living ones only append; return how many records.

        Spans that the dead left running become incomplete.

        Raises:
            SettingsError, StoreError: the store cannot be opened.
            SQLAlchemyError: the store does not answer; what is not stored yet stays in the journal.
        """
        taken = sum(take_over(self._pipeline, at_once))
        return taken + sum(_follow(self._pipeline, at_once))

    def prune(self) -> None:
        """Apply the rules of retention that the store carries, if an hour has passed.

        Raises:
            SettingsError, StoreError, SQLAlchemyError: as `collect`.
        """
        self._pipeline.prune(at_once)

    def close(self) -> None:
        """Let the store go."""
        self._pipeline.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def collect(
    url: str | os.PathLike[str],
    directory: Path | None = None,
    *,
    clock: Callable[[], int] = time.time_ns,
) -> int:
    """Collect once; see `Collector`."""
    with Collector(url, directory, clock=clock) as collector:
        return collector.collect()


def take_over(pipeline: Pipeline, pause: Pause) -> Generator[int]:
    """Claim the segments of dead processes and store them chunk by chunk; yield records stored."""
    directory = pipeline.openings.directory
    with ExitStack() as claims:
        claimed = [claims.enter_context(segment) for segment in unclaimed(directory)]
        if not claimed:
            return
        for segment in claimed:
            yield from _store_segment(pipeline, segment, pause)
        _end_runs(pipeline, claimed)
        for segment in claimed:
            segment.remove()
        _forget_gone(pipeline, directory)


def _follow(pipeline: Pipeline, pause: Pause) -> Generator[int]:
    """Store what living processes that only append have written; yield records stored.

    One process follows at a time, so that none stores what another is about to.
    """
    directory = pipeline.openings.directory
    growing = [
        path
        for path in sorted(directory.glob(f"*{SUFFIX}"))
        if (pipeline.openings.of(path.name) or {}).get("ingest") is False
    ]
    if not growing:
        return
    turn = directory / _TURN
    turn.touch()
    with ClaimedSegment.claim(turn) or nullcontext() as mine:
        for path in growing if mine else ():
            yield from _store_lines(pipeline, path, pause)


def _store_segment(pipeline: Pipeline, segment: ClaimedSegment, pause: Pause) -> Generator[int]:
    end = yield from _store_lines(pipeline, segment.path, pause)
    losses = _losses(segment, end)
    if losses:
        pipeline.report(segment.path.name, losses)


def _store_lines(pipeline: Pipeline, path: Path, pause: Pause) -> Generator[int, None, int]:
    """Store the lines that the store does not hold yet; return where they end."""
    connection = pipeline.connection
    start = max(pipeline.progress.held(connection, path.name), HEALTH_BYTES)
    connection.rollback()
    while True:
        try:
            lines, end = read_lines(path, start, pipeline.chunk_bytes)
        except FileNotFoundError:  # another process stored the rest
            return start
        if not lines:
            return start
        yield pipeline.store(Chunk(path.name, start, end, lines), pause).records
        start = end


def _losses(segment: ClaimedSegment, end: int) -> Losses:
    """Return what the process said it lost, and whether it died while it wrote a line."""
    try:
        health = read_health(segment.path)
    except JournalError:
        health = {}
    torn = segment.torn_bytes(end)
    note = f"a record was cut short after {torn:,} bytes when its process died" if torn else ""
    return Losses(
        health.get("dropped", 0),
        health.get("errors", 0),
        int(bool(torn)),
        note or health.get("note", ""),
    )


def _end_runs(pipeline: Pipeline, claimed: list[ClaimedSegment]) -> None:
    """End the runs of dead processes: those that hold no segment any more."""
    connection, openings = pipeline.connection, pipeline.openings
    gone = {segment.path for segment in claimed}
    others = [path for path in openings.directory.glob(f"*{SUFFIX}") if path not in gone]
    living = {(openings.of(path.name) or {}).get("run") for path in others}
    processes = [openings.of(path.name) for path in gone]
    dead = [one for one in processes if one is not None and one["run"] not in living]
    with writing(connection):
        for run_pk in {run_number(connection, process) for process in dead}:
            give_up(connection, run_pk)


def _forget_gone(pipeline: Pipeline, directory: Path) -> None:
    """Drop the notes on segments whose files are gone."""
    connection = pipeline.connection
    with writing(connection):
        pipeline.progress.forget_gone(connection, directory)
