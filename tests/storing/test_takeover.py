"""What dead processes leave in the journal, and many processes with one store."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from spanbook.errors import StoreError
from spanbook.segments import unclaimed
from tests.storing.conftest import START, Shelf, count, end, line, process, span_id, start, until

ROOT = Path(__file__).parents[2]
PRELUDE = """
import os, signal, sys, threading
from pathlib import Path
from tests.storing.conftest import *
shelf = Shelf(Path(sys.argv[1]), process(sys.argv[2]), sys.argv[3])
own = sys.argv[2]
"""


def spawn(reader: Shelf, run: str, script: str) -> subprocess.Popen[bytes]:
    """Start a process that has a shelf of its own on the store in `folder`."""
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + script, reader.path.parent, run, reader.url],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run(reader: Shelf, script: str, name: str = "2" * 32) -> int:
    child = spawn(reader, name, script)
    _, errors = child.communicate(timeout=100)
    assert errors == b""
    return child.returncode


def segments(folder: Path) -> list[Path]:
    return sorted((folder / "store.db.journal").glob("*"))


@pytest.fixture
def reader(tmp_path: Path, store_url: str) -> Iterator[Shelf]:
    """A shelf to look at what others stored in the store of the test."""
    reader = Shelf(tmp_path, url=store_url)
    yield reader
    reader.close()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_what_a_killed_process_finished_is_taken_over(tmp_path: Path, reader: Shelf) -> None:
    script = """
for number in range(3_000):
    shelf.write(start(number, 0 if number else None))
    if number:
        shelf.write(end(number, 0, output="x" * 500))
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert run(reader, script) == -signal.SIGKILL

    assert reader.collect() >= 3_000 + 2_999
    counts = reader.rows("SELECT status, count(*) AS n FROM spans GROUP BY 1 ORDER BY 1")
    assert counts == [{"status": "incomplete", "n": 1}, {"status": "ok", "n": 2_999}]
    assert (
        reader.trace()["status"] == reader.one("SELECT status FROM runs")["status"] == "incomplete"
    )
    assert segments(tmp_path) == []
    assert reader.rows("SELECT * FROM segments") == []


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_a_process_killed_while_it_stores_is_stored_once(tmp_path: Path, reader: Shelf) -> None:
    script = """
shelf.write(*(end(n, kind="llm", usage={"input": 1}, output="x" * 900) for n in range(4_000)))
shelf.ingester.start()
while shelf.ingester.written < 500:
    threading.Event().wait(0.001)
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert run(reader, script) == -signal.SIGKILL
    reader.collect()

    trace = reader.trace()
    assert (trace["span_count"], trace["input_tokens"]) == (4_000, 4_000)
    assert reader.one("SELECT sum(count) AS n FROM rollups")["n"] == 4_000
    assert reader.one("SELECT count(*) AS n FROM spans")["n"] == 4_000


def test_a_torn_last_line_is_counted_and_reported(tmp_path: Path, reader: Shelf) -> None:
    shelf = Shelf(tmp_path, process("3" * 32), reader.url)
    shelf.write(end(1))
    shelf.journal.append(line(end(2))[:70])  # the writer was killed amid this
    shelf.journal.close()

    reader.collect()

    assert [row["span_id"] for row in reader.rows("SELECT span_id FROM spans")] == [span_id(1)]
    health = reader.one("SELECT run_id, corrupt, note FROM health")
    assert (health["run_id"], health["corrupt"]) == ("3" * 32, 1)
    assert "cut short after 70 bytes" in health["note"]
    assert segments(tmp_path) == []


def test_a_line_after_unwritten_space_is_read(tmp_path: Path, reader: Shelf) -> None:
    shelf = Shelf(tmp_path, url=reader.url)
    shelf.journal.append(line(end(1))[:70] + b"\0" * 30 + line(end(2)))
    shelf.journal.close()

    reader.collect()

    assert [row["span_id"] for row in reader.rows("SELECT span_id FROM spans")] == [span_id(2)]


def test_what_a_dead_process_lost_is_kept(tmp_path: Path, reader: Shelf) -> None:
    shelf = Shelf(tmp_path, url=reader.url)
    shelf.write(start(1))
    shelf.journal.dropped = 4
    shelf.journal.count_error("disk full")
    shelf.journal.close()

    reader.collect()

    assert reader.one("SELECT dropped, errors, note FROM health") == {
        "dropped": 4,
        "errors": 1,
        "note": "disk full",
    }


def test_a_collector_goes_on_where_another_stopped(tmp_path: Path, reader: Shelf) -> None:
    shelf = Shelf(tmp_path, url=reader.url)
    shelf.write(end(1))
    assert shelf.ingester.step()
    shelf.write(end(2))
    shelf.ingester.stop()
    shelf.journal.close()

    assert reader.collect() == 1
    assert reader.one("SELECT span_count AS n FROM traces")["n"] == 2


def test_an_exit_ends_the_run(tmp_path: Path, reader: Shelf) -> None:
    shelf = Shelf(tmp_path, url=reader.url)
    shelf.store(start(1), end(2, 1), {"type": "exit", "at": START + 99})
    shelf.close()

    assert reader.one("SELECT status, end_ns FROM runs") == {"status": "ok", "end_ns": START + 99}
    assert (reader.span(1)["status"], reader.trace()["status"]) == ("incomplete", "incomplete")


def test_a_late_end_replaces_what_was_given_up(tmp_path: Path, reader: Shelf) -> None:
    shelf = Shelf(tmp_path, url=reader.url)
    shelf.write(start(1, input="in"))
    shelf.journal.close()
    reader.collect()
    assert reader.trace()["status"] == "incomplete"

    shelf.store(end(1, output="out"))

    assert (reader.span()["status"], reader.trace()["status"]) == ("ok", "ok")
    assert reader.payload() == {"input": "in", "output": "out"}
    shelf.close()


def test_a_trace_without_its_root_is_given_up_with_its_run(tmp_path: Path, reader: Shelf) -> None:
    shelf = Shelf(tmp_path, url=reader.url)
    shelf.write(end(2, 1))
    shelf.journal.close()

    reader.collect()

    assert reader.trace()["status"] == "incomplete"


def test_segments_of_the_living_are_left_alone(tmp_path: Path, reader: Shelf) -> None:
    shelf = Shelf(tmp_path, url=reader.url)
    shelf.write(end(1))

    assert reader.collect() == 0
    assert len(segments(tmp_path)) == 1
    shelf.close()


@pytest.mark.only("sqlite")
def test_nothing_to_collect_makes_no_store(tmp_path: Path, reader: Shelf) -> None:
    assert reader.collect() == 0
    assert not reader.path.exists()


def test_a_starting_ingester_takes_over(tmp_path: Path, reader: Shelf) -> None:
    dead = Shelf(tmp_path, process("4" * 32), reader.url)
    dead.write(start(1))
    dead.journal.close()
    shelf = Shelf(tmp_path, url=reader.url)
    shelf.ingester.start()

    assert until(lambda: count(reader) == 1)
    assert until(lambda: reader.span()["status"] == "incomplete")
    shelf.close()


def test_two_collectors_at_once_store_once(tmp_path: Path, reader: Shelf) -> None:
    for turn in range(6):
        dead = Shelf(tmp_path, process(f"{turn:032x}"), reader.url)
        dead.write(*(end(turn * 1000 + n, kind="llm", usage={"input": 1}) for n in range(500)))
        dead.journal.close()
    script = """
sys.stdin.read(1)
shelf.collect()
"""
    children = [spawn_waiting(reader, script) for _ in range(2)]
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"x")
        child.stdin.close()
    assert [child.wait(100) for child in children] == [0, 0]
    reader.collect()

    assert reader.trace()["span_count"] == reader.trace()["input_tokens"] == 3_000
    assert segments(tmp_path) == []


def spawn_waiting(reader: Shelf, script: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + script, reader.path.parent, "5" * 32, reader.url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
    )


def test_two_processes_fill_one_store_without_loss(tmp_path: Path, reader: Shelf) -> None:
    script = """
shelf.ingester.start()
for number in range(5_000):
    shelf.write(start(number, trace=own, output="x" * 300), end(number, trace=own))
assert shelf.ingester.drain(60)
assert shelf.ingester.last_error is None
shelf.close()
"""
    children = [spawn(reader, digit * 32, script) for digit in "67"]

    assert [child.communicate(timeout=100)[1] for child in children] == [b"", b""]
    rows = reader.rows("SELECT trace_id, span_count FROM traces ORDER BY 1")
    assert rows == [
        {"trace_id": "6" * 32, "span_count": 5_000},
        {"trace_id": "7" * 32, "span_count": 5_000},
    ]
    assert reader.one("SELECT count(*) AS n FROM spans WHERE status = 'ok'")["n"] == 10_000
    assert segments(tmp_path) == []


def test_two_processes_may_write_one_trace(tmp_path: Path, reader: Shelf) -> None:
    script = """
shelf.ingester.start()
first = 1 if own[0] == "6" else 2
for number in range(first, 2_000, 2):
    shelf.write(end(number, 0, kind="llm", usage={"input": 1}))
if first == 1:
    shelf.write(end(0))
assert shelf.ingester.drain(60)
shelf.close()
"""
    children = [spawn(reader, digit * 32, script) for digit in "67"]

    assert [child.communicate(timeout=100)[1] for child in children] == [b"", b""]
    trace = reader.trace()
    assert (trace["span_count"], trace["input_tokens"], trace["status"]) == (2_000, 1_999, "ok")


def test_a_segment_without_health_is_taken_over_all_the_same(tmp_path: Path, reader: Shelf) -> None:
    shelf = Shelf(tmp_path, url=reader.url)
    shelf.write(end(1))
    shelf.journal.close()
    (path,) = segments(tmp_path)
    content = bytearray(path.read_bytes())
    content[:20] = b"\xff" * 20
    path.write_bytes(content)

    reader.collect()

    assert reader.span()["status"] == "ok"


@pytest.mark.only("sqlite")
def test_claims_are_given_back_when_the_store_does_not_answer(
    tmp_path: Path, reader: Shelf
) -> None:
    shelf = Shelf(tmp_path, url=reader.url)
    shelf.write(end(1))
    shelf.journal.close()
    reader.path.mkdir()
    with pytest.raises(StoreError):
        reader.collect()

    claims = list(unclaimed(shelf.journal.directory))
    assert len(claims) == 1
    for claim in claims:
        claim.close()
    assert orjson.loads(segments(tmp_path)[0].read_bytes().splitlines()[-2])["span"] == span_id(1)
