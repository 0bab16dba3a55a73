"""Trace trees: traces that were built by hand, recorded at once."""

from collections.abc import Mapping
from typing import Any

from spanbook.errors import ArgumentError
from spanbook.recording import ambient
from spanbook.recording.defaults import default_recorder
from spanbook.recording.guard import guarded
from spanbook.recording.recorder import Recorder
from spanbook.recording.runs import Loggable, Run
from spanbook.recording.tree_spans import (
    Result,
    Span,
    StatusCode,
    checked_kind,
    checked_status,
    named_results,
    walk,
)
from spanbook.spans import SpanError, SpanKind, Status
from spanbook.tokens import read_usage

_MODEL_NAMES = ("model_name", "model")
_USAGES = ("token_usage", "usage")


class TraceTree(Loggable):
    """A root span with all below it, and the model that ran, as a dictionary of any form."""

    def __init__(self, root_span: Span, model_dict: Mapping[str, Any] | None = None) -> None:
        self.root_span = root_span
        self.model_dict = model_dict

    def log_as(self, name: str, run: Run) -> None:
        """Record the trace in a run, under a name."""
        with ambient.held(ambient.runs, (*ambient.runs.get(), run.active)):
            self.log(name, recorder=run.recorder)

    def log(self, name: str, *, recorder: Recorder | None = None) -> None:
        """Record the trace, in the run that is active here.

        The name is kept as `logged_as` among the trace's metadata; its own is that of its root.
        """
        _TreeWriter(recorder or default_recorder(), self).write(name)


class _TreeWriter:
    """Records one tree."""

    def __init__(self, recorder: Recorder, tree: TraceTree) -> None:
        self._recorder = recorder
        self._tree = tree
        self._places: dict[int, tuple[object, int]] = {}  # key and start of each open span, by id

    @guarded
    def write(self, name: str) -> None:
        """Record each span above those below it, and end them in the opposite order."""
        for span, above, is_end in walk(self._tree.root_span):
            if is_end:
                self._end(span)
            else:
                self._start(span, above, name)

    def _start(self, span: Span, above: Span | None, name: str) -> None:
        key = object()
        given, _ = span.times
        parent, parents_start = (None, None) if above is None else self._places[id(above)]
        start = given if given is not None else parents_start
        start = self._recorder.now() if start is None else start
        self._places[id(span)] = (key, start)
        told = named_results(span)
        self._recorder.start(
            key,
            kind=span.kind,
            name=str(span.name or span.kind),
            parent=parent,
            context={"metadata": {"logged_as": name}} if above is None else None,
            at=start,
            **{field: value for field, value in told.items() if field == "input"},
        )

    def _end(self, span: Span) -> None:
        key, start = self._places.pop(id(span))
        given, end = span.times
        attributes = dict(span.attributes or {})
        untimed = [word for word, time in (("start", given), ("end", end)) if time is None]
        if untimed:
            attributes["untimed"] = untimed
        if span.span_id is not None:
            attributes["span_id"] = span.span_id
        if span is self._tree.root_span and self._tree.model_dict is not None:
            attributes["model_dict"] = self._tree.model_dict
        message, error = span.status_message, None
        if message is not None and span.status is Status.ERROR:
            error = SpanError("error", str(message))
        elif message is not None:
            attributes["status_message"] = message
        told = named_results(span)
        self._recorder.finish(
            key,
            status=span.status,
            error=error,
            usage=_usage(attributes),
            model=_model(attributes),
            attributes=attributes,
            at=start if end is None else end,
            **{field: value for field, value in told.items() if field == "output"},
        )


def _usage(attributes: Mapping[str, Any]) -> Any:
    found = (read_usage(attributes.get(name)) for name in _USAGES)
    return next((usage for usage in found if usage is not None), None)


def _model(attributes: Mapping[str, Any]) -> str | None:
    names = (attributes.get(name) for name in _MODEL_NAMES)
    return next((name for name in names if isinstance(name, str)), None)


class Trace(Loggable):
    """A span with its children, its inputs, outputs and model: a tree and its root in one object.

    Raises:
        ArgumentError: `kind` is no kind of span, or `status_code` no status.
    """

    def __init__(
        self,
        name: str,
        kind: SpanKind | str | None = None,
        status_code: StatusCode | Status | str | None = None,
        status_message: str | None = None,
        metadata: dict[str, Any] | None = None,
        start_time_ms: float | None = None,
        end_time_ms: float | None = None,
        inputs: dict[str, Any] | None = None,
        outputs: dict[str, Any] | None = None,
        model_dict: dict[str, Any] | None = None,
    ) -> None:
        checked_status(status_code)
        self.model_dict = model_dict
        self.span = Span(
            name=name,
            span_kind=checked_kind(kind),
            status_code=status_code,
            status_message=status_message,
            attributes=dict(metadata or {}),
            start_time_ms=start_time_ms,
            end_time_ms=end_time_ms,
            results=[Result(inputs, outputs)] if inputs or outputs else [],
        )

    def add_child(self, child: "Trace") -> "Trace":
        """Put a trace below this one, its model below this one's under its name."""
        self.span.add_child_span(child.span)
        if self.model_dict is not None and child.model_dict is not None:
            self.model_dict[str(child.name)] = child.model_dict
        return self

    def add_inputs_and_outputs(self, inputs: dict[str, Any], outputs: dict[str, Any]) -> "Trace":
        """Add a result to those that are there."""
        self.span.add_named_result(inputs, outputs)
        return self

    def add_metadata(self, metadata: Mapping[str, Any]) -> "Trace":
        """Add metadata to what is there."""
        self.span.attributes = {**(self.span.attributes or {}), **metadata}
        return self

    def log(self, name: str, *, recorder: Recorder | None = None) -> None:
        """Record the trace, in the run that is active here if there is one.

        Raises:
            ArgumentError: the name is empty.
        """
        if not name.strip():
            raise ArgumentError("The trace is logged under no name. Give one.")
        TraceTree(self.span, self.model_dict).log(name, recorder=recorder)

    def log_as(self, name: str, run: Run) -> None:
        """Record the trace in a run, under a name."""
        TraceTree(self.span, self.model_dict).log_as(name, run)

    @property
    def name(self) -> str | None:
        """The name of the root."""
        return self.span.name

    @name.setter
    def name(self, value: str | None) -> None:
        self.span.name = value

    @property
    def kind(self) -> str | None:
        """The kind of the root, in capitals."""
        return None if self.span.span_kind is None else str(self.span.span_kind).upper()

    @kind.setter
    def kind(self, value: SpanKind | str) -> None:
        self.span.span_kind = checked_kind(value)

    @property
    def status_code(self) -> StatusCode | Status | str | None:
        """How the root ended."""
        return self.span.status_code

    @status_code.setter
    def status_code(self, value: StatusCode | Status | str | None) -> None:
        checked_status(value)
        self.span.status_code = value

    @property
    def status_message(self) -> str | None:
        """What was said of how the root ended."""
        return self.span.status_message

    @status_message.setter
    def status_message(self, value: str | None) -> None:
        self.span.status_message = value

    @property
    def start_time_ms(self) -> float | None:
        """When the root began."""
        return self.span.start_time_ms

    @start_time_ms.setter
    def start_time_ms(self, value: float | None) -> None:
        self.span.start_time_ms = value

    @property
    def end_time_ms(self) -> float | None:
        """When the root ended."""
        return self.span.end_time_ms

    @end_time_ms.setter
    def end_time_ms(self, value: float | None) -> None:
        self.span.end_time_ms = value

    @property
    def metadata(self) -> dict[str, Any] | None:
        """The attributes of the root."""
        return self.span.attributes

    @metadata.setter
    def metadata(self, value: Mapping[str, Any]) -> None:
        self.span.attributes = dict(value)

    @property
    def inputs(self) -> dict[str, Any] | None:
        """What went into the root, by its last result."""
        return self._last_result.inputs

    @inputs.setter
    def inputs(self, value: dict[str, Any] | None) -> None:
        self._last_result.inputs = value

    @property
    def outputs(self) -> dict[str, Any] | None:
        """What came out of the root, by its last result."""
        return self._last_result.outputs

    @outputs.setter
    def outputs(self, value: dict[str, Any] | None) -> None:
        self._last_result.outputs = value

    @property
    def _last_result(self) -> Result:
        if not self.span.results:
            self.span.results = [Result()]
        return self.span.results[-1]
