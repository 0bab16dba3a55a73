"""The local server and the command that starts it."""

import os
import re
import resource
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from spanbook.errors import SettingsError
from spanbook.reading.book import Book
from spanbook.recording.recorder import Recorder
from spanbook_viewer import listening
from spanbook_viewer.commands import view
from tests.viewer.program import Served, viewing
from tests.viewer.stories import refund_question

ROOT = Path(__file__).parents[2]


def test_view_says_which_store_how_much_is_in_it_and_where_to_look(url, tmp_path):
    recorder = Recorder(url)
    refund_question(recorder)
    recorder.close()

    with viewing(url) as (lines, address):
        text = urllib.request.urlopen(f"{address}traces/").read().decode()

    assert lines[:2] == [f"Store:  {tmp_path / 'spanbook.db'}", "Traces: 1"]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
    assert "answer question" in text


def test_view_of_an_empty_store_says_how_to_log_the_first_trace(tmp_path):
    path = tmp_path / "new" / "spanbook.db"

    with viewing(str(path)) as (lines, _):
        pass

    assert lines[0] == f"Store:  {path}"
    assert lines[1] == "Traces: 0"
    assert any("SpanbookCallbackHandler" in line for line in lines)
    assert f"and run that program with SPANBOOK_URL={path}" in lines


def test_view_takes_over_what_a_killed_program_left(url, tmp_path):
    script = (
        "import os, sys; from spanbook.recording.recorder import Recorder; "
        "from tests.viewer.stories import refund_question; "
        f"recorder = Recorder({url!r}, ingest=False); refund_question(recorder); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script], check=False, timeout=60, cwd=ROOT)

    with viewing(url) as (_, address):
        found = ""
        deadline = time.monotonic() + 30
        while "answer question" not in found and time.monotonic() < deadline:
            found = urllib.request.urlopen(f"{address}traces/?limit=1").read().decode()

    assert "answer question" in found


def test_a_host_that_others_can_reach_needs_a_token(url):
    result = CliRunner().invoke(view, [url, "--host", "0.0.0.0", "--no-browser"])

    assert isinstance(result.exception, SettingsError)
    assert "Give a token (--token)" in str(result.exception)


def test_with_a_token_the_printed_address_carries_it(url):
    with viewing(url, "--host", "0.0.0.0", "--token", "t o") as (_, address):
        assert address.endswith("/?token=t+o")
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        assert opener.open(address).status == 200


def test_the_next_port_is_taken_where_nobody_asked_for_one(monkeypatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        monkeypatch.setattr(listening, "PORT", taken)

        with listening.listen("127.0.0.1", None) as listener:
            assert taken < listener.getsockname()[1] < taken + listening.TRIED


def test_a_port_that_was_asked_for_and_is_taken_is_an_error():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]

        with pytest.raises(SettingsError, match=f"port {taken}.*another --port"):
            listening.listen("127.0.0.1", taken)


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("192.168.0.4", False),
        ("127.evil.example", False),
        ("", False),
    ],
)
def test_only_names_of_this_machine_are_loopback(host, is_loopback):
    assert listening.is_loopback(host) == is_loopback


def test_the_command_is_listed_without_loading_flask():
    script = "import spanbook_viewer.commands, sys; print(*sys.modules)"

    output = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout

    assert not {"flask", "pygments", "sqlalchemy", "waitress"} & set(output.split())


def test_a_viewer_in_a_process_of_many_open_files_answers(url):
    least, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(least, 4_096), most), most))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1_100)]  # past what select() can see
    try:
        with Book(url) as book:
            served = Served(book)
            assert urllib.request.urlopen(f"{served.address}/traces/", timeout=20).status == 200
            served.stop()
    finally:
        for file in held:
            os.close(file)
