"""The callback handler: translates what LangChain reports of its runs into spans."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult
from langchain_core.tools import ToolException

from spanbook.recording import ambient
from spanbook.recording.defaults import default_recorder
from spanbook.recording.guard import guarded
from spanbook.recording.live import LiveSpan
from spanbook.recording.recorder import MISSING, Recorder
from spanbook.spans import SpanKind, Status
from spanbook_langchain.answers import Answer, read_answer
from spanbook_langchain.batches import Batches, share_usage
from spanbook_langchain.calls import model_of, offered, parameters, provider_of
from spanbook_langchain.content import text_of
from spanbook_langchain.endings import ending
from spanbook_langchain.graphs import listen_to_graphs, plain_class, tell_graph
from spanbook_langchain.kinds import KINDS, run_name, template
from spanbook_langchain.moments import Moments
from spanbook_langchain.opening import Run, open_span

T = TypeVar("T")
_NOTHING: Mapping[str, Any] = {}


class SpanbookCallbackHandler(Moments):
    """Records chains, graphs, models, tools and retrievers, sync and async alike.

    One handler may serve any number of calls, threads and tasks: all state is kept by run id, in
    the recorder. `session`, `user`, `tags` and `metadata` are defaults for its traces; what a call
    says in its own metadata wins. What a LangGraph node hides from tracers by a trace policy is
    recorded here all the same: LangGraph applies those to its own tracers only. Use a mask.
    """

    run_inline: ClassVar[bool] = True  # in order, on the caller's thread
    raise_error: ClassVar[bool] = False

    def __init__(
        self,
        recorder: Recorder | None = None,
        *,
        session: str | None = None,
        user: str | None = None,
        tags: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Record with `recorder`, by default the process's own at the time of each call."""
        self._recorder = recorder
        given = {
            "session": session,
            "user": user,
            "tags": list(tags),
            "metadata": dict(metadata or {}),
        }
        self._defaults = {field: value for field, value in given.items() if value}
        self._batches = Batches()
        self._watched: Any = None

    @property
    def recorder(self) -> Recorder:
        """The recorder that this handler reports to."""
        return self._recorder or default_recorder()

    def watch(self, runnable: T) -> T:
        """Take `runnable` as what this handler's traces ran, and return it.

        For a handler of one chain or graph. Without it the architecture of a trace is that of the
        object whose method was called.
        """
        self._watched = runnable
        return runnable

    # -- chains, prompts, parsers, graphs ---------------------------------------------------------

    @guarded
    def on_chain_start(
        self,
        serialized: dict[str, Any] | None,
        inputs: Any,
        *,
        run_type: str | None = None,
        defers_inputs: bool | None = None,
        **run: Any,
    ) -> None:
        """Open a span. A stream gives its input only at the end, and here a placeholder."""
        if "ls_integration" in (run.get("metadata") or ()):
            listen_to_graphs(self)
        kind = None if run_type is None else KINDS.get(run_type, SpanKind.CHAIN)
        text = template(serialized) if kind is SpanKind.PROMPT else None
        self._start(
            kind,
            serialized,
            run,
            inputs if defers_inputs is None else MISSING,
            {"template": text} if text else {},
        )

    @guarded
    def on_chain_end(self, outputs: Any, *, run_id: UUID, inputs: Any = MISSING, **_: Any) -> None:
        """Close a span; a graph that one of its nodes interrupted is waiting, not done."""
        recorder = self.recorder
        live = recorder.find(run_id)
        waits = live is not None and live.memo is not None and live.memo.waits
        recorder.end(
            run_id, output=outputs, input=inputs, status=Status.INTERRUPTED if waits else None
        )

    @guarded
    def on_chain_error(
        self, error: BaseException, *, run_id: UUID, inputs: Any = MISSING, **_: Any
    ) -> None:
        """Close a span that an exception left, be it a failure or a graph's way to hand over."""
        recorder = self.recorder
        status, output, failure = ending(error)
        if status is Status.INTERRUPTED:
            tell_graph(recorder.find(run_id))
        recorder.end(run_id, status=status, output=output, error=failure, input=inputs)

    # -- models -----------------------------------------------------------------------------------

    @guarded
    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], **run: Any
    ) -> None:
        """Open the span of a chat model."""
        given = {"messages": messages[0] if len(messages) == 1 else messages}
        self._start_model(serialized, run, given)

    @guarded
    def on_llm_start(self, serialized: dict[str, Any], prompts: list[str], **run: Any) -> None:
        """Open the span of a text model."""
        given = {"prompt": prompts[0]} if len(prompts) == 1 else {"prompts": prompts}
        live = self._start_model(serialized, run, given)
        size = run.get("batch_size") or 1
        if size > 1 and live is not None and live.memo is not None and live.memo.batch is None:
            live.memo.batch = self._batches.next(run.get("invocation_params"), size)

    @guarded
    def on_llm_new_token(self, token: Any, *, run_id: UUID, chunk: Any = None, **_: Any) -> None:
        """Time the first piece of the answer and count the pieces; nothing is stored."""
        if token or _has_calls(chunk):
            self.recorder.token(run_id)

    @guarded
    def on_stream_event(self, event: Any, *, run_id: UUID, **_: Any) -> None:
        """Do the same for the newer streaming protocol."""
        if event.get("event") == "content-block-delta":
            self.recorder.token(run_id)

    @guarded
    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> None:
        """Close the span of a model with all candidates and the usage of the call."""
        answer = Answer()
        live = self.recorder.find(run_id)
        memo = None if live is None else live.memo
        try:
            if live is None or live.sampled:
                answer = read_answer(response, None if memo is None else memo.provider)
            if memo is not None and memo.batch is not None:
                batch, index = memo.batch
                share_usage(answer, batch, index, response)
        finally:  # an answer that cannot be read has ended all the same
            self._finish_model(run_id, answer)

    @guarded
    def on_llm_error(
        self, error: BaseException, *, run_id: UUID, response: LLMResult | None = None, **_: Any
    ) -> None:
        """Close the span of a model that failed or was stopped, with what it had said."""
        answer = Answer()
        status, output, failure = ending(error)
        try:
            if response is not None:
                answer = read_answer(response)
        finally:
            if answer.output is MISSING:
                answer.output = output
            self._finish_model(run_id, answer, status, failure)

    # -- tools and retrievers ---------------------------------------------------------------------

    @guarded
    def on_tool_start(
        self,
        serialized: dict[str, Any] | None,
        input_str: str,
        *,
        inputs: dict[str, Any] | None = None,
        tool_call_id: str | None = None,
        **run: Any,
    ) -> None:
        """Open the span of a tool, with its arguments and the id of the call that wants it."""
        attributes = {} if tool_call_id is None else {"tool_call_id": tool_call_id}
        given = input_str if inputs is None else inputs
        self._start(SpanKind.TOOL, serialized, run, given, attributes)

    @guarded
    def on_tool_end(self, output: Any, *, run_id: UUID, **_: Any) -> None:
        """Close the span of a tool. An error that the tool handled shows in its message only."""
        given = output.__dict__ if isinstance(output, BaseMessage) else _NOTHING
        if "tool_call_id" not in given:
            self.recorder.end(run_id, output=output)
            return
        attributes = {"tool_call_id": given["tool_call_id"]}
        if given.get("artifact") is not None:
            attributes["artifact"] = given["artifact"]
        content = given["content"]
        is_failed = given.get("status") == "error"
        self.recorder.end(
            run_id,
            output=content,
            attributes=attributes,
            error=ToolException(text_of(content)) if is_failed else None,
        )

    @guarded
    def on_retriever_start(self, serialized: dict[str, Any] | None, query: str, **run: Any) -> None:
        """Open the span of a retriever."""
        self._start(SpanKind.RETRIEVER, serialized, run, {"query": query}, {})

    @guarded
    def on_retriever_end(self, documents: Sequence[Document], *, run_id: UUID, **_: Any) -> None:
        """Close the span of a retriever with what it found, best first as it gave them."""
        self.recorder.end(
            run_id,
            output={"documents": documents},
            attributes={"document_count": len(documents)},
        )

    on_tool_error = on_retriever_error = on_chain_error

    # -- what several share -----------------------------------------------------------------------

    def _start(
        self,
        kind: SpanKind | None,
        serialized: Any,
        run: Mapping[str, Any],
        given: Any,
        attributes: dict[str, Any],
        **asked: str | None,
    ) -> LiveSpan | None:
        return open_span(
            self.recorder,
            Run(
                run["run_id"],
                run.get("parent_run_id"),
                run.get("tags") or [],
                run.get("metadata") or _NOTHING,
            ),
            kind=kind,
            name=run_name(run.get("name"), serialized, kind or SpanKind.CHAIN),
            input=given,
            attributes=attributes,
            defaults=self._defaults,
            watched=self._watched,
            **asked,
        )

    def _start_model(
        self, serialized: Any, run: Mapping[str, Any], given: dict[str, Any]
    ) -> LiveSpan | None:
        if not self.recorder.settings.enabled:
            return None
        metadata = run.get("metadata") or _NOTHING
        params = run.get("invocation_params") or _NOTHING
        tools = offered(params)
        if tools:
            given["tools"] = tools
        chosen = parameters(metadata, params)
        attributes = {"parameters": chosen} if chosen else {}
        model, provider = model_of(metadata, params), provider_of(metadata)
        live = self._start(
            SpanKind.LLM, serialized, run, given, attributes, model=model, provider=provider
        )
        if live is not None:
            ambient.announce(run["run_id"], model)
            if live.memo is not None:
                live.memo.provider = provider
        return live

    def _finish_model(
        self,
        run_id: UUID,
        answer: Answer,
        status: Status | None = None,
        error: BaseException | None = None,
    ) -> None:
        self.recorder.end(
            run_id,
            status=status,
            output=answer.output,
            error=error,
            usage=answer.usage,
            model=answer.model,
            attributes=answer.attributes,
        )

    # -- copies -----------------------------------------------------------------------------------

    def __copy__(self) -> "SpanbookCallbackHandler":
        return self

    def __deepcopy__(self, _: Any) -> "SpanbookCallbackHandler":
        return self

    def __reduce__(self) -> Any:
        url = None if self._recorder is None else self._recorder.settings.url
        return _rebuild, (plain_class(type(self)), url, self._defaults)


_rebuilt: WeakValueDictionary[str, Recorder] = WeakValueDictionary()


def _rebuild(
    cls: type[SpanbookCallbackHandler], url: str | None, given: dict[str, Any]
) -> SpanbookCallbackHandler:
    """Make the handler anew in another process, recording to the same store."""
    recorder = None if url is None else _rebuilt.get(url)
    if url is not None and recorder is None:
        recorder = _rebuilt[url] = Recorder(url)
    return cls(recorder, **given)


def _has_calls(chunk: Any) -> bool:
    said = None if chunk is None else chunk.__dict__.get("message")
    return said is not None and bool(said.__dict__.get("tool_call_chunks"))
