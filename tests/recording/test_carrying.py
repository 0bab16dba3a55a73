"""Spans keep their parents in threads, executors and other processes."""

import asyncio
import contextvars
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import spanbook
from spanbook.reading.book import Book
from spanbook.recording import defaults
from spanbook.recording.recorder import Recorder
from tests.outlines import outline
from tests.recording.conftest import Records


def parents(records: list[dict[str, Any]]) -> dict[str, str | None]:
    """Return the parent's name of each span."""
    names = {record["span"]: record["name"] for record in records if record["type"] == "start"}
    return {
        record["name"]: names.get(record.get("parent", ""))
        for record in records
        if record["type"] == "start"
    }


def work(name: str) -> str | None:
    with spanbook.span(name):
        return spanbook.current_trace_id()


def test_without_help_a_thread_begins_a_trace(recorder: Recorder, records: Records) -> None:
    with spanbook.span("outer"), ThreadPoolExecutor(1) as pool:
        pool.submit(work, "inner").result()

    assert parents(records()) == {"outer": None, "inner": None}


def test_an_executor_is_given_carried_functions(recorder: Recorder, records: Records) -> None:
    both = threading.Barrier(2)

    def inner(name: str) -> None:
        with spanbook.span(name):
            both.wait()

    with ThreadPoolExecutor(2) as pool, spanbook.span("outer"):
        carried = spanbook.carried(inner)  # one, called twice at once
        futures = [pool.submit(carried, name) for name in ("a", "b")]
    for future in futures:
        future.result()

    assert parents(records()) == {"outer": None, "a": "outer", "b": "outer"}


def test_context_goes_along_into_a_thread(recorder: Recorder, records: Records) -> None:
    with spanbook.context(session="s-1", tags=["beta"]):
        thread = threading.Thread(target=spanbook.carried(work), args=("inner",))
    thread.start()
    thread.join()

    start, _ = records()
    assert start["context"] == {"session": "s-1", "tags": ["beta"]}


def test_a_carried_function_is_called_like_the_function() -> None:
    def add(a: int, *, b: int = 2) -> int:
        """Add."""
        return a + b

    carried = spanbook.carried(add)

    assert carried(1, b=4) == 5
    assert (carried.__name__, carried.__doc__) == ("add", "Add.")


def test_what_a_carried_function_sets_stays_inside() -> None:
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)

    spanbook.carried(variable.set)(7)

    assert variable.get() == 0


@pytest.fixture
def installed() -> Iterator[None]:
    spanbook.install_threads()
    yield
    spanbook.uninstall_threads()


@pytest.mark.usefixtures("installed")
def test_installed_threads_and_executors_keep_their_parents(
    recorder: Recorder, records: Records
) -> None:
    class Worker(threading.Thread):
        def run(self) -> None:
            work("in a subclass")

    with ThreadPoolExecutor(1) as pool:
        with spanbook.span("first"):
            pool.submit(work, "of first").result()
            for thread in (threading.Thread(target=work, args=("in a thread",)), Worker()):
                thread.start()
                thread.join()
        with spanbook.span("second"):
            list(pool.map(work, ["of second"]))
        pool.submit(work, "of nobody").result()

    assert parents(records()) == {
        "first": None,
        "of first": "first",
        "in a thread": "first",
        "in a subclass": "first",
        "second": None,
        "of second": "second",
        "of nobody": None,
    }


@pytest.mark.usefixtures("installed")
async def test_installed_threads_serve_asyncio_too(recorder: Recorder, records: Records) -> None:
    with spanbook.span("outer"):
        await asyncio.get_running_loop().run_in_executor(None, work, "inner")

    assert parents(records())["inner"] == "outer"


def test_installing_is_reversible() -> None:
    before = (threading.Thread.start, ThreadPoolExecutor.submit)

    spanbook.install_threads()
    spanbook.install_threads()
    during = (threading.Thread.start, ThreadPoolExecutor.submit)
    spanbook.uninstall_threads()
    spanbook.uninstall_threads()

    assert during[0] is not before[0]
    assert during[1] is not before[1]
    assert (threading.Thread.start, ThreadPoolExecutor.submit) == before


def test_what_others_put_over_ours_stays(
    recorder: Recorder, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    original = threading.Thread.start
    spanbook.install_threads()
    ours = threading.Thread.start

    def theirs(self: threading.Thread) -> None:
        started.append(self.name)
        ours(self)

    threading.Thread.start = theirs
    spanbook.uninstall_threads()
    with spanbook.span("outer"):
        thread = threading.Thread(target=work, args=("inner",), name="t")
        thread.start()
        thread.join()
    threading.Thread.start = original

    assert started == ["t"]
    assert parents(records())["inner"] is None


# -- other processes -----------------------------------------------------------------------------


def traced(name: str) -> str | None:
    """Do some work in a worker, as a module-level function that can be pickled."""
    with spanbook.span(name):
        return spanbook.current_trace_id()


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_workers_of_a_pool_continue_the_trace(url: str, method: str) -> None:
    recorder = spanbook.configure(url, project="shop")
    context = multiprocessing.get_context(method)

    with (
        spanbook.context(user="ada"),
        spanbook.span("outer"),
        ProcessPoolExecutor(2, mp_context=context) as pool,
    ):
        ids = set(pool.map(spanbook.carried(traced), ["a", "b"]))
        ids.add(spanbook.current_trace_id())

    with Book(url) as book:
        book.collect()
        recorder.flush()
        book.collect()
        [trace] = book.traces()
    assert ids == {trace.trace_id}
    assert (trace.name, trace.user, trace.project, trace.status) == ("outer", "ada", "shop", "ok")
    lines = outline(recorder).splitlines()
    assert [lines[0], *sorted(lines[1:])] == ["step outer", "  step a", "  step b"]
    recorder.close()


def test_a_context_without_a_span_goes_along_too(url: str) -> None:
    recorder = spanbook.configure(url, sample=1.0)
    with spanbook.context(session="s-1", metadata={"lock": threading.Lock()}):
        packed = pickle.dumps(spanbook.carried(traced))

    pickle.loads(packed)("alone")

    recorder.flush()
    with Book(url) as book:
        assert [trace.session for trace in book.traces()] == ["s-1"]
    recorder.close()


def mask(value: Any) -> Any:
    return value


@pytest.mark.parametrize("sent", [True, False])
def test_without_its_mask_nothing_is_recorded_elsewhere(
    url: str, sent: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = spanbook.configure(url, mask=mask if sent else lambda value: value)
    packed = pickle.dumps(spanbook.carried(traced))
    recorder.close()

    monkeypatch.setattr(defaults, "_default", None)
    carried = pickle.loads(packed)

    there = defaults.default_recorder()
    assert there.settings.enabled is sent
    assert (there.settings.mask is mask) is sent
    assert ("the mask cannot be sent" in caplog.text) is not sent
    carried("a")
    there.close()


def test_a_forked_process_is_below_the_span_that_forked(url: str) -> None:
    recorder = spanbook.configure(url)
    with spanbook.span("outer"):
        child = os.fork()
        if child == 0:
            work("inner")
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(child, 0)

    recorder.flush()
    with Book(url) as book:
        book.collect()
        assert len(book.traces()) == 1
    assert outline(recorder) == "step outer\n  step inner"
    recorder.close()


SERVICE = """
    import sys
    import spanbook

    # As a Celery task or a web service gets them: with the message, from another program.
    with spanbook.continued({"traceparent": sys.argv[1]}), spanbook.context(tags=["served"]):
        with spanbook.span("serve", input="question") as span:
            span.set_output("answer")
            with spanbook.span("look up"):
                assert spanbook.traceparent() != sys.argv[1]
"""


def serve(header: str, url: str) -> None:
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SERVICE), header],
        check=True,
        env={"PATH": "/usr/bin:/bin", "SPANBOOK_URL": url},
    )


def test_a_program_that_gets_a_header_joins_the_trace(url: str) -> None:
    recorder = spanbook.configure(url)
    with spanbook.span("ask"):
        serve(spanbook.headers()["traceparent"], url)

    assert outline(recorder) == "step ask\n  step serve\n    step look up"
    with Book(url) as book:
        [trace] = book.traces()
        assert (trace.name, trace.tags, trace.span_count) == ("ask", ("served",), 3)
        assert trace.output is None  # the root's, which has none
    recorder.close()


def test_the_part_of_a_trace_that_was_begun_elsewhere_stands_for_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'other.db'}"

    serve(f"00-{'a' * 32}-{'b' * 16}-01", url)

    with Book(url) as book:
        [trace] = book.traces()
        tree = book.trace(trace.trace_id).tree()
    assert trace.trace_id == "a" * 32
    assert (trace.name, trace.status, trace.has_root) == ("serve", "ok", False)
    assert (trace.input, trace.output) == ("question", "answer")
    assert trace.duration is not None
    assert [node.span.name for node in tree.orphans] == ["serve"]
    assert [node.span.name for node in tree.nodes] == ["serve", "look up"]


def test_a_header_that_is_not_valid_is_passed_over(recorder: Recorder, records: Records) -> None:
    for header in (None, "garbage", {}, {"traceparent": "00-00"}):
        with spanbook.span("outer"), spanbook.continued(header), spanbook.span("inner"):
            pass

    assert parents(records()) == {"outer": None, "inner": "outer"}


def test_what_is_no_header_at_all_costs_nothing_but_the_parent(
    recorder: Recorder, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spanbook.recording.guard.strict", False)
    odd: Any = [7]

    with spanbook.continued(odd), spanbook.span("alone"):
        pass

    assert parents(records()) == {"alone": None}


def test_pools_pickle_one_function_at_once(recorder: Recorder) -> None:
    carried = spanbook.carried(traced)
    both = threading.Barrier(2)

    def packed() -> bytes:
        both.wait()
        return b"".join(pickle.dumps(carried) for _ in range(100))

    with ThreadPoolExecutor(2) as pool:
        results = [pool.submit(packed) for _ in range(2)]

    assert all(result.result() for result in results)


def test_settings_that_cannot_be_read_there_turn_recording_off(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = spanbook.configure(url, mask=mask)
    packed = pickle.dumps(spanbook.carried(traced))
    recorder.close()
    monkeypatch.setattr("spanbook.recording.guard.strict", False)
    monkeypatch.setattr(defaults, "_default", None)
    monkeypatch.delattr(sys.modules[__name__], "mask")

    assert pickle.loads(packed)("a") is None

    assert not defaults.default_recorder().settings.enabled


def test_what_arrived_comes_before_the_span_around(recorder: Recorder, records: Records) -> None:
    with spanbook.span("consumer"):
        with spanbook.continued(spanbook.SpanReference("a" * 32, "b" * 16)):
            assert spanbook.current_trace_id() == "a" * 32
            work("message")
        work("after")

    starts = {record["name"]: record for record in records() if record["type"] == "start"}
    assert (starts["message"]["trace"], starts["message"]["parent"]) == ("a" * 32, "b" * 16)
    assert starts["after"]["parent"] == starts["consumer"]["span"]


def test_outside_a_span_there_is_no_header(recorder: Recorder) -> None:
    assert spanbook.traceparent() is None
    assert spanbook.headers() == {}
