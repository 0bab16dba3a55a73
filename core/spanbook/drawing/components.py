"""What ran as a diagram: components left of their parts, arrows for what comes next."""

import re
from collections.abc import Iterator

from spanbook import figures
from spanbook.architecture.branches import Branch, branches, role_kind
from spanbook.architecture.component import Architecture
from spanbook.drawing.diagram import Box, Diagram, Line, Style, tree_rows
from spanbook.drawing.formats import DiagramFormat, drawn

MOST = 150  # components in one diagram
_STEP = re.compile(r"steps\[(\d+)\]")
_BEGINNINGS = ("__start__", "START")
_MODEL = ("model", "model_name")  # parameters that name a model


class ComponentDiagram:
    """The diagram of a component tree; `numbers` tell the branch of each box.

    None: it is no component, only an end of edges.
    """

    def __init__(self, top: Branch) -> None:
        self.numbers: list[int | None] = []
        self._boxes: list[Box] = []
        self._parents: list[int | None] = []
        self._lines: list[Line] = []
        self._add(top, None, 0)
        rows = tree_rows(self._parents)
        boxes = (
            Box(box.name, box.note, box.family, box.column, row, is_first=not box.column)
            for box, row in zip(self._boxes, rows, strict=True)
        )
        tree = (
            Line(parent, number, Style.BRANCH)
            for number, parent in enumerate(self._parents)
            if parent is not None
        )
        self.diagram = Diagram(tuple(boxes), (*tree, *self._lines))

    def _add(self, branch: Branch, parent: int | None, column: int) -> int:
        number = self._box(_component_box(branch, column), parent, branch.number)
        edges = branch.component.edges
        parts = {part.component.place: part for part in branch.parts}
        ends = dict.fromkeys(end for edge in edges for end in (edge.source, edge.target))
        foreign = [end for end in ends if end not in parts]
        known: dict[str, int] = {}
        for end in foreign:
            if end in _BEGINNINGS:
                known[end] = self._end(end, number, column + 1)
        for place, part in parts.items():
            known[place] = self._add(part, number, column + 1)
        for end in foreign:
            if end not in known:
                known[end] = self._end(end, number, column + 1)
        self._lines += (Line(known[e.source], known[e.target], label=e.label) for e in edges)
        self._lines += (Line(known[one], known[other]) for one, other in _in_order(parts))
        return number

    def _end(self, name: str, parent: int, column: int) -> int:
        return self._box(Box(name.strip("_"), "", "structure", column, 0), parent, None)

    def _box(self, box: Box, parent: int | None, branch: int | None) -> int:
        self._boxes.append(box)
        self._parents.append(parent)
        self.numbers.append(branch)
        return len(self._boxes) - 1


def _component_box(branch: Branch, column: int) -> Box:
    one = branch.component
    model = next((str(one.parameters[name]) for name in _MODEL if name in one.parameters), "")
    left_out = f"{branch.left_out:,} parts more" if branch.left_out else ""
    note = " · ".join(filter(None, (one.role, one.place, model, left_out)))
    return Box(one.name or "(no name)", note, figures.family(role_kind(one.role)), column, 0)


def _in_order(places: dict[str, Branch]) -> Iterator[tuple[str, str]]:
    """Yield the places of steps that follow each other."""
    for place in places:
        step = _STEP.fullmatch(place)
        following = f"steps[{int(step[1]) + 1}]" if step else ""
        if following in places:
            yield place, following


def draw(architecture: Architecture, format: DiagramFormat = "svg") -> str:
    """Return what ran as a diagram, as `svg`, `mermaid` or `dot`; of very large ones the top.

    Raises:
        ValueError: another format.
    """
    diagram = ComponentDiagram(branches(architecture.root, MOST)).diagram
    return drawn(diagram, format, architecture.root.name or "Architecture")
