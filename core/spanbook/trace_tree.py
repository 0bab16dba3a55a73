"""Traces built by hand and recorded at once, for notebooks written for W&B Prompts.

`from spanbook import trace_tree` stands for `from wandb.sdk.data_types import trace_tree`, and
`import spanbook.trace_tree as wandb` for `import wandb`; see docs/trace-trees.md.
"""

from typing import Any

from spanbook.recording.notebook import NotebookRun, current_run, finish, init, log
from spanbook.recording.tree_spans import Result, Span, StatusCode
from spanbook.recording.trees import Trace, TraceTree
from spanbook.spans import SpanKind

WBTraceTree = TraceTree  # so that a notebook changes nothing but its imports

__all__ = [
    "NotebookRun",
    "Result",
    "Span",
    "SpanKind",
    "StatusCode",
    "Trace",
    "TraceTree",
    "WBTraceTree",
    "finish",
    "init",
    "log",
]


def __getattr__(name: str) -> Any:
    """Return the run that `init` began, as `run`, and its `config`."""
    if name in ("run", "config"):
        run = current_run()
        return run if name == "run" or run is None else run.config
    raise AttributeError(
        f"spanbook.trace_tree has no {name!r}. It stands for the traces, runs and metrics of W&B "
        "only; docs/trace-trees.md says what becomes what."
    )
