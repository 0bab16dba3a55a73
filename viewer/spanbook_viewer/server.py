"""The local server: the viewer on an address of this machine, its store kept up to date."""

import gc
import logging
import threading
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from socket import socket
from typing import Any
from urllib.parse import urlencode

from flask import Flask
from waitress.server import create_server

from spanbook.errors import SettingsError
from spanbook.reading import queries
from spanbook.reading.book import Book
from spanbook.reading.filters import TraceFilter
from spanbook_viewer.app import PAGE_LIMIT, create_app, place_of
from spanbook_viewer.listening import is_loopback, listen
from spanbook_viewer.security import LOOPBACK

log = logging.getLogger("spanbook.viewer")

BREATH = 1.0  # seconds between two looks for journals that dead processes left


def serve(
    url: str | None = None,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    open_browser: bool = False,
    token: str | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Show the store at `url` in a browser until interrupted.

    Without `port` it is 5050, or the next one that is free. A `host` that other machines can reach
    needs a `token`.

    Raises:
        SettingsError: the host needs a token, or the port is taken.
        StoreError: the store cannot be opened.
    """
    if not is_loopback(host) and not token:
        raise SettingsError(
            f"{host} can be reached by other machines. Give a token (--token), or leave the host "
            "at 127.0.0.1."
        )
    with Book(url, limit=PAGE_LIMIT) as book, suppress(KeyboardInterrupt):
        app = create_app(book, token=token, allowed_hosts=None if token else LOOPBACK)
        listener = listen(host, port)
        server = answering(app, listener, threads=8)
        address = _address(host, listener.getsockname()[1], token)
        greeting = _greeting(book, address)
        stop = _collecting(book)
        try:
            for line in greeting:
                say(line)
            if open_browser:
                webbrowser.open(address)
            gc.freeze()  # what is imported stays; no collection need look at it for a page's sake
            server.run()
        finally:
            stop.set()
            server.close()


def answering(app: Flask, listener: socket, threads: int) -> Any:
    """Return a server that answers what comes to a listening socket once it runs."""
    return create_server(
        app,
        sockets=[listener],
        threads=threads,
        ident=None,
        asyncore_use_poll=True,  # select() cannot see files whose number is 1024 or more
    )


def _address(host: str, port: int, token: str | None) -> str:
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 -- it is compared, not bound
    query = "/?" + urlencode({"token": token}) if token else "/"
    return f"http://{name}:{port}{query}"


def _greeting(book: Book, address: str) -> list[str]:
    """Return what the terminal says: the store, how much is in it, and where to look."""
    found = queries.count_traces(book.engine, TraceFilter(), cap=1_000_000)
    number = f"{found.number:,}" if found.exact else f"more than {found.number:,}"
    lines = [f"Store:  {place_of(book)}", f"Traces: {number}"]
    if not found.number:
        lines += [
            "",
            "To record the first trace, add the handler to a call:",
            "  from spanbook_langchain import SpanbookCallbackHandler",
            '  chain.invoke(question, config={"callbacks": [SpanbookCallbackHandler()]})',
            f"and run that program with SPANBOOK_URL={place_of(book)}",
            "",
        ]
    return [*lines, f"Viewer: {address}"]


def _collecting(book: Book) -> threading.Event:
    """Take over the journals of dead processes in the background until the event is set."""
    stop = threading.Event()

    def work() -> None:
        said = ""
        while not stop.is_set():
            try:
                book.collect()
            except Exception as error:
                if str(error) != said:
                    log.warning("Journals could not be taken over; trying again", exc_info=True)
                said = str(error)
            stop.wait(BREATH)

    threading.Thread(target=work, name="spanbook-collect", daemon=True).start()
    return stop
