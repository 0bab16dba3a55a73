"""The border: whatever goes wrong inside Spanbook stays inside, is counted and said once."""

import functools
import logging
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

log = logging.getLogger("spanbook")

P = ParamSpec("P")
T = TypeVar("T")

_said: set[tuple[str, str]] = set()
strict = False  # set by the test-suite: internal errors are raised instead of counted


def guarded(method: Callable[P, T]) -> Callable[P, T | None]:
    """Let no internal error leave `method`, an entry point that the traced program calls.

    The object needs a recorder, as `recorder` or `_recorder`, or to be one: the error is counted
    there. It is logged with its traceback the first time that this method fails in this way.
    """

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> T | None:
        try:
            return method(*args, **kwargs)
        except Exception as error:
            if strict:
                raise
            report(error, method.__qualname__, args[0] if args else None)
            return None

    return call


def report(error: BaseException, where: str, owner: Any = None) -> None:
    """Count an internal error with the recorder of `owner` and log it once for each place."""
    cause = (where, type(error).__qualname__)
    if cause not in _said and len(_said) < 1_000:
        _said.add(cause)
        log.warning("Spanbook failed in %s; the program goes on.", where, exc_info=error)
    recorder = getattr(owner, "_recorder", None) or getattr(owner, "recorder", None) or owner
    count = getattr(recorder, "count_error", None)
    if count is not None:
        count(f"{where}: {type(error).__qualname__}")
