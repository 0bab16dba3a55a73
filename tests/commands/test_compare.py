"""`spanbook compare`: a report and an exit code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

RECORD = """
import spanbook
spanbook.configure("kept.db")
for number in range(10):
    for release in ("1.0", "1.1"):
        with spanbook.context(release=release), spanbook.span("answer") as span:
            pass
spanbook.flush(30)
"""


@pytest.fixture(autouse=True)
def kept(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", RECORD], cwd=tmp_path, check=True)


def test_the_report_is_markdown_and_the_exit_code_zero(spanbook):
    done = spanbook("compare", "release:1.0", "release:1.1", "--store", "kept.db")

    assert done.returncode == 0, done.stderr
    assert "### `release:1.0` (A) and `release:1.1` (B)" in done.stdout
    assert "| traces | 10 | 10 | +0.0 % |" in done.stdout


def test_a_condition_that_holds_fails_the_build(spanbook, tmp_path: Path):
    done = spanbook(
        *("compare", "release:1.0", "release:1.1", "--store", "kept.db", "--output", "report.md"),
        *("--fail-if", "traces >= 10", "--fail-if", "error_rate > +1pp"),
    )

    report = (tmp_path / "report.md").read_text()
    assert (done.returncode, done.stderr) == (1, "Failed: traces >= 10\n")
    assert "- ✕ `traces >= 10`" in report
    assert "- ✓ `error_rate > +1pp`" in report


def test_json_holds_the_same(spanbook):
    done = spanbook(
        *("compare", "release:1.0", "name=answer", "--store", "kept.db", "--json"),
        *("--fail-if", "traces > 20"),
    )

    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert found["failed"] is False
    assert found["measures"][0]["b"] == 20


ARCHITECTURES = """
from spanbook.architecture.component import Component
from spanbook.recording.recorder import Recorder
from spanbook.spans import SpanKind
recorder = Recorder("kept.db")
for number in range(6):
    def made(number=number):
        tree = Component("llm", "x.M", "model", "", {"temperature": number // 4})
        return recorder.made_architecture(number // 4, lambda: tree)
    tag = "new" if number > 2 else "old"
    recorder.start(number, kind=SpanKind.LLM, name="ask", made_of=made, context={"tags": [tag]})
    recorder.finish(number)
recorder.close()
"""


def test_the_report_tells_what_ran_and_what_changed(spanbook, tmp_path: Path):
    subprocess.run([sys.executable, "-c", ARCHITECTURES], cwd=tmp_path, check=True)
    compare = ("compare", "tag:old", "tag:new", "--store", "kept.db")

    report = spanbook(*compare).stdout
    data = json.loads(spanbook(*compare, "--json").stdout)["architectures"]

    assert "What ran: A `model` " in report
    assert "From the first of A to the first of B: 1 parameter changed." in report
    assert "- `root` `model: temperature 0 → 1`" in report
    assert [use["traces"] for use in data["a"]] == [3]
    assert [use["traces"] for use in data["b"]] == [2, 1]
    assert [change["words"] for change in data["changes"]] == ["temperature 0 → 1"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("release:1.0", "release:9"),
        ("release:1.0", "release:1.1", "--fail-if", "cost > much"),
        ("release:1.0", "release:1.1", "--fail-if", "cost > +1%"),
        ("release:1.0",),
        ("release:1.0", "release:1.1", "--store", "none.db"),
    ],
)
def test_mistakes_in_use_exit_with_two(spanbook, arguments: tuple[str, ...]):
    done = spanbook("compare", *arguments, SPANBOOK_URL="sqlite:///kept.db")

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
