"""Runs group traces and hold what they were about."""

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import spanbook
from spanbook.errors import ArgumentError, UnknownRunError
from spanbook.reading.book import Book
from spanbook.recording.process import git_commit
from spanbook.recording.recorder import Recorder


@pytest.fixture
def recorder(url: str) -> Iterator[Recorder]:
    """The default recorder, with its store."""
    recorder = spanbook.configure(url, project="shop", release="1.4")
    yield recorder
    recorder.close()


@pytest.fixture
def book(recorder: Recorder, url: str) -> Iterator[Book]:
    with Book(url) as book:
        yield book


def trace(name: str = "trace") -> None:
    with spanbook.span(name), spanbook.span("inside"):
        pass


def test_a_run_holds_what_it_was_about(recorder: Recorder, book: Book) -> None:
    with spanbook.run("nightly", config={"top_k": 4, "api_key": "sk-secret"}) as run:
        trace()

    recorder.flush()
    [row] = book.runs()
    assert (row.run_id, row.name, row.status) == (run.run_id, "nightly", "ok")
    assert (row.project, row.release, row.pid) == ("shop", "1.4", os.getpid())
    assert row.config == {"top_k": 4, "api_key": "[redacted]"}
    assert row.host
    assert row.commit == git_commit(Path.cwd())
    assert any(package.startswith("sqlalchemy==") for package in row.packages)
    assert (row.trace_count, row.error_count, row.is_process) == (1, 0, False)
    assert row.end is not None
    assert row.end >= row.start
    assert row.duration is not None
    assert [one.name for one in book.traces(run=run.run_id)] == ["trace"]


def test_a_config_that_no_database_could_look_into_is_mended(
    recorder: Recorder, book: Book
) -> None:
    config = {"k\0ey": {"a\0": ["\0b", 1]}, "half": "\ud800"}
    with spanbook.run("nightly", config=config) as run:
        run.log(note="x\0y")

    recorder.flush()
    assert [row.config for row in book.runs(where="config.key.a is not null")] == [
        {"key": {"a": ["b", 1]}, "half": "\N{REPLACEMENT CHARACTER}"}
    ]
    assert [row.metrics for row in book.runs(where="metrics.note = xy")] == [{"note": "xy"}]


def test_the_last_metric_is_the_runs_and_all_are_its_history(
    recorder: Recorder, book: Book
) -> None:
    with spanbook.run("training") as run:
        run.log(accuracy=0.5, loss=2)
        run.log({"accuracy": 0.75, "eval/f1": 0.5}, loss=1)
        run.log(step=10, accuracy=0.9)
        run.log(loss=0.5)
        run.log(step=10, accuracy=0.95)

    recorder.flush()
    [row] = book.runs()
    assert row.metrics == {"accuracy": 0.95, "loss": 0.5, "eval/f1": 0.5}
    history = [(one.step, one.value) for one in book.metrics(run.run_id, "accuracy")]
    assert history == [(0, 0.5), (1, 0.75), (10, 0.95)]
    assert [(one.name, one.step) for one in book.metrics(run.run_id) if one.step == 11] == [
        ("loss", 11)
    ]
    assert book.metrics(run.run_id)[0].at >= row.start


class Scalar:
    """As arrays of one value are."""

    def __float__(self) -> float:
        return 0.25


@pytest.mark.parametrize(
    ("value", "last", "history"),
    [
        (3, 3, 3.0),
        (True, 1.0, 1.0),
        (Decimal("0.5"), 0.5, 0.5),
        (Scalar(), 0.25, 0.25),
        (float("nan"), None, None),
        (float("inf"), None, None),
    ],
)
def test_a_metric_is_any_number(
    recorder: Recorder, book: Book, value: Any, last: Any, history: float | None
) -> None:
    with spanbook.run("training") as run:
        run.log(value=value)

    recorder.flush()
    assert book.run(run.run_id).metrics == {"value": last}
    assert [one.value for one in book.metrics(run.run_id)] == [history]


def test_what_is_no_number_is_in_no_history(recorder: Recorder, book: Book) -> None:
    with spanbook.run("training") as run:
        run.log(best="second", scores=[1, 2], big=1 << 70)

    recorder.flush()
    assert book.run(run.run_id).metrics == {"best": "second", "scores": [1, 2], "big": 2.0**70}
    assert [one.name for one in book.metrics(run.run_id)] == ["big"]


@pytest.mark.parametrize("step", [-1, 1.5, "first", 1 << 63])
def test_a_step_that_cannot_be_is_refused(recorder: Recorder, step: Any) -> None:
    with (
        spanbook.run("training") as run,
        pytest.raises(ArgumentError, match="Give a whole number"),
    ):
        run.log(step=step, loss=1)


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [(ValueError("no"), "error", "ValueError: no"), (KeyboardInterrupt(), "cancelled", None)],
)
def test_a_run_ends_as_its_block_does(
    recorder: Recorder, book: Book, error: BaseException, status: str, words: str | None
) -> None:
    with pytest.raises(type(error)), spanbook.run("nightly"):
        raise error

    recorder.flush()
    [row] = book.runs()
    assert row.status == status
    assert row.error == (words or "KeyboardInterrupt")


def test_a_trace_belongs_to_the_innermost_run_where_it_starts(
    recorder: Recorder, book: Book
) -> None:
    def in_thread() -> None:
        trace("outside")
        with spanbook.run("own"):
            trace("of own")

    trace("before")
    with spanbook.run("outer"):
        with spanbook.span("of outer"), spanbook.run("inner"):
            with spanbook.span("below"):
                pass
            with spanbook.span("of inner", parent=None):
                pass
        thread = threading.Thread(target=in_thread)
        thread.start()
        thread.join()
        thread = threading.Thread(target=spanbook.carried(trace), args=("carried",))
        thread.start()
        thread.join()
    with spanbook.run("next"):
        trace("of next")

    recorder.flush()
    names = {row.run_id: row.name for row in book.runs()}
    found = {one.name: name for run_id, name in names.items() for one in book.traces(run=run_id)}
    process = book.run(recorder.run_id).name
    assert found == {
        "before": process,
        "of outer": "outer",
        "of inner": "inner",
        "outside": process,
        "of own": "own",
        "carried": "outer",
        "of next": "next",
    }


def test_a_run_may_be_that_of_the_whole_process(recorder: Recorder, book: Book) -> None:
    run = spanbook.run("notebook").start()
    thread = threading.Thread(target=trace)
    thread.start()
    thread.join()
    with spanbook.run("inside"):
        trace()
    run.finish()
    run.finish(ValueError("too late"))
    run.log(late=1)
    trace()

    recorder.flush()
    rows = {row.name: row for row in book.runs()}
    assert (rows["notebook"].trace_count, rows["notebook"].status) == (1, "ok")
    assert rows["notebook"].metrics == {}
    assert rows["inside"].trace_count == 1


async def test_a_run_works_in_async_code(recorder: Recorder, book: Book) -> None:
    async with spanbook.run("nightly") as run:
        trace()

    recorder.flush()
    assert book.run(run.run_id).trace_count == 1


def test_runs_of_several_recorders_do_not_mix(recorder: Recorder, tmp_path: Path) -> None:
    other = Recorder(tmp_path / "other.db")

    with spanbook.run("theirs", recorder=other), spanbook.run("ours"):
        trace()
        with spanbook.span("other", recorder=other):
            pass

    for one, name in ((recorder, "ours"), (other, "theirs")):
        one.close()
        with Book(one.settings.url) as book:
            [row] = book.runs()
            assert (row.name, row.trace_count) == (name, 1)


SCRIPT = """
    import os, signal
    import spanbook
    run = spanbook.run("forgotten", config={"a": 1}).start()
    with spanbook.span("done"):
        run.log(accuracy=0.5)
    open_span = spanbook.span("open").start()
"""


@pytest.mark.parametrize(
    ("ending", "status"), [("", "ok"), ("os.kill(os.getpid(), signal.SIGKILL)", "incomplete")]
)
def test_a_run_that_nobody_ends_ends_with_its_process(url: str, ending: str, status: str) -> None:
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT) + ending],
        check=False,
        env={"PATH": "/usr/bin:/bin", "SPANBOOK_URL": url},
    )

    with Book(url) as book:
        book.collect()
        [row] = book.runs()
        statuses = {one.name: one.status for one in book.traces(run=row.run_id)}
    assert (row.name, row.status, row.metrics) == ("forgotten", status, {"accuracy": 0.5})
    assert statuses == {"done": "ok", "open": "incomplete"}


def worker(name: str) -> None:
    """Begin a trace in a worker."""
    with spanbook.span(name):
        pass


def test_traces_begun_in_a_forked_worker_belong_to_the_run(recorder: Recorder, book: Book) -> None:
    with spanbook.run("nightly") as run:
        child = os.fork()
        if child == 0:
            worker("of the child")
            os._exit(0)
        os.waitpid(child, 0)

    recorder.flush()
    book.collect()
    assert [one.name for one in book.traces(run=run.run_id)] == ["of the child"]
    assert book.run(run.run_id).name == "nightly"


def test_with_recording_off_a_run_is_nothing(url: str) -> None:
    recorder = Recorder(url, enabled=False)

    with spanbook.run("nightly", recorder=recorder) as run:
        run.log(a=1)

    assert not recorder.journal.directory.exists()


def test_an_unknown_run_says_what_to_do(recorder: Recorder, book: Book) -> None:
    with pytest.raises(UnknownRunError, match="look one up in the list of runs"):
        book.run("7" * 32)
