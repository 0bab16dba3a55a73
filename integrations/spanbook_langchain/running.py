"""Where a run belongs: below the run that LangChain names, or the one it lost sight of."""

from typing import Any
from uuid import UUID

from langchain_core.runnables.config import var_child_runnable_config

from spanbook.recording import ambient
from spanbook.recording.live import LiveSpan
from spanbook.recording.recorder import AMBIENT, Recorder


def running_key() -> UUID | None:
    """Return the id of the LangChain run that the calling code is part of."""
    config = var_child_runnable_config.get()
    if config is None:
        return None
    return getattr(config.get("callbacks"), "parent_run_id", None)


def thread_id() -> Any:
    """Return the thread that the running LangChain code was configured with."""
    config = var_child_runnable_config.get()
    return None if config is None else (config.get("configurable") or {}).get("thread_id")


def place(recorder: Recorder, parent_run_id: UUID | None) -> tuple[Any, LiveSpan | None]:
    """Return the parent to name for a run, and its live span if it is open.

    That is the reported parent, unless the code that runs here belongs to an open span below it:
    fallbacks and explicit callbacks make LangChain report a parent too far up, or none.
    """
    if parent_run_id is None:
        return AMBIENT, recorder.current()
    up = recorder.find(parent_run_id)
    if up is not None and ambient.current.get() is None and running_key() == parent_run_id:
        return parent_run_id, up
    here = recorder.current()
    if here is None or here is up or up is None or not _is_below(here, up):
        return parent_run_id, up
    return AMBIENT, here


def _is_below(live: LiveSpan, other: LiveSpan) -> bool:
    above = live.up
    while above is not None and above is not other:
        above = above.up
    return above is not None


if running_key not in ambient.sources:
    ambient.sources.append(running_key)
