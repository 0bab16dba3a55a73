"""The recorder: turns what integrations report into records of the journal."""

import atexit
import os
import weakref
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from spanbook.addresses import store_url
from spanbook.architecture.component import Component
from spanbook.notices import Exporter, Listener, NoticeKind
from spanbook.recording import ambient
from spanbook.recording.architectures import Architectures
from spanbook.recording.clock import Clock
from spanbook.recording.functions import Callee, Functions
from spanbook.recording.guard import guarded
from spanbook.recording.identity import is_sampled, number_of, span_id_of, trace_id_of
from spanbook.recording.listening import Listeners, Listening
from spanbook.recording.live import Known, LiveSpan
from spanbook.recording.open_spans import OpenSpans
from spanbook.recording.outlet import Flushed, Outlet
from spanbook.references import SpanReference
from spanbook.settings import Settings
from spanbook.spans import SpanError, SpanKind, Status, new_span_id, new_trace_id
from spanbook.usage import Usage


class _Marker:
    """A value that no user passes by chance."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


MISSING: Any = _Marker("MISSING")  # nothing was given, which is not the same as None
AMBIENT: Any = _Marker("AMBIENT")  # the parent is whatever span is current, if any

_text = str.__str__  # of an enum: a plain string is encoded in a fraction of the time
_CANCELLED = {"CancelledError", "GeneratorExit", "KeyboardInterrupt", "SystemExit"}


@dataclass(frozen=True, slots=True)
class Health:
    """How recording goes in this process."""

    open: int
    dropped: int
    errors: int
    note: str


class Recorder:
    """Records spans into one store. Safe to share between threads and tasks, survives `fork`.

    Spans are named by `key`, any hashable: a framework's own run id maps onto span ids
    deterministically. Nothing here raises into the traced program, waits for the database or keeps
    the user's objects, but for the last few long texts.
    """

    def __init__(
        self,
        url: str | os.PathLike[str] | None = None,
        *,
        settings: Settings | None = None,
        clock: Callable[[], int] | None = None,
        **given: Any,
    ) -> None:
        """Record into the store at `url`, else where `settings` or the environment says.

        Raises:
            SettingsError: a setting that cannot be used; the message says which.
        """
        if settings is None:
            settings = Settings.load(url=None if url is None else os.fspath(url), **given)
        self.settings = replace(settings, url=store_url(settings.url))
        self._clock = Clock() if clock is None else clock
        self._settle = self._clock.settle if isinstance(self._clock, Clock) else None
        self._spans = OpenSpans()
        self._outlet = Outlet(self.settings, self._clock, self.sweep)
        self.write = self._write = self._outlet.write
        self.now = self._clock
        self.gate = self._outlet.gate
        self.journal = self._outlet.journal
        self._context = self.settings.context()
        self._architectures = Architectures(self.gate, self.write)
        self._functions = Functions(self.gate, self.write)
        _recorders.add(self)

    @property
    def run_id(self) -> str:
        """Which execution of the program the recorded traces belong to, 32 hex digits."""
        return self._outlet.run_id

    # -- what integrations call -------------------------------------------------------------------

    def begin(
        self,
        key: Hashable,
        *,
        kind: SpanKind,
        name: str,
        parent: Hashable | None = AMBIENT,
        input: Any = MISSING,
        attributes: Mapping[str, Any] | None = None,
        model: str | None = None,
        provider: str | None = None,
        context: Mapping[str, Any] | None = None,
        made_of: Callable[[], str | None] | None = None,
        function: Callee | None = None,
        trace_id: str | None = None,
        span_id: str | None = None,
        at: int | None = None,
    ) -> LiveSpan | None:
        """Open the span `key` and return it; None if recording is off, or the trace not sampled.

        `parent` is the parent's key, a reference to a span of another process, None for a root, or
        AMBIENT: the current span, else a root. A key that this recorder never saw makes a root
        which names it as `external_parent`. With a `trace_id` the ambient parent is one of that
        trace or none. Starting an open key again changes nothing. `at` is in nanoseconds since
        1970 UTC. `made_of` returns the hash of the trace's architecture, or None; it is asked only
        of what is kept. `function` is what the span is a call of; its version is told once.

        This is `start` without a guard of its own, for callers that stand behind one.
        """
        if not self.settings.enabled or ambient.is_paused():
            return None
        number = number_of(key)
        if type(key) is UUID:
            key = key.int
        known = self._spans.open.get(key)
        if known is not None:
            return known
        up, remote = self._above(parent), None
        if trace_id is not None and parent is AMBIENT and up is not None and up.trace != trace_id:
            up = parent = None
        if up is None and parent is not None:
            remote = _remote(parent, trace_id)
            if remote is None and parent is not AMBIENT:
                attributes = {**(attributes or {}), "external_parent": str(parent)}
        version = None
        if function is not None and self.settings.functions:  # before the clock is read
            version = function.hash
            if function.teller is not self._functions:
                version = self._version(function)
        live = self._open(key, number, up, remote, kind, name, (trace_id, span_id), at)
        if not live.sampled:
            return None
        made = None if made_of is None else made_of()
        if made is not None:
            context = {**(context or {}), "architecture": made}
        record: dict[str, Any] = {"type": "start", "trace": live.trace, "span": live.span}
        if live.parent is not None:
            record["parent"] = live.parent
        record["kind"] = _text(kind)
        record["name"] = live.name
        record["start"] = live.start
        if version is not None:
            record["function"] = version
        plain = self.gate.plain
        if input is not MISSING:
            record["input"] = plain(input, "input")
        if attributes:
            record["attributes"] = plain(attributes, "attributes")
        if model:
            record["model"] = model
        if provider:
            record["provider"] = provider
        if up is None:
            self._head(record, live, context or {})
        elif context:
            self._add_context(record, context)
        self._write(record)
        return live

    start = guarded(begin)

    def end(
        self,
        key: Hashable,
        *,
        status: Status | None = None,
        output: Any = MISSING,
        input: Any = MISSING,
        error: BaseException | SpanError | None = None,
        usage: Usage | None = None,
        model: str | None = None,
        provider: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        at: int | None = None,
    ) -> None:
        """Close the span `key`. The first end counts, an unknown key is ignored.

        `status` is by default `ok`, and with an `error` what that says: `error` or `cancelled`.
        `input` replaces what the start gave, `attributes` are added.

        This is `finish` without a guard of its own, for callers that stand behind one.
        """
        now = self._clock()
        live = self._spans.close(key.int if type(key) is UUID else key, now)
        if live is None or not live.sampled:
            return
        ended = now if at is None else at
        known = live.known
        if known is not None:
            usage = known.usage or usage
            model = model or known.model
            provider = provider or known.provider
            attributes = {**known.attributes, **(attributes or {})}
            told = known.told
            status, error = told.get("status", status), error or told.get("error")
            input, output = told.get("input", input), told.get("output", output)
        record: dict[str, Any] = {
            "type": "end",
            "trace": live.trace,
            "span": live.span,
            "kind": _text(live.kind),
            "name": live.name,
            "start": live.start,
            "end": ended if ended > live.start else live.start,
            "status": _text(status or (Status.OK if error is None else status_of(error))),
        }
        if live.parent is not None:
            record["parent"] = live.parent
            if live.up is None:
                record["entry"] = True
        plain = self.gate.plain
        if output is not MISSING:
            record["output"] = plain(output, "output")
        if input is not MISSING:
            record["input"] = plain(input, "input")
        if error is not None:
            record["error"] = self._failure(live, error)
        if attributes:
            record["attributes"] = plain(attributes, "attributes")
        if model:
            record["model"] = model
        if provider:
            record["provider"] = provider
        if live.first_token is not None:
            record["first_token"] = live.first_token
            record["chunks"] = live.chunks
        self._count(live, usage, record)
        self._outlet.finished += 1
        self._write(record)

    finish = guarded(end)

    @guarded
    def event(
        self, key: Hashable, name: str, data: Any = MISSING, *, at: int | None = None
    ) -> None:
        """Note something that happened inside the span `key`, which may have ended lately."""
        live = self._known(key)
        if live is None or not live.sampled:
            return
        live.event_count += 1
        if live.event_count > self.settings.limits.events:
            return
        record: dict[str, Any] = {
            "type": "event",
            "trace": live.trace,
            "span": live.span,
            "at": self._clock() if at is None else at,
            "name": name[:200],
        }
        if data is not MISSING:
            record["data"] = self.gate.plain(data, "event")
        self._write(record)

    @guarded
    def link(self, key: Hashable, to_trace: str, to_span: str, name: str) -> None:
        """Note that the span `key`, which may have ended lately, refers to another span."""
        live = self._known(key)
        if live is not None and live.sampled:
            self._write(
                {
                    "type": "link",
                    "trace": live.trace,
                    "span": live.span,
                    "to_trace": to_trace,
                    "to_span": to_span,
                    "name": name[:200],
                }
            )

    def token(self, key: Hashable) -> None:
        """Note that a streamed piece of the span's output arrived; the first one is timed."""
        live = self._spans.open.get(key.int if type(key) is UUID else key)
        if live is not None:
            live.chunks += 1
            if live.first_token is None:
                live.first_token = self._clock()

    @guarded
    def annotate(self, key: Hashable, **context: Any) -> None:
        """Set attributes of the trace that `key` belongs to; they show on earlier spans too.

        These are session, user, tags, metadata, name, release, version, environment, project.
        """
        live = self._known(key)
        if live is not None and live.sampled:
            record: dict[str, Any] = {"type": "trace", "trace": live.trace}
            self._add_context(record, context)
            self._write(record)

    @guarded
    def enrich(
        self,
        live: LiveSpan,
        *,
        usage: Usage | None = None,
        model: str | None = None,
        provider: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        **told: Any,
    ) -> None:
        """Tell what else is known of the work that the open span `live` stands for.

        Its end will carry it: usage and what else is `told` (input, output, status) in place of
        the end's own, the rest where the end says nothing. Several usages of one span add up.
        """
        known = live.known = live.known or Known()
        if usage is not None:
            known.usage = usage if known.usage is None else known.usage + usage
        known.model = model or known.model
        known.provider = provider or known.provider
        known.attributes.update(attributes or {})
        known.told.update(told)

    @guarded
    def architecture(self, value: Any) -> str | None:
        """Tell what the object of a framework is made of, once, and return the hash of that.

        None: no integration knows the object, or architectures are not wanted. Of the hashes that
        a trace is given the first one counts.
        """
        return self._architectures.told(value) if self._describes() else None

    @guarded
    def made_architecture(self, key: Hashable, make: Callable[[], Component]) -> str | None:
        """Do the same for what `make` describes; it is called once for each `key`."""
        return self._architectures.made(key, make) if self._describes() else None

    def _describes(self) -> bool:
        settings = self.settings
        return settings.enabled and settings.architecture and not ambient.is_paused()

    @guarded
    def _version(self, function: Callee) -> str | None:
        return self._functions.told(function)

    def find(self, key: Hashable) -> LiveSpan | None:
        """Return the span `key` if it is open, also one of a trace that is not sampled."""
        return self._spans.open.get(key.int if type(key) is UUID else key)

    def _known(self, key: Hashable) -> LiveSpan | None:
        """Return the span `key`, open or ended lately. UUIDs are kept as integers, for speed."""
        if type(key) is LiveSpan:
            return key
        return self._spans.find(key.int if type(key) is UUID else key)

    # -- parents, ids, samples --------------------------------------------------------------------

    def _above(self, parent: Hashable | None) -> LiveSpan | None:
        if parent is AMBIENT:
            return self.current()
        if type(parent) is SpanReference:
            return self._spans.named(parent.trace_id, parent.span_id)
        return None if parent is None else self._known(parent)

    def current(self) -> LiveSpan | None:
        """Return the ambient span: the innermost that code running here belongs to."""
        here = ambient.current.get()
        if here is not None and here.owner is not self:
            here = None
        for source in ambient.sources:
            key = source()
            live = None if key is None else self.find(key)
            if live is not None and (here is None or _is_below(live, here)):
                here = live
        return here

    def _open(
        self,
        key: Hashable,
        number: int | None,
        up: LiveSpan | None,
        remote: SpanReference | None,
        kind: SpanKind,
        name: str,
        given: tuple[str | None, str | None],
        at: int | None,
    ) -> LiveSpan:
        reused = number is None or key in self._spans.ended
        trace, span = given
        if span is None:
            span = new_span_id() if reused or number is None else span_id_of(number)
        sampled = None
        if up is not None:
            trace, sampled = up.trace, up.sampled
        else:
            if self._settle is not None:
                self._settle()
            if remote is not None:
                trace, sampled = remote.trace_id, remote.sampled
            if trace is None:
                trace = new_trace_id() if reused or number is None else trace_id_of(number)
            if sampled is None:
                sampled = is_sampled(trace, self.settings.sample)
        now = self._clock()
        start = now if at is None else at
        live = LiveSpan(trace, span, up, kind, name[:200], start, now, sampled, self, remote)
        given_up = self._spans.add(key, live)
        if given_up is not None:
            self._end_incomplete(given_up, "never ended, and too many others are open")
        return live

    # -- parts of records -------------------------------------------------------------------------

    def _head(self, record: dict[str, Any], live: LiveSpan, context: Mapping[str, Any]) -> None:
        """Add what the first span of a trace in this process says of the whole trace."""
        run = ambient.run_id(self)
        if run is not None:
            record["run"] = run
        around = ambient.surroundings.get()
        if live.parent is not None:
            record["entry"] = True  # the trace has its own root, elsewhere
        elif self._context:
            around = ambient.merge(self._context, around)
        self._add_context(record, ambient.merge(around, context))

    def _add_context(self, record: dict[str, Any], context: Mapping[str, Any]) -> None:
        kept = {field: context[field] for field in ambient.FIELDS if context.get(field)}
        if kept:
            record["context"] = self.gate.plain(kept, "metadata")

    def _failure(self, live: LiveSpan, error: BaseException | SpanError) -> dict[str, Any]:
        """Describe `error`; its traceback stands only with the span that it reached first."""
        if isinstance(error, SpanError):
            told = self.gate.error(Exception(error.message), stack=False)
            return {**told, "type": error.type}
        identity = (id(error), type(error).__qualname__)
        first = live.failure != identity
        if live.up is not None:
            live.up.failure = identity
        return self.gate.error(error, stack=first)

    @staticmethod
    def _count(live: LiveSpan, usage: Usage | None, record: dict[str, Any]) -> None:
        """Add `usage`, not counted where a span below already reported some."""
        if usage is not None:
            record["usage"] = usage.to_dict()
        if live.usage_below and (usage is not None or live.kind == SpanKind.LLM):
            record["counted"] = False  # and, without usage, not to be estimated
        if live.up is not None and (usage is not None or live.usage_below):
            live.up.usage_below = True

    # -- telling ----------------------------------------------------------------------------------

    def listen(
        self, listener: Listener | Exporter, *kinds: NoticeKind | str, only_below: bool = False
    ) -> Listening:
        """Have a listener or an exporter told of what is recorded, in a thread of its own.

        `kinds` are those it wants, by default all: `span-start`, `span-record`, `span-success`,
        `span-error`, `span-complete`. With `only_below` it gets what the returned object follows.

        Raises:
            ValueError: there is no such kind.
        """
        outlet = self._outlet
        if outlet.listeners is None:
            outlet.listeners = Listeners(self)
        return outlet.listeners.add(listener, kinds, only_below=only_below)

    # -- keeping ----------------------------------------------------------------------------------

    def count_error(self, note: str) -> None:
        """Count an internal error that was caught at the border."""
        self.journal.count_error(note)

    @property
    def health(self) -> Health:
        """How recording goes: open spans, dropped records, internal errors."""
        journal = self.journal
        return Health(len(self._spans.open), journal.dropped, journal.errors, journal.note)

    def sweep(self) -> None:
        """Mark as incomplete what stayed open too long after its root ended, or at all."""
        for live in self._spans.stale(self._clock(), self.settings.grace):
            self._end_incomplete(live, "open when its trace ended")

    def _end_incomplete(self, live: LiveSpan, why: str) -> None:
        if not live.sampled:
            return
        record: dict[str, Any] = {
            "type": "end",
            "trace": live.trace,
            "span": live.span,
            "kind": live.kind,
            "name": live.name,
            "start": live.start,
            "end": self._clock(),
            "status": Status.INCOMPLETE,
            "attributes": {"warning": why},
        }
        if live.parent is not None:
            record["parent"] = live.parent
            if live.up is None:
                record["entry"] = True
        self._write(record)

    def flush(self, timeout: float = 5.0) -> Flushed:
        """Wait until the store holds everything recorded so far, at most `timeout` seconds.

        Never raises; what is pending stays safe in the journal.
        """
        self.sweep()
        return self._outlet.flush(timeout)

    def close(self, timeout: float = 5.0) -> Flushed:
        """Flush, and let journal and database go. Recording again opens them anew."""
        self.sweep()
        return self._outlet.close(timeout)

    def forked(self) -> None:
        """Start a run and a journal of its own in a forked child, which inherits the open spans."""
        self._outlet.forked()

    def __deepcopy__(self, _: Any) -> "Recorder":
        return self

    def __reduce__(self) -> Any:
        return Recorder, (self.settings.url,)


def _remote(parent: Hashable, trace_id: str | None) -> SpanReference | None:
    """Return the span of another process that `parent` stands for, if it does."""
    if type(parent) is SpanReference:
        return parent
    remote = ambient.remote.get() if parent is AMBIENT else None
    return None if remote is None or trace_id not in (None, remote.trace_id) else remote


def status_of(error: BaseException | SpanError) -> Status:
    """Return how a span ends that `error` left: being stopped from outside is no failure."""
    names = {cls.__name__ for cls in type(error).__mro__}
    return Status.CANCELLED if names & _CANCELLED else Status.ERROR


def _is_below(live: LiveSpan, other: LiveSpan) -> bool:
    above: LiveSpan | None = live
    while above is not None:
        if above is other:
            return True
        above = above.up
    return False


_recorders: "weakref.WeakSet[Recorder]" = weakref.WeakSet()


def _close_all() -> None:
    for recorder in list(_recorders):
        recorder.close(timeout=10.0)


def _fork_all() -> None:
    for recorder in list(_recorders):
        recorder.forked()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_fork_all)
