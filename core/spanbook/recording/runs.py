"""Runs begun by hand: `with spanbook.run("nightly", config={"top_k": 4}) as run: …`."""

import operator
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from contextvars import Token
from types import TracebackType
from typing import Any, Self, cast

from spanbook.errors import ArgumentError
from spanbook.recording import ambient
from spanbook.recording.defaults import default_recorder
from spanbook.recording.guard import guarded
from spanbook.recording.process import packages, surroundings
from spanbook.recording.recorder import Recorder, status_of
from spanbook.spans import Status, new_trace_id

_LAST_STEP = (1 << 63) - 1  # that a database holds


class Loggable(ABC):
    """What is logged as something else than a metric, such as a trace built by hand."""

    @abstractmethod
    def log_as(self, name: str, run: "Run") -> None:
        """Record this in a run, under a name."""


class Run:
    """An execution of a program, or of a part of it, that traces belong to.

    A trace belongs to the innermost run that is active where its first span starts: of the `with`
    blocks around that, else of the runs that `start()` began for the whole process. Traces outside
    any belong to the run that every process is. Host, command, git commit and packages are kept
    with `config`, as are the project, release and environment of the recorder.

    An exception that leaves the block ends the run as `error` or `cancelled` and goes on unchanged.
    """

    def __init__(
        self,
        name: str,
        *,
        config: Mapping[str, Any] | None = None,
        project: str | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self.recorder = default_recorder() if recorder is None else recorder
        self.run_id = new_trace_id()
        self.name = name
        self.config = dict(config or {})
        self._project = project
        self._next_step = 0
        self._open = False
        self._token: Token[tuple[tuple[str, object], ...]] | None = None

    @property
    def active(self) -> tuple[str, object]:
        """The run as the ambient context holds it."""
        return (self.run_id, self.recorder)

    def log(
        self, metrics: Mapping[str, Any] | None = None, /, *, step: int | None = None, **more: Any
    ) -> None:
        """Note metrics at a step; of each name the last value is the run's, all are its history.

        Steps count from 0 where none is given. A name logged twice at one step has the later
        value. What is no number is in no history.

        Raises:
            ArgumentError: `step` is no whole number from 0 on.
        """
        number = self._next_step if step is None else _checked_step(step)
        values = {**(metrics or {}), **more}
        for name, value in list(values.items()):
            if isinstance(value, Loggable):
                value.log_as(name, self)
                del values[name]
        if values:
            self._next_step = number + 1
            self._log(values, number)

    @guarded
    def _log(self, values: dict[str, Any], step: int) -> None:
        if self._open and self.recorder.settings.enabled:
            plain = self.recorder.gate.plain
            told = {
                str(name)[:200]: plain(value, "metadata") if number is None else number
                for name, value in values.items()
                for number in [_number(value)]
            }
            at = self.recorder.now()
            self.recorder.write(
                {"type": "metrics", "run": self.run_id, "at": at, "step": step, "values": told}
            )

    def start(self) -> Self:
        """Begin the run for the whole process, until `finish`."""
        self._begin()
        ambient.process_runs.append(self.active)
        return self

    @guarded
    def _begin(self) -> None:
        self._open = True
        if self.recorder.settings.enabled:
            record = {
                "type": "run",
                "run": self.run_id,
                **surroundings(self.recorder.settings),
                "name": self.name,
                "config": self.recorder.gate.plain(self.config, "metadata"),
                "packages": packages(),
                "start": self.recorder.now(),
            }
            if self._project is not None:
                record["project"] = self._project
            self.recorder.write(record)

    def finish(self, error: BaseException | None = None) -> None:
        """End the run, as failed if there is an error; the first end counts."""
        if self.active in ambient.process_runs:
            ambient.process_runs.remove(self.active)
        self._end(error)

    @guarded
    def _end(self, error: BaseException | None) -> None:
        if self._open and self.recorder.settings.enabled:
            record: dict[str, Any] = {
                "type": "run_end",
                "run": self.run_id,
                "end": self.recorder.now(),
                "status": Status.OK if error is None else status_of(error),
            }
            if error is not None:
                record["error"] = self.recorder.gate.error(error, stack=False)
            self.recorder.write(record)
        self._open = False

    def __enter__(self) -> Self:
        self._begin()
        self._token = ambient.runs.set((*ambient.runs.get(), self.active))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._token is not None:
            with suppress(ValueError):  # left in another context than entered
                ambient.runs.reset(self._token)
            self._token = None
        self.finish(error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)


def _checked_step(given: Any) -> int:
    try:
        step = operator.index(given)
    except TypeError:
        step = -1
    if not 0 <= step <= _LAST_STEP:
        raise ArgumentError(f"The step is {given!r}. Give a whole number, 0 or more, or none.")
    return step


def _number(value: Any) -> float | None:
    """Return a metric as a number, whatever library made it; None: it is none."""
    if type(value) is int and abs(value) <= _LAST_STEP:
        return value
    if not hasattr(cast(object, type(value)), "__float__"):
        return None
    try:
        return float(value)
    except (OverflowError, TypeError, ValueError):  # an array of several, or beyond any float
        return None
