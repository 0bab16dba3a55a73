"""The execution graph as an SVG: callers left of what they called, flows of data as dashes."""

from collections.abc import Callable

from spanbook import figures
from spanbook.drawing.graph import Call, Flow, Graph, GraphNode
from spanbook.drawing.graph_text import words
from spanbook.drawing.svg import cut, drawing, part, text

_BOX, _TALL = 232, 40
_ACROSS, _DOWN = _BOX + 64, _TALL + 12  # from box to box
_MARGIN = 12
_ROOM = 33  # characters in a box

_RULES = (
    ".box{fill:var(--surface);stroke:var(--kind)}.box.error{stroke:var(--error);stroke-width:2}"
    ".call{fill:none;stroke:var(--edge)}.again{marker-end:url(#again)}#again path{fill:var(--edge)}"
    ".flow{fill:none;stroke:var(--link);stroke-dasharray:4 3;marker-end:url(#arrow)}"
    "#arrow path{fill:var(--link)}"
    + "".join(
        f".{family}{{--kind:var(--{family})}}" for family in sorted({*figures.FAMILIES.values()})
    )
)
_ARROW = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8"'
    ' markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z"/></marker>'
    '<marker id="again" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8"'
    ' markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>'
)

Place = tuple[int, int]  # of a box's upper left corner


def graph_svg(graph: Graph, *, title: str = "Execution graph") -> str:
    """Return the graph as an SVG of its own."""
    width, height, shapes = _shapes(graph, None, None)
    return drawing(title, width, height, _RULES, shapes)


def graph_part(
    graph: Graph, address: Callable[[GraphNode], str], selected: int | None, *, title: str
) -> str:
    """Return the graph as a part of a page of the viewer, whose styles it takes.

    Each node leads to its `address`.
    """
    width, height, shapes = _shapes(graph, address, selected)
    return part(title, "graph", width, height, shapes)


def _shapes(
    graph: Graph, address: Callable[[GraphNode], str] | None, selected: int | None
) -> tuple[int, int, list[str]]:
    places = _places(graph)
    width = max((x for x, _ in places), default=0) + _BOX + _MARGIN + 64
    height = max((y for _, y in places), default=0) + _TALL + _MARGIN
    below = [node for node in graph.nodes if node.parent is not None]
    shapes = [_ARROW, *(_call(places[node.parent or 0], places[node.number]) for node in below)]
    shapes += [_again(call, places[call.source], places[call.target]) for call in graph.calls]
    for node in graph.nodes:
        box = _box(node, places[node.number])
        if address is not None:
            current = ' aria-current="true"' if node.number == selected else ""
            box = f'<a href="{text(address(node))}" data-swap="detail"{current}>{box}</a>'
        shapes.append(box)
    shapes += [_flow(flow, places[flow.source], places[flow.target]) for flow in graph.flows]
    return width, height, shapes


def _places(graph: Graph) -> list[Place]:
    """Return where the boxes stand: a column a depth, each leaf on a line of its own."""
    below: list[list[int]] = [[] for _ in graph.nodes]
    pending = [node.number for node in reversed(graph.nodes) if node.parent is None]
    for node in graph.nodes:
        if node.parent is not None:
            below[node.parent].append(node.number)
    places: list[Place] = [(0, 0)] * len(graph.nodes)
    line = 0
    while pending:
        number = pending.pop()
        places[number] = (
            _MARGIN + graph.nodes[number].depth * _ACROSS,
            _MARGIN + line * _DOWN,
        )
        pending += reversed(below[number])
        line += not below[number]  # a first child stands beside its parent
    return places


def _box(node: GraphNode, place: Place) -> str:
    x, y = place
    name, told = words(node)
    both = text("\n".join((name, told)))
    state = "error" if node.errors else ""
    return (
        f"<g><title>{both}</title>"
        f'<rect class="box {figures.family(node.kind)} {state}" x="{x}" y="{y}" width="{_BOX}"'
        f' height="{_TALL}" rx="4"/><text x="{x + 8}" y="{y + 16}">{cut(name, _ROOM)}</text>'
        f'<text class="muted" x="{x + 8}" y="{y + 32}">{cut(told, _ROOM)}</text></g>'
    )


def _call(above: Place, below: Place) -> str:
    x, y = above[0] + _BOX, above[1] + _TALL // 2
    to, line = below[0], below[1] + _TALL // 2
    middle = (x + to) // 2
    return f'<path class="call" d="M{x} {y}H{middle}V{line}H{to}"/>'


def _again(call: Call, source: Place, target: Place) -> str:
    title = "calls" if call.count == 1 else f"calls × {call.count:,}"
    return f'<path class="call again" d="{_curve(source, target)}"><title>{title}</title></path>'


def _flow(flow: Flow, source: Place, target: Place) -> str:
    title = "data" if flow.count == 1 else f"data × {flow.count:,}"
    return f'<path class="flow" d="{_curve(source, target)}"><title>{title}</title></path>'


def _curve(source: Place, target: Place) -> str:
    x, y = source[0] + _BOX, source[1] + _TALL // 2 + 6
    line = target[1] + _TALL // 2 - 6
    if source[0] < target[0]:
        to, bend = target[0], target[0] - 32
    else:  # into the right side, around what stands between
        to = target[0] + _BOX
        bend = max(x, to) + 48
    return f"M{x} {y}C{max(x + 32, bend)} {y} {bend} {line} {to} {line}"
