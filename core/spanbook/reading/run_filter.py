"""The filter of runs: which ones a list shows and in which order."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from spanbook.errors import ExpressionError
from spanbook.reading.arguments import (
    Argument,
    choice,
    read_flag,
    read_text,
    read_time,
    write_flag,
    write_time,
)
from spanbook.reading.expressions import OF_RUNS, Expression, read_path
from spanbook.reading.list_filter import ListFilter
from spanbook.reading.terms import RUN_ROOTS
from spanbook.spans import Status

# The words that a list of runs can be sorted by, besides paths such as `metrics.accuracy`.
RUN_SORTS = (
    *("start", "end", "duration", "name", "status", "traces", "errors", "tokens", "cost"),
    *("project", "host", "command", "python", "commit", "release", "environment", "error"),
)

_TEXT = Argument(read_text)
_TIME = Argument(read_time, write_time)
_OF_RUNS: dict[str, Argument] = {
    **dict.fromkeys(("project", "name", "run"), _TEXT),
    "status": Argument(choice(Status), many=True),
    **dict.fromkeys(("host", "commit", "release", "environment"), _TEXT),
    "since": _TIME,
    "until": _TIME,
    "process": Argument(read_flag, write_flag),
    "where": OF_RUNS,
}


@dataclass(frozen=True, slots=True)
class RunFilter(ListFilter):
    """Which runs to list; whatever is given must hold. None: not asked for.

    `since` and `until` are about when runs began, as those of a `TraceFilter`. `run` is an id.
    `name`, `host`, `commit`, `release` and `environment` may be "(none)". `process` asks for whole
    processes, or for what programs began themselves. `where` says more in words, such as
    `config.top_k = 4 and metrics.accuracy > 0.8`; metrics are the last values.
    """

    ARGUMENTS: ClassVar[Mapping[str, Argument]] = _OF_RUNS
    SORTS: ClassVar[tuple[str, ...]] = RUN_SORTS

    project: str | None = None
    name: str | None = None
    run: str | None = None
    status: tuple[Status, ...] = ()
    host: str | None = None
    commit: str | None = None
    release: str | None = None
    environment: str | None = None
    since: datetime | timedelta | None = None
    until: datetime | timedelta | None = None
    process: bool | None = None
    where: Expression | None = None

    @classmethod
    def can_sort_by(cls, word: str) -> bool:
        """Say whether runs can be sorted by `word`: a field, or a path of keys."""
        return word in cls.SORTS or run_path(word) is not None


def run_path(word: str) -> tuple[str, ...] | None:
    """Return the path that `word` is, below `config` or `metrics`; None: it is none."""
    root, dot, _ = word.partition(".")
    if not dot or root not in RUN_ROOTS:
        return None
    try:
        return read_path(word)
    except ExpressionError:
        return None
