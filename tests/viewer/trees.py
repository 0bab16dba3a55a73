"""Architectures to look at, and traces that ran them."""

from collections.abc import Collection
from typing import Any

from spanbook.architecture.component import Component, Edge
from spanbook.reading.book import Book
from spanbook.reading.rows import TraceRow
from spanbook.recording.recorder import Recorder
from spanbook.spans import SpanKind
from tests.viewer.stories import ADDRESS, HOSTILE, RIGHT_TO_LEFT, UNBROKEN

TEMPLATE = """\
You help customers of the {shop} shop.
Never speak of prices.
Answer in at most {n} sentences.
"""


def support(
    temperature: float = 0.0, template: str = TEMPLATE, *, parser: bool = True, **more: Any
) -> Component:
    """Return a prompt, a model and a parser in a row."""
    system = Component("prompt", "x.System", "system", "messages[0]", {"template": template})
    human = Component("prompt", "x.Human", "human", "messages[1]", {"template": "{q}"})
    model = {"model_name": "gpt-4.1-mini", "temperature": temperature, **more}
    parts = [
        Component("prompt", "x.ChatPrompt", "ChatPrompt", "steps[0]", parts=(system, human)),
        Component("llm", "x.ChatModel", "ChatModel", "steps[1]", model),
    ]
    if parser:
        parts.append(Component("parser", "x.TextParser", "TextParser", "steps[2]"))
    return Component("chain", "x.Sequence", "support", parts=tuple(parts))


def graph(*edges: tuple[str, str] | tuple[str, str, str]) -> Component:
    """Return a graph of two nodes with these edges."""
    nodes = tuple(
        Component("step", "x.Node", name, name, {"function": f"app.{name}"})
        for name in ("think", "act")
    )
    return Component(
        "agent", "x.Graph", "looping", parts=nodes, edges=tuple(Edge(*e) for e in edges)
    )


def hostile() -> Component:
    """Return components whose every text tries to be markup, an address or layout."""
    other = Component(
        "llm", ADDRESS, RIGHT_TO_LEFT, ADDRESS, {UNBROKEN: ADDRESS, "template": UNBROKEN}
    )
    wide = Component(UNBROKEN, UNBROKEN, UNBROKEN, UNBROKEN, {RIGHT_TO_LEFT: RIGHT_TO_LEFT})
    return Component(
        HOSTILE,
        HOSTILE,
        HOSTILE,
        parameters={HOSTILE: HOSTILE, "list": [HOSTILE], "address": {ADDRESS: [ADDRESS]}},
        parts=(other, wide),
        edges=(Edge(HOSTILE, ADDRESS, UNBROKEN), Edge(RIGHT_TO_LEFT, HOSTILE)),
    )


def big(parts: int) -> Component:
    """Return a component with many parts."""
    inner = tuple(
        Component("prompt", "x.Prompt", f"part {n}", f"steps[{n}]", {"template": f"Text {n}"})
        for n in range(parts)
    )
    return Component("chain", "x.Big", "big", parts=inner)


def deep(levels: int) -> Component:
    """Return a component inside a component, and so on."""
    found = Component("llm", "x.Model", "the last", "inner")
    for level in reversed(range(levels)):
        found = Component(
            "chain", "x.Deep", f"level {level}", "inner" if level else "", {}, (found,)
        )
    return found


def record(url: str, *trees: Component | None, failing: Collection[int] = ()) -> list[TraceRow]:
    """Record a trace for each architecture, None for unknown; return them in that order.

    Those whose numbers are in `failing` fail.
    """
    recorder = Recorder(url)
    for number, root in enumerate(trees):

        def made(root: Component | None = root, number: int = number) -> str | None:
            return None if root is None else recorder.made_architecture(number, lambda: root)

        at = 1_780_000_000_000_000_000 + number * 60_000_000_000
        recorder.start(number, kind=SpanKind.CHAIN, name="answer", made_of=made, at=at)
        error = ValueError("no") if number in failing else None
        recorder.finish(number, at=at + 5_000_000 * (number + 1), error=error)
    recorder.close()
    with Book(url) as book:
        return list(reversed(book.traces()))
