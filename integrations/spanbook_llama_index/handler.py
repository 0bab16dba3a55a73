"""The callback handler: translates what LlamaIndex's older callbacks report into spans.

They tell less than the dispatcher: nothing of agents, workflows, tools and most rerankers, and no
parent for the model of an answer that streams. Where `install` is at work they are passed over.
"""

from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any
from weakref import WeakValueDictionary

from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.callbacks.schema import CBEventType, EventPayload

from spanbook.recording.defaults import default_recorder
from spanbook.recording.guard import guarded
from spanbook.recording.recorder import AMBIENT, Recorder
from spanbook.spans import SpanKind, Status
from spanbook_llama_index import tracing
from spanbook_llama_index.asked import Template
from spanbook_llama_index.ignoring import KINDS, kinds_of
from spanbook_llama_index.payloads import Told, at_end, at_start

_TREELESS = "completion"  # traces of a single event, which is their root


class _Trace:
    """What one outermost call of LlamaIndex's has reported so far. It is a span's key as well.

    `root` is the key of the span at the top, opened with the first event. `places` are the events
    without a span, with the key that stands above. `failure` is an exception on its way up.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self.root: Any = None
        self.places: dict[str, Any] = {}
        self.failure: BaseException | None = None


_trace: ContextVar[_Trace | None] = ContextVar("spanbook_llama_index_trace", default=None)
_template: ContextVar[Template | None] = ContextVar("spanbook_llama_index_template", default=None)
_call: ContextVar[tuple[str, str] | None] = ContextVar("spanbook_llama_index_call", default=None)


class SpanbookCallbackHandler(BaseCallbackHandler):
    """Records what a `CallbackManager` reports: queries, retrievers, models, embeddings.

    One handler may serve any number of calls, threads and tasks. `ignore` and `vectors` are as
    for `install`, which sees more than any handler can; with both, a call is recorded once.
    """

    def __init__(
        self,
        recorder: Recorder | None = None,
        *,
        ignore: Iterable[SpanKind | CBEventType | str] = (),
        vectors: bool = False,
    ) -> None:
        """Record with `recorder`, by default the process's own at the time of each call.

        Raises:
            ValueError: `ignore` names what is no kind.
        """
        super().__init__([], [])
        self._recorder = recorder
        self._ignored = kinds_of(ignore)
        self._vectors = vectors

    @property
    def recorder(self) -> Recorder:
        """The recorder that this handler reports to."""
        return self._recorder or default_recorder()

    # -- traces -----------------------------------------------------------------------------------

    @guarded
    def start_trace(self, trace_id: str | None = None) -> None:
        """Take note of an outermost call. Its span opens with the first event in it."""
        if self.recorder.settings.enabled and not _is_seen():
            _trace.set(_Trace(trace_id or "llama-index"))

    @guarded
    def end_trace(
        self, trace_id: str | None = None, trace_map: dict[str, list[str]] | None = None
    ) -> None:
        """Close the span of an outermost call. The map is shared by all calls and tells nothing."""
        trace = _trace.get()
        if trace is not None:
            _trace.set(None)
            _template.set(None)
            self.recorder.finish(trace, error=trace.failure)

    # -- events -----------------------------------------------------------------------------------

    def on_event_start(
        self,
        event_type: CBEventType,
        payload: dict[str, Any] | None = None,
        event_id: str = "",
        parent_id: str = "",
        **_: Any,
    ) -> str:
        """Open a span."""
        self._start(event_type, payload or {}, event_id, parent_id)
        return event_id

    def on_event_end(
        self,
        event_type: CBEventType,
        payload: dict[str, Any] | None = None,
        event_id: str = "",
        **_: Any,
    ) -> None:
        """Close a span."""
        self._end(event_type, payload or {}, event_id)

    @guarded
    def _start(
        self, event_type: CBEventType, payload: dict[Any, Any], event_id: str, parent_id: str
    ) -> None:
        recorder, trace = self.recorder, _trace.get()
        if not recorder.settings.enabled or _is_seen():
            return
        if event_type is CBEventType.EXCEPTION:
            if trace is not None:
                trace.failure = payload.get(EventPayload.EXCEPTION)
            return
        if event_type is CBEventType.TEMPLATING:
            variables = payload.get(EventPayload.TEMPLATE_VARS)
            _template.set(Template(payload.get(EventPayload.TEMPLATE), variables, None))
        kind = KINDS.get(event_type)
        if kind is None or kind in self._ignored or event_type is CBEventType.CHUNKING:
            if trace is not None:
                trace.places[event_id] = self._place(parent_id, trace)
            return
        above = self._place(parent_id, trace)
        if above is AMBIENT and trace is not None:
            above = self._root(trace, event_type, event_id)
        told = at_start(event_type, payload)
        if kind is SpanKind.LLM:
            above = self._model(told, event_id, above)
        recorder.start(
            event_id,
            kind=kind,
            name=told.name or event_type.value,
            parent=above,
            input=told.input,
            model=told.model,
            attributes=told.attributes,
        )

    def _place(self, parent_id: str, trace: _Trace | None) -> Any:
        """Return the key above an event: its parent if that is open, as it may have failed."""
        key = parent_id if trace is None else trace.places.get(parent_id, parent_id)
        if key is not AMBIENT and self.recorder.find(key) is not None:
            return key
        root = None if trace is None else trace.root
        return AMBIENT if root is None or self.recorder.find(root) is None else root

    def _root(self, trace: _Trace, event_type: CBEventType, event_id: str) -> Any:
        """Open the span of a call, unless its first event is all of it."""
        if event_type is CBEventType.QUERY or trace.label == _TREELESS:
            trace.root = event_id
            return AMBIENT
        if SpanKind.CHAIN in self._ignored:
            return AMBIENT
        trace.root = trace
        self.recorder.start(trace, kind=SpanKind.CHAIN, name=trace.label)
        return trace

    def _model(self, told: Told, event_id: str, above: Any) -> Any:
        """Add the prompt that a call is made from; return what is above it.

        A model that calls itself, as `achat` calls `chat`, reports both calls as if beside each
        other. The inner one goes below the outer one, so that their usage counts once.
        """
        template = _template.get()
        if template is not None:
            _template.set(None)
            told.attributes.update(template.attributes())
        name = told.name or ""
        outer = _call.get()
        _call.set((event_id, name))
        if outer is not None and outer[1] == name and self.recorder.find(outer[0]) is not None:
            return outer[0]
        return above

    @guarded
    def _end(self, event_type: CBEventType, payload: dict[Any, Any], event_id: str) -> None:
        recorder, trace = self.recorder, _trace.get()
        if trace is not None and trace.places.pop(event_id, None) is not None:
            return
        live = recorder.find(event_id)
        if live is None:
            self._warn(event_type, trace)
            return
        error = payload.get(EventPayload.EXCEPTION)
        told = Told()
        try:
            if error is None:
                told = at_end(event_type, payload, keep_vectors=self._keeps_vectors)
        finally:
            if trace is not None and error is None and not payload:
                error = trace.failure  # an event inside this one has reported it
            if trace is not None:
                trace.failure = error
            if error is None and not told.is_whole:
                told.attributes["warning"] = (
                    f"LlamaIndex ended the {event_type.value} without a result"
                )
            is_closed = isinstance(error, GeneratorExit)
            recorder.finish(
                event_id,
                status=Status.CANCELLED if is_closed else None,
                input=told.input,
                output=told.output,
                error=None if is_closed else error,
                usage=told.usage,
                model=told.model,
                attributes=told.attributes,
            )

    @property
    def _keeps_vectors(self) -> bool:
        return self._vectors and "vectors" not in self.recorder.settings.hide

    def _warn(self, event_type: CBEventType, trace: _Trace | None) -> None:
        """Say on the trace that something ended which never started."""
        if tracing.installed is not None or event_type not in KINDS or trace is None:
            return
        warning = f"LlamaIndex ended a {event_type.value} that it had not started"
        if trace.root is not None:
            self.recorder.event(trace.root, "warning", warning)

    # -- copies -----------------------------------------------------------------------------------

    def __copy__(self) -> "SpanbookCallbackHandler":
        return self

    def __deepcopy__(self, _: Any) -> "SpanbookCallbackHandler":
        return self

    def __reduce__(self) -> Any:
        url = None if self._recorder is None else self._recorder.settings.url
        ignored = sorted(kind.value for kind in self._ignored)
        return _rebuild, (type(self), url, ignored, self._vectors)


_rebuilt: WeakValueDictionary[str, Recorder] = WeakValueDictionary()


def _rebuild(
    cls: type[SpanbookCallbackHandler], url: str | None, ignored: list[str], vectors: bool
) -> SpanbookCallbackHandler:
    """Make the handler anew in another process, recording to the same store."""
    recorder = None if url is None else _rebuilt.get(url)
    if url is not None and recorder is None:
        recorder = _rebuilt[url] = Recorder(url)
    return cls(recorder, ignore=ignored, vectors=vectors)


def _is_seen() -> bool:
    """Say whether the dispatcher's side records the code that runs here."""
    return tracing.installed is not None and tracing.installed.is_recording()
