"""A recorded trace as data, as drawings, and as one page."""

import json

import pytest

import spanbook
from spanbook.reading.book import Book, Trace
from spanbook.recording.recorder import Recorder
from tests.drawing.test_drawing import Addresses

LONG = "a very long answer " * 300


@pytest.fixture
def trace(recorder: Recorder, book: Book) -> Trace:
    with spanbook.span("main", input={"question": "why?"}) as main:
        with spanbook.span("child", kind="tool") as child:
            child.add_event("found", {"count": 2})
            child.set_output(LONG)
        with pytest.raises(ValueError, match="no"), spanbook.span("child", kind="tool"):
            raise ValueError("no")
        main.set_output(["because"])
    assert recorder.flush()
    return book.trace(main.trace_id or "")


def test_a_trace_is_data_with_its_spans_inside_each_other(trace: Trace):
    data = json.loads(json.dumps(trace.to_dict()))

    (main,) = data["spans"]
    first, second = main["spans"]
    assert (data["name"], main["input"], main["output"]) == (
        "main",
        {"question": "why?"},
        ["because"],
    )
    assert first["output"] == LONG
    assert [(event["name"], event["data"]) for event in first["events"]] == [
        ("found", {"count": 2})
    ]
    assert (second["status"], second["error"]["type"]) == ("error", "ValueError")


def test_a_trace_is_data_with_its_spans_in_one_list(trace: Trace):
    data = trace.to_dict(nested=False, payloads=False)

    assert [span["name"] for span in data["spans"]] == ["main", "child", "child"]
    assert "input" not in data["spans"][0]


def test_a_trace_draws_itself(trace: Trace):
    assert trace.gantt(only="child", unit="ms").count('class="bar') == 2
    assert trace.graph().startswith("<svg")
    assert "2 ×" in trace.graph("mermaid")
    assert trace.graph("dot").startswith("digraph")


def test_an_unknown_drawing_says_which_there_are(trace: Trace):
    with pytest.raises(ValueError, match="svg, mermaid, dot"):
        trace.graph("png")  # pyright: ignore[reportArgumentType]


def test_a_page_holds_inputs_outputs_and_errors_and_links_inside_itself_only(trace: Trace):
    html = trace.to_html()

    assert "why?" in html
    assert "a very long answer" in html
    assert "ValueError: no" in html
    found = Addresses(html)
    assert found.links
    assert all(f'id="{link[1:]}"' in html for link in found.links)


def test_the_graph_shows_whose_output_became_whose_input(recorder: Recorder, book: Book):
    fact = "Owls turn their heads by 270 degrees."
    with spanbook.span("main") as main:
        with spanbook.span("look up", kind="retriever") as found:
            found.set_output([fact])
        with spanbook.span("ask", kind="llm", input={"prompt": f"Is this true? {fact}"}):
            pass
    assert recorder.flush()

    trace = book.trace(main.trace_id or "")

    assert 'n1 -. "data" .-> n2' in trace.graph("mermaid")
    assert "<title>data</title>" in trace.graph()
