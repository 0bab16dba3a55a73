"""Moments inside a run: what the handler notes as events of a span that is open."""

from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler

from spanbook.recording.guard import guarded
from spanbook.recording.recorder import Recorder
from spanbook.spans import SpanKind


class Moments(BaseCallbackHandler):
    """The callbacks that neither open nor close a span. Those of unknown runs are ignored."""

    @property
    def recorder(self) -> Recorder:
        """The recorder that this handler reports to."""
        raise NotImplementedError

    @guarded
    def on_custom_event(self, name: str, data: Any, *, run_id: UUID, **_: Any) -> None:
        """Note an event that the program dispatched."""
        self.recorder.event(run_id, name, data)

    @guarded
    def on_text(self, text: str, *, run_id: UUID, **_: Any) -> None:
        """Note a text that a chain of the older kind reports."""
        self.recorder.event(run_id, "text", text)

    @guarded
    def on_retry(self, retry_state: Any, *, run_id: UUID, **_: Any) -> None:
        """Note that a call is tried again, and after which failure."""
        outcome = retry_state.outcome
        failure = outcome.exception() if outcome is not None and outcome.done() else None
        data: dict[str, Any] = {"attempt": retry_state.attempt_number}
        if failure is not None:
            data["error"] = type(failure).__qualname__
        self.recorder.event(run_id, "retry", data)

    @guarded
    def on_agent_action(self, action: Any, *, run_id: UUID, **_: Any) -> None:
        """Note an agent's decision: the run that decides is an agent's."""
        recorder = self.recorder
        live = recorder.find(run_id)
        if live is not None and live.kind is SpanKind.CHAIN:
            live.kind = SpanKind.AGENT
        recorder.event(run_id, "agent_action", action)

    @guarded
    def on_agent_finish(self, finish: Any, *, run_id: UUID, **_: Any) -> None:
        """Note that an agent is done."""
        self.recorder.event(run_id, "agent_finish", finish)

    @guarded
    def on_interrupt(self, event: Any) -> None:
        """Note that a graph pauses, for a person or at a breakpoint."""
        if event.run_id is not None:
            recorder = self.recorder
            live = recorder.find(event.run_id)
            if live is not None and live.memo is not None:
                live.memo.waits = True
            data = {"status": event.status, "interrupts": event.interrupts}
            recorder.event(event.run_id, "interrupt", data)

    @guarded
    def on_resume(self, event: Any) -> None:
        """Note that a graph goes on from a checkpoint."""
        if event.run_id is not None:
            data = {"status": event.status, "checkpoint_id": event.checkpoint_id}
            self.recorder.event(event.run_id, "resume", data)
