"""Programs that only append: another process fills the store while they live."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from spanbook.store.takeover import Collector, collect
from tests.storing.conftest import Shelf, count, until

PROGRAM = """
import sys, spanbook
recorder = spanbook.Recorder(sys.argv[1], ingest=False)
for line in sys.stdin:
    for number in range(int(line)):
        with spanbook.span(f"span {number}", recorder=recorder, input="x" * 500):
            pass
    print("done", flush=True)
"""


class Program:
    """A living program that records as many spans as it is told to."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def record(self, number: int) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{number}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def end(self) -> None:
        self.process.communicate(timeout=60)


@pytest.fixture
def reader(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


@pytest.fixture
def program(reader: Shelf) -> Iterator[Program]:
    program = Program(reader.path)
    yield program
    program.process.kill()
    program.end()


def test_what_a_living_program_appended_is_stored(reader: Shelf, program: Program) -> None:
    with Collector(reader.url) as collector:
        program.record(3)
        collector.collect()
        first = count(reader)
        program.record(2)
        collector.collect()

    assert (first, count(reader)) == (3, 5)
    assert reader.one("SELECT status FROM runs")["status"] == "running"


def test_full_segments_are_stored_and_removed(reader: Shelf, program: Program) -> None:
    program.record(6_000)
    folder = reader.journal.directory
    before = len(list(folder.glob("*.jsonl")))

    with Collector(reader.url) as collector:
        collector.collect()

    assert before > 2
    assert len(list(folder.glob("*.jsonl"))) == 1
    assert count(reader) == 6_000
    assert reader.one("SELECT status FROM runs")["status"] == "running"
    program.end()
    collect(reader.url)
    assert reader.one("SELECT status FROM runs")["status"] == "ok"
    assert list(folder.glob("*.jsonl")) == []


def test_a_killed_program_loses_nothing_that_ended(reader: Shelf, program: Program) -> None:
    program.record(10)
    collect(reader.url)
    program.record(10)

    program.process.send_signal(signal.SIGKILL)
    program.process.wait()
    collect(reader.url)

    assert count(reader) == 20
    assert reader.one("SELECT status FROM runs")["status"] == "incomplete"


def test_a_killed_follower_is_followed_by_another(reader: Shelf, program: Program) -> None:
    program.record(4_000)
    script = Path(sys.executable).with_name("spanbook")
    for _ in range(3):
        before = count(reader)
        with subprocess.Popen(
            [script, "ingest", reader.url, "--watch"], stdout=subprocess.DEVNULL
        ) as follower:
            program.record(1_000)
            seen = until(lambda before=before: count(reader) > before)
            follower.kill()
        assert seen

    collect(reader.url)

    assert count(reader) == 7_000
    assert reader.one("SELECT count(*) AS n FROM traces")["n"] == 7_000
    assert reader.one("SELECT sum(count) AS n FROM rollups")["n"] == 7_000


def test_only_one_follows_at_a_time(reader: Shelf, program: Program) -> None:
    program.record(5)
    with ExitStack() as stack:
        one, other = (stack.enter_context(Collector(reader.url)) for _ in range(2))
        assert one.collect() + other.collect() == 11  # a process, and starts and ends
    assert count(reader) == 5


def test_segments_from_elsewhere_are_stored(tmp_path: Path, reader: Shelf) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = Program(elsewhere / "store.db")
    other.record(4)
    other.end()

    taken = collect(reader.url, elsewhere / "store.db.journal")

    assert taken > 4
    assert count(reader) == 4
