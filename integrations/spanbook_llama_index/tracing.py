"""Tracing: translates what LlamaIndex's dispatcher reports into spans."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from llama_index.core.base.response.schema import AsyncStreamingResponse, StreamingResponse
from llama_index.core.chat_engine.types import StreamingAgentChatResponse
from llama_index.core.instrumentation.span import active_span_id
from llama_index.core.tools import ToolOutput

from spanbook.recording import ambient
from spanbook.recording.defaults import default_recorder
from spanbook.recording.guard import guarded
from spanbook.recording.live import LiveSpan
from spanbook.recording.recorder import AMBIENT, MISSING, Recorder
from spanbook.spans import SpanKind, Status
from spanbook_llama_index.answers import Answer, read_answer, says_something, usage_below
from spanbook_llama_index.asked import Template
from spanbook_llama_index.frames import Frame, Frames
from spanbook_llama_index.given import OUTPUTS, counts, vectors
from spanbook_llama_index.openings import Opening, opening
from spanbook_llama_index.plans import DELEGATE, PART, SILENT, Plan, Plans, Role, is_step
from spanbook_llama_index.streams import Relay, Streams, is_stream
from spanbook_llama_index.values import chat_answer, sources

_PROGRAMS = {Role.STRUCTURED, Role.SYNTHESIZER}
_RESPONSES = (StreamingResponse, AsyncStreamingResponse)


class Tracing:
    """What is recorded of the whole process, from `install` on.

    `ignore` are the kinds that are left out, `vectors` says whether embeddings themselves are kept.
    """

    def __init__(
        self,
        recorder: Recorder | None = None,
        *,
        ignore: Iterable[SpanKind] = (),
        vectors: bool = False,
    ) -> None:
        self._recorder = recorder
        self._plans = Plans(ignore)
        self._vectors = vectors
        self._frames = Frames()
        self._streams = Streams()
        self._relays: WeakKeyDictionary[Any, Relay] = WeakKeyDictionary()

    @property
    def recorder(self) -> Recorder:
        """The recorder that spans are reported to: by default the process's at that time."""
        return self._recorder or default_recorder()

    @property
    def open(self) -> int:
        """How many of LlamaIndex's spans are open, recorded or not."""
        return self._frames.open

    def is_recording(self) -> bool:
        """Say whether the code that runs here is part of a step that is known."""
        return self._frames.find(active_span_id.get()) is not None

    def running(self) -> Frame | None:
        """Return the recorded frame that the code which runs here is part of."""
        frame = self._frames.find(active_span_id.get())
        if self._streams:
            frame = self._nearer(self._streams.owner(), frame)
        return None if frame is None else frame.span

    # -- steps ------------------------------------------------------------------------------------

    @guarded
    def enter(
        self,
        id: str,
        arguments: Mapping[str, Any],
        instance: Any,
        parent: str | None,
        tags: Mapping[str, Any] | None,
    ) -> None:
        """Take note of a step that begins, and open a span for it where it gets one."""
        recorder = self.recorder
        if not recorder.settings.enabled:
            return
        up = self._frames.find(parent)
        if self._streams:
            self._streams.settle()
            up = self._nearer(self._streams.owner(), up)
        above = None if up is None else up.span
        if above is not None and above.inner is not None:
            up = above = above.inner
        plan = self._plan(id, instance, up, tags)
        frame = Frame(id, up, plan)
        self._frames.add(frame)
        if plan.kind is None:
            _pass_on(frame, plan.role, instance, arguments)
            if plan is DELEGATE and above is not None:
                above.delegates = [*(above.delegates or ()), frame]
        else:
            self._open(recorder, frame, above, instance, arguments, tags)

    @guarded
    def exit(self, id: str, arguments: Mapping[str, Any], instance: Any, result: Any) -> None:
        """Take note of a step that returned; one whose result is a stream stays open."""
        frame = self._frames.find(id)
        if frame is None or not frame.is_open:
            return
        if frame.plan.kind is not None:
            if not self._wait(frame, result):
                self._returned(frame, arguments, instance, result)
        elif frame.plan is not DELEGATE:
            self._frames.end(frame)
            if frame.plan.role is Role.WRITER:
                self._written(frame, instance)
        elif is_stream(result):
            frame.waits = True
        else:
            _delegated(frame, result)
            self._frames.end(frame)

    @guarded
    def drop(self, id: str, instance: Any, error: BaseException | None) -> None:
        """Take note of a step that an exception left."""
        frame = self._frames.find(id)
        if frame is None or not frame.is_open:
            return
        role = frame.plan.role
        if frame.plan.kind is not None:
            self._finish(frame, error=error)
        elif role is Role.TEMPLATE and frame.span is None and not frame.has_asked:
            self._never_asked(frame, instance, error)
        else:
            self._frames.end(frame)
            if role is Role.WRITER:
                self._written(frame, instance, error)

    def _plan(
        self, id: str, instance: Any, up: Frame | None, tags: Mapping[str, Any] | None
    ) -> Plan:
        name = id[:-37]
        if instance is None:
            if up is not None and up.plan.role is Role.RUN and is_step(tags):
                return self._plans.of_step(name, in_team=up.plan.is_team)
            return self._plans.of_function(name)
        plan = self._plans.of_method(type(instance), name)
        return plan if up is None or plan.kind is None else _below(plan, up, instance)

    def _open(
        self,
        recorder: Recorder,
        frame: Frame,
        above: Frame | None,
        instance: Any,
        arguments: Mapping[str, Any],
        tags: Mapping[str, Any] | None,
    ) -> None:
        plan = frame.plan
        assert plan.kind is not None
        frame.instance = 0 if instance is None else id(instance)
        frame.parent = above
        frame.span = frame
        given = Opening()
        try:
            given = opening(frame, instance, arguments, tags, above)
        finally:  # what cannot be read has begun all the same
            frame.live = recorder.start(
                frame,
                kind=plan.kind,
                name=given.name or plan.name,
                parent=_place(recorder, above),
                input=given.input,
                attributes=given.attributes,
                model=given.model,
                provider=plan.provider,
                context=given.context,
                made_of=None
                if above or instance is None
                else partial(recorder.architecture, instance),
            )

    def _returned(
        self, frame: Frame, arguments: Mapping[str, Any], instance: Any, result: Any
    ) -> None:
        """Close the span of a step with its result."""
        role = frame.plan.role
        if role is Role.MODEL:
            self._answered(frame, result)
            return
        end: dict[str, Any] = {}
        try:
            if role is Role.EMBEDDING:
                is_one = "batch" not in frame.id[:-37]
                keep = self._vectors and "vectors" not in self.recorder.settings.hide
                end["output"] = vectors(result, is_one=is_one, keep=keep)
            else:
                convert = OUTPUTS.get(role)
                end["output"] = result if convert is None else convert(result)
            if role is Role.NODES:
                given = arguments.get("nodes", arguments.get("documents"))
                end["attributes"] = counts(given, result)
            elif role is Role.RETRIEVER:
                end["attributes"] = {"document_count": len(result)}
            elif role is Role.TOOL and isinstance(result, ToolOutput) and result.is_error:
                end["status"], end["error"] = Status.ERROR, result.exception
        finally:
            self._finish(frame, **end)

    def _finish(self, frame: Frame, **end: Any) -> None:
        """Close the span of a frame; the first end counts."""
        if frame.is_cancelled:
            end = {**end, "status": Status.CANCELLED}
        inner = frame.inner
        if self._frames.end(frame):
            if inner is not None:
                self._finish(inner, error=end.get("error"))
            self.recorder.finish(frame, **end)

    def _never_asked(self, frame: Frame, instance: Any, error: BaseException | None) -> None:
        """Record a call that failed before its model was asked, as for want of a variable."""
        recorder = self.recorder
        self._frames.end(frame)
        if not self._plans.ignores(SpanKind.LLM):
            recorder.start(frame, kind=SpanKind.LLM, name=type(instance).__name__)
            recorder.finish(frame, error=error)

    def close(self) -> None:
        """Let go of what is open: its end will not be heard of."""
        for frame in self._frames.all():
            if frame.plan.kind is None:
                self._frames.end(frame)
            else:
                self._finish(
                    frame, status=Status.INCOMPLETE, attributes={"warning": "uninstalled meanwhile"}
                )

    # -- streams ----------------------------------------------------------------------------------

    def _nearer(self, owner: Frame | None, up: Frame | None) -> Frame | None:
        """Return which is the place of code in a stream: its owner, unless `up` is below that."""
        if owner is None or up is None or up.span is None:
            return owner or up
        live = up.span.live
        return up if owner.live is not None and _is_below(live, owner.live) else owner

    def _wait(self, frame: Frame, result: Any) -> bool:
        """Keep a frame open whose result is a stream; False if it is none."""
        if isinstance(result, _RESPONSES):
            return self._relay(frame, result)
        if isinstance(result, StreamingAgentChatResponse):
            return self._wait_for_writer(frame, result)
        if not is_stream(result):
            return False
        self._wait_for(frame, result)
        return True

    def _wait_for(self, frame: Frame, stream: Any) -> None:
        frame.waits = True
        if frame.plan.role is Role.MODEL:
            self._streams.watch(stream, frame, lambda: self._unread(frame))
        else:
            self._streams.watch(stream, frame, lambda: self._over(frame), is_bare=True)

    def _relay(self, frame: Frame, result: Any) -> bool:
        pieces = vars(result).get("response_gen")
        if not is_stream(pieces):
            return False
        frame.waits = True
        frame.last = {"sources": sources(result.source_nodes)}
        relay = self._relays.get(pieces)
        if relay is None:
            relay = Relay(self._relayed)
            is_async = isinstance(result, AsyncStreamingResponse)
            read = relay.aread(pieces) if is_async else relay.read(pieces)
            self._relays[read] = relay
            self._streams.watch(read, frame, relay.gone)
            result.response_gen = read
        relay.frames.append(frame)
        return True

    @guarded
    def _relayed(self, relay: Relay, error: BaseException | None) -> None:
        """Close the spans whose answer has been read, or will not be."""
        text = relay.text
        for frame in relay.frames:
            self._streamed(frame, {"response": text, **(frame.last or {})}, error)
        relay.frames.clear()
        relay.pieces.clear()

    def _streamed(self, frame: Frame, output: Any, error: BaseException | None) -> None:
        """Close a span with what was read of its stream. To stop reading is no failure."""
        if isinstance(error, GeneratorExit):
            self._finish(
                frame,
                output=output,
                status=Status.CANCELLED,
                attributes={"stream_end": "closed"},
            )
        else:
            self._finish(frame, output=output, error=error)

    @guarded
    def _unread(self, frame: Frame) -> None:
        """Close the span of a model whose stream nobody began to read."""
        if frame.is_open and frame.last is None:
            self._answered(frame, None, GeneratorExit())

    @guarded
    def _over(self, frame: Frame) -> None:
        """Close the span of a step whose own generator is through."""
        output = MISSING if frame.heard is None else frame.heard
        self._streamed(frame, output, frame.failure)

    def _wait_for_writer(self, frame: Frame, result: StreamingAgentChatResponse) -> bool:
        if not result.is_writing_to_memory:
            stream = result.chat_stream or result.achat_stream
            if not is_stream(stream):
                return False
            frame.last = {"sources": sources(result.source_nodes)}
            self._wait_for(frame, stream)
            return True
        frame.waits = True
        if frame.is_written:  # by a thread that was quicker
            self._finish(frame, output=chat_answer(result), error=frame.failure)
        return True

    def _written(self, frame: Frame, response: Any, error: BaseException | None = None) -> None:
        """Close the span of a chat engine whose answer has been read for it."""
        engine = frame.span
        if engine is not None and engine.is_open and engine.plan.role is Role.CHAT:
            engine.failure = error
            engine.is_written = True
            if engine.waits:
                self._finish(engine, output=chat_answer(response), error=error)

    # -- models -----------------------------------------------------------------------------------

    def _answered(self, frame: Frame, response: Any, error: BaseException | None = None) -> None:
        """Close the span of a model with its answer, or with what it had said of it."""
        answer, end = Answer(), {}
        try:
            answer = read_answer(response)
            if answer.usage is None:
                answer.usage = usage_below(frame.answers)
        finally:
            if isinstance(error, GeneratorExit):
                answer.attributes["stream_end"] = "closed"
                end["status"] = Status.CANCELLED
            elif error is not None:
                end["error"] = error
            self._tell(frame, answer, error)
            self._finish(
                frame,
                output=answer.output,
                usage=answer.usage,
                model=answer.model,
                provider=frame.plan.provider,
                attributes=answer.attributes,
                **end,
            )

    def _tell(self, frame: Frame, answer: Answer, error: BaseException | None) -> None:
        """Let the steps that return this stream know what it said, and how it ended."""
        above = frame.parent
        while above is not None and above.is_open and above.waits:
            above.heard = answer.output
            above.failure = error
            above = above.parent

    @guarded
    def piece(self, event: Any) -> None:
        """Take note of a piece of a model's answer."""
        frame = self._frames.find(event.span_id)
        if frame is None or not frame.is_open or frame.plan.kind is not SpanKind.LLM:
            return
        frame.last = event.response
        if says_something(event.response):
            self.recorder.token(frame)

    @guarded
    def answered(self, event: Any) -> None:
        """Take note of the end of a model's stream. What was no stream ends when it returns."""
        frame = self._frames.find(event.span_id)
        if frame is None or not frame.is_open or not frame.waits:
            return
        if frame.plan is DELEGATE:
            _delegated(frame, event.response)
        else:
            self._answered(frame, event.response or frame.last)

    @guarded
    def broke(self, event: Any) -> None:
        """Take note of an exception in a model's stream, or of its being closed."""
        frame = self._frames.find(event.span_id)
        if frame is not None and frame.is_open and frame.waits and frame.plan is not DELEGATE:
            self._answered(frame, frame.last, event.exception)

    # -- other moments ----------------------------------------------------------------------------

    @guarded
    def cancelled(self, event: Any) -> None:
        """Take note that a workflow or a step was cancelled: it will return as if all was well."""
        frame = self._frames.find(event.span_id)
        if frame is not None:
            frame.is_cancelled = True

    @guarded
    def reranks(self, event: Any) -> None:
        """Open a span for a reranker that has none of its own, as in async code."""
        frame = self._frames.find(event.span_id)
        if frame is None or frame.plan.role is Role.POSTPROCESSOR:
            return
        if self._plans.ignores(SpanKind.RERANKER) or frame.span is None:
            return
        plan = Plan(Role.POSTPROCESSOR, SpanKind.RERANKER, "rerank")
        inner = Frame(event.id_, frame.span, plan)
        self._frames.add(inner)
        self._open(self.recorder, inner, frame.span, None, vars(event), None)
        frame.span.inner = inner

    @guarded
    def reranked(self, event: Any) -> None:
        """Close that span."""
        frame = self._frames.find(event.span_id)
        span = None if frame is None else frame.span
        if span is not None and span.inner is not None:
            inner, span.inner = span.inner, None
            self._returned(inner, {}, None, event.nodes)

    @guarded
    def happened(self, event: Any) -> None:
        """Note an event of the program's own."""
        frame = self._frames.find(event.span_id)
        if frame is not None and frame.span is not None:
            own = {key: item for key, item in vars(event).items() if key not in _OF_EVENTS}
            self.recorder.event(frame.span, event.class_name(), own)


_OF_EVENTS = frozenset({"timestamp", "id_", "span_id", "tags"})


def _below(plan: Plan, up: Frame, instance: Any) -> Plan:
    """Return the plan of a step inside another: what a component does for itself is no step."""
    role, above = plan.role, up.span
    if role is Role.PROGRAM and {up.plan.role, above and above.plan.role} & _PROGRAMS:
        return PART
    if role is Role.STRUCTURED and up.plan.role in (Role.PROGRAM, Role.STRUCTURED):
        return PART  # how an object is got out of a model
    if role is Role.TOOL and up.plan.role is Role.PROGRAM:
        return PART
    if above is None or not above.is_open or above.instance != id(instance):
        return plan
    if above.plan.kind is not plan.kind:
        return plan
    return DELEGATE if role is Role.MODEL else SILENT


def _pass_on(frame: Frame, role: Role, instance: Any, arguments: Mapping[str, Any]) -> None:
    """Let a step without a span hand down what belongs to the model or tool below it."""
    if role is Role.TEMPLATE or "output_cls" in arguments:
        frame.template = Template(arguments.get("prompt"), arguments.get("prompt_args"), instance)
    elif role is Role.TOOL_STEP:
        frame.tool_call = getattr(arguments.get("ev"), "tool_id", None)
    elif frame.up is not None:
        frame.template = frame.up.template


def _delegated(frame: Frame, response: Any) -> None:
    """Keep what a model answered itself, for the usage that it may not pass on."""
    up = frame.up
    while up is not None and up.plan is not DELEGATE and up.plan.role is not Role.MODEL:
        up = up.up
    if up is not None:
        up.answers = [*(up.answers or ()), (response, frame.answers)]


def _place(recorder: Recorder, above: Frame | None) -> Any:
    """Return the parent to name: the frame above, unless the code here is in a span below that."""
    if above is None:
        return AMBIENT
    here = recorder.current()
    return AMBIENT if here is not above.live and _is_below(here, above.live) else above


def _is_below(live: LiveSpan | None, other: LiveSpan | None) -> bool:
    while live is not None and live is not other:
        live = live.up
    return live is not None


def running_key() -> Frame | None:
    """Return the key of the span that the code which runs here is part of."""
    return None if installed is None else installed.running()


installed: Tracing | None = None

if running_key not in ambient.sources:
    ambient.sources.append(running_key)
