"""Servers that fork their workers, and journals that are brought from other machines."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest

from spanbook.addresses import journal_directory
from spanbook.reading.book import Book
from spanbook.store.takeover import collect
from tests.test_survival import spans_left

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gunicorn forks")

APP = """
import spanbook

@spanbook.observe
def answer(path):
    return path.upper()

answer("/while the module is imported")

def app(environ, start_response):
    body = answer(environ["PATH_INFO"]).encode()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]
"""


class Gunicorn:
    """A running server."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        found = self.line(r"Listening at: http://127\.0\.0\.1:(\d+)")
        self._port = int(found[1])

    def line(self, pattern: str) -> re.Match[str]:
        """Wait until the server says something."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            found = re.search(pattern, line)
            if found:
                return found
        raise AssertionError(f"the server ended without {pattern}")

    def ask(self, count: int) -> None:
        """Make so many requests, each on a connection of its own."""
        for number in range(count):
            connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
            connection.request("GET", f"/question-{number}")
            assert connection.getresponse().read() == f"/QUESTION-{number}".encode()
            connection.close()

    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()


@contextmanager
def gunicorn(folder: Path, url: str, *options: str) -> Iterator[Gunicorn]:
    """Serve the application with two workers meanwhile, and end it as a supervisor does."""
    (folder / "app.py").write_text(APP)
    command = ["-m", "gunicorn", "-w", "2", "-b", "127.0.0.1:0", *options, "app:app"]
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "SPANBOOK_URL": url},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Gunicorn(process)
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
        assert "Traceback" not in said


@pytest.mark.parametrize(
    ("options", "imports"),  # the application is imported by each worker, or once before
    [((), 2), (("--preload",), 1), (("-k", "gthread", "--threads", "4"), 2)],
    ids=["forked", "preloaded", "threads"],
)
def test_every_request_to_every_worker_is_kept_once(
    options: tuple[str, ...], imports: int, url: str, tmp_path: Path
) -> None:
    with gunicorn(tmp_path, url, *options) as server:
        for _ in range(2):
            server.line("Booting worker")
        server.ask(40)

    assert spans_left(url) == {"ok": 40 + imports}


def test_a_worker_that_is_killed_takes_nothing_with_it(url: str, tmp_path: Path) -> None:
    with gunicorn(tmp_path, url, "--preload") as server:
        for _ in range(2):
            server.line("Booting worker")
        server.ask(20)
        for worker in server.workers():
            worker.kill()
            server.line("Booting worker")
        server.ask(20)

    assert spans_left(url) == {"ok": 41}


# Journals from elsewhere


@pytest.fixture
def segments(tmp_path: Path) -> list[Path]:
    """The journal of a program on another machine, which only appends: several files."""
    url = f"sqlite:///{tmp_path / 'there' / 'spanbook.db'}"
    work = (
        "import spanbook\nfor n in range(50):\n    with spanbook.span(f'step {n}'):\n        pass\n"
    )
    for _ in range(3):
        subprocess.run(
            [sys.executable, "-c", work],
            env={**os.environ, "SPANBOOK_URL": url, "SPANBOOK_INGEST": "0"},
            check=True,
        )
    return sorted(journal_directory(url).glob("*.jsonl"))


def test_segments_may_arrive_in_any_order_twice_and_half(
    segments: list[Path], url: str, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    assert len(segments) >= 3

    whole = segments[-1].read_bytes()
    (spool / segments[-1].name).write_bytes(whole[: len(whole) // 2])
    collect(url, spool)
    for segment in reversed(segments):
        shutil.copy(segment, spool)
        collect(url, spool)
    for segment in segments:
        shutil.copy(segment, spool)
    collect(url, spool)

    assert spans_left(url) == {"ok": 150}
    with Book(url) as book:
        assert len(book.traces(limit=1_000)) == 150
        assert {run.name for run in book.runs()} == {"-c"}
