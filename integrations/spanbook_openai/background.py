"""Background: responses and runs that a first call begins and a later look finds finished.

The later looks report the same tokens again and again. They are attached to the span of the first
call and counted once, however often a program asks and with whichever client.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from spanbook.recording.recorder import AMBIENT

if TYPE_CHECKING:
    from spanbook_openai.call import Call

_PENDING = ("queued", "in_progress")
_MOST = 10_000

_waiting: dict[str, "Call"] = {}  # by the id of the response


def is_pending(data: Any) -> bool:
    """Say whether a response is still being made."""
    return (
        isinstance(data, Mapping)
        and data.get("status") in _PENDING
        and ("output" in data or data.get("object") == "thread.run")
        and data.get("id") not in _waiting
    )


def wait(data: Mapping[str, Any], call: "Call") -> None:
    """Leave the span of `call` open until its response is found finished."""
    if len(_waiting) >= _MOST:
        _waiting.pop(next(iter(_waiting)), None)
    _waiting[str(data.get("id"))] = call


def settle(data: Any) -> None:
    """End the span whose response `data` is, if it waits and is finished now."""
    if not isinstance(data, Mapping) or data.get("status") in (None, *_PENDING):
        return
    call = _waiting.pop(str(data.get("id")), None)
    if call is None:
        return
    answer = call.endpoint.answer(data, {})
    if call.recorder.find(call.key) is None and call.live is not None:
        _reopen(call)
    call.close(answer, None, answer.status)


def _reopen(call: "Call") -> None:
    """Open a span of its own for an answer that came long after its trace had ended."""
    first = call.live
    call.key = object()
    call.live = call.recorder.start(
        call.key,
        kind=call.endpoint.kind,
        name=call.endpoint.name,
        parent=AMBIENT,
        model=call.model,
        attributes={"retrieved": True, "begun_by": None if first is None else first.span},
    )
