"""The Gantt chart: when the spans of a trace ran, as an SVG."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from spanbook import figures
from spanbook.drawing.svg import cut, drawing, text
from spanbook.reading import lanes
from spanbook.reading.trees import Node, Tree
from spanbook.spans import Status

Unit = Literal["ms", "s"]

_NAMED = 200  # spans that get a line and a name each; more share lines
_MOST = 2_000  # bars; of more spans the longest are drawn
_LINES = 400  # shared lines; what would need more is not drawn

_WIDTH, _MARGIN, _HEAD = 1_000, 8, 28
_NAMES = 296  # width of the names
_INDENT, _DEEPEST = 12, 14
_BAR, _LEAST = 8, 2
_ROW, _LINE = 20, 12  # height of a line with a name, and without
_LETTER = 6.6  # mean width of a character

_RULES = (
    ".grid{stroke:var(--line)}.bar{fill:var(--kind)}"
    ".bar.error{stroke:var(--error);stroke-width:2}.bar.running{fill:url(#hatch)}"
    ".failed{fill:var(--error)}"
    + "".join(
        f".{family}{{--kind:var(--{family})}}" for family in sorted({*figures.FAMILIES.values()})
    )
)
# A hatch takes the colour of its own surroundings, which is why it is not that of a kind.
_HATCH = (
    '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse"'
    ' patternTransform="rotate(45)"><rect width="6" height="6" fill="var(--surface)"/>'
    '<rect width="3" height="6" fill="var(--busy)"/></pattern></defs>'
)


@dataclass(frozen=True, slots=True)
class _Bar:
    """Where a span is drawn, in hundredths of a pixel, so that touching is not covering."""

    node: Node
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class _Chart:
    """How a chart is laid out: its plot, the height of its lines, the unit of its numbers."""

    named: bool
    total: timedelta
    unit: Unit | None
    links: bool

    @property
    def left(self) -> int:
        return _NAMES + 2 * _MARGIN if self.named else _MARGIN

    @property
    def right(self) -> int:
        return _WIDTH - _MARGIN

    @property
    def step(self) -> int:
        return _ROW if self.named else _LINE

    def bar(self, node: Node) -> _Bar:
        """Return where `node` is drawn: at least two pixels wide, inside the plot."""
        left, plot = 100 * self.left, 100 * (self.right - self.left)
        width = max(round(plot * node.width), 100 * _LEAST)
        begin = min(left + round(plot * node.offset), 100 * self.right - width)
        return _Bar(node, begin, begin + width)


def gantt(
    tree: Tree,
    *,
    title: str = "Gantt chart",
    only: str | Collection[str] | None = None,
    unit: Unit | None = None,
    links: bool = False,
) -> str:
    """Return the Gantt chart of a trace as an SVG of its own.

    Up to 200 spans have a line each; more share lines, on which none covers another, and of very
    many the longest are drawn. `only` chooses spans: a regular expression for their names, or their
    ids. `unit` is that of the numbers, by default what suits each. With `links` each bar leads to
    `#` and its span's id.
    """
    nodes = [node for node in tree.nodes if _chosen(node, only)]
    total = timedelta(microseconds=(tree.end_ns - tree.start_ns) // 1_000)
    chart = _Chart(len(nodes) <= _NAMED, total, unit, links)
    bars = [chart.bar(node) for node in (nodes if chart.named else _longest(nodes))]
    lines = list(range(len(bars)))
    if not chart.named:
        lines = lanes.pack([(bar.begin, bar.end) for bar in bars])
    drawn = [(bar, line) for bar, line in zip(bars, lines, strict=True) if line < _LINES]
    height = _HEAD + (max((line for _, line in drawn), default=-1) + 1) * chart.step + _MARGIN
    shapes = [_HATCH, *_grid(chart, height)]
    for bar, line in drawn:
        shapes += _shapes(chart, bar, _HEAD + line * chart.step)
    if len(drawn) < len(nodes):
        height += _ROW
        left_out = figures.plural(len(nodes) - len(drawn), "span")
        shapes.append(_text(chart.left, height - _MARGIN, f"{left_out} not drawn", "muted"))
    return drawing(title, _WIDTH, height, _RULES, shapes)


def _chosen(node: Node, only: str | Collection[str] | None) -> bool:
    if only is None:
        return True
    if isinstance(only, str):
        return re.search(only, node.span.name) is not None
    return node.span.span_id in only


def _longest(nodes: Sequence[Node]) -> list[Node]:
    """Return the longest of `nodes`, in their order."""
    order = sorted(range(len(nodes)), key=lambda i: -nodes[i].width)
    return [nodes[i] for i in sorted(order[:_MOST])]


def _grid(chart: _Chart, height: int) -> list[str]:
    shapes: list[str] = []
    for quarter, anchor in enumerate(("start", "middle", "middle", "middle", "end")):
        x = chart.left + (chart.right - chart.left) * quarter / 4
        label = "0" if quarter == 0 else _duration(chart.total * quarter / 4, chart.unit)
        shapes.append(f'<line class="grid" x1="{x:g}" x2="{x:g}" y1="{_HEAD - 8}" y2="{height}"/>')
        shapes.append(_text(x, _HEAD - 12, label, "muted", anchor))
    return shapes


def _shapes(chart: _Chart, bar: _Bar, top: int) -> list[str]:
    span = bar.node.span
    status = span.status if span.status in (Status.ERROR, Status.RUNNING) else ""
    shape = (
        f'<rect class="bar {figures.family(span.kind)} {status}" x="{bar.begin / 100:.2f}"'
        f' y="{top + (chart.step - _BAR) / 2:g}" width="{(bar.end - bar.begin) / 100:.2f}"'
        f' height="{_BAR}" rx="2"><title>{text(_told(chart, bar.node))}</title></rect>'
    )
    if chart.links:
        shape = f'<a href="#{text(span.span_id)}">{shape}</a>'
    return [shape, *_words(chart, bar, top + 14)] if chart.named else [shape]


def _words(chart: _Chart, bar: _Bar, y: int) -> list[str]:
    """Return the name of a span, and how long it took beside its bar, where there is room."""
    span = bar.node.span
    indent = _MARGIN + _INDENT * min(bar.node.depth, _DEEPEST)
    glyph = "" if span.status is Status.OK else f"{figures.GLYPHS[span.status]} "
    room = int((_NAMES + _MARGIN - indent) / _LETTER)
    failed = "failed" if span.status is Status.ERROR else ""
    label = _duration(span.duration, chart.unit)
    needed = len(label) * _LETTER + 4
    if bar.end / 100 + needed <= chart.right:
        number = _text(bar.end / 100 + 4, y, label, "muted")
    elif bar.begin / 100 - needed >= chart.left:
        number = _text(bar.begin / 100 - 4, y, label, "muted", "end")
    else:
        number = ""
    name = cut(f"{glyph}{span.kind} {span.name}", room)
    return [f'<text x="{indent}" y="{y}" class="{failed}">{name}</text>', number]


def _told(chart: _Chart, node: Node) -> str:
    """Return what is known of a span, a line each."""
    span = node.span
    begin, length = chart.total * node.offset, chart.total * node.width
    told = [
        f"{span.kind} {span.name}",
        f"{figures.GLYPHS[span.status]} {span.status}"
        + (f" {span.error_type}" if span.error_type else ""),
        f"from {_duration(begin, chart.unit)} to {_duration(begin + length, chart.unit)}",
        f"took {_duration(span.duration, chart.unit)}",
    ]
    if span.usage is not None:
        told.append(f"{figures.tokens(span.usage)} tokens")
    if span.cost is not None:
        told.append(figures.money(span.cost))
    return "\n".join(told)


def _duration(value: timedelta | None, unit: Unit | None) -> str:
    if value is None or unit is None:
        return figures.duration(value)
    if unit == "ms":
        return f"{value / timedelta(milliseconds=1):,.1f} ms"
    return f"{value / timedelta(seconds=1):,.3f} s"


def _text(x: float, y: float, words: str, kind: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y}" class="{kind}" text-anchor="{anchor}">{text(words)}</text>'
