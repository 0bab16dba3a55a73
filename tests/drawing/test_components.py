"""What ran as a diagram: what is drawn of steps, graphs, large trees and hostile names."""

import re
from xml.etree import ElementTree

import pytest

import spanbook
from spanbook.architecture.branches import branches
from spanbook.architecture.component import Architecture, Component, Edge
from spanbook.drawing.components import MOST, ComponentDiagram
from spanbook.drawing.diagram import Style
from spanbook.drawing.formats import DiagramFormat
from tests.drawing.test_drawing import HOSTILE


def one(name: str, place: str, **more: object) -> Component:
    return Component("chain", "C", name, place, **more)  # pyright: ignore[reportArgumentType]


SEQUENCE = Component(
    "chain",
    "Sequence",
    "answer",
    parts=(
        Component("prompt", "P", "ask", "steps[0]"),
        Component("llm", "M", "chat", "steps[1]", {"model": "own-model"}),
        Component("parser", "S", "text", "steps[2]"),
        Component("tool", "T", "look up", "tools[0]"),
    ),
)
GRAPH = Component(
    "graph",
    "StateGraph",
    "loop",
    parts=(one("think", "a"), one("act", "b")),
    edges=(
        Edge("__start__", "a"),
        Edge("a", "b", "if"),
        Edge("b", "a"),
        Edge("a", "__end__", "if"),
    ),
)


def arrows(root: Component) -> list[tuple[str, str, str]]:
    diagram = ComponentDiagram(branches(root)).diagram
    names = [box.name for box in diagram.boxes]
    lines = (line for line in diagram.lines if line.style is Style.ARROW)
    return [(names[line.source], names[line.target], line.label) for line in lines]


def test_steps_lead_to_the_next_and_other_parts_to_nothing():
    assert arrows(SEQUENCE) == [("ask", "chat", ""), ("chat", "text", "")]


def test_edges_lead_from_node_to_node_beginning_and_end_included():
    assert arrows(GRAPH) == [
        ("start", "think", ""),
        ("think", "act", "if"),
        ("act", "think", ""),
        ("think", "end", "if"),
    ]


def test_a_box_tells_role_place_and_model():
    [box] = [b for b in ComponentDiagram(branches(SEQUENCE)).diagram.boxes if b.name == "chat"]

    assert (box.note, box.family) == ("llm · steps[1] · own-model", "model")


def test_boxes_know_their_branches_and_ends_of_edges_have_none():
    drawn = ComponentDiagram(branches(GRAPH))

    assert [(b.name, n) for b, n in zip(drawn.diagram.boxes, drawn.numbers, strict=True)] == [
        ("loop", 0),
        ("start", None),
        ("think", 1),
        ("act", 2),
        ("end", None),
    ]


def test_no_two_boxes_share_a_place():
    root = one("top", "", parts=(SEQUENCE, GRAPH, one("leaf", "x")))
    boxes = ComponentDiagram(branches(root)).diagram.boxes

    assert len({(box.column, box.row) for box in boxes}) == len(boxes)


def test_of_a_large_tree_the_top_is_drawn_and_the_rest_counted():
    root = one("top", "", parts=tuple(one(f"part {i}", f"parts[{i}]") for i in range(1_000)))

    diagram = ComponentDiagram(branches(root, MOST)).diagram

    assert len(diagram.boxes) == MOST
    assert diagram.boxes[0].note == "chain · 851 parts more"


@pytest.mark.parametrize("format", ["svg", "mermaid", "dot"])
def test_hostile_names_stay_text(format: DiagramFormat):
    root = one(HOSTILE, "", parts=(one(HOSTILE, HOSTILE),), edges=(Edge(HOSTILE, "x", HOSTILE),))

    drawn = spanbook.draw(Architecture("0" * 64, root), format)

    if format == "svg":
        tags = {shape.tag.rpartition("}")[2] for shape in ElementTree.fromstring(drawn).iter()}
        assert "script" not in tags
    elif format == "mermaid":
        labels = re.findall(r'"(.*)"', drawn)
        assert not any(re.search(r"[<>\"']", label.replace("<br>", "")) for label in labels)
    else:
        unescaped = re.sub(r"\\.", "", drawn)
        assert all(line.count('"') in (0, 2, 4) for line in unescaped.splitlines())


def test_another_format_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="choose from svg, mermaid, dot"):
        spanbook.draw(Architecture.of(SEQUENCE), "png")  # pyright: ignore[reportArgumentType]
