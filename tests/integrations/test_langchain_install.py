"""Recording without passing a handler: for the process, for a block, from the environment."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.tracers import context

import spanbook_langchain
from spanbook.reading.book import Book
from spanbook.recording.recorder import Recorder
from spanbook_langchain import SpanbookCallbackHandler
from tests.integrations.chains import chain
from tests.integrations.recordings import recorded
from tests.outlines import outline


@pytest.fixture(autouse=True)
def uninstalled() -> Iterator[None]:
    yield
    spanbook_langchain.uninstall()


def call(**config: Any) -> None:
    chain().invoke({"q": "hi"}, config or None)  # type: ignore[arg-type]


def roots(recorder: Recorder) -> int:
    return len(recorded(recorder, parent_id=None))


def test_installed_it_records_every_call_until_uninstalled(recorder: Recorder) -> None:
    call()
    spanbook_langchain.install(recorder)
    call()
    call()
    spanbook_langchain.uninstall()
    call()

    assert roots(recorder) == 2


def test_installed_it_records_in_other_threads_and_tasks(recorder: Recorder) -> None:
    spanbook_langchain.install(recorder)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    asyncio.run(chain().ainvoke({"q": "hi"}))

    assert roots(recorder) == 2


def test_installed_it_uses_the_default_recorder_of_the_moment(
    recorder: Recorder, tmp_path: Path
) -> None:
    from spanbook import configure

    spanbook_langchain.install()
    call()
    other = configure(f"sqlite:///{tmp_path / 'other.db'}")
    call()

    assert (roots(recorder), roots(other)) == (1, 1)


def test_a_handler_given_too_records_once(recorder: Recorder) -> None:
    spanbook_langchain.install(recorder)

    call(callbacks=[SpanbookCallbackHandler(recorder)])

    assert outline(recorder).count("RunnableSequence") == 1


def test_installing_again_replaces_and_registers_one_hook(recorder: Recorder) -> None:
    spanbook_langchain.install(recorder)
    hooks = len(context._configure_hooks)

    spanbook_langchain.install(recorder, session="second")
    with spanbook_langchain.record(recorder):
        pass
    call()

    assert len(context._configure_hooks) == hooks
    assert [one.trace.session for one in recorded(recorder, parent_id=None)] == ["second"]


def test_a_block_is_recorded_and_no_more(recorder: Recorder) -> None:
    with spanbook_langchain.record(recorder, session="s", user="ada", tags=["t"]) as handler:
        call()
    call()

    [root] = recorded(recorder, parent_id=None)
    assert handler.recorder is recorder
    assert (root.trace.session, root.trace.user, root.trace.tags) == ("s", "ada", ("t",))


def test_a_block_inside_an_installed_process_wins(recorder: Recorder) -> None:
    spanbook_langchain.install(recorder, session="process")

    with spanbook_langchain.record(recorder, session="block"):
        call()
    call()

    sessions = [one.trace.session for one in recorded(recorder, parent_id=None)]
    assert sessions == ["block", "process"]


async def test_blocks_of_concurrent_tasks_never_mix(recorder: Recorder) -> None:
    async def work(number: int) -> None:
        with spanbook_langchain.record(recorder, session=f"s-{number}"):
            await chain().ainvoke({"q": str(number)})

    await asyncio.gather(*(work(number) for number in range(10)))

    for root in recorded(recorder, parent_id=None):
        assert root.trace.session == f"s-{root.input['q']}"


def test_a_block_that_fails_lets_the_error_pass_and_is_over(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="mine"), spanbook_langchain.record(recorder):
        raise ValueError("mine")
    call()

    assert recorded(recorder) == []


SCRIPT = """
from langchain_core.runnables import RunnableLambda
{before}
RunnableLambda(lambda x: x).invoke("hi")
{after}
RunnableLambda(lambda x: x).invoke("again")
"""


def run(tmp_path: Path, before: str = "", after: str = "", **environ: str) -> list[str]:
    """Run a script of its own and return the inputs that were recorded."""
    url = f"sqlite:///{tmp_path / 'script.db'}"
    subprocess.run(
        [sys.executable, "-c", SCRIPT.format(before=before, after=after)],
        env={**os.environ, "SPANBOOK_URL": url, **environ},
        check=True,
        capture_output=True,
    )
    with Book(url) as book:
        book.collect()
        return [row.input or "" for row in reversed(book.traces())]


def test_the_environment_switches_recording_on_at_import(tmp_path: Path) -> None:
    assert len(run(tmp_path, "import spanbook_langchain", SPANBOOK_LANGCHAIN="1")) == 2


def test_without_the_variable_an_import_records_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, "import spanbook_langchain", SPANBOOK_LANGCHAIN="0") == []


def test_what_the_environment_switched_on_can_be_switched_off(tmp_path: Path) -> None:
    kept = run(
        tmp_path,
        "import spanbook_langchain",
        "spanbook_langchain.uninstall()",
        SPANBOOK_LANGCHAIN="1",
    )

    assert len(kept) == 1


def test_without_langchain_the_import_says_what_to_install() -> None:
    script = """
import sys
sys.modules["langchain_core"] = None
import spanbook
try:
    import spanbook_langchain
except ImportError as error:
    print(error)
"""

    output = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert "pip install 'spanbook[langchain]'" in output.stdout
