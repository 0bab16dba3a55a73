"""What programs leave behind when they exit, crash, fork, or no database answers."""

import os
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path
from threading import Event, Thread

import pytest

import spanbook
from spanbook.reading.book import Book
from spanbook.recording.recorder import Recorder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and fork are POSIX")


def run(script: str, url: str, **how: object) -> subprocess.CompletedProcess[str]:
    """Run a script that finds `work(n)` ready: n traces of two spans each."""
    prelude = """
        import os, signal, sys
        import spanbook

        @spanbook.observe
        def inner(number):
            return {"number": number}

        @spanbook.observe
        def outer(number):
            return inner(number)

        def work(count):
            for number in range(count):
                outer(number)
    """
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(prelude) + textwrap.dedent(script)],
        env={**os.environ, "SPANBOOK_URL": url},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        **how,  # type: ignore[call-overload]
    )


def spans_left(url: str) -> dict[str, int]:
    """Return how many spans the store holds by status, once dead processes are collected."""
    with Book(url) as book:
        book.collect()
        found: dict[str, int] = {}
        for span in book.spans(limit=None):
            found[span.status] = found.get(span.status, 0) + 1
        return found


def test_a_program_that_just_exits_loses_nothing(url: str) -> None:
    done = run("work(500)", url)

    assert (done.returncode, done.stderr) == (0, "")
    assert spans_left(url) == {"ok": 1_000}


def test_a_program_that_ends_in_an_exception_loses_nothing(url: str) -> None:
    done = run("work(500)\nraise RuntimeError('the end')", url)

    assert "the end" in done.stderr
    assert spans_left(url) == {"ok": 1_000}


def test_a_clean_exit_leaves_no_journal(url: str, tmp_path: Path) -> None:
    run("work(10)", url)

    assert sorted(path.name for path in tmp_path.glob("spanbook.db.journal*")) == []


@pytest.mark.parametrize("death", ["os._exit(3)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_sudden_death_loses_nothing_that_ended(url: str, death: str) -> None:
    run(f"work(500)\n{death}", url)

    assert spans_left(url) == {"ok": 1_000}


@pytest.mark.parametrize("death", ["os._exit(3)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_spans_that_were_running_at_death_are_there_as_incomplete(url: str, death: str) -> None:
    run(
        f"""
        with spanbook.span("outside"):
            work(3)
            with spanbook.span("inside"):
                {death}
        """,
        url,
    )

    assert spans_left(url) == {"ok": 6, "incomplete": 2}
    with Book(url) as book:
        [trace] = book.traces()
        assert (trace.name, trace.status) == ("outside", "incomplete")


def test_a_running_span_is_seen_by_others_before_it_ends(url: str) -> None:
    script = """
        import sys, spanbook
        with spanbook.span("slow"):
            spanbook.flush()
            print("running", flush=True)
            sys.stdin.readline()
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={**os.environ, "SPANBOOK_URL": url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        meanwhile = spans_left(url)
        process.communicate("go on\n")

    assert meanwhile == {"running": 1}
    assert spans_left(url) == {"ok": 1}


def test_forked_workers_lose_nothing_and_repeat_nothing(url: str) -> None:
    done = run(
        """
        work(5)
        children = []
        for _ in range(4):
            child = os.fork()
            if child == 0:
                work(100)
                sys.exit(0)
            children.append(child)
        for child in children:
            os.waitpid(child, 0)
        work(5)
        """,
        url,
    )

    assert done.returncode == 0, done.stderr
    assert spans_left(url) == {"ok": 2 * (10 + 400)}


def test_a_forked_child_that_dies_loses_nothing(url: str) -> None:
    run(
        """
        work(1)
        child = os.fork()
        if child == 0:
            work(100)
            os._exit(0)
        os.waitpid(child, 0)
        """,
        url,
    )

    assert spans_left(url) == {"ok": 202}


def test_spawned_workers_lose_nothing(url: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent("""
        import multiprocessing, spanbook

        @spanbook.observe
        def task(number):
            return number

        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(2) as pool:
                pool.map(task, range(100))
                pool.close()
                pool.join()
        """)
    )

    subprocess.run(
        [sys.executable, str(program)], env={**os.environ, "SPANBOOK_URL": url}, check=True
    )

    assert spans_left(url) == {"ok": 100}


def test_two_programs_fill_one_store(url: str) -> None:
    script = textwrap.dedent("""
        import spanbook
        for number in range(5_000):
            with spanbook.span("work"):
                pass
        flushed = spanbook.flush(60)
        print(flushed.pending, flushed.dropped)
    """)
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            env={**os.environ, "SPANBOOK_URL": url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]

    said = [program.communicate(timeout=100) for program in programs]

    assert said == [("0 0\n", "")] * 2
    assert spans_left(url) == {"ok": 10_000}


def test_flush_gives_up_on_a_locked_database_and_later_stores_all(
    recorder: Recorder, book: Book, tmp_path: Path
) -> None:
    with spanbook.span("before"):
        pass
    assert recorder.flush()
    locker = sqlite3.connect(tmp_path / "spanbook.db", isolation_level=None)
    locker.execute("BEGIN EXCLUSIVE")

    with spanbook.span("meanwhile"):
        pass
    locked = recorder.flush(timeout=0.2)
    locker.execute("ROLLBACK")
    locker.close()

    assert not locked
    assert (locked.pending, locked.dropped) == (1, 0)
    assert recorder.flush()
    assert {trace.name for trace in book.traces()} == {"before", "meanwhile"}


def test_a_database_that_cannot_be_opened_only_delays(tmp_path: Path) -> None:
    path = tmp_path / "later.db"
    path.mkdir()
    recorder = Recorder(path)
    with spanbook.span("patient", recorder=recorder):
        pass

    assert not recorder.flush(timeout=0.2)
    path.rmdir()

    assert recorder.flush()
    recorder.close()
    assert spans_left(f"sqlite:///{path}") == {"ok": 1}


def test_a_program_goes_on_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run(
        "work(10)\nprint('done', spanbook.flush(0.1).dropped)", f"sqlite:///{tmp_path}/file/x.db"
    )

    assert done.stdout == "done 42\n"  # of which two say what the functions are
    assert done.stderr.count("Spanbook drops records") == 1


def test_a_program_goes_on_when_the_disk_is_full(url: str) -> None:
    done = run(
        """
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
        work(2_000)
        flushed = spanbook.flush(1)
        print("done", flushed.dropped > 0)
        """,
        url,
    )

    assert done.stdout == "done True\n", done.stderr
    assert done.returncode == 0


def test_threads_of_one_program_lose_nothing(recorder: Recorder, url: str) -> None:
    go = Event()

    def work() -> None:
        go.wait()
        for _ in range(1_250):
            with spanbook.span("work", recorder=recorder):
                pass

    threads = [Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join()

    flushed = recorder.flush(60)
    assert (flushed.written, flushed.pending, flushed.dropped) == (10_000, 0, 0)
    assert spans_left(url) == {"ok": 10_000}


def test_the_journal_of_a_killed_program_is_taken_over_by_the_next(url: str) -> None:
    run("work(5)\nos.kill(os.getpid(), signal.SIGKILL)", url)

    next_program = run(
        """
        work(1)
        book = spanbook.open(os.environ["SPANBOOK_URL"])
        while len(list(book.spans(limit=None))) < 12:
            pass
        """,
        url,
    )

    assert next_program.returncode == 0, next_program.stderr


def test_sigterm_loses_nothing_that_ended(url: str) -> None:
    run("work(500)\nos.kill(os.getpid(), signal.SIGTERM)", url)

    assert spans_left(url) == {"ok": 1_000}
