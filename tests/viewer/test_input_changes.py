"""What changed between the inputs of consecutive model calls."""

from datetime import timedelta

import pytest

from spanbook_viewer.app import create_app
from spanbook_viewer.input_changes import Piece, changes, pieces
from tests.viewer.markup import Page
from tests.viewer.stories import HOSTILE, NINE_THIRTY, Story, refund_question


def say(role: str, content: str) -> dict:
    return {"role": role, "content": content}


SYSTEM, FIRST, SECOND = say("system", "Be brief."), say("user", "one"), say("assistant", "two")


@pytest.mark.parametrize(
    ("before", "after", "states"),
    [
        ([SYSTEM, FIRST], [SYSTEM, FIRST], [("same", 2)]),
        ([SYSTEM], [SYSTEM, FIRST, SECOND], [("same", 1), ("added", 2)]),
        ([SYSTEM, FIRST, SECOND], [SYSTEM, SECOND], [("same", 1), ("removed", 1), ("same", 1)]),
        ([SYSTEM, FIRST], [say("system", "Be kind."), FIRST], [("changed", 1), ("same", 1)]),
        ([FIRST], [SECOND], [("removed", 1), ("added", 1)]),
    ],
)
def test_messages_are_added_removed_and_reworded(before, after, states):
    found = changes({"messages": before}, {"messages": after})

    assert [(change.state, len(change.messages)) for change in found] == states


def test_a_reworded_text_shows_its_words():
    assert pieces("Be brief.", "Be very kind.") == [
        Piece("same", "Be "),
        Piece("removed", "brief"),
        Piece("added", "very kind"),
        Piece("same", "."),
    ]


def test_texts_too_long_to_compare_are_shown_whole():
    before, after = "a\n" * 5000, "b\n" * 5000

    assert pieces(before, after) == [Piece("removed", before), Piece("added", after)]


def test_prompts_that_are_no_chat_are_compared_too():
    (change,) = changes({"prompt": "Say hi."}, {"prompt": "Say ho."})

    assert [piece.text for piece in change.pieces if piece.state == "added"] == ["ho"]


def test_a_call_is_compared_with_the_one_before_it_in_its_trace(recorder, book):
    refund_question(recorder)
    assert recorder.flush(10)
    (trace,) = book.traces()
    first, second = [s for s in book.trace(trace.trace_id).spans if s.kind == "llm"]
    client = create_app(book).test_client()
    path = f"/traces/{trace.trace_id}?span={second.span_id}"

    plain = Page(client.get(path).text)
    (link,) = [e for e in plain.all("a") if e.attributes.get("data-key") == "c"]
    compared = Page(client.get(f"/traces/{trace.trace_id}{link.attributes['href']}").text)

    assert "2 messages as before" in compared.source
    assert [e.text for e in compared.all("p") if e.attributes.get("class") == "change"] == [
        "added",
        "added",
    ]
    assert f'href="?compare=previous&amp;span={first.span_id}"' in compared.source
    assert compared.faults == []


def test_the_first_call_of_a_turn_is_compared_with_the_last_of_the_turn_before(recorder, book):
    for number, text in enumerate(("Hello there", f"Hello {HOSTILE}")):
        story = Story(recorder, f"turn {number}", NINE_THIRTY + timedelta(minutes=number))
        story.begin("root", "chain", 0, name=f"turn {number}", context={"session": "s"})
        asked = {"messages": [say("user", text)]}
        story.step("model", "llm", (1, 2), "root", input=asked)
        story.end("root", 3)
    assert recorder.flush(10)
    later, earlier = book.traces()
    client = create_app(book).test_client()

    def compared(trace) -> str:
        (model,) = [span for span in book.trace(trace.trace_id).spans if span.kind == "llm"]
        path = f"/traces/{trace.trace_id}?compare=previous&span={model.span_id}"
        return client.get(path).text

    assert "in the turn before" in compared(later)
    assert "<del>there</del>" in compared(later)
    assert "<ins>&lt;script&gt;" in compared(later)
    assert HOSTILE not in compared(later)
    assert "No model call before this one" in compared(earlier)
