"""Recorders whose records are read straight from the journal."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from spanbook.recording import defaults
from spanbook.recording.recorder import Recorder

Records = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def recorder(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """The default recorder, without a store behind it; the versions of functions are not told."""
    recorder = Recorder(url, ingest=False, functions=False)
    monkeypatch.setattr(defaults, "_default", recorder)
    yield recorder
    recorder.journal.close()


@pytest.fixture
def records(recorder: Recorder) -> Records:
    """What was recorded since the last call, without the opening of the segment."""
    return lambda: read_records(recorder)


def read_records(recorder: Recorder) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while (chunk := recorder.journal.take(1 << 20)) is not None:
        found += [orjson.loads(line) for line in chunk.lines]
        recorder.journal.done(chunk)
    return [record for record in found if record["type"] != "process"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
