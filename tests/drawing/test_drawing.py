"""Drawings hold every span, cover none with another, and let nothing out of their text."""

import re
from collections import defaultdict
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest

from spanbook.drawing import graph as graphs
from spanbook.drawing.diagram_svg import svg
from spanbook.drawing.diagram_text import dot, mermaid
from spanbook.drawing.gantt import gantt
from spanbook.drawing.graph_diagram import graph_diagram
from spanbook.drawing.page import page
from spanbook.drawing.svg import COLOURS
from spanbook.reading import trees
from spanbook.reading.rows import Payload, SpanRow, TraceRow
from spanbook.spans import SpanError, SpanEvent, SpanKind, Status
from spanbook.usage import Usage
from spanbook_viewer import formats  # the same words
from tests.reading.shelves import span
from tests.viewer.test_colours import TOKENS

HOSTILE = "<script>alert(1)</script>\" ' & \0 \x1b ]]> \ud800 --> \u202egnp.exe\n#x; \\"
NOW = 10**9


def bars(svg: str) -> list[tuple[float, float, float]]:
    """Return the bars of a chart as (line, begin, end)."""
    found: list[tuple[float, float, float]] = []
    for shape in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}rect"):
        if shape.get("class", "").startswith("bar"):
            x, y, width = (float(shape.get(name, "nan")) for name in ("x", "y", "width"))
            found.append((y, x, round(x + width, 2)))
    return found


def covered(svg: str) -> list[Any]:
    """Return the pairs of bars of which one covers a part of the other."""
    lines: dict[float, list[tuple[float, float]]] = defaultdict(list)
    for line, begin, end in bars(svg):
        lines[line].append((begin, end))
    return [
        pair
        for line in lines.values()
        for pair in pairwise(sorted(line))
        if pair[1][0] < pair[0][1]
    ]


CASES = {
    "four": [("A", 0, 5), ("B", 1, 2), ("C", 3, 10), ("D", 4, 9)],
    "parallel": [("Q", 0, 9), ("P", 0.5, 9), ("p1", 1, 8), ("p2", 1, 8), ("p3", 1, 8)],
    "outlives": [("root", 0, 5), ("child", 1, 9)],
}


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_no_bar_covers_another_and_all_stay_inside_the_axis(case: str, shared: bool):
    scale = 10**6 if shared else 1_000
    spans = [span(n, int(a * scale), int(b * scale)) for n, a, b in CASES[case]]
    if shared:
        spans += [span(f"later {i}", (20 + i) * scale, (21 + i) * scale) for i in range(210)]

    svg = gantt(trees.build(spans, NOW))

    assert len(bars(svg)) == len(spans)
    assert covered(svg) == []
    assert all(0 <= begin <= end <= 1_000 for _, begin, end in bars(svg))


def test_spans_of_a_long_pipeline_share_lines():
    spans = [span(f"{i}", i * 100, i * 100 + 90) for i in range(250)]

    svg = gantt(trees.build(spans, NOW))

    assert len({line for line, _, _ in bars(svg)}) < 10
    assert len(bars(svg)) == 250


def test_a_chart_of_ten_thousand_spans_is_bounded_and_says_what_is_missing():
    spans = [span("root", 0, 10**6)]
    spans += [span(f"{i}", i * 100, i * 100 + 90, "root") for i in range(9_999)]

    svg = gantt(trees.build(spans, NOW))

    assert len(svg) < 1_000_000
    assert len(bars(svg)) == 2_000
    assert "8,000 spans not drawn" in svg


def test_ten_thousand_spans_at_the_same_time_do_not_make_an_endless_chart():
    svg = gantt(trees.build([span(f"{i}", 0, 100) for i in range(10_000)], NOW))

    assert float(ElementTree.fromstring(svg).get("height", "inf")) < 6_000


def test_a_chart_of_nothing_is_a_drawing():
    assert bars(gantt(trees.build([], NOW))) == []


def test_a_chart_can_be_of_some_spans_in_one_unit():
    spans = [span("load", 0, 2 * 10**9), span("ask", 0, 10**9), span("save", 0, 10**9)]
    tree = trees.build(spans, NOW)

    chosen = gantt(tree, only="^(load|ask)$", unit="s")

    assert len(bars(chosen)) == 2
    assert "2.000 s" in chosen
    assert len(bars(gantt(tree, only=["save"], unit="ms"))) == 1
    assert "1,000.0 ms" in gantt(tree, only=["save"], unit="ms")


def test_a_failed_and_a_running_span_look_different():
    spans = [span("bad", 0, 5, status="error"), span("goes on", 1, None, status="running")]

    svg = gantt(trees.build(spans, NOW))

    assert 'class="bar structure error"' in svg
    assert 'class="bar structure running"' in svg
    assert "✕ error" in svg


def named(name: str, number: int, parent: int | None = None, **fields: Any) -> SpanRow:
    return SpanRow(
        trace_id="0" * 32,
        span_id=f"{number:016x}",
        parent_id=None if parent is None else f"{parent:016x}",
        kind=fields.pop("kind", SpanKind.STEP),
        name=name,
        status=fields.pop("status", Status.OK),
        start_ns=number,
        end_ns=number + 10,
        **fields,
    )


LOOP = [named("main", 0), *(named("child", i, 0) for i in range(1, 9)), named("sum", 20, 0)]


def test_spans_of_one_name_below_one_parent_are_one_node_with_their_count():
    graph = graphs.build(trees.build(LOOP, NOW))

    assert [(node.name, node.count, node.parent) for node in graph.nodes] == [
        ("main", 1, None),
        ("child", 8, 0),
        ("sum", 1, 0),
    ]


AGENT = [
    named("graph", 0),
    named("agent", 1, 0, kind=SpanKind.AGENT, usage=Usage(7, 3), counted=True),
    named("tools", 2, 1),
    named("agent", 3, 2, kind=SpanKind.AGENT, usage=Usage(5, 5), counted=True),
    named("agent", 4, 3, kind=SpanKind.AGENT, usage=Usage(10, 10), counted=False),
]


def test_spans_of_one_name_anywhere_are_one_node_and_what_returns_is_a_cycle():
    graph = graphs.build(trees.build(AGENT, NOW), grouping=graphs.Grouping.NAME)

    assert [(node.name, node.count, node.usage) for node in graph.nodes] == [
        ("graph", 1, None),
        ("agent", 3, Usage(12, 8)),
        ("tools", 1, None),
    ]
    assert graph.calls == (graphs.Call(2, 1, 1), graphs.Call(1, 1, 1))
    assert "n2 --> n1" in mermaid(graph_diagram(graph))
    assert "n1 -> n1" in dot(graph_diagram(graph))
    assert svg(graph_diagram(graph), title="").count('class="call again"') == 2


def test_each_span_can_be_a_node():
    graph = graphs.build(trees.build(LOOP, NOW), grouping=graphs.Grouping.SPAN)

    assert [node.count for node in graph.nodes] == [1] * 10
    assert [node.first for node in graph.nodes] == [one.span_id for one in LOOP]


def test_many_spans_by_name_stay_within_the_bound():
    spans = [named("main", 0), *(named(f"step {i}", i, 0) for i in range(1, 3_000))]

    for grouping in graphs.Grouping:
        graph = graphs.build(trees.build(spans, NOW), grouping=grouping)
        assert len(graph.nodes) <= 401
        assert sum(node.count for node in graph.nodes) == 3_000


def test_flows_between_spans_are_flows_between_their_nodes():
    pairs = [(f"{i:016x}", f"{20:016x}") for i in range(1, 4)] + [("f" * 16, f"{20:016x}")]

    graph = graphs.build(trees.build(LOOP, NOW), pairs)

    assert graph.flows == (graphs.Flow(1, 2, 3),)


def test_a_graph_of_ten_thousand_names_is_bounded_and_loses_no_span():
    spans = [named("main", 0), *(named(f"step {i}", i, 0) for i in range(1, 10_000))]

    graph = graphs.build(trees.build(spans, NOW))

    assert len(graph.nodes) <= 401
    assert sum(node.count for node in graph.nodes) == 10_000


def test_a_deep_chain_beyond_the_bound_stays_within_it():
    spans = [named("0", 0), *(named(f"{i}", i, i - 1) for i in range(1, 3_000))]

    graph = graphs.build(trees.build(spans, NOW))

    assert len(graph.nodes) <= 401
    assert sum(node.count for node in graph.nodes) == 3_000


def test_mermaid_shows_calls_counts_and_flows():
    graph = graphs.build(trees.build(LOOP, NOW), [(f"{1:016x}", f"{20:016x}")])

    assert mermaid(graph_diagram(graph)) == (
        "flowchart LR\n"
        '    n0["main<br>step · 0 ms"]\n'
        '    n1["child<br>step · 0 ms · 8 ×"]\n'
        '    n2["sum<br>step · 0 ms"]\n'
        "    n0 --> n1\n"
        "    n0 --> n2\n"
        '    n1 -. "data" .-> n2\n'
    )


def test_dot_shows_calls_counts_and_flows():
    graph = graphs.build(trees.build(LOOP, NOW), [(f"{1:016x}", f"{20:016x}")] * 1)

    assert dot(graph_diagram(graph)).splitlines()[3:] == [
        '    n0 [label="main\\nstep · 0 ms"]',
        '    n1 [label="child\\nstep · 0 ms · 8 ×"]',
        '    n2 [label="sum\\nstep · 0 ms"]',
        "    n0 -> n1",
        "    n0 -> n2",
        '    n1 -> n2 [style=dashed, label="data"]',
        "}",
    ]


def test_boxes_of_a_graph_do_not_cover_each_other():
    spans = [named("a", 0), named("b", 1, 0), named("c", 2, 1), named("d", 3, 1), named("e", 4, 0)]

    drawn = svg(graph_diagram(graphs.build(trees.build(spans, NOW))), title="")

    places = re.findall(r'class="box [^"]*" x="(\d+)" y="(\d+)"', drawn)
    assert len(set(places)) == 5


def test_a_hostile_name_stays_text_in_every_drawing():
    tree = trees.build([named(HOSTILE, 0), named(HOSTILE, 1, 0, error_type=HOSTILE)], NOW)
    graph = graphs.build(tree, [(f"{0:016x}", f"{1:016x}")])

    for one in (gantt(tree, title=HOSTILE), svg(graph_diagram(graph), title=HOSTILE)):
        names = {shape.tag.rpartition("}")[2] for shape in ElementTree.fromstring(one).iter()}
        assert "script" not in names
    for label in re.findall(r'\["(.*)"\]', mermaid(graph_diagram(graph))):
        assert not re.search(r'[<>"\']', label.replace("<br>", ""))
    assert dot(graph_diagram(graph)).count("\n") == 8
    assert "\\\" ' &" in dot(graph_diagram(graph))


def row(**fields: Any) -> TraceRow:
    return TraceRow(
        **{
            **dict.fromkeys(TraceRow.__dataclass_fields__),
            "trace_id": "0" * 32,
            "name": "main",
            "kind": SpanKind.STEP,
            "status": Status.OK,
            "start_ns": 0,
            "span_count": 1,
            "unpriced_count": 0,
            "tags": (),
            **fields,
        }
    )


class Addresses(HTMLParser):
    """Collects the tags of a page and what they would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "action")]


def test_a_page_runs_nothing_and_asks_nobody():
    tree = trees.build([named(HOSTILE, 0)], NOW)
    payload = Payload(
        input=HOSTILE,
        output={"html": HOSTILE.replace("\ud800", "")},
        has_input=True,
        has_output=True,
        attributes={"url": "https://example.org/x.png"},
        events=(SpanEvent(row().start, HOSTILE, 1),),
        error=SpanError(HOSTILE, HOSTILE, HOSTILE),
    )

    html = page(row(name=HOSTILE), tree, graphs.build(tree), {f"{0:016x}": payload})

    found = Addresses(html)
    assert not found.tags & {"script", "link", "img", "iframe", "object", "form", "base"}
    assert all(link.startswith("#") for link in found.links)
    assert "url(http" not in html
    assert "default-src 'none'" in html
    html.encode()


def test_a_page_of_very_many_spans_says_how_many_it_does_not_list():
    tree = trees.build([named("step", i) for i in range(2_500)], NOW)

    html = page(row(), tree, graphs.build(tree), {})

    assert "500 more spans are not listed" in html
    assert len(html) < 3_000_000


def test_drawings_have_the_colours_of_the_viewer():
    assert {name: (light, dark) for name, light, dark in COLOURS}.items() <= TOKENS.items()
    assert set(formats.FAMILIES.values()) <= {name for name, _, _ in COLOURS}
