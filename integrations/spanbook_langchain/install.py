"""Recording without passing a handler: for the whole process, or for a block of code."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

from langchain_core.tracers.context import register_configure_hook

from spanbook.recording.recorder import Recorder
from spanbook_langchain.handler import SpanbookCallbackHandler

VARIABLE = "SPANBOOK_LANGCHAIN"
_TRUE = {"1", "true", "yes", "on"}

_of_block: ContextVar[SpanbookCallbackHandler | None] = ContextVar(
    "spanbook_langchain", default=None
)


class _Switch:
    """The handler to use here: the block's, else the process's.

    LangChain asks it as it would ask a context variable. A real one could not switch on threads
    that are there already: each thread starts with an empty context.
    """

    def __init__(self) -> None:
        self.of_process: SpanbookCallbackHandler | None = None
        self.is_registered = False

    def get(self) -> SpanbookCallbackHandler | None:
        return _of_block.get() or self.of_process

    def register(self) -> None:
        if not self.is_registered:  # once: LangChain has no way to take a hook back
            self.is_registered = True
            register_configure_hook(
                cast("ContextVar[Any]", self),
                inheritable=True,
                handle_class=SpanbookCallbackHandler,
            )


_switch = _Switch()


def install(recorder: Recorder | None = None, **defaults: Any) -> SpanbookCallbackHandler:
    """Record every LangChain call of this process, in all threads and tasks, from now on.

    Calls that are given a handler of ours keep to that one. `defaults` are the handler's. Calling
    it again replaces what was installed.
    """
    _switch.of_process = SpanbookCallbackHandler(recorder, **defaults)
    _switch.register()
    return _switch.of_process


def uninstall() -> None:
    """Undo `install`: calls that start from now on are not recorded."""
    _switch.of_process = None


@contextmanager
def record(
    recorder: Recorder | None = None,
    *,
    session: str | None = None,
    user: str | None = None,
    tags: Sequence[str] = (),
    metadata: Mapping[str, Any] | None = None,
) -> Iterator[SpanbookCallbackHandler]:
    """Record every LangChain call that this block of code makes, and the tasks that it starts."""
    handler = SpanbookCallbackHandler(
        recorder, session=session, user=user, tags=tags, metadata=metadata
    )
    _switch.register()
    before = _of_block.set(handler)
    try:
        yield handler
    finally:
        try:
            _of_block.reset(before)
        except ValueError:  # the block ends in another context, as generators' may
            _of_block.set(None)


def install_from_environment(environ: Mapping[str, str] = os.environ) -> None:
    """Do as the variable SPANBOOK_LANGCHAIN says."""
    if environ.get(VARIABLE, "").strip().lower() in _TRUE:
        install()
