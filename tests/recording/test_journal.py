"""The journal keeps what was appended, whatever happens to the process."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import orjson
import pytest

from spanbook import segments
from spanbook.recording.journal import Journal
from spanbook.segments import HEALTH_BYTES, ClaimedSegment, read_health, read_lines, unclaimed

OPENING = b'{"type":"process"}\n'


def journal_in(folder: Path, limit: int = 1 << 30) -> Journal:
    return Journal(folder / "journal", lambda: OPENING, limit)


def line(number: int, size: int = 0) -> bytes:
    return orjson.dumps({"number": number, "text": "x" * size}) + b"\n"


def numbers(lines: list[bytes]) -> list[int]:
    return [found["number"] for found in map(orjson.loads, lines) if "number" in found]


@pytest.fixture(params=["mapped", "written"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to append: into mapped memory, and by system calls where that is not to be had."""
    if request.param == "written":
        monkeypatch.setattr(segments, "_reserve", lambda *_: None)
    return request.param


def take_all(journal: Journal) -> list[bytes]:
    lines: list[bytes] = []
    while (chunk := journal.take(1 << 16)) is not None:
        lines += chunk.lines
        journal.done(chunk)
    return lines


def test_lines_come_out_in_order_over_several_segments(tmp_path: Path, way: str) -> None:
    journal = journal_in(tmp_path)

    for number in range(3_000):
        assert journal.append(line(number, size=1_000))

    assert numbers(take_all(journal)) == list(range(3_000))
    assert journal.pending == 0
    journal.close()


def test_a_line_longer_than_a_segment_gets_one_of_its_own(tmp_path: Path, way: str) -> None:
    journal = journal_in(tmp_path)

    journal.append(line(1))
    journal.append(line(2, size=20_000_000))
    journal.append(line(3))

    assert numbers(take_all(journal)) == [1, 2, 3]


def test_segments_that_the_store_holds_are_removed(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    for number in range(3_000):
        journal.append(line(number, size=1_000))

    take_all(journal)

    assert len(list(journal.directory.iterdir())) == 1
    journal.close()
    assert not journal.directory.exists()


def test_a_closed_journal_leaves_what_the_store_does_not_hold(tmp_path: Path, way: str) -> None:
    journal = journal_in(tmp_path)
    journal.append(line(7))

    journal.close()

    [claimed] = list(unclaimed(journal.directory))
    lines, _ = read_lines(claimed.path, HEALTH_BYTES, 1 << 16)
    assert numbers(lines) == [7]


def test_appending_to_a_closed_journal_opens_it_anew(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    journal.append(line(1))
    take_all(journal)
    journal.close()

    journal.append(line(2))

    assert numbers(take_all(journal)) == [2]


def test_a_segment_whose_writer_lives_cannot_be_claimed(tmp_path: Path, way: str) -> None:
    journal = journal_in(tmp_path)
    journal.append(line(1))
    [path] = journal.directory.iterdir()

    assert ClaimedSegment.claim(path) is None


def test_a_claimed_segment_cannot_be_claimed_again(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    journal.append(line(1))
    [path] = journal.directory.iterdir()
    journal.close()

    first = ClaimedSegment.claim(path)
    assert first is not None
    with first:
        assert ClaimedSegment.claim(path) is None


@pytest.mark.parametrize("mapped", [True, False])
def test_sigkill_leaves_every_line(tmp_path: Path, mapped: bool) -> None:
    script = f"""
        import os, signal
        from pathlib import Path
        from spanbook import segments
        from spanbook.recording.journal import Journal
        if not {mapped}:
            segments._reserve = lambda *_: None
        journal = Journal(Path({str(tmp_path)!r}), lambda: b'{{"type":"process"}}\\n', 1 << 30)
        for number in range(5_000):
            journal.append(b'{{"number": %d}}\\n' % number)
        os.kill(os.getpid(), signal.SIGKILL)
    """

    died = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)

    assert died.returncode == -signal.SIGKILL
    [claimed] = list(unclaimed(tmp_path))
    lines, end = read_lines(claimed.path, HEALTH_BYTES, 1 << 24)
    assert numbers(lines) == list(range(5_000))
    assert claimed.torn_bytes(end) == 0


def test_an_unfinished_last_line_is_told_apart(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    journal.append(line(1))
    journal.append(b'{"number": 2, "te')
    journal.close()
    [claimed] = list(unclaimed(journal.directory))

    lines, end = read_lines(claimed.path, HEALTH_BYTES, 1 << 16)

    assert numbers(lines) == [1]
    assert claimed.torn_bytes(end) == 17


def test_beyond_its_limit_lines_are_dropped_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = journal_in(tmp_path, limit=100_000)

    kept = [journal.append(line(number, size=10_000)) for number in range(1_000)]

    assert not all(kept)
    assert journal.dropped == kept.count(False)
    assert caplog.text.count("Spanbook drops records") == 1
    [path] = journal.directory.iterdir()
    assert read_health(path)["dropped"] == journal.dropped


def test_a_directory_that_cannot_be_made_costs_lines_but_raises_nothing(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("a file is in the way")
    journal = journal_in(tmp_path)

    assert not journal.append(line(1))

    assert journal.dropped == 1
    assert "cannot be written" in journal.note


def test_a_full_disk_drops_lines_until_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    journal = journal_in(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(segments, "_reserve", full)
        assert not journal.append(line(1))
        assert list(journal.directory.iterdir()) == []

    journal._retry_at = 0.0

    assert journal.append(line(2))
    [path] = journal.directory.iterdir()
    assert read_health(path)["dropped"] == 1


def test_a_journal_deleted_while_it_is_written_starts_anew(tmp_path: Path, way: str) -> None:
    journal = journal_in(tmp_path)
    journal.append(line(1))
    shutil.rmtree(journal.directory)

    assert take_all(journal) == []
    journal.append(line(2))

    assert numbers(take_all(journal)) == [2]
    assert journal.dropped == 1


def test_a_forked_child_writes_a_segment_of_its_own(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    journal.append(line(1))

    child = os.fork()
    if child == 0:
        journal.forget()
        journal.append(line(2))
        os._exit(0)
    os.waitpid(child, 0)
    journal.append(line(3))

    [claimed] = list(unclaimed(journal.directory))
    assert numbers(read_lines(claimed.path, HEALTH_BYTES, 1 << 16)[0]) == [2]
    assert numbers(take_all(journal)) == [1, 3]


def test_internal_errors_are_written_to_the_health_line(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    journal.append(line(1))

    journal.count_error("handler: ValueError " + "\U0001f600" * 500)

    [path] = journal.directory.iterdir()
    health = read_health(path)
    assert health["errors"] == 1
    assert health["note"].startswith("handler: ValueError")
