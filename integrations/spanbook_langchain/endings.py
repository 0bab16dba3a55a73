"""How a run ended that ended with an exception: not every one is a failure."""

from typing import Any

from spanbook.recording.recorder import MISSING
from spanbook.spans import Status

_MODULE = "langgraph.errors"


def ending(error: BaseException) -> tuple[Status | None, Any, BaseException | None]:
    """Return the status, the output and the error to record; no status: what the error says.

    LangGraph hands control around by exceptions: a command for the parent graph is a result, an
    interrupt is a wait. They are known by class and module, so that LangGraph need not be there.
    """
    for cls in type(error).__mro__:
        if cls.__module__ == _MODULE:
            if cls.__name__ == "ParentCommand":
                return Status.OK, _first(error), None
            if cls.__name__ == "GraphBubbleUp":
                return Status.INTERRUPTED, {"interrupts": _first(error)}, None
    return None, MISSING, error


def _first(error: BaseException) -> Any:
    return error.args[0] if error.args else None
