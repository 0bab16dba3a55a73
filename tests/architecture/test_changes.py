"""What tells one architecture from another."""

import pytest

from spanbook.architecture.changes import changes, headline, pairs
from spanbook.architecture.component import Component, Edge


def chain(*parts: Component, **more: object) -> Component:
    placed = tuple(
        Component(p.role, p.cls, p.name, f"steps[{n}]", p.parameters, p.parts, p.edges)
        for n, p in enumerate(parts)
    )
    return Component("chain", "x.Chain", "answer", parts=placed, parameters=more)


def part(name: str, role: str = "llm", **parameters: object) -> Component:
    return Component(role, f"x.{name.capitalize()}", name, parameters=parameters)


def words(before: Component, after: Component) -> list[str]:
    return [f"{change.path}: {change.words}" for change in changes(before, after)]


def test_equal_architectures_have_no_change():
    assert words(chain(part("model")), chain(part("model"))) == []
    assert headline([]) == "No change."


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (0.0, 0.2, "temperature 0.0 → 0.2"),
        (None, 0.2, "temperature not set → 0.2"),
        ([1], {"a": 1}, 'temperature [1] → {"a":1}'),
        ("a\nb\nc", "a\nx\nc\nd", "temperature +2 −1 lines"),
        ("a" * 100, "b", "temperature +1 −1 lines"),
        ("calm", "wild", "temperature calm → wild"),
    ],
)
def test_a_parameter_says_how_it_changed(before, after, told):
    given = {"temperature": before} if before is not None else {}

    assert words(chain(part("m", **given)), chain(part("m", temperature=after))) == [
        f"steps[0]: {told}"
    ]


def test_a_step_in_front_of_others_is_one_addition():
    before = chain(part("one"), part("two"), part("three"))
    after = chain(part("new"), part("one"), part("two", top=1), part("three"))

    assert words(before, after) == ["steps[0]: llm new added", "steps[2]: top not set → 1"]


def test_a_removed_step_is_told_where_it_was():
    before = chain(part("one"), part("two"), part("three"))

    assert words(before, chain(part("one"), part("three"))) == ["steps[1]: llm two removed"]


def test_another_component_in_the_same_place_is_a_change_of_it():
    assert words(chain(part("one", a=1)), chain(part("two", a=1))) == [
        "steps[0]: class One → Two",
        "steps[0]: name one → two",
    ]


def test_components_of_one_place_and_name_are_kept_apart():
    same = [Component("tool", "x.Tool", "twin", "tools", {"n": n}) for n in range(3)]
    before, after = (
        Component("agent", "x", "a", parts=tuple(same)),
        Component("agent", "x", "a", parts=tuple(same[:2])),
    )

    assert words(before, after) == ["tools: tool twin removed"]


def test_edges_are_compared():
    before = Component("graph", "x", "g", edges=(Edge("a", "b"), Edge("b", "c")))
    after = Component("graph", "x", "g", edges=(Edge("a", "b"), Edge("b", "c", "done")))

    assert words(before, after) == [": edges +1 −1 lines"]


def test_the_headline_counts_what_happened():
    found = changes(
        chain(part("one"), part("two"), part("three")), chain(part("one", a=1, b=2), part("three"))
    )

    assert headline(found) == "2 parameters changed, 1 component removed."


def test_every_component_of_both_trees_is_in_one_pair():
    before = chain(*(part(f"p{n}") for n in range(50)))
    after = chain(*(part(f"p{n}") for n in range(0, 50, 2)), part("last"))

    states = [pair.state for pair in pairs(before, after)]

    assert states.count("same") == 26
    assert states.count("removed") == 25
    assert states.count("added") == 1


def test_a_tree_deeper_than_the_stack_is_compared():
    def deep(value: int) -> Component:
        found = part("end", n=value)
        for _ in range(2_000):
            found = Component("chain", "x", "c", "inner", parts=(found,))
        return found

    assert [change.words for change in changes(deep(1), deep(2))] == ["n 1 → 2"]
