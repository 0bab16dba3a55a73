"""What every integration keeps: the contract that each framework's tests inherit."""

import asyncio
import gc
import logging
import weakref
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import pytest

from spanbook.recording import guard
from spanbook.recording.recorder import Recorder
from tests.integrations.recordings import recorded
from tests.outlines import outline


class Payload:
    """A value that can be watched: is it kept after the call?"""


class Failure(Exception):
    """An error that can be watched."""


class IntegrationContract(ABC):
    """Inherit this, say how to make a call through the framework, and the rest is tested.

    A call nests at least two levels. `shape` is its outline when it succeeds, `broken` when the
    innermost step raises an error of the given type (`{error}` stands for its name).
    """

    shape: str
    broken: str

    @abstractmethod
    def call(self, recorder: Recorder, value: Any = "hi") -> Any:
        """Make one traced call with `value` somewhere in its input; return its result."""

    @abstractmethod
    async def acall(self, recorder: Recorder, value: Any = "hi") -> Any:
        """Make the same call the async way."""

    @abstractmethod
    def fail(self, recorder: Recorder, error: BaseException) -> None:
        """Make a call whose innermost step raises `error`."""

    @abstractmethod
    async def afail(self, recorder: Recorder, error: BaseException) -> None:
        """Make the same call the async way."""

    def test_steps_nest_as_they_ran(self, recorder: Recorder) -> None:
        self.call(recorder)

        assert outline(recorder) == self.shape

    async def test_async_calls_give_the_same_tree(self, recorder: Recorder) -> None:
        await self.acall(recorder)

        assert outline(recorder) == self.shape

    def test_each_call_is_a_trace_of_its_own(self, recorder: Recorder) -> None:
        for _ in range(3):
            self.call(recorder)

        assert len({one.trace_id for one in recorded(recorder)}) == 3
        assert outline(recorder) == "\n".join([self.shape] * 3)

    async def test_concurrent_calls_never_mix(self, recorder: Recorder) -> None:
        await asyncio.gather(*(self.acall(recorder) for _ in range(20)))

        assert outline(recorder) == "\n".join([self.shape] * 20)

    def test_every_span_ends_after_it_starts_and_inside_its_parent(
        self, recorder: Recorder
    ) -> None:
        self.call(recorder)

        spans = {one.span_id: one for one in recorded(recorder)}
        for span in spans.values():
            assert span.end_ns >= span.start_ns
            if span.parent_id is not None:
                parent = spans[span.parent_id]
                assert parent.start_ns <= span.start_ns <= span.end_ns <= parent.end_ns

    @pytest.mark.parametrize("kind", [ValueError, KeyError, TimeoutError])
    def test_errors_pass_unchanged(self, recorder: Recorder, kind: type[Exception]) -> None:
        error = kind("boom")

        with pytest.raises(kind) as caught:
            self.fail(recorder, error)

        assert caught.value is error
        assert outline(recorder) == self.broken.format(error=kind.__name__)

    async def test_errors_pass_unchanged_in_async_code(self, recorder: Recorder) -> None:
        error = ValueError("boom")

        with pytest.raises(ValueError, match="boom") as caught:
            await self.afail(recorder, error)

        assert caught.value is error
        assert outline(recorder) == self.broken.format(error="ValueError")

    def test_an_error_without_a_message_keeps_its_type(self, recorder: Recorder) -> None:
        with pytest.raises(ValueError):  # noqa: PT011  # it has no message to match
            self.fail(recorder, ValueError())

        assert "!ValueError" in outline(recorder)

    def test_the_traceback_stands_once_where_the_error_was_raised(self, recorder: Recorder) -> None:
        with pytest.raises(ValueError, match="boom"):
            self.fail(recorder, ValueError("boom"))

        stacks = [one for one in recorded(recorder) if one.error and one.error.stack]
        deepest = recorded(recorder)[-1]
        assert [one.span_id for one in stacks] == [deepest.span_id]
        assert "ValueError: boom" in deepest.error.stack

    def test_with_recording_off_calls_work_and_nothing_is_written(self, tmp_path: Path) -> None:
        file = tmp_path / "off.db"
        off = Recorder(f"sqlite:///{file}", enabled=False)

        on = Recorder(f"sqlite:///{tmp_path / 'on.db'}")
        expected = self.call(on)

        assert self.call(off) == expected
        off.close()
        on.close()
        assert not file.exists()
        assert not list(tmp_path.glob("off.db*"))

    def test_an_unsampled_call_works_and_leaves_no_span(self, tmp_path: Path) -> None:
        recorder = Recorder(f"sqlite:///{tmp_path / 'none.db'}", sample=0.0)

        self.call(recorder)
        with pytest.raises(ValueError, match="boom"):
            self.fail(recorder, ValueError("boom"))

        assert recorder.health.open == 0
        assert outline(recorder) == ""
        recorder.close()

    @pytest.mark.parametrize(
        "method", ["begin", "end", "start", "finish", "find", "event", "current"]
    )
    def test_our_failures_never_reach_the_program(
        self,
        recorder: Recorder,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        method: str,
    ) -> None:
        expected = self.call(recorder)

        def broken(*_: Any, **__: Any) -> None:
            raise RuntimeError("ours")

        monkeypatch.setattr(guard, "strict", False)
        monkeypatch.setattr(guard, "_said", set())
        monkeypatch.setattr(recorder, method, broken)
        with caplog.at_level(logging.WARNING):
            first = self.call(recorder)
            second = self.call(recorder)

        assert (first, second) == (expected, expected)
        ours = [record for record in caplog.records if record.name == "spanbook"]
        causes = {record.getMessage() for record in ours}
        assert len(ours) == len(causes), "each cause is said once"
        assert caplog.records == ours, "the framework noticed nothing"
        assert bool(recorder.health.errors) == bool(ours)

    def test_nothing_is_kept_afterwards(self, recorder: Recorder) -> None:
        value = Payload()
        watched = weakref.ref(value)

        self.call(recorder, value)
        del value
        gc.collect()

        assert watched() is None
        assert recorder.health.open == 0

    def test_nothing_is_kept_of_a_failure(self, recorder: Recorder) -> None:
        error = Failure("boom")
        watched = weakref.ref(error)

        with pytest.raises(Failure):
            self.fail(recorder, error)
        del error
        gc.collect()

        assert watched() is None
        assert recorder.health.open == 0
