"""A store as large as a busy month leaves it, recorded through the real recorder and ingester.

`python -m benchmarks.library 1000000 /tmp/library.db` makes one of a million spans.
"""

import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from spanbook.recording.recorder import Recorder
from spanbook.spans import SpanKind
from spanbook.usage import Usage

MS = 1_000_000
DAYS = 30
SPANS = 7  # of a trace
MODELS = {
    "openai": ("gpt-4o", "gpt-4o-mini", "gpt-4.1-mini", "o4-mini"),
    "anthropic": ("claude-sonnet-4-5", "claude-haiku-4-5"),
    "google": ("gemini-2.5-flash",),
    "local": ("my-own-model",),
}
PROJECTS = ("default", "default", "default", "shop", "support")
TAGS = ("beta", "nightly", "eval", "mobile", "web", "internal")


@dataclass
class Clock:
    """The moment that the recorder takes for now."""

    now: int

    def __call__(self) -> int:
        """Return the moment."""
        return self.now


def fill(url: str, spans: int, until_ns: int) -> None:
    """Record as many spans, spread over the days before `until_ns`."""
    choose = random.Random(spans)
    traces = max(spans // SPANS, 1)
    step = DAYS * 86_400_000 * MS // traces
    clock = Clock(until_ns - traces * step)
    recorder = Recorder(url, clock=clock, journal_bytes=1 << 34)
    conversations = _conversations(choose)
    for number in range(traces):
        clock.now = until_ns - (traces - number) * step
        _request(recorder, choose, number, clock, next(conversations))
        if number % 5_000 == 0:
            recorder.flush(600)
    recorder.flush(600)
    recorder.close()


def _conversations(choose: random.Random) -> Iterator[dict[str, object]]:
    """Yield what the traces of conversations have in common, some two hundred at a time."""
    going: list[dict[str, object]] = []
    number = 0
    while True:
        if len(going) < 200 or choose.random() < 0.2:
            number += 1
            user = int(choose.paretovariate(0.6)) % 4_000
            going.append(
                {
                    "session": f"session-{number}",
                    "user": f"user-{user}",
                    "project": choose.choice(PROJECTS),
                    "tags": choose.sample(TAGS, choose.choice((0, 1, 1, 2))),
                    "environment": "production",
                    "release": f"1.{number // 4_000}.0",
                }
            )
        if len(going) > 220:
            going.pop(0)
        yield choose.choice(going)


def _request(
    recorder: Recorder, choose: random.Random, number: int, clock: Clock, context: dict[str, object]
) -> None:
    provider = choose.choices(list(MODELS), (6, 3, 2, 1))[0]
    model = choose.choice(MODELS[provider])
    at = clock.now

    def step(name: str, kind: SpanKind, took: float, **ending: object) -> None:
        nonlocal at
        key = f"{number}/{name}"
        recorder.start(key, kind=kind, name=name, parent=f"{number}", at=at, input={"n": number})
        at += int(took * MS)
        recorder.finish(key, at=at, **ending)  # type: ignore[arg-type]  # as finish takes them

    name = choose.choice(("answer", "summarise", "route", "classify"))
    recorder.start(
        f"{number}",
        kind=SpanKind.CHAIN,
        name=name,
        parent=None,
        at=at,
        input={"question": f"What about order {number}?"},
        context=context,
    )
    step("prepare", SpanKind.STEP, choose.expovariate(1))
    step("prompt", SpanKind.PROMPT, choose.expovariate(1))
    step("documents", SpanKind.RETRIEVER, choose.expovariate(1 / 80))
    failed = choose.random() < 0.02
    step(
        "lookup",
        SpanKind.TOOL,
        choose.expovariate(1 / 300),
        error=LookupError("no such order") if failed else None,
    )
    asked = int(choose.lognormvariate(7, 1))
    said = int(choose.lognormvariate(5, 1))
    usage = Usage(
        input=asked,
        output=said,
        cache_read=choose.choice((0, 0, asked // 2)),
        reasoning=said // 3 if model.startswith("o4") else 0,
        estimated=provider == "local",
    )
    answer = {"messages": [{"role": "assistant", "content": f"Order {number} is on its way."}]}
    step(
        "chat",
        SpanKind.LLM,
        choose.lognormvariate(7, 0.6),
        model=model,
        provider=provider,
        usage=usage,
        output=answer,
    )
    step("parse", SpanKind.PARSER, 0.1)
    recorder.finish(f"{number}", at=at, output=answer)


if __name__ == "__main__":
    fill(f"sqlite:///{sys.argv[2]}", int(sys.argv[1]), time.time_ns())
