"""Installing: every client that the process makes, without a change to the code that makes it.

This is the one place that changes a class of someone else, because there is no other way to meet
clients that a program makes by itself. It is asked for by name and taken back without a trace.
"""

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any

from spanbook.recording.guard import guarded
from spanbook.recording.recorder import Recorder
from spanbook_openai.tracing import Tracing
from spanbook_openai.wrapping import adopt, tracing_of

VARIABLE = "SPANBOOK_OPENAI"
_TRUE = {"1", "true", "yes", "on"}

_installed: dict[type, tuple[Callable[..., None], Callable[..., None]]] = {}  # ours, theirs
_tracing: Tracing | None = None


def install(
    recorder: Recorder | None = None, *, ask_usage: bool = False, vectors: bool = False
) -> None:
    """Record every OpenAI client that is made from now on, with the options of `wrap_openai`.

    Calling it again replaces what was installed.

    Raises:
        ImportError: openai is not installed.
    """
    global _tracing  # noqa: PLW0603  # one a process
    uninstall()
    import openai

    _tracing = Tracing(recorder, ask_usage=ask_usage, vectors=vectors)
    for cls in (openai.OpenAI, openai.AsyncOpenAI):
        theirs = cls.__init__
        ours = _initialiser(theirs, _tracing)
        _installed[cls] = (ours, theirs)
        cls.__init__ = ours


def uninstall() -> None:
    """Undo `install`: from now on clients that it found are not recorded either."""
    global _tracing  # noqa: PLW0603
    if _tracing is not None:
        _tracing.active = False
        _tracing = None
    for cls, (ours, theirs) in _installed.items():
        if vars(cls).get("__init__") is ours:  # unless someone has wrapped it since
            cls.__init__ = theirs
    _installed.clear()


def _initialiser(theirs: Callable[..., None], tracing: Tracing) -> Callable[..., None]:
    @functools.wraps(theirs)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807  # it replaces one
        theirs(self, *args, **kwargs)
        if tracing.active:
            _adopt(self, tracing)

    return __init__


@guarded
def _adopt(client: Any, tracing: Tracing) -> None:
    if tracing_of(client) is None:
        adopt(client, tracing)


def install_from_environment(environ: Mapping[str, str] = os.environ) -> None:
    """Do as the variable SPANBOOK_OPENAI says."""
    if environ.get(VARIABLE, "").strip().lower() in _TRUE:
        install()
