"""Traces to look at, recorded through the real recorder at moments that a test can name."""

from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from spanbook.gate.media import Media
from spanbook.reading.book import Book
from spanbook.recording.recorder import MISSING, Recorder
from spanbook.spans import SpanKind, Status
from spanbook.usage import Usage

NINE_THIRTY = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
HOSTILE = "<script>window.harmed = 1</script>"
ADDRESS = "javascript:window.harmed=1"
UNBROKEN = "x" * 10_000
RIGHT_TO_LEFT = "\u05e9\u05dc\u05d5\u05dd \u202e txet desrever"
DOT = (  # one red pixel as PNG
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)


class Story:
    """Records one trace; moments are milliseconds after it began."""

    def __init__(self, recorder: Recorder, name: str, began: datetime = NINE_THIRTY) -> None:
        self._recorder = recorder
        self._name = name
        self._zero = (began - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000

    def key(self, span: str) -> str:
        """Return the key under which the recorder knows a span of this story."""
        return f"{self._name}/{span}"

    def at(self, ms: float) -> int:
        """Return a moment of the story in nanoseconds since 1970."""
        return self._zero + int(ms * 1_000_000)

    def begin(
        self, span: str, kind: str, ms: float, below: str | None = None, name: str = "", **more: Any
    ) -> None:
        """Record that a span began."""
        parent = None if below is None else self.key(below)
        self._recorder.start(
            self.key(span),
            kind=SpanKind(kind),
            name=name or span,
            parent=parent,
            at=self.at(ms),
            **more,
        )

    def end(self, span: str, ms: float, tokens: tuple[int, ...] = (), **more: Any) -> None:
        """Record that a span ended; `tokens` are those in, out and read from a cache."""
        usage = Usage(*tokens[:2], cache_read=(*tokens, 0, 0, 0)[2]) if tokens else None
        self._recorder.finish(self.key(span), at=self.at(ms), usage=usage, **more)

    def step(
        self,
        span: str,
        kind: str,
        from_to: tuple[float, float],
        below: str | None = None,
        *,
        input: Any = MISSING,
        name: str = "",
        attributes: Mapping[str, Any] | None = None,
        **ending: Any,
    ) -> None:
        """Record a span that began and ended."""
        self.begin(span, kind, from_to[0], below, name, input=input, attributes=attributes)
        self.end(span, from_to[1], **ending)


def refund_question(recorder: Recorder, began: datetime = NINE_THIRTY) -> None:
    """An agent that looks something up: nine spans, one of them failed."""
    story = Story(recorder, f"refund {began}", began)
    question = {"role": "user", "content": "What changed in the refund policy?"}
    system = {"role": "system", "content": "Answer from the documents only."}
    call = {"id": "c1", "name": "lookup", "arguments": {"id": "p-17"}}
    story.begin(
        "root",
        "chain",
        0,
        name="answer question",
        input={"question": question["content"]},
        context={"session": "c-17", "user": "ada", "tags": ["beta", "shop"], "release": "1.4.2"},
    )
    story.begin("index", "retriever", 2, "root", "policy index", input={"query": "refund policy"})
    story.step(
        "embedding",
        "embedding",
        (4, 224),
        "index",
        name="text-embedding-3-small",
        input={"count": 1},
        output={"count": 1, "dimension": 1536},
        tokens=(12, 0),
    )
    story.step("cross", "reranker", (246, 466), "index", name="cross-encoder")
    documents = [
        {"id": "p-17", "text": "Refunds within 30 days.", "score": 0.91, "metadata": {"page": 3}},
        {"id": "p-18", "text": "No refund for tickets.", "score": 0.52, "metadata": {}},
    ]
    story.end("index", 470, output={"documents": documents})
    story.begin("agent", "agent", 480, "root", "policy agent", input={"messages": [question]})
    story.step("prompt", "prompt", (490, 494), "agent", name="ChatPromptTemplate")
    story.step(
        "first",
        "llm",
        (500, 1890),
        "agent",
        name="gpt-5.6-mini",
        input={"messages": [system, question], "tools": [{"name": "lookup"}]},
        output={"messages": [{"role": "assistant", "content": "", "tool_calls": [call]}]},
        attributes={"params": {"temperature": 0.2, "max_tokens": 400}, "tags": ["prod"]},
        tokens=(1240, 88),
        model="gpt-4o-mini",
    )
    story.step(
        "lookup",
        "tool",
        (1900, 2370),
        "agent",
        input={"id": "p-17"},
        attributes={"tool_call_id": "c1"},
        error=KeyError("p-17"),
    )
    result = {"role": "tool", "tool_call_id": "c1", "content": "KeyError: 'p-17'"}
    asked = {"role": "assistant", "content": "", "tool_calls": [call]}
    story.step(
        "second",
        "llm",
        (2390, 4170),
        "agent",
        name="gpt-5.6-mini",
        input={"messages": [system, question, asked, result]},
        output={"messages": [{"role": "assistant", "content": "Refunds now take 30 days."}]},
        tokens=(1480, 210, 2048),
        model="gpt-4o-mini",
    )
    story.end("agent", 4180, output={"messages": [{"role": "assistant", "content": "30 days."}]})
    story.end("root", 4210, output="Refunds now take 30 days.")


def overlapping(recorder: Recorder) -> None:
    """Children that overlap, one of them longer than its root."""
    story = Story(recorder, "overlap")
    story.begin("root", "chain", 0, name="overlapping")
    for name, start, end in (("A", 0, 500), ("B", 100, 200), ("C", 300, 1000), ("D", 400, 900)):
        story.step(name, "step", (start, end), "root")
    story.end("root", 950)


def deep(recorder: Recorder, levels: int = 60) -> None:
    """A chain of spans, each inside the one before."""
    story = Story(recorder, f"deep {levels}")
    for level in range(levels):
        above = str(level - 1) if level else None
        kind = "tool" if level % 7 == 3 else "chain"
        story.begin(str(level), kind, level, above, "deep chain" if not level else f"level {level}")
    for level in reversed(range(levels)):
        story.end(str(level), 1000 + levels - level)


def wide(recorder: Recorder, groups: int, each: int) -> None:
    """A root with many children that have many children."""
    story = Story(recorder, f"wide {groups}x{each}")
    story.begin("root", "agent", 0, name=f"wide {groups}x{each}")
    for group in range(groups):
        name, start = f"g{group}", group * 10
        story.begin(name, "chain", start, "root", f"group {group}")
        for place in range(each):
            story.step(
                f"{name}.{place}",
                "llm" if place % 2 else "tool",
                (start + place * 0.05, start + place * 0.05 + 2),
                name,
                name=f"call {group}.{place}",
            )
        story.end(name, start + 9)
    story.end("root", groups * 10)


def hostile(recorder: Recorder) -> None:
    """Text that tries to be markup, addresses or layout, in every field."""
    story = Story(recorder, "hostile")
    svg = '<svg xmlns="http://www.w3.org/2000/svg" onload="window.harmed=1"/>'
    story.begin(
        "root",
        "chain",
        0,
        name=HOSTILE,
        input={HOSTILE: ADDRESS, "svg": svg, "wide": UNBROKEN, "other": RIGHT_TO_LEFT},
        attributes={HOSTILE: [ADDRESS, svg]},
        context={"session": HOSTILE, "user": ADDRESS, "tags": [HOSTILE, UNBROKEN], "release": svg},
    )
    message = {
        "role": HOSTILE,
        "content": [
            {"type": "text", "text": HOSTILE + ADDRESS},
            {"type": "image", "url": ADDRESS},
        ],
        "tool_calls": [{"id": HOSTILE, "name": HOSTILE, "arguments": ADDRESS}],
    }
    story.step(
        "llm",
        "llm",
        (1, 2),
        "root",
        name=UNBROKEN,
        input={"messages": [message]},
        output={"messages": [message]},
        model=HOSTILE,
        provider=ADDRESS,
        tokens=(1, 1),
    )
    story.step(
        "docs",
        "retriever",
        (3, 4),
        "root",
        name=RIGHT_TO_LEFT,
        input={"query": HOSTILE},
        output={"documents": [{"id": HOSTILE, "text": svg, "metadata": {"url": ADDRESS}}]},
    )
    story.begin("tool", "tool", 5, "root", name=ADDRESS)
    recorder.event(story.key("tool"), HOSTILE, {"url": ADDRESS})
    story.end("tool", 6, error=ValueError(HOSTILE + svg))
    story.end("root", 7, output=HOSTILE + svg + UNBROKEN)


def pictures(recorder: Recorder) -> None:
    """A message with an image, one with a sound, one with a drawing that could hold a script."""
    story = Story(recorder, "pictures")

    def part(kind: str, media_type: str, content: bytes) -> dict[str, Any]:
        return {"type": kind, "media": Media.of(content, media_type)}

    content = [
        {"type": "text", "text": "What is this?"},
        part("image", "image/png", b64decode(DOT)),
        part("audio", "audio/wav", b"RIFF\x24\x00\x00\x00WAVEfmt "),
        part("image", "image/svg+xml", b"<svg onload='window.harmed=1'/>"),
    ]
    story.step(
        "root",
        "llm",
        (0, 900),
        name="look at pictures",
        input={"messages": [{"role": "user", "content": content}]},
        output={"messages": [{"role": "assistant", "content": "A red dot."}]},
    )


def long_output(recorder: Recorder, size: int = 1_000_000) -> None:
    """A span whose output is much longer than a page."""
    story = Story(recorder, "long")
    line = "All work and no play makes a long page.\n"
    story.step(
        "root",
        "llm",
        (0, 61_000),
        name="long output",
        input={"prompt": "Write a book."},
        output={"text": line * (size // len(line))},
    )


def running(recorder: Recorder, began: datetime) -> Story:
    """A trace that has not ended: one child is done, one is not."""
    story = Story(recorder, f"running {began}", began)
    story.begin("root", "chain", 0, name="still running")
    story.step("done", "prompt", (1, 5), "root")
    story.begin("open", "llm", 6, "root", "thinking")
    return story


def orphan(recorder: Recorder) -> None:
    """A span whose parent was never recorded."""
    story = Story(recorder, "orphan")
    story.begin("root", "chain", 0, name="with an orphan")
    story.end("root", 100)
    live = recorder.find(story.key("root"))
    assert live is None
    record = {
        "type": "end",
        "trace": _trace_of(recorder, story.key("root")),
        "span": "00000000000000aa",
        "parent": "00000000000000bb",
        "kind": "tool",
        "name": "lost child",
        "start": story.at(10),
        "end": story.at(20),
        "status": Status.OK,
    }
    recorder.journal.append(recorder.gate.encode(record))


def _trace_of(recorder: Recorder, key: str) -> str:
    assert recorder.flush(10)
    with Book(recorder.settings.url) as book:
        return next(trace.trace_id for trace in book.traces() if trace.name == "with an orphan")


def flat(recorder: Recorder, children: int) -> None:
    """A root with very many children, of which the last one failed."""
    story = Story(recorder, f"flat {children}")
    story.begin("root", "chain", 0, name=f"flat {children}")
    for place in range(children - 1):
        story.step(f"c{place}", "tool", (place, place + 1), "root", name=f"child {place}")
    story.begin("last", "tool", children, "root", "last child")
    story.end("last", children + 1, error=ValueError("the last one"))
    story.end("root", children + 2)
