"""Filling a store from a journal, whatever the store or the lines are like."""

import logging
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import exc

from spanbook.store.database import open_engine
from tests.storing.conftest import Shelf, count, end, line, span_id, start, trace_id, until


@pytest.fixture
def lock(shelf: Shelf) -> Iterator[sqlite3.Connection]:
    """Another program's hold on the store, from the start of the test."""
    open_engine(shelf.path).dispose()
    other = sqlite3.connect(shelf.path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    yield other
    other.close()


def test_drain_stores_what_waits(shelf: Shelf) -> None:
    shelf.write(*(end(number) for number in range(2_000)))

    assert shelf.ingester.drain(30)
    assert (count(shelf), shelf.ingester.written, shelf.journal.pending) == (2_000, 2_000, 0)


def test_drain_of_nothing_is_done(shelf: Shelf) -> None:
    assert shelf.ingester.drain(0)


def test_the_thread_stores_what_comes(shelf: Shelf) -> None:
    shelf.ingester.start()
    shelf.write(start(1))
    assert until(lambda: count(shelf) == 1)

    shelf.write(end(1))
    assert until(lambda: shelf.span()["status"] == "ok")


def test_the_thread_sleeps_until_it_is_woken(shelf: Shelf) -> None:
    shelf.ingester.start()
    shelf.write(end(1))
    assert until(lambda: shelf.journal.wake is not None)

    shelf.write(end(2))
    assert until(lambda: count(shelf) == 2)


def test_the_thread_calls_the_tick(shelf: Shelf) -> None:
    ticked = Event()
    shelf.ingester.tick = ticked.set
    shelf.ingester.start()

    assert ticked.wait(10)


def test_an_ingester_can_be_started_again(shelf: Shelf) -> None:
    shelf.ingester.start()
    shelf.ingester.stop()
    shelf.write(end(1))
    shelf.ingester.start()

    assert until(lambda: count(shelf) == 1)


@pytest.mark.only("sqlite")
def test_drain_is_bounded_while_the_store_is_locked(shelf: Shelf, lock: sqlite3.Connection) -> None:
    shelf.write(end(1))
    begun = time.monotonic()

    assert not shelf.ingester.drain(0.2)
    assert time.monotonic() - begun < 5
    assert isinstance(shelf.ingester.last_error, Exception)

    lock.close()
    assert shelf.ingester.drain(10)
    assert (count(shelf), shelf.ingester.written, shelf.ingester.last_error) == (1, 1, None)


@pytest.mark.only("sqlite")
def test_the_thread_goes_on_when_the_store_is_free_again(
    shelf: Shelf, lock: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="spanbook")
    shelf.write(*(end(number) for number in range(100)))
    shelf.ingester.start()
    assert until(lambda: shelf.ingester.last_error is not None)
    assert not shelf.ingester.drain(0.3)

    lock.close()

    assert until(lambda: count(shelf) == 100)
    assert [r.message.partition(";")[0] for r in caplog.records] == ["The store does not answer"]


@pytest.mark.only("sqlite")
def test_a_store_that_cannot_be_opened_loses_nothing(shelf: Shelf) -> None:
    shelf.path.mkdir()
    shelf.write(end(1))
    assert not shelf.ingester.drain(0.1)

    shelf.path.rmdir()
    assert shelf.ingester.drain(10)
    assert count(shelf) == 1


@pytest.mark.only("sqlite")
def test_a_store_that_was_moved_away_is_made_anew(shelf: Shelf) -> None:
    shelf.store(end(1))
    for path in shelf.path.parent.glob("store.db*"):
        if path.is_file():
            path.rename(path.with_name("moved-" + path.name))

    shelf.store(end(2))

    assert [row["span_id"] for row in shelf.rows("SELECT span_id FROM spans")] == [span_id(2)]


@pytest.mark.parametrize(
    "bad",
    [
        b"{not json}\n",
        b"[1, 2]\n",
        b'"text"\n',
        b"{}\n",
        b'{"type":"unheard of"}\n',
        b'{"type":"start","trace":"short","span":"x","start":1}\n',
        line(start(2) | {"start": "noon"}),
        line(start(2) | {"start": 2**64 - 1}),
        line(start(2) | {"parent": {"not": "an id"}}),
        line(end(2) | {"status": "splendid"}),
        line(end(2) | {"usage": {"input": 2**64 - 1}}),
        line(end(2) | {"usage": {"input": [1]}}),
        line(end(2) | {"usage": "much"}),
        line(end(2) | {"attributes": [1, 2]}),
        line(end(2) | {"model": "m" * 9, "first_token": {}}),
        line({"type": "blob", "hash": "z" * 32, "data": "AA=="}),
        line({"type": "blob", "hash": "0" * 32, "data": "not base64"}),
        b"\xff\xfe\n",
    ],
)
def test_a_line_that_cannot_be_stored_does_not_lose_its_neighbours(
    shelf: Shelf, bad: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.write(start(1))
    shelf.journal.append(bad)
    shelf.write(*(end(number) for number in range(3, 40)))
    assert shelf.ingester.drain(10)

    assert count(shelf) == 38
    health = shelf.one("SELECT run_id, corrupt, note FROM health")
    assert health == {
        "run_id": "1" * 32,
        "corrupt": 1,
        "note": "1 journal lines could not be read",
    }
    assert "could not be read" in caplog.text


def test_strange_values_are_no_reason_to_lose_a_span(shelf: Shelf) -> None:
    shelf.store(
        end(1, context={"tags": "no list", "metadata": [1], "session": 7}, input=None, error=None),
        end(2, 1, error="text", status="error", kind=None, output=[], attributes={}),
        end(3, 1, error={"type": None, "message": 5}, status="error"),
        end(4, None, input={"messages": "no list"}, output={"messages": [3, None, []]}),
        end(5, None, trace=trace_id(5), input={"messages": []}, output={"content": [4]}),
    )

    assert count(shelf) == 5
    assert shelf.rows("SELECT * FROM health") == []


def test_a_chunk_that_was_stored_but_not_noted_is_not_stored_twice(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.write(*(end(n, kind="llm", usage={"input": 1}) for n in range(50)))
    with monkeypatch.context() as patched:
        patched.setattr(shelf.journal, "done", lambda _: (_ for _ in ()).throw(OSError("killed")))
        assert not shelf.ingester.drain(0)
    before = shelf.dump()

    assert shelf.ingester.drain(10)
    assert shelf.dump() == before


def test_how_far_a_segment_is_held_is_stored_with_its_rows(shelf: Shelf) -> None:
    shelf.store(end(1))
    shelf.write(end(2))
    assert shelf.ingester.step() > 0

    (path,) = shelf.journal.directory.iterdir()
    held = shelf.one('SELECT name, "offset" AS held FROM segments')
    assert held["name"].rpartition("/")[2] == path.name
    assert held == {"name": held["name"], "held": len(path.read_bytes().rstrip(b"\0"))}


def test_what_was_dropped_is_told_by_the_store(shelf: Shelf) -> None:
    shelf.store(end(1))
    shelf.journal.dropped = 3
    shelf.journal.count_error("on_llm_end: KeyError")
    shelf.ingester.step()

    health = shelf.one("SELECT dropped, errors, corrupt, note FROM health")
    assert health == {"dropped": 3, "errors": 1, "corrupt": 0, "note": "on_llm_end: KeyError"}


def test_an_error_of_our_own_does_not_end_the_thread(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = Event()

    def fail() -> None:
        failed.set()
        raise ZeroDivisionError

    shelf.ingester.tick = fail
    shelf.ingester.start()
    assert failed.wait(10)
    shelf.write(end(1))

    assert until(lambda: count(shelf) == 1)
    assert shelf.journal.errors >= 1


def test_two_threads_may_drain_at_once(shelf: Shelf) -> None:
    shelf.ingester.start()
    shelf.write(*(end(number) for number in range(3_000)))
    threads = [Thread(target=shelf.ingester.drain, args=(30,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert count(shelf) == 3_000


@pytest.mark.only("sqlite")
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are seen in /proc")
def test_a_connection_is_not_carried_into_a_forked_child(shelf: Shelf) -> None:
    shelf.ingester.start()
    shelf.write(end(1))
    assert until(lambda: count(shelf) == 1)
    child = os.fork()
    if child == 0:
        names = [os.path.realpath(entry.path) for entry in os.scandir("/proc/self/fd")]
        os._exit(any(name.startswith(f"{shelf.path}") and "journal" not in name for name in names))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    shelf.write(end(2))
    assert until(lambda: count(shelf) == 2)


@pytest.mark.only("sqlite")
@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are POSIX")
def test_a_full_disk_loses_nothing(shelf: Shelf) -> None:
    import resource
    import signal

    shelf.store(end(1))
    shelf.write(*(end(n, output=os.urandom(3000).hex()) for n in range(2, 200)))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    size = max(
        path.stat().st_size for path in shelf.path.parent.glob("store.db*") if path.is_file()
    )
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20_000, limits[1]))
    try:
        assert not shelf.ingester.drain(0.2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert isinstance(shelf.ingester.last_error, exc.SQLAlchemyError)

    assert shelf.ingester.drain(10)
    assert count(shelf) == 199
