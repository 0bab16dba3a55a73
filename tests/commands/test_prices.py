"""What models cost, listed, added, explained and computed again from the command line."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

Command = Callable[..., "subprocess.CompletedProcess[str]"]

RECORD = """
import spanbook
from spanbook.recording.recorder import Recorder
from spanbook.usage import Usage
recorder = Recorder("kept.db")
for model in ("gpt-4o", "my-gpt-4-proxy"):
    recorder.start(model, kind="llm", name="call", model=model, provider="openai")
    recorder.finish(model, usage=Usage(2006, 300, cache_read=1920))
recorder.close()
"""


@pytest.fixture
def kept(tmp_path: Path) -> str:
    """Record a call with a price and one without."""
    subprocess.run([sys.executable, "-c", RECORD], cwd=tmp_path, check=True)
    return "--store=kept.db"


def value(folder: Path, query: str) -> str:
    with closing(sqlite3.connect(folder / "kept.db")) as connection:
        return connection.execute(query).fetchone()[0]


def test_a_price_is_added_listed_and_removed(spanbook: Command, kept: str):
    added = spanbook(
        "prices", "add", "mine", "--input=2.5", "--output=10", "--since=2026-01-01", kept
    )
    listed = spanbook("prices", "list", "mine", kept).stdout.splitlines()[0]
    removed = spanbook("prices", "remove", "mine", "--since=2026-01-01", kept)
    again = spanbook("prices", "remove", "mine", "--since=2026-01-01", kept)

    assert added.returncode == 0, added.stderr
    assert listed == "mine  any provider  input 2.5 · output 10  since 2026-01-01  (own)"
    assert removed.returncode == 0
    assert again.returncode == 1
    assert "There is no such price for mine" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mine", "--input=-1"], "The rate input is '-1'; give US dollars"),
        (["mine", "--input=2,5"], "The rate input is '2,5'"),
        (["mine", "--input=nan"], "The rate input is 'nan'"),
        (["mine", "--cache-read=1"], "needs a rate for input, for output or for both"),
        (["mine"], "needs a rate for input, for output or for both"),
        (["mine", "--input=1", "--since=yesterday"], "'yesterday' is no date"),
        ([" ", "--input=1"], "The name of the model is ' '"),
    ],
)
def test_a_price_that_cannot_be_one_is_refused(
    spanbook: Command, arguments: list[str], message: str
):
    done = spanbook("prices", "add", *arguments)

    assert done.returncode == 1
    assert message in done.stderr


def test_the_list_shows_what_it_knows(spanbook: Command, kept: str):
    shown = spanbook("prices", "list", "gpt-5.4-mini", kept).stdout
    all_of_it = spanbook("prices", "list", kept).stdout

    assert "gpt-5.4-mini  openai  input 0.75" in shown
    assert "more in genai-prices" in all_of_it
    assert (
        "No price for nothing-like-it" in spanbook("prices", "list", "nothing-like-it", kept).stdout
    )


def test_the_cost_of_a_span_is_explained(spanbook: Command, kept: str, tmp_path: Path):
    span = value(tmp_path, "SELECT span_id FROM spans WHERE model = 'gpt-4o'")

    lines = spanbook("prices", "explain", span, kept).stdout.splitlines()

    assert lines[0] == "call  gpt-4o  openai"
    assert lines[1].startswith("price     gpt-4o  openai  input 2.5 · cache_read 1.25 · output 10")
    assert lines[2:] == [
        "          cache_read: 1,920 × 1.25 / 1,000,000 = 0.0024",
        "          input: 86 × 2.5 / 1,000,000 = 0.000215",
        "          output: 300 × 10 / 1,000,000 = 0.003",
        "computed  0.005615 US dollars",
    ]


def test_the_price_of_a_model_is_explained(spanbook: Command, kept: str):
    known = spanbook("prices", "explain", "gpt-4o-2024-08-06", "--provider=openai", kept).stdout
    unknown = spanbook("prices", "explain", "my-gpt-4-proxy", "--provider=openai", kept).stdout

    assert known.startswith("gpt-4o  openai  input 2.5")
    assert unknown == "no price for my-gpt-4-proxy of openai\n"


def test_costs_are_recomputed(spanbook: Command, kept: str, tmp_path: Path):
    spanbook("prices", "add", "my-gpt-4-proxy", "--input=1", "--output=1", kept)

    dry = spanbook("recompute-costs", "--dry-run", kept).stdout.splitlines()
    still = value(tmp_path, "SELECT count(*) FROM spans WHERE cost IS NULL")
    done = spanbook("recompute-costs", kept).stdout.splitlines()
    again = spanbook("recompute-costs", kept).stdout.splitlines()

    assert dry[0].startswith("spans     2 with usage, 1 would change")
    assert done[0].startswith("spans     2 with usage, 1 changed")
    assert (
        dry[1:]
        == done[1:]
        == [
            "cost      $0.005615 before, $0.007921 after",
            "unpriced  1 before, 0 after",
        ]
    )
    assert still == 1
    assert again[0].startswith("spans     2 with usage, 0 changed")
    assert value(tmp_path, "SELECT sum(cost) FROM traces") == 7_921_000_000
