"""The default recorder: one a process, made when first needed or by `configure`."""

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from spanbook.notices import Exporter, Listener, NoticeKind
from spanbook.recording.listening import Listening
from spanbook.recording.outlet import Flushed
from spanbook.recording.recorder import Recorder
from spanbook.settings import Settings

_lock = threading.RLock()
_default: Recorder | None = None


def configure(url: str | os.PathLike[str] | None = None, **settings: Any) -> Recorder:
    """Choose where and what this process records; see `Settings` for the names.

    What is not given comes from the environment, else it is the default. May be called again: the
    recorder before is flushed and closed.

    Raises:
        SettingsError: a setting that is unknown or cannot be used.
    """
    global _default
    recorder = Recorder(url, **settings)
    with _lock:
        before, _default = _default, recorder
    _show_in_console(recorder)
    if before is not None:
        before.close()
    return recorder


def is_unset() -> bool:
    """Say whether the process has no recorder so far."""
    return _default is None


def default_recorder() -> Recorder:
    """Return the process's recorder, made from the environment if `configure` was not called.

    Never raises: with an unusable environment a recorder that is off.
    """
    global _default  # noqa: PLW0603  # the one default of the process
    if _default is None:
        with _lock:
            if _default is None:
                _default = _from_environment()
    return _default


def _from_environment() -> Recorder:
    import logging

    from spanbook.errors import SettingsError

    try:
        recorder = Recorder()
    except SettingsError as error:
        logging.getLogger("spanbook").warning("Nothing is recorded: %s", error)
        return Recorder(settings=Settings(enabled=False))
    _show_in_console(recorder)
    return recorder


def _show_in_console(recorder: Recorder) -> None:
    """Show traces in the terminal if SPANBOOK_CONSOLE says so; `always` does where there is none.

    What is wrong with that is logged.
    """
    wish = os.environ.get("SPANBOOK_CONSOLE", "").strip().lower()
    if wish in ("", "0", "false", "no", "off"):
        return
    try:
        from spanbook.console import ConsoleExporter
    except ImportError:
        import logging

        logging.getLogger("spanbook").warning(
            "SPANBOOK_CONSOLE needs rich: pip install 'spanbook[console]'."
        )
        return
    recorder.listen(ConsoleExporter(force=wish == "always"), "span-start", "span-complete")


@contextmanager
def used(recorder: Recorder) -> Generator[None]:
    """Make `recorder` the process's recorder inside, and that of before afterwards."""
    global _default  # noqa: PLW0603  # the one default of the process
    with _lock:
        before, _default = _default, recorder
    try:
        yield
    finally:
        with _lock:
            _default = before


def listen(
    listener: Listener | Exporter, *kinds: NoticeKind | str, recorder: Recorder | None = None
) -> Listening:
    """Have a listener or an exporter told of what is recorded from now on, by default all.

    It is called in a thread of its own and slows nothing; what it raises stays there. It listens to
    `recorder`, else to the process's recorder as it is now: call this after `configure`.

    Raises:
        ValueError: there is no such kind of notice.
    """
    return (recorder or default_recorder()).listen(listener, *kinds)


def flush(timeout: float = 5.0) -> Flushed:
    """Wait until the store holds all that was recorded so far, at most `timeout` seconds."""
    return default_recorder().flush(timeout)
