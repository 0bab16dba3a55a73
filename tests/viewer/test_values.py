"""Values as flat runs of lines, and the words for what was not kept."""

from textwrap import dedent

import pytest

from spanbook_viewer import samples, values
from spanbook_viewer.long_texts import long_text
from spanbook_viewer.placeholders import words
from spanbook_viewer.shapes import preview


def drawn(value, **limits) -> str:
    """Return a value's lines as indented text; open containers end in +, closed ones in -."""
    found: list[str] = []
    depth = 0
    for line in values.lines(value, **limits):
        if line.step == "close":
            depth -= 1
            continue
        text = f'"{line.text}"' if line.is_text else line.text
        note = f" ({line.note})" if line.note else ""
        key = "" if line.key is None else f"{line.key}: "
        mark = {True: " +", False: " -"}[line.is_open] if line.step == "open" else ""
        number = f" {line.count}" if line.count else ""
        found.append("  " * depth + f"{key}{text}{number}{mark}{note}")
        depth += line.step == "open"
    assert depth == 0
    return "\n".join(found)


def test_containers_are_open_for_two_levels_and_counted():
    value = {"a": {"b": {"c": [1]}}, "text": "x", "none": None, "yes": True, "empty": []}

    assert drawn(value) == dedent("""\
        {} 5 +
          a: {} 1 +
            b: {} 1 -
              c: [] 1 -
                0: 1
          text: "x"
          none: null
          yes: true
          empty: []""")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("truncated", '"The first part" (truncated, 10,000,000 characters)'),
        ("more", "[] 199002 +\n  0: 1\n  1: 2\n  and 199,000 more, not recorded"),
        ("bytes", "bytes, 34 kB, not recorded"),
        ("media not kept", "image/png, 90.0 MB"),
        ("unsafe media", "image/svg+xml, 120 B"),
        ("object", "object of shop.Basket"),
        ("unreadable object", "object of shop.Basket, could not be read: RuntimeError"),
        ("cycle", "cycle: a value that contains itself"),
        ("depth", "deeper than the limit, not recorded"),
        ("array", "array 3 × 1536, float32 +\n  0: 0.1\n  1: 0.2"),
        ("generator", "generator, not consumed"),
        ("hidden", "hidden by a setting"),
        ("secret", '"[redacted]"'),
        ("own dollar", '{} 2 +\n  $: "kept"\n  price: "$5"'),
        ("unknown", "not recorded (tomorrow)"),
    ],
)
def test_placeholders_are_words(name, text):
    assert drawn(samples.PLACEHOLDERS[name]) == text


@pytest.mark.parametrize("name", list(samples.PLACEHOLDERS))
def test_no_placeholder_breaks_the_words(name):
    value = samples.PLACEHOLDERS[name]
    if isinstance(value, dict) and isinstance(value.get("$"), str):
        assert words({"$": value["$"]})


def test_a_value_that_is_too_long_is_cut_with_every_container_closed():
    value = {"rows": [{"text": "x" * 50} for _ in range(100)]}

    text = drawn(value, shown=500)

    assert text.endswith("the rest is in the raw value")
    assert text.count("text:") < 20


def test_a_value_that_is_too_deep_stops_with_a_hint():
    value: object = "bottom"
    for _ in range(100):
        value = [value]

    assert drawn(value).endswith("[] 1 more, in the raw value")


@pytest.mark.parametrize(
    ("text", "first", "more"),
    [
        ("short", 1, None),
        ("\n".join("abc"), 3, None),
        ("\n".join("x" * 23), 23, None),
        ("\n".join("x" * 214), 20, "194 more lines"),
        ("y" * 2_500, 1, None),
        ("y" * 10_000, 1, "8,000 more characters"),
    ],
)
def test_long_texts_show_twenty_lines_first(text, first, more):
    cut = long_text(text)

    assert len(cut.first.splitlines()) == first
    assert (cut.more if cut.rest else None) == more
    assert cut.first.rstrip("\n") + ("\n" if "\n" in cut.rest else "") + cut.rest == text


def test_a_text_beyond_the_limit_says_how_much_is_shown():
    cut = long_text("z" * 300_000)

    assert cut.is_cut
    assert (cut.shown, cut.size) == (200_000, 300_000)


@pytest.mark.parametrize(
    "value",
    [
        {"messages": []},
        {"messages": "none"},
        {"messages": [1]},
        {"messages": [{"role": "user"}]},
        {"documents": [1]},
        {"documents": "x", "texts": [1]},
        {"prompt": 1},
        [],
        None,
        0,
        {"role": "user", "content": "alone"},
    ],
)
def test_what_only_looks_like_a_convention_is_drawn_as_data(value):
    shape = preview(value)

    assert shape.has_rest
    assert shape.rest == value
    assert shape.messages + shape.documents + shape.texts == []


def test_what_stands_beside_the_conventional_keys_is_kept():
    shape = preview({"query": "refunds", "k": 4})

    assert [text.value for text in shape.texts] == ["refunds"]
    assert shape.rest == {"k": 4}


def test_a_cut_conversation_says_how_much_is_missing():
    shape = preview({"messages": [{"role": "user", "content": "a"}, {"$": "more", "count": 7}]})

    assert [message.role for message in shape.messages] == ["user", "more"]
