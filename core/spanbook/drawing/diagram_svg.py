"""Diagrams as SVG, as a file of its own or as a part of a page."""

from collections.abc import Mapping, Sequence

from spanbook import figures
from spanbook.drawing.diagram import Box, Diagram, Line, Style
from spanbook.drawing.svg import cut, drawing, part, text

_WIDE, _TALL = 232, 40
_ACROSS, _DOWN = _WIDE + 64, _TALL + 12  # from box to box
_MARGIN = 12
_ROOM = 33  # characters in a box

_RULES = (
    ".box{fill:var(--surface);stroke:var(--kind)}.box.error{stroke:var(--error);stroke-width:2}"
    ".box.first{stroke-width:2}.call{fill:none;stroke:var(--edge)}"
    ".again{marker-end:url(#again)}#again path{fill:var(--edge)}"
    ".flow{fill:none;stroke:var(--link);stroke-dasharray:4 3;marker-end:url(#arrow)}"
    "#arrow path{fill:var(--link)}"
    + "".join(
        f".{family}{{--kind:var(--{family})}}" for family in sorted({*figures.FAMILIES.values()})
    )
)
_CLASSES = {Style.ARROW: "call again", Style.DATA: "flow"}
_HEADS = "".join(
    f'<marker id="{name}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8"'
    ' orient="auto"><path d="M0 0L8 4L0 8z"/></marker>'
    for name in ("arrow", "again")
)

_Place = tuple[int, int]  # of a box's upper left corner


def svg(diagram: Diagram, *, title: str) -> str:
    """Return the diagram as an SVG of its own."""
    width, height, shapes = _shapes(diagram, {}, None, "")
    return drawing(title, width, height, _RULES, shapes)


def svg_part(
    diagram: Diagram,
    links: Mapping[int, str],
    *,
    title: str,
    selected: int | None = None,
    swap: str = "",
) -> str:
    """Return the diagram as a part of a page of the viewer, whose styles it takes.

    Boxes lead to their `links`; with `swap` the target replaces that part of the page.
    """
    width, height, shapes = _shapes(diagram, links, selected, swap)
    return part(title, "graph", width, height, shapes)


def _shapes(
    diagram: Diagram, links: Mapping[int, str], selected: int | None, swap: str
) -> tuple[int, int, list[str]]:
    places = [(_MARGIN + box.column * _ACROSS, _MARGIN + box.row * _DOWN) for box in diagram.boxes]
    width = max((x for x, _ in places), default=0) + _WIDE + _MARGIN + 64
    height = max((y for _, y in places), default=0) + _TALL + _MARGIN
    below = [line for line in diagram.lines if line.style is not Style.DATA]
    above = [line for line in diagram.lines if line.style is Style.DATA]
    attributes = f' data-swap="{text(swap)}"' if swap else ""
    boxes: list[str] = []
    for number, (box, place) in enumerate(zip(diagram.boxes, places, strict=True)):
        shape = _box(box, place)
        if number in links:
            current = ' aria-current="true"' if number == selected else ""
            shape = f'<a href="{text(links[number])}"{attributes}{current}>{shape}</a>'
        boxes.append(shape)
    return (
        width,
        height,
        [f"<defs>{_HEADS}</defs>", *_lines(below, places), *boxes, *_lines(above, places)],
    )


def _box(box: Box, place: _Place) -> str:
    x, y = place
    both = text(f"{box.name}\n{box.note}")
    state = "error" if box.has_failed else "first" if box.is_first else ""
    return (
        f"<g><title>{both}</title>"
        f'<rect class="box {box.family} {state}" x="{x}" y="{y}" width="{_WIDE}"'
        f' height="{_TALL}" rx="4"/><text x="{x + 8}" y="{y + 16}">{cut(box.name, _ROOM)}</text>'
        f'<text class="muted" x="{x + 8}" y="{y + 32}">{cut(box.note, _ROOM)}</text></g>'
    )


def _lines(lines: Sequence[Line], places: Sequence[_Place]) -> list[str]:
    return [_line(line, places[line.source], places[line.target]) for line in lines]


def _line(line: Line, source: _Place, target: _Place) -> str:
    if line.style is Style.BRANCH:
        return f'<path class="call" d="{_elbow(source, target)}"/>'
    title = line.title or line.label
    told = f"<title>{text(title)}</title>" if title else ""
    return f'<path class="{_CLASSES[line.style]}" d="{_curve(source, target)}">{told}</path>'


def _elbow(source: _Place, target: _Place) -> str:
    x, y = source[0] + _WIDE, source[1] + _TALL // 2
    to, row = target[0], target[1] + _TALL // 2
    return f"M{x} {y}H{(x + to) // 2}V{row}H{to}"


def _curve(source: _Place, target: _Place) -> str:
    x, y = source[0] + _WIDE, source[1] + _TALL // 2 + 6
    row = target[1] + _TALL // 2 - 6
    if source[0] < target[0]:
        to, bend = target[0], target[0] - 32
    else:  # into the right side, around what stands between
        to = target[0] + _WIDE
        bend = max(x, to) + 48
    return f"M{x} {y}C{max(x + 32, bend)} {y} {bend} {row} {to} {row}"
