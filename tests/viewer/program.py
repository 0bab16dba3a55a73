"""Viewers that answer: `spanbook view` as a process of its own, and one in this process."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from waitress.wasyncore import close_all

from spanbook.reading.book import Book
from spanbook_viewer.app import create_app
from spanbook_viewer.listening import listen
from spanbook_viewer.server import answering


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


class Served:
    """A viewer in this process, behind a real socket."""

    def __init__(self, book: Book) -> None:
        listener = listen("127.0.0.1", 0)
        self._server = answering(create_app(book), listener, threads=4)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        self.address = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def stop(self) -> None:
        """Close all sockets, those of browsers too, in the thread that reads them.

        What wakes that thread stays open until it has ended: another thread may have woken it
        already, so that it closes everything before this one is done with the waking.
        """
        trigger, sockets = self._server.trigger, self._server._map

        def close() -> None:
            trigger.del_channel()
            close_all(sockets, ignore_all=True)

        trigger.pull_trigger(close)
        self._thread.join(20)
        trigger.close()
        self._server.task_dispatcher.shutdown()
