"""The commands that look after a store, run as users run them."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from spanbook.reading.book import Book
from spanbook.recording.manual import Span
from spanbook.recording.recorder import Recorder


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Return a store with six traces, half of them of the project `shop`."""
    path = tmp_path / "spanbook.db"
    for project in ("lab", "shop"):
        recorder = Recorder(path, project=project)
        for number in range(3):
            with Span(f"{project} {number}", recorder=recorder, input="words " * 900) as span:
                span.set_output(f"answer {number}")
        recorder.close()
    return path


def names(path: Path) -> list[str]:
    with Book(path) as book:
        return sorted(row.name for row in book.traces())


def test_nothing_is_deleted_by_a_dry_run(spanbook, kept: Path) -> None:
    done = spanbook("store", "prune", "--traces", "1", "--project", "shop", "--dry-run")

    assert "Would delete 2 traces with 2 spans." in done.stdout
    assert len(names(kept)) == 6


def test_bounds_say_what_stays(spanbook, kept: Path) -> None:
    done = spanbook("store", "prune", "--traces", "1", "--project", "shop")

    assert "Deleted 2 traces with 2 spans" in done.stdout
    assert names(kept) == ["lab 0", "lab 1", "lab 2", "shop 2"]


def test_a_rule_is_carried_shown_and_applied(spanbook, kept: Path) -> None:
    said = spanbook("store", "keep", "--age", "30d", "--traces", "2", "--project", "lab").stdout
    shown = spanbook("store", "keep").stdout

    spanbook("store", "prune")

    assert said == shown
    assert said == ("Kept of project lab: traces of the last 30d, the newest 2 traces.\n")
    assert names(kept) == ["lab 1", "lab 2", "shop 0", "shop 1", "shop 2"]
    assert spanbook("store", "keep", "--project", "lab", "--forever").stdout == (
        "All traces are kept.\n"
    )


def test_programs_apply_the_rules_of_the_store_they_write(spanbook, kept: Path) -> None:
    spanbook("store", "keep", "--traces", "0", "--project", "shop")

    spanbook("ingest")

    assert names(kept) == ["lab 0", "lab 1", "lab 2"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("prune",), "Nothing says what to keep"),
        (("prune", "--age", "soon"), "no age"),
        (("prune", "--size", "big"), "no size"),
        (("keep", "--size", "1GB", "--project", "lab"), "leave the project out"),
        (("keep", "--age", "1d", "--forever"), "either bounds or --forever"),
        (("prune", "missing.db", "--traces", "1"), "There is no store at"),
        (("copy", "spanbook.db", "spanbook.db"), "are the same store"),
        (("copy", "missing.db", "other.db"), "There is no store at"),
        (("delete", "nonsense"), "1 of these ids are not in the store"),
    ],
)
def test_what_cannot_be_done_is_said(spanbook, kept: Path, arguments, words: str) -> None:
    done = spanbook("store", *arguments)

    assert done.returncode != 0
    assert words in done.stderr
    assert len(names(kept)) == 6


def test_single_traces_are_deleted(spanbook, kept: Path) -> None:
    with Book(kept) as book:
        trace_id = book.traces(name="lab 1")[0].trace_id

    done = spanbook("store", "delete", trace_id)

    assert done.stdout == "Deleted 1 traces with 1 spans.\n"
    assert "lab 1" not in names(kept)


def test_a_whole_store_is_found_whole(spanbook, kept: Path) -> None:
    done = spanbook("store", "check")

    assert (done.returncode, done.stdout) == (0, "The store is whole.\n")


def test_a_wrong_store_fails_the_check_and_is_mended(spanbook, kept: Path) -> None:
    with closing(sqlite3.connect(kept)) as connection, connection:
        connection.execute("UPDATE traces SET span_count = 7 WHERE name = 'lab 0'")

    found = spanbook("store", "check")
    mended = spanbook("store", "check", "--repair")

    assert found.returncode == 1
    assert "1 traces whose totals are not the sums of their spans" in found.stdout
    assert (mended.returncode, "mended" in mended.stdout) == (0, True)
    assert spanbook("store", "check").returncode == 0


def test_deleted_space_is_given_back(spanbook, kept: Path) -> None:
    recorder = Recorder(kept, project="bulk")
    for number in range(40):
        words = " ".join(f"{number * 7919 + place:x}" for place in range(3_000))
        with Span("large", recorder=recorder, input=words):
            pass
    recorder.close()
    large = kept.stat().st_size

    spanbook("store", "prune", "--traces", "0", "--project", "bulk")
    done = spanbook("store", "vacuum")

    assert kept.stat().st_size < large / 2
    assert f"{kept.stat().st_size:,} after" in done.stdout
    with Book(kept) as book:
        assert [row.name for row in book.traces(q="answer", name="lab 2")] == ["lab 2"]


def test_a_backup_is_a_store_of_its_own(spanbook, kept: Path, tmp_path: Path) -> None:
    done = spanbook("store", "backup", "saved.db")
    again = spanbook("store", "backup", "saved.db")

    assert done.returncode == 0, done.stderr
    assert names(tmp_path / "saved.db") == names(kept)
    assert "name a new file" in again.stderr


def test_a_copy_proves_that_all_is_there(spanbook, kept: Path, tmp_path: Path) -> None:
    first = spanbook("store", "copy", "spanbook.db", "other.db")
    second = spanbook("store", "copy", "spanbook.db", "other.db")

    assert first.returncode == 0, first.stderr
    assert "6 traces copied, 0 were there." in first.stdout
    assert "0 traces copied, 6 were there." in second.stdout
    assert "DIFFER" not in first.stdout
    assert first.stdout.count("agree") == 8
    assert names(tmp_path / "other.db") == names(kept)
