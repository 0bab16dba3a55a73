"""`spanbook view` as a process of its own."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def viewing(*arguments: str, port: str = "0") -> Iterator[tuple[list[str], str]]:
    """Run `spanbook view`; yield what it printed up to the address, and the address."""
    command = [sys.executable, "-c", "from spanbook_viewer.commands import view; view()"]
    command += ["--no-browser", "--port", port, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line.rstrip())
            if line.startswith("Viewer:"):
                break
        assert lines
        try:
            yield lines, lines[-1].split()[1]
        finally:
            process.send_signal(signal.SIGINT)
            lines += [line.rstrip() for line in process.stdout]
            assert process.wait(20) == 0
