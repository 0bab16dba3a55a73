"""A trace told span by span, as the records that a recorder would have appended."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import orjson

MS = 1_000_000
Record = dict[str, Any]


def line(record: Mapping[str, Any]) -> bytes:
    """Return a record as a line of the journal."""
    return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)


@dataclass
class Story:
    """One trace that is being told; `now` is its clock."""

    random: Random
    now: int
    head: Mapping[str, Any]  # what the first span says of the whole trace
    lines: list[bytes] = field(default_factory=list[bytes])
    spans: int = 0
    trace: str = ""
    latest: int = 0  # when the last span ended

    def __post_init__(self) -> None:
        self.trace = f"{self.random.getrandbits(128) | 1:032x}"

    def begin(
        self, kind: str, name: str, below: Record | None = None, input: Any = None, **more: Any
    ) -> Record:
        """Begin a span; return what its end repeats."""
        common: Record = {
            "trace": self.trace,
            "span": f"{self.random.getrandbits(64) | 1:016x}",
            "kind": kind,
            "name": name,
            "start": self.now,
        }
        if below is not None:
            common["parent"] = below["span"]
        record = {"type": "start", **common, **more}
        if input is not None:
            record["input"] = input
        if not self.spans:
            record |= self.head
        self.lines.append(line(record))
        self.spans += 1
        self.now += self.random.randint(MS // 10, MS)
        return common

    def end(self, span: Record, output: Any = None, status: str = "ok", **more: Any) -> None:
        """End a span now."""
        record = {"type": "end", **span, "end": self.now, "status": status, **more}
        if output is not None:
            record["output"] = output
        self.lines.append(line(record))
        self.latest = max(self.latest, self.now)
        self.now += self.random.randint(MS // 10, MS)

    def step(
        self,
        kind: str,
        name: str,
        below: Record | None,
        took_ms: float,
        input: Any = None,
        output: Any = None,
        **more: Any,
    ) -> Record:
        """Tell a span from its beginning to its end, which comes after about `took_ms`."""
        span = self.begin(kind, name, below, input)
        self.pass_time(took_ms)
        self.end(span, output, **more)
        return span

    def pass_time(self, ms: float) -> None:
        """Let about `ms` pass: as a rule less, at times ten times as long."""
        self.now += int(self.random.lognormvariate(0, 0.7) * ms * MS)

    def within(self, scene: Callable[[], Any]) -> None:
        """Play a scene that begins now and lasts no time for the one who tells it."""
        now = self.now
        scene()
        self.now = now + self.random.randint(MS // 10, MS)
