"""A call: one request of a client, from its start to the end of its answer, as one span."""

from collections.abc import Hashable, Mapping
from contextvars import ContextVar
from typing import Any

from spanbook.gate.media import Media
from spanbook.recording.guard import guarded
from spanbook.recording.live import LiveSpan
from spanbook.recording.recorder import Recorder
from spanbook.spans import SpanKind, Status
from spanbook_openai import background
from spanbook_openai.answers import Answer, embedding
from spanbook_openai.asked import body_of, parameters
from spanbook_openai.bodies import EventBody, UsageFilter, WholeBody, read_content
from spanbook_openai.components import Request, component_of
from spanbook_openai.endpoints import Endpoint, endpoint_of
from spanbook_openai.failures import content_type, error_of, told_by_error, told_by_headers
from spanbook_openai.joining import framework_span
from spanbook_openai.providers import provider_of
from spanbook_openai.tee import Tee, attach
from spanbook_openai.tracing import Tracing

running: ContextVar["Call | None"] = ContextVar("spanbook_openai_call", default=None)

_HINTS = ("audio", "output_format")  # what reading an answer needs to know of its request


class Call:
    """One request that is recorded, under `key`, or as what is known of a framework's span.

    Everything here is told by the client's thread or task, and may be told late, twice or never:
    the first end counts.
    """

    __slots__ = (
        "_ends",
        "_hints",
        "_is_teed",
        "_response",
        "_told",
        "_vectors",
        "endpoint",
        "hides_usage",
        "joined",
        "key",
        "live",
        "model",
        "recorder",
        "request",
    )

    def __init__(
        self, tracing: Tracing, recorder: Recorder, endpoint: Endpoint, body: dict[str, Any]
    ) -> None:
        self.recorder = recorder
        self.endpoint = endpoint
        self.key: Hashable = object()
        self.live: LiveSpan | None = None
        self.joined: LiveSpan | None = None
        self.request: Any = None  # the client's, by identity only
        self.model = body["model"] if isinstance(body.get("model"), str) else None
        self.hides_usage = False
        self._vectors = tracing.vectors
        self._hints = {key: body[key] for key in _HINTS if key in body}
        self._told: dict[str, Any] = {}
        self._response: Any = None
        self._is_teed = False
        self._ends = [True]  # taken by the first end

    # -- its start --------------------------------------------------------------------------------

    def start(self, client: Any, body: dict[str, Any]) -> bool:
        """Open the span, or join a framework's; return whether there is anything to record."""
        if self.endpoint.later:
            return True
        attributes: dict[str, Any] = {}
        if getattr(client, "_api_version", None) is not None:  # as Azure's clients have
            provider = "azure"
            deployment = getattr(client, "_azure_deployment", None) or self.model
            attributes["deployment"] = deployment
            self.model = self.model or deployment
        else:
            provider = provider_of(str(client.base_url))
        self.joined = framework_span(self.recorder, self.endpoint.kind, self.model)
        if self.joined is not None:
            self.recorder.enrich(self.joined, provider=provider, attributes=attributes)
            return True
        given = parameters(body, self.endpoint.content)
        if given:
            attributes["parameters"] = given
        self.live = self.recorder.begin(
            self.key,
            kind=self.endpoint.kind,
            name=self.endpoint.name,
            input=self.endpoint.input(body),
            attributes=attributes,
            model=self.model,
            provider=provider,
            made_of=lambda: self._architecture(client, body, given),
        )
        if self.live is None:  # its trace is not sampled, so there is nothing to look at
            self.recorder.end(self.key)
        return self.live is not None

    @guarded
    def _architecture(self, client: Any, body: dict[str, Any], given: dict[str, Any]) -> str | None:
        """Return the architecture of a call that is a trace of its own."""
        if not self.recorder.settings.architecture or self.recorder.current() is not None:
            return None
        request = Request(self.endpoint, self.model, given, body.get("tools"))
        key = request.key(client)
        return self.recorder.made_architecture(key, lambda: component_of(client, request))

    # -- what comes back --------------------------------------------------------------------------

    @guarded
    def received(self, client: Any, how: Mapping[str, Any]) -> None:
        """See the response before the client reads it."""
        response = how["response"]
        self.request = response.request
        self._told = told_by_headers(response, limits=False)
        if how.get("retries_taken"):
            self._told["retries"] = how["retries_taken"]
        if how.get("stream") or not response.is_closed:
            self._tee(client, response, is_stream=bool(how.get("stream")))
        else:
            self._response = response

    def _tee(self, client: Any, response: Any, *, is_stream: bool) -> None:
        told = content_type(response)
        if told == "text/event-stream" or (is_stream and not told.endswith("json")):
            body = EventBody(self.endpoint.fold())
        else:
            body = WholeBody(told)
        hidden = UsageFilter() if self.hides_usage else None
        self._is_teed = True
        attach(response, Tee(self, body, hidden), is_async=is_async(type(client)))

    @guarded
    def said(self) -> None:
        """Note that the first piece of the answer arrived."""
        if self.live is not None:
            self.recorder.token(self.key)

    def count(self, pieces: int) -> None:
        """Note how many pieces the answer came in."""
        if self.live is not None and self.live.chunks:
            self.live.chunks = pieces

    @guarded
    def returned(self, result: Any) -> None:
        """End with what the client returned, unless that is still to be read."""
        if self._is_teed:
            return
        if self._response is not None:
            self.finish(self._content())
        elif hasattr(result, "model_dump"):  # a subclass of the client that answers by itself
            self.finish(result.model_dump())
        else:
            self.finish(None)

    @guarded
    def failed(self, error: BaseException) -> None:
        """End with the exception that leaves the client; an answer may have come all the same."""
        if self._response is not None:
            self.finish(self._content(), error=error)
        else:
            self.finish(None, error=error)

    def _content(self) -> Any:
        response, self._response = self._response, None
        return read_content(response.content, content_type(response))

    # -- its end ----------------------------------------------------------------------------------

    @guarded
    def finish(
        self,
        data: Any,
        *,
        error: BaseException | None = None,
        status: Status | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        """End with the response's data as far as there is any. The first end counts."""
        try:
            self._ends.pop()
        except IndexError:
            return
        if self.endpoint.later:
            background.settle(data)
            return
        answer = self._read(data)
        answer.attributes.update(self._told)
        answer.attributes.update(attributes or {})
        if error is None and answer.error is not None:
            error = error_of(answer.error, self.request)
        if error is not None:
            answer.attributes.update(told_by_error(error))
        if answer.model is not None and self.model is not None and answer.model != self.model:
            answer.attributes["request_model"] = self.model
        if error is None and self.joined is None and background.is_pending(data):
            background.wait(data, self)
            return
        self.close(answer, error, status or answer.status)

    def _read(self, data: Any) -> Answer:
        if isinstance(data, Mapping):
            if self.endpoint.kind is SpanKind.EMBEDDING:
                return embedding(data, self._hints, vectors=self._vectors)
            return self.endpoint.answer(data, self._hints)
        if isinstance(data, str):
            return Answer(output={"text": data})
        if isinstance(data, bytes) and data:
            return Answer(output={"media": Media.of(data)})
        return Answer()

    def close(self, answer: Answer, error: BaseException | None, status: Status | None) -> None:
        """Write the end: the span's own, or what the framework's span will carry."""
        self.request = None
        if self.joined is not None:
            self.recorder.enrich(
                self.joined,
                usage=answer.usage,
                model=answer.model,
                attributes=answer.attributes,
            )
            return
        self.recorder.end(
            self.key,
            status=status,
            output=answer.output,
            error=error,
            usage=answer.usage,
            model=answer.model,
            attributes=answer.attributes,
        )


def is_async(cls: type) -> bool:
    """Say whether a class of client is an asynchronous one."""
    return any(base.__name__ == "AsyncAPIClient" for base in cls.__mro__)


@guarded
def begin(tracing: Tracing, client: Any, options: Any) -> Call | None:
    """Return the call that a request begins, or None where it is not recorded."""
    recorder = tracing.recorder
    if not tracing.active or not recorder.settings.enabled:
        return None
    endpoint = endpoint_of(options.method, options.url)
    if endpoint is None:
        return None
    body = body_of(options)
    call = Call(tracing, recorder, endpoint, body)
    return call if call.start(client, body) else None
