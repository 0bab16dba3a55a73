"""Takeover: what dead processes left in the journal goes into the store, and their runs end."""

import os
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path

from spanbook.addresses import journal_directory, store_url
from spanbook.errors import JournalError
from spanbook.segments import (
    HEALTH_BYTES,
    Chunk,
    ClaimedSegment,
    read_health,
    read_lines,
    unclaimed,
)
from spanbook.store.database import writing
from spanbook.store.losses import Losses
from spanbook.store.pace import at_once
from spanbook.store.pipeline import Pipeline
from spanbook.store.progress import forget, held, names
from spanbook.store.records import Pause
from spanbook.store.runs import give_up, run_number

CHUNK_BYTES = 1 << 20  # of lines in one transaction


def collect(
    url: str | os.PathLike[str],
    directory: Path | None = None,
    *,
    clock: Callable[[], int] = time.time_ns,
) -> int:
    """Store what dead processes left in the journal of the store at `url`; return how many records.

    Spans that they left running become incomplete. Any number of processes may collect at once.

    Raises:
        SettingsError, StoreError: the store cannot be opened.
        SQLAlchemyError: the store does not answer; what is not stored yet stays in the journal.
    """
    address = store_url(url)
    pipeline = Pipeline(address, directory or journal_directory(address), clock)
    try:
        return sum(take_over(pipeline, at_once))
    finally:
        pipeline.close()


def take_over(pipeline: Pipeline, pause: Pause) -> Generator[int]:
    """Claim the segments of dead processes and store them chunk by chunk; yield records stored."""
    directory = pipeline.openings.directory
    with ExitStack() as claims:
        claimed = [claims.enter_context(segment) for segment in unclaimed(directory)]
        if not claimed:
            return
        for segment in claimed:
            yield from _store(pipeline, segment, pause)
        _end_runs(pipeline, claimed)
        for segment in claimed:
            segment.remove()
        _forget_gone(pipeline, directory)


def _store(pipeline: Pipeline, segment: ClaimedSegment, pause: Pause) -> Generator[int]:
    name = segment.path.name
    connection = pipeline.connection
    start = max(held(connection, name), HEALTH_BYTES)
    connection.rollback()
    while True:
        lines, end = read_lines(segment.path, start, CHUNK_BYTES)
        if not lines:
            break
        yield pipeline.store(Chunk(name, start, end, lines), pause).records
        start = end
    losses = _losses(segment, start)
    if losses:
        pipeline.report(name, losses)


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
        bool(torn),
        note or health.get("note", ""),
    )


def _end_runs(pipeline: Pipeline, claimed: list[ClaimedSegment]) -> None:
    connection = pipeline.connection
    processes = [pipeline.openings.of(segment.path.name) for segment in claimed]
    with writing(connection):
        for run_pk in {run_number(connection, process) for process in processes if process}:
            give_up(connection, run_pk)


def _forget_gone(pipeline: Pipeline, directory: Path) -> None:
    """Drop the notes on segments whose files are gone."""
    connection = pipeline.connection
    with writing(connection):
        forget(connection, [name for name in names(connection) if not (directory / name).exists()])
