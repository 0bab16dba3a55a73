"""The console exporter: traces as trees in the terminal, while they run and when they end."""

import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text
from rich.tree import Tree

from spanbook import figures
from spanbook.notices import Notice, NoticeKind, SpanSnapshot
from spanbook.spans import Status
from spanbook.usage import Usage

_MOST_TRACES = 64  # at a time
_MOST_SPANS = 500  # of one trace; the others are counted
_MOST_LIVE = 40  # spans shown while a trace runs: a screen

_STATUSES = {
    Status.OK: "green",
    Status.ERROR: "bold red",
    Status.RUNNING: "yellow",
}
_FAMILIES = {
    "agent": "magenta",
    "model": "blue",
    "prompt": "yellow",
    "tool": "cyan",
    "retrieval": "cyan",
    "judge": "green",
    "vector": "blue",
}


@dataclass(slots=True)
class _Branch:
    """A span with what is below it."""

    span: SpanSnapshot
    cost: Decimal | None = None
    below: list["_Branch"] = field(default_factory=list["_Branch"])


@dataclass(slots=True)
class _Growing:
    """A trace, or the part of one below a span whose parent is not known, while it runs."""

    head: _Branch
    branches: dict[str, _Branch]
    left_out: int = 0

    def add(self, span: SpanSnapshot) -> None:
        above = self.branches.get(span.parent_id or "")
        if above is None or len(self.branches) >= _MOST_SPANS:
            self.left_out += 1
            return
        branch = self.branches[span.span_id] = _Branch(span)
        above.below.append(branch)

    def _calls(self) -> list[_Branch]:
        """Return the spans whose usage counts."""
        known = self.branches.values()
        return [one for one in known if one.span.usage is not None and one.span.counted]

    @property
    def usage(self) -> Usage | None:
        usages = [call.span.usage for call in self._calls() if call.span.usage is not None]
        return sum(usages[1:], usages[0]) if usages else None

    @property
    def cost(self) -> str:
        """What all calls cost together, as far as that is known; empty where it is not."""
        costs = [call.cost for call in self._calls()]
        known = [cost for cost in costs if cost is not None]
        return figures.money(sum(known, Decimal(0)), costs.count(None)) if known else ""


class ConsoleExporter:
    """Shows traces as trees: names, how long, tokens, what failed.

    A tree is printed when its trace ends; with `live`, which is on in a terminal, it is also shown
    while it grows. Where `file`, by default standard output, is no terminal nothing is printed,
    unless `force` says so. `price` says what a model call cost, None where it does not know.
    """

    def __init__(
        self,
        file: TextIO | None = None,
        *,
        live: bool | None = None,
        force: bool = False,
        price: Callable[[SpanSnapshot], Decimal | None] | None = None,
    ) -> None:
        self._price = price
        self._file = sys.stdout if file is None else file
        is_terminal = self._file.isatty()
        self._console = Console(file=self._file)
        self._is_on = force or is_terminal
        self._is_live = is_terminal if live is None else live
        self._live: Live | None = None
        self._traces: OrderedDict[str, _Growing] = OrderedDict()
        self._lock = threading.RLock()

    def export(self, notice: Notice, /) -> None:
        """Take a notice."""
        if not self._is_on:
            return
        with self._lock:
            if notice.kind is NoticeKind.START:
                self._start(notice.span)
            elif notice.kind is NoticeKind.COMPLETE:
                self._complete(notice.span)

    def _start(self, span: SpanSnapshot) -> None:
        known = self._traces.get(span.trace_id)
        if known is not None:
            known.add(span)
            return
        if len(self._traces) >= _MOST_TRACES:
            self._traces.popitem(last=False)
        head = _Branch(span)
        self._traces[span.trace_id] = _Growing(head, {span.span_id: head})
        if self._is_live and self._live is None:
            self._live = Live(
                console=self._console, transient=True, get_renderable=self._now, auto_refresh=True
            )
            self._live.start()

    def _complete(self, span: SpanSnapshot) -> None:
        growing = self._traces.get(span.trace_id)
        branch = None if growing is None else growing.branches.get(span.span_id)
        if growing is None or branch is None:
            return
        branch.span = span
        if span.usage is not None and self._price is not None:
            branch.cost = self._price(span)
        if branch is growing.head:
            del self._traces[span.trace_id]
            if not self._traces:
                self._stop()
            self._console.print(_tree(growing, _MOST_SPANS))

    def _now(self) -> Tree:
        """Return what runs, as far as it fits a screen."""
        with self._lock:
            newest = next(reversed(self._traces.values()), None)
            return Tree("") if newest is None else _tree(newest, _MOST_LIVE)

    def _stop(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def close(self) -> None:
        """Print what still runs, and let the terminal go."""
        with self._lock:
            running = list(self._traces.values())
            self._traces.clear()
            self._stop()
        for growing in running:
            self._console.print(_tree(growing, _MOST_SPANS))


def _tree(growing: _Growing, most: int) -> Tree:
    """Return a trace of which the first `most` spans are drawn."""
    head = growing.head
    tree = Tree(_line(head.span, growing.usage, growing.cost), guide_style="dim")
    waiting = [(branch, tree) for branch in reversed(head.below)]
    drawn = 1
    while waiting and drawn < most:
        branch, above = waiting.pop()
        cost = "" if branch.cost is None else figures.money(branch.cost)
        place = above.add(_line(branch.span, branch.span.usage, cost))
        drawn += 1
        waiting += [(below, place) for below in reversed(branch.below)]
    missing = len(growing.branches) - drawn + growing.left_out
    if missing:
        tree.add(Text(f"and {figures.plural(missing, 'more span')}", "dim"))
    return tree


def _line(span: SpanSnapshot, usage: Usage | None, cost: str) -> Text:
    """Return a span on one line: status, kind, name, model, duration, tokens, cost, error."""
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{figures.GLYPHS[span.status]} ", _STATUSES.get(span.status, "dim"))
    line.append(f"{span.kind} ", _FAMILIES.get(figures.family(span.kind), "dim"))
    line.append(_printable(span.name), "bold")
    facts = [_printable(span.model or "")]
    if span.duration is not None:
        facts.append(figures.duration(span.duration))
    if usage is not None:
        mark = "≈ " if usage.estimated else ""
        facts.append(f"{mark}{usage.input:,} in · {usage.output:,} out")
    facts.append(cost)
    line.append("".join(f"  {fact}" for fact in facts if fact), "dim")
    if span.error is not None:
        words = f"{span.error.type}: {span.error.message}"
        line.append(f"  {_printable(words[:200])}", "red")
    return line


def _printable(text: str) -> str:
    """Return `text` without what a terminal would take as a command."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
