"""Trees and lanes: every span once, in order, within the axis."""

import random
from itertools import pairwise

import pytest

from spanbook.reading import lanes, trees
from spanbook.reading.rows import SpanRow
from spanbook.reading.trees import Tree
from tests.reading.shelves import span

NOW = 100


def sketch(tree: Tree) -> list[str]:
    """Return the tree a line a span, indented, orphans marked."""
    return ["?" * node.orphan + " " * node.depth + node.span.span_id for node in tree.nodes]


def test_children_stand_below_their_parents_by_start():
    spans = [span("c", 5, 9, "a"), span("d", 6, 7, "c"), span("b", 1, 4, "a"), span("a", 0, 10)]

    assert sketch(trees.build(spans, NOW)) == ["a", " b", " c", "  d"]


def test_orphans_stand_after_the_roots_with_what_is_below_them():
    spans = [span("lost", 0, 3, "gone"), span("below", 1, 2, "lost"), span("root", 2, 4)]

    tree = trees.build(spans, NOW)

    assert sketch(tree) == ["root", "?lost", "? below"]
    assert [node.span.span_id for node in tree.roots] == ["root"]
    assert [node.span.span_id for node in tree.orphans] == ["lost"]


def test_a_circle_of_parents_is_opened_at_its_earliest_span():
    spans = [
        span("root", 0, 9),
        span("early leaf", 1, 2, "b"),
        span("b", 4, 5, "a"),
        span("a", 3, 6, "b"),
        span("self", 7, 8, "self"),
    ]

    tree = trees.build(spans, NOW)

    assert sketch(tree) == ["root", "?a", "? b", "?  early leaf", "?self"]


def test_children_descendants_and_errors_below_are_counted():
    spans = [
        span("a", 0, 9, status="error"),
        span("b", 1, 8, "a"),
        span("c", 2, 3, "b", status="error"),
        span("d", 3, 4, "b", status="error"),
    ]

    a, b, c, _ = trees.build(spans, NOW).nodes

    assert (a.children, a.descendants, a.errors) == (1, 3, 2)
    assert (b.children, b.descendants, b.errors) == (2, 2, 2)
    assert (c.children, c.descendants, c.errors) == (0, 0, 0)


def test_a_child_outside_its_root_stays_inside_the_axis():
    tree = trees.build([span("root", 10, 20), span("child", 5, 25, "root")], NOW)

    assert (tree.start_ns, tree.end_ns) == (5, 25)
    root, child = tree.nodes
    assert (root.offset, root.width) == (0.25, 0.5)
    assert (child.offset, child.width) == (0.0, 1.0)


def test_a_running_span_reaches_until_now():
    root, child = trees.build(
        [span("root", 0, None, status="running"), span("child", 50, None, "root", "running")], NOW
    ).nodes

    assert (root.offset, root.width) == (0.0, 1.0)
    assert (child.offset, child.width) == (0.5, 0.5)


def test_an_incomplete_span_ends_with_the_last_thing_known():
    tree = trees.build([span("a", 0, None, status="incomplete"), span("b", 5, 10, "a")], NOW)

    assert tree.end_ns == 10


@pytest.mark.parametrize("spans", [[], [span("a", 5, 5)], [span("a", 5, 3)]])
def test_no_time_at_all_makes_a_tree_still(spans: list[SpanRow]):
    tree = trees.build(spans, 5)

    assert [(node.offset, node.width) for node in tree.nodes] == [(0.0, 1.0)] * len(spans)


def test_five_thousand_levels_are_no_trouble():
    spans = [span(str(i), i, 10_000 - i, str(i - 1) if i else None) for i in range(5_000)]

    nodes = trees.build(spans, NOW).nodes

    assert nodes[-1].depth == 4_999
    assert nodes[0].descendants == 4_999


@pytest.mark.parametrize("seed", range(20))
def test_every_span_is_in_the_tree_once_and_within_the_axis(seed: int):
    chance = random.Random(seed)
    names = [str(i) for i in range(60)]
    spans = [
        span(name, chance.randrange(90), chance.choice([None, chance.randrange(120)]),
             chance.choice([*names, None, "gone"]))
        for name in names
    ]  # fmt: skip

    tree = trees.build(spans, NOW)

    assert sorted(node.span.span_id for node in tree.nodes) == sorted(names)
    assert all(0 <= node.offset <= node.offset + node.width <= 1 + 1e-9 for node in tree.nodes)
    assert sum(1 + node.descendants for node in tree.roots + tree.orphans) == len(spans)
    for upper, lower in pairwise(tree.nodes):
        assert lower.depth <= upper.depth + 1


def test_spans_that_overlap_take_lanes_of_their_own():
    spans = [span("A", 0, 5), span("B", 1, 2), span("C", 3, 10), span("D", 4, 9)]

    assert lanes.assign(spans, NOW) == [0, 1, 1, 2]


def test_parallel_children_take_lanes_below_their_parents():
    spans = [
        *(span("Q", 0, 90), span("P", 5, 90)),
        *(span("x", 10, 80, "P"), span("y", 11, 60, "P"), span("z", 12, 70, "P")),
    ]

    assert lanes.assign(spans, NOW) == [0, 1, 2, 3, 4]


def test_a_span_may_begin_where_another_ends_in_its_lane():
    assert lanes.assign([span("a", 0, 5), span("b", 5, 9)], NOW) == [0, 0]


def test_a_running_span_keeps_its_lane_until_now():
    assert lanes.assign([span("a", 0, None), span("b", 50, 60)], NOW) == [0, 1]


@pytest.mark.parametrize("seed", range(30))
def test_no_two_spans_in_a_lane_overlap(seed: int):
    chance = random.Random(seed)
    starts = [chance.randrange(100) for _ in range(80)]
    spans = [span(str(i), s, s + chance.randrange(30)) for i, s in enumerate(starts)]

    assigned = lanes.assign(spans, NOW)

    for lane in set(assigned):
        inside = [one for one, its in zip(spans, assigned, strict=True) if its == lane]
        inside.sort(key=lambda one: one.start_ns)
        for before, after in pairwise(inside):
            assert max(before.end_ns or 0, before.start_ns + 1) <= after.start_ns
