"""The run of a notebook that was written for W&B: begun by `init`, logged to, finished."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from spanbook.recording.runs import Run

_log = logging.getLogger("spanbook")

_current: "NotebookRun | None" = None


class NotebookRun(Run):
    """A run of the whole process, by the methods that W&B's has."""

    def __init__(
        self, name: str, *, config: Mapping[str, Any] | None = None, project: str | None = None
    ) -> None:
        super().__init__(name, config=config, project=project)
        self.id = self.run_id
        self.project = project or self.recorder.settings.project

    def log(
        self,
        metrics: Mapping[str, Any] | None = None,
        /,
        *,
        step: int | None = None,
        commit: bool | None = None,
        **more: Any,
    ) -> None:
        """Note metrics and traces; with `commit=False` the next are of the same step."""
        super().log(metrics, step=step, **more)
        if commit is False:
            self._next_step = max(self._next_step - 1, 0)

    def finish(self, error: BaseException | None = None, *, exit_code: int | None = None) -> None:
        """End the run, as failed where the exit code says so."""
        global _current  # noqa: PLW0603  # the one run of the notebook
        if error is None and exit_code:
            error = RuntimeError(f"finished with exit code {exit_code}")
        super().finish(error)
        if _current is self:
            _current = None

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"W&B's run.{name} has no counterpart here; docs/trace-trees.md says what has one."
        )


def init(
    project: str | None = None,
    *,
    name: str | None = None,
    config: Mapping[str, Any] | None = None,
    tags: Iterable[str] | None = None,
    notes: str | None = None,
    **other: Any,
) -> NotebookRun:
    """Begin a run for the whole process; one that was begun before is finished.

    `tags` and `notes` are kept with the config. Whatever else W&B takes is reported in the log and
    not used.
    """
    global _current  # noqa: PLW0603  # the one run of the notebook
    if other:
        _log.warning("Not used, since there is nothing like it: %s.", ", ".join(sorted(other)))
    if _current is not None:
        _current.finish()
    kept: dict[str, Any] = dict(config or {})
    kept |= {"tags": list(tags)} if tags else {}
    kept |= {"notes": notes} if notes else {}
    _current = NotebookRun(name or project or "notebook", config=kept, project=project)
    _current.start()
    return _current


def current_run() -> NotebookRun | None:
    """Return the run that `init` began and nobody has finished."""
    return _current


def log(data: Mapping[str, Any], step: int | None = None, *, commit: bool | None = None) -> None:
    """Note metrics and traces in the run that `init` began, which begins here if it has not."""
    (_current or init()).log(data, step=step, commit=commit)


def finish(exit_code: int | None = None) -> None:
    """End the run that `init` began."""
    if _current is not None:
        _current.finish(exit_code=exit_code)
