"""What is said of traces: who says it, who wins, and where it shows."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

import spanbook
from spanbook.errors import ArgumentError, SettingsError
from spanbook.reading.book import Book
from spanbook.recording.process import git_commit
from spanbook.recording.recorder import Recorder
from spanbook.settings import RELEASE_VARIABLES
from tests.recording.conftest import Records

FIELDS = ("session", "user", "version", "release", "environment", "project")
LEVELS = ("environment", "client", "context", "span")


def written(
    url: str, monkeypatch: pytest.MonkeyPatch, field: str, levels: tuple[str, ...]
) -> spanbook.Book:
    """Record a trace of which each of `levels` says its own name as `field`."""
    if "environment" in levels:
        monkeypatch.setenv(f"SPANBOOK_{field.upper()}", "environment")
    given: Any = {field: "client"} if "client" in levels else {}
    recorder = Recorder(url, **given)
    around: Any = {field: "context"} if "context" in levels else {}
    own: Any = {field: "span"} if "span" in levels else {}
    with (
        spanbook.context(**around),
        spanbook.span("root", recorder=recorder, **own),
        spanbook.span("child", recorder=recorder),
    ):
        pass
    recorder.close()
    return spanbook.Book(url)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("winner", range(len(LEVELS)))
def test_the_nearest_to_the_span_wins(
    url: str, monkeypatch: pytest.MonkeyPatch, field: str, winner: int
) -> None:
    with written(url, monkeypatch, field, LEVELS[: winner + 1]) as book:
        [trace] = book.traces()

    assert getattr(trace, field) == LEVELS[winner]


@pytest.mark.parametrize("field", FIELDS)
def test_without_any_it_is_the_default(
    url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, field: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with written(url, monkeypatch, field, ()) as book:
        [trace] = book.traces()

    assert getattr(trace, field) == ("default" if field == "project" else None)


def test_tags_and_metadata_of_all_levels_add_up(url: str) -> None:
    recorder = Recorder(url, tags=["client"], metadata={"a": "client", "b": "client"})

    with (
        spanbook.context(tags=["outer"], metadata={"b": "context", "c": "context"}),
        spanbook.context(tags=("inner", "outer")),
        spanbook.span("root", recorder=recorder, tags={"span"}, metadata={"c": "span"}),
        spanbook.span("child", recorder=recorder, tags=["child"]),
    ):
        pass

    recorder.close()
    with Book(url) as book:
        [trace] = book.traces(tag="child")
    assert trace.tags == ("client", "outer", "inner", "span", "child")
    assert trace.metadata == {"a": "client", "b": "context", "c": "span"}


def test_tags_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("SPANBOOK_TAGS", "nightly, beta")

    assert Recorder(url, ingest=False).settings.tags == ("beta", "nightly")
    assert Recorder(url, ingest=False, tags=["own"]).settings.tags == ("own",)


async def test_tasks_and_threads_inherit_the_context(url: str) -> None:
    recorder = Recorder(url)

    async def in_task(name: str) -> None:
        with spanbook.context(tags=[name]), spanbook.span(name, recorder=recorder):
            await asyncio.sleep(0)

    def in_thread() -> None:
        with spanbook.span("thread", recorder=recorder):
            pass

    with spanbook.context(session="s-1", tags=["all"], metadata={"plan": "free"}):
        await asyncio.gather(in_task("a"), in_task("b"), asyncio.to_thread(in_thread))
        thread = threading.Thread(target=spanbook.carried(in_thread))
        thread.start()
        thread.join()

    recorder.close()
    with Book(url) as book:
        found = book.traces(session="s-1", tag="all")
    assert sorted(trace.name for trace in found) == ["a", "b", "thread", "thread"]
    assert {trace.name: trace.tags for trace in found}["a"] == ("all", "a")
    assert all(trace.metadata == {"plan": "free"} for trace in found)


def test_spans_are_found_by_release_and_version(url: str) -> None:
    recorder = Recorder(url, release="1.4")
    for version in ("1", "2"):
        with spanbook.span("root", version=version, recorder=recorder):
            spanbook.span("model", kind="llm", recorder=recorder).start().finish()

    recorder.close()
    with Book(url) as book:
        [trace] = book.traces(version="2", release="1.4")
        [span] = book.spans(kind="llm", version="2", release="1.4")
        assert span.trace_id == trace.trace_id
        assert len(book.spans(kind="llm", release="1.5")) == 0


def test_what_is_said_late_shows_on_the_whole_trace(recorder: Recorder, url: str) -> None:
    recorder = spanbook.configure(url)
    with spanbook.span("root") as root, spanbook.span("child") as child:
        child.annotate(session="s-1", tags=["late"], metadata={"k": 1})
        spanbook.flush()
        root.annotate(user="ada", name="renamed", version="2")
    recorder.flush()
    child.annotate(metadata={"after": True})

    recorder.close()
    with Book(url) as book:
        [trace] = book.traces(session="s-1", user="ada", tag="late", version="2")
    assert trace.name == "renamed"
    assert trace.metadata == {"k": 1, "after": True}


def test_the_version_of_a_span_below_is_its_own(recorder: Recorder, records: Records) -> None:
    with spanbook.span("root", version="1"), spanbook.span("child", version="7"):
        pass

    found = records()
    contexts = [r["context"] for r in found if "context" in r]
    attributes = {r["name"]: r["attributes"] for r in found if r["type"] == "start"}
    assert contexts == [{"version": "1"}]
    assert attributes == {"root": {"version": "1"}, "child": {"version": "7"}}


@pytest.mark.parametrize(
    ("given", "words"),
    [({"colour": "red"}, "A trace has no colour.*metadata"), ({"tags": "beta"}, "Give a list")],
)
def test_what_traces_do_not_have_is_refused(given: Any, words: str) -> None:
    with pytest.raises(ArgumentError, match=words), spanbook.context(**given):
        pass


def test_tags_of_a_recorder_are_a_list(url: str) -> None:
    with pytest.raises(SettingsError, match="give a list"):
        Recorder(url, tags="beta")


@pytest.mark.parametrize("variable", RELEASE_VARIABLES)
def test_the_release_is_what_a_build_service_says(
    url: str, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    for other in RELEASE_VARIABLES:
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(variable, "4f2b6cf")

    with written(url, monkeypatch, "user", ()) as book:
        assert [trace.release for trace in book.traces(release="4f2b6cf")] == ["4f2b6cf"]
    assert Recorder(url, ingest=False, release="1.4").settings.release == "1.4"
    monkeypatch.setenv("SPANBOOK_RELEASE", "1.5")
    assert Recorder(url, ingest=False).settings.release == "1.5"


COMMIT = "4f2b6cf9a0d94d0c0d3f6a0d9d1f6e0b7c8a9b0c"


@pytest.mark.parametrize(
    "files",
    [
        {".git/HEAD": COMMIT},
        {".git/HEAD": "ref: refs/heads/main", ".git/refs/heads/main": COMMIT},
        {
            ".git/HEAD": "ref: refs/heads/main",
            ".git/packed-refs": f"# pack-refs\n{COMMIT} refs/heads/main\n",
        },
        {  # a work tree of its own
            ".git": "gitdir: elsewhere/worktrees/w",
            "elsewhere/worktrees/w/HEAD": "ref: refs/heads/w",
            "elsewhere/worktrees/w/commondir": "../..",
            "elsewhere/refs/heads/w": COMMIT,
        },
    ],
)
def test_without_a_build_service_the_release_is_the_commit(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]
) -> None:
    for name, text in files.items():
        path = tmp_path / "repository" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    inside = tmp_path / "repository" / "src"
    inside.mkdir()
    monkeypatch.chdir(inside)

    with written(url, monkeypatch, "user", ()) as book:
        assert [trace.release for trace in book.traces()] == [COMMIT]


@pytest.mark.parametrize("head", ["", "ref: refs/heads/none", None])
def test_a_repository_without_a_commit_has_no_release(tmp_path: Path, head: str | None) -> None:
    (tmp_path / ".git").mkdir()
    if head is not None:
        (tmp_path / ".git" / "HEAD").write_text(head)

    assert git_commit(tmp_path) is None
