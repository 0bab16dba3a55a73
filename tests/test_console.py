"""The console exporter: trees in a terminal, nothing elsewhere unless asked."""

import io
import os
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import spanbook
from spanbook import console, figures
from spanbook.console import ConsoleExporter
from spanbook.notices import Exporter, SpanSnapshot
from spanbook.recording.recorder import Recorder


class Terminal(io.StringIO):
    """A file that says to be a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(figures, "duration", lambda _: "7 ms")


def show(recorder: Recorder, program: Any, **options: Any) -> str:
    file = options.pop("file", None) or io.StringIO()
    heard = recorder.listen(ConsoleExporter(file, **options))
    program()
    heard.stop()
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def without_styles(shown: str) -> str:
    return re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", shown)


def program() -> None:
    with spanbook.span("answer", kind="chain"):
        with spanbook.span("ask", kind="llm", model="small") as ask:
            ask.set_usage(spanbook.Usage(input=1_204, output=31))
        with pytest.raises(ValueError, match="no"), spanbook.span("look up", kind="tool"):
            raise ValueError("no [bold]such[/bold] thing")


def test_a_trace_is_a_tree_with_times_tokens_and_errors(recorder: Recorder):
    assert show(recorder, program, force=True) == dedent("""\
        ✓ chain answer  7 ms  1,204 in · 31 out
        ├── ✓ llm ask  small  7 ms  1,204 in · 31 out
        └── ✕ tool look up  7 ms  ValueError: no [bold]such[/bold] thing""")


def test_costs_are_shown_where_a_price_is_known(recorder: Recorder):
    def price(span: SpanSnapshot) -> Decimal | None:
        return Decimal("0.25") if span.model == "small" else None

    def calls() -> None:
        with spanbook.span("answer"):
            for model in ("small", "small", "unknown"):
                with spanbook.span("ask", kind="llm", model=model) as ask:
                    ask.set_usage(spanbook.Usage(input=5, output=1))

    assert show(recorder, calls, force=True, price=price) == dedent("""\
        ✓ step answer  7 ms  15 in · 3 out  ≥ $0.50
        ├── ✓ llm ask  small  7 ms  5 in · 1 out  $0.25
        ├── ✓ llm ask  small  7 ms  5 in · 1 out  $0.25
        └── ✓ llm ask  unknown  7 ms  5 in · 1 out""")


def test_nothing_is_printed_where_there_is_no_terminal(recorder: Recorder):
    assert show(recorder, program) == ""


def test_a_terminal_shows_the_tree_when_it_ends(recorder: Recorder):
    shown = show(recorder, program, file=Terminal(), live=False)

    assert without_styles(shown).startswith("✓ chain answer")


def test_a_live_tree_is_replaced_by_the_whole_one(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TERM", "xterm")
    stdout = sys.stdout

    shown = show(recorder, program, file=Terminal())

    assert "\x1b[?25h" in shown  # the cursor is back
    assert "✕ tool look up" in without_styles(shown)
    assert sys.stdout is stdout


def test_a_name_cannot_command_the_terminal(recorder: Recorder):
    def hostile() -> None:
        with spanbook.span("\x1b]0;owned\x07 \x1b[2J [red]x"):
            pass

    shown = show(recorder, hostile, force=True)

    assert "\x1b" not in shown
    assert "[red]x" in shown


def test_what_runs_when_the_recorder_closes_is_shown_as_running(url: str):
    file = io.StringIO()
    recorder = Recorder(url, ingest=False)
    recorder.listen(ConsoleExporter(file, force=True))

    span = spanbook.span("goes on", recorder=recorder).start()
    recorder.close()

    assert file.getvalue().startswith("● step goes on")
    span.end()
    recorder.journal.close()


def test_very_many_spans_are_counted_not_drawn(recorder: Recorder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(console, "_MOST_SPANS", 10)

    def loop() -> None:
        with spanbook.span("root"):
            for number in range(50):
                with spanbook.span(f"step {number}"):
                    pass

    shown = show(recorder, loop, force=True)

    assert "and 41 more spans" in shown
    assert len(shown.splitlines()) == 11


def test_traces_that_never_end_are_bounded(recorder: Recorder):
    exporter = ConsoleExporter(io.StringIO(), force=True)
    heard = recorder.listen(exporter)

    spans = [spanbook.span(f"{number}", parent=None).start() for number in range(200)]
    assert heard.drain(10)

    assert len(exporter._traces) == 64
    for span in spans:
        span.end()


def test_it_is_an_exporter():
    assert isinstance(ConsoleExporter(io.StringIO()), Exporter)


SCRIPT = """
import spanbook
with spanbook.span("work", kind="tool"):
    pass
"""


def run(folder: Path, wish: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        cwd=folder,
        env={**os.environ, "SPANBOOK_CONSOLE": wish, "SPANBOOK_URL": "sqlite:///a.db"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert not done.stderr
    return done.stdout


@pytest.mark.parametrize(("wish", "shown"), [("always", True), ("1", False), ("0", False)])
def test_a_variable_switches_it_on_without_code(tmp_path: Path, wish: str, shown: bool):
    assert ("✓ tool work" in run(tmp_path, wish)) is shown


def test_without_rich_the_variable_says_what_to_install(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("SPANBOOK_CONSOLE", "1")
    monkeypatch.setitem(sys.modules, "spanbook.console", None)

    spanbook.configure(url).close()

    assert "spanbook[console]" in caplog.text
