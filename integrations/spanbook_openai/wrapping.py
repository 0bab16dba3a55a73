"""Wrapping: one client, made to record by changing the class of that one object.

The new class has the old one as its only base and carries its name, so that `isinstance`, the
bytes on the wire and copies of the client stay what they are.
"""

import copy as copying
import functools
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from spanbook.recording.guard import guarded
from spanbook.recording.recorder import Recorder
from spanbook_openai.call import Call, begin, is_async, running
from spanbook_openai.endpoints import endpoint_of
from spanbook_openai.providers import is_openai
from spanbook_openai.tracing import Tracing

T = TypeVar("T")

_MARK = "_spanbook_wraps"  # on the class: what it wraps
_TRACING = "_spanbook_tracing"  # on the client: how it is recorded
_NEEDED = ("request", "_process_response", "copy", "with_options", "base_url")

_classes: dict[type, type] = {}
_lock = threading.Lock()


def wrap_openai(
    client: T,
    *,
    recorder: Recorder | None = None,
    ask_usage: bool = False,
    vectors: bool = False,
) -> T:
    """Record every call of `client`, an OpenAI client of any kind, and return that same client.

    Requests, results, exceptions and types stay as they are. With `ask_usage`, streams of chat
    completions from OpenAI report their tokens even if the program did not ask for that; the event
    that tells them is kept from the program. `vectors` keeps embeddings themselves. Wrapping a
    client again changes how it is recorded.

    Raises:
        TypeError: `client` is no OpenAI client.
    """
    return adopt(client, Tracing(recorder, ask_usage=ask_usage, vectors=vectors))


def unwrap(client: T) -> T:
    """Undo `wrap_openai` and return the same client. Copies made meanwhile stay recorded."""
    base = getattr(type(client), _MARK, None)
    if base is not None:
        client.__class__ = base
        vars(client).pop(_TRACING, None)
    return client


def adopt(client: T, tracing: Tracing) -> T:
    """Let `client` be recorded as `tracing` says."""
    cls = type(client)
    if getattr(cls, _MARK, None) is None:
        if not all(hasattr(cls, name) for name in _NEEDED):
            raise TypeError(
                f"Cannot wrap {cls.__name__}: it is no OpenAI client. Wrap the client itself, "
                "before another library is built around it."
            )
        client.__class__ = _traced(cls)
    vars(client)[_TRACING] = tracing
    return client


def tracing_of(client: Any) -> Tracing | None:
    """Return how `client` is recorded, or None."""
    return vars(client).get(_TRACING)


def _traced(base: type) -> type:
    with _lock:
        cls = _classes.get(base)
        if cls is None:
            requests = _async_requests(base) if is_async(base) else _requests(base)
            copies = {name: _copy(getattr(base, name)) for name in ("copy", "with_options")}
            about = {
                "__module__": base.__module__,
                "__qualname__": base.__qualname__,
                "__doc__": base.__doc__,
                _MARK: base,
            }
            cls = type(base)(base.__name__, (base,), {**about, **requests, **copies})
            _classes[base] = cls
        return cls


def _copy(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def copy(self: Any, *args: Any, **kwargs: Any) -> Any:
        made = original(self, *args, **kwargs)
        _share(made, tracing_of(self))
        return made

    return copy


@guarded
def _share(client: Any, tracing: Tracing | None) -> None:
    if tracing is not None and getattr(type(client), _MARK, None) is not None:
        vars(client)[_TRACING] = tracing


# -- requests: everything but the call itself is the same for both kinds of client ---------------


def _open(client: Any, options: Any, how: Mapping[str, Any]) -> tuple[Call | None, Any]:
    tracing = tracing_of(client)
    if tracing is None:
        return None, options
    call = begin(tracing, client, options)
    if call is not None and tracing.ask_usage and how.get("stream"):
        options = _asking(call, client, options) or options
    return call, options


@guarded
def _asking(call: Call, client: Any, options: Any) -> Any:
    """Return options that ask for usage; None where that is not ours to ask."""
    endpoint = endpoint_of(options.method, options.url)
    body = options.json_data
    if endpoint is None or endpoint.name != "chat.completions" or not isinstance(body, Mapping):
        return None
    if not is_openai(str(client.base_url)):
        return None
    for given in (body, options.extra_json or {}):
        chosen = given.get("stream_options")
        if chosen is not None and (not isinstance(chosen, Mapping) or "include_usage" in chosen):
            return None
    asked = {**(body.get("stream_options") or {}), "include_usage": True}
    changed = copying.copy(options)
    changed.json_data = {**body, "stream_options": asked}
    call.hides_usage = True
    return changed


def _leave(token: Any) -> None:
    try:  # `suppress` costs more than all the rest of it
        running.reset(token)
    except ValueError:  # a coroutine may be dropped in another context
        pass


def _requests(base: type) -> dict[str, Any]:
    send: Any = vars(base).get("request") or base.request
    process: Any = base._process_response  # noqa: SLF001  # the one place where responses pass

    @functools.wraps(send)
    def request(self: Any, cast_to: Any, options: Any, *args: Any, **how: Any) -> Any:
        call, options = _open(self, options, how)
        token = running.set(call)
        try:
            result = send(self, cast_to, options, *args, **how)
        except BaseException as error:
            if call is not None:
                call.failed(error)
            raise
        finally:
            _leave(token)
        if call is not None:
            call.returned(result)
        return result

    @functools.wraps(process)
    def _process_response(self: Any, *args: Any, **how: Any) -> Any:
        call = running.get()
        if call is not None:
            call.received(self, how)
        return process(self, *args, **how)

    return {"request": request, "_process_response": _process_response}


def _async_requests(base: type) -> dict[str, Any]:
    send: Any = vars(base).get("request") or base.request
    process: Any = base._process_response  # noqa: SLF001  # the one place where responses pass

    @functools.wraps(send)
    async def request(self: Any, cast_to: Any, options: Any, *args: Any, **how: Any) -> Any:
        call, options = _open(self, options, how)
        token = running.set(call)
        try:
            result = await send(self, cast_to, options, *args, **how)
        except BaseException as error:
            if call is not None:
                call.failed(error)
            raise
        finally:
            _leave(token)
        if call is not None:
            call.returned(result)
        return result

    @functools.wraps(process)
    async def _process_response(self: Any, *args: Any, **how: Any) -> Any:
        call = running.get()
        if call is not None:
            call.received(self, how)
        return await process(self, *args, **how)

    return {"request": request, "_process_response": _process_response}
