import subprocess
import sys
from pathlib import Path

RECORD = """
import os, spanbook
spanbook.configure("kept.db", ingest={ingest})
for number in range(3):
    with spanbook.span("outer"), spanbook.span("inner"):
        pass
if {ingest}:
    spanbook.flush()
os._exit(0)
"""


def record(folder: Path, *, ingest: bool = True) -> None:
    script = RECORD.format(ingest=ingest)
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True)


def test_stats_tell_where_the_store_is_and_how_much_it_holds(spanbook, tmp_path: Path):
    record(tmp_path)

    lines = spanbook("store", "stats", "kept.db").stdout.splitlines()

    assert lines[0] == f"store    {tmp_path / 'kept.db'}"
    assert lines[1:3] == ["traces   3", "spans    6"]
    assert lines[-1] == "journal  0 bytes waiting"


def test_stats_of_a_missing_store_say_where_it_would_be_and_make_none(spanbook, tmp_path: Path):
    done = spanbook("store", "stats")

    assert done.returncode == 1
    assert f"There is no store at {tmp_path / 'spanbook.db'} yet" in done.stderr
    assert not (tmp_path / "spanbook.db").exists()


def test_the_environment_names_the_store(spanbook, tmp_path: Path):
    record(tmp_path)

    done = spanbook("store", "stats", SPANBOOK_URL="sqlite:///kept.db")

    assert "traces   3" in done.stdout


def test_ingest_takes_over_what_a_dead_program_left(spanbook, tmp_path: Path):
    record(tmp_path, ingest=False)

    done = spanbook("ingest", "kept.db")

    assert done.returncode == 0, done.stderr
    assert "taken over" in done.stdout
    assert "spans    6" in spanbook("store", "stats", "kept.db").stdout


def test_ingest_of_nothing_is_no_failure(spanbook):
    assert spanbook("ingest", "kept.db").returncode == 0
