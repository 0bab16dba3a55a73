"""What was written for W&B Prompts records the same traces here."""

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest

import spanbook
from spanbook import trace_tree
from spanbook.errors import ArgumentError
from spanbook.reading.book import Book
from spanbook.recording.recorder import Recorder
from tests.outlines import outline


@pytest.fixture
def recorder(url: str) -> Iterator[Recorder]:
    """The default recorder, with its store."""
    recorder = spanbook.configure(url)
    yield recorder
    trace_tree.finish()
    recorder.close()


@pytest.fixture
def book(recorder: Recorder, url: str) -> Iterator[Book]:
    with Book(url) as book:
        yield book


# As a notebook has it; only the first two lines were others.
NOTEBOOK = """
    import spanbook.trace_tree as wandb
    from spanbook import trace_tree

    start = 1_690_000_000_000
    run = wandb.init(project="prompts", config={"temperature": 0.5}, entity="team")

    root = trace_tree.Span(name="Agent", span_kind=trace_tree.SpanKind.AGENT)
    root.start_time_ms, root.end_time_ms = start, start + 500
    root.status_code = trace_tree.StatusCode.SUCCESS
    root.add_named_result({"query": "How old is the bridge?"}, {"response": "72 years"})

    chain = trace_tree.Span(
        name="LLMChain", span_kind=trace_tree.SpanKind.CHAIN,
        start_time_ms=start + 10, end_time_ms=start + 300,
    )
    root.add_child_span(chain)
    llm = trace_tree.Span(
        span_id="llm-1", name="OpenAI", span_kind="LLM", status_code="SUCCESS",
        start_time_ms=start + 20, end_time_ms=start + 290,
        attributes={"model_name": "gpt-4", "temperature": 0.5},
    )
    llm.add_attribute("token_usage", {"prompt_tokens": 9, "completion_tokens": 3})
    llm.add_named_result({"prompt": "How old"}, {"gen_0": "72", "gen_1": "73"})
    llm.add_named_result({"prompt": "How long"}, {"gen_0": "300 m"})
    chain.add_child_span(llm)
    tool = trace_tree.Span(
        name="Calculator", span_kind=trace_tree.SpanKind.TOOL,
        start_time_ms=start + 310, end_time_ms=start + 450,
        status_code=trace_tree.StatusCode.ERROR, status_message="division by zero",
    )
    root.add_child_span(tool)

    run.log({"trace": trace_tree.WBTraceTree(root, {"_kind": "Agent", "tools": ["Calculator"]})})
    wandb.log({"accuracy": 0.5}, commit=False)
    wandb.log({"loss": 2})
    wandb.log({"accuracy": 0.75})
    assert wandb.run is run and wandb.config["temperature"] == 0.5
    wandb.finish()
    assert wandb.run is None
"""


@pytest.fixture
def notebook(url: str) -> Iterator[Book]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(NOTEBOOK)],
        env={"PATH": "/usr/bin:/bin", "SPANBOOK_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Not used, since there is nothing like it: entity" in done.stderr
    with Book(url) as book:
        yield book


def test_a_notebook_that_changes_its_imports_has_the_same_tree(notebook: Book, url: str) -> None:
    assert outline(Recorder(url)).splitlines() == [
        "agent Agent",
        "  chain LLMChain",
        "    llm OpenAI",
        "  tool Calculator !error",
    ]


def test_times_results_and_attributes_are_those_of_the_notebook(notebook: Book) -> None:
    [row] = notebook.traces()
    trace = notebook.trace(row.trace_id)
    start = 1_690_000_000_000_000_000
    assert [(one.start_ns - start) // 10**6 for one in trace.spans] == [0, 10, 20, 310]
    assert [one.duration_ns for one in trace.spans] == [n * 10**6 for n in (500, 290, 270, 140)]
    agent, chain, llm, tool = (trace.payload(one.span_id) for one in trace.spans)
    assert (agent.input, agent.output) == (
        {"query": "How old is the bridge?"},
        {"response": "72 years"},
    )
    assert agent.attributes == {"model_dict": {"_kind": "Agent", "tools": ["Calculator"]}}
    assert not chain.has_input
    assert llm.input == [{"prompt": "How old"}, {"prompt": "How long"}]
    assert llm.output == [{"gen_0": "72", "gen_1": "73"}, {"gen_0": "300 m"}]
    assert llm.attributes["span_id"] == "llm-1"
    assert tool.error is not None
    assert tool.error.message == "division by zero"
    assert row.metadata == {"logged_as": "trace"}
    assert row.usage is not None
    assert (row.usage.input, row.usage.output, row.model) == (9, 3, "gpt-4")


def test_the_run_of_a_notebook_has_its_config_metrics_and_traces(notebook: Book) -> None:
    [run] = notebook.runs()

    assert (run.name, run.project, run.status) == ("prompts", "prompts", "ok")
    assert run.config == {"temperature": 0.5}
    assert run.metrics == {"accuracy": 0.75, "loss": 2}
    history = [(one.name, one.step) for one in notebook.metrics(run.run_id)]
    assert history == [("accuracy", 0), ("accuracy", 1), ("loss", 0)]
    assert len(notebook.traces(run=run.run_id)) == 1


def test_a_trace_and_its_root_may_be_one_object(recorder: Recorder, book: Book) -> None:
    trace = trace_tree.Trace(
        name="model",
        kind="llm",
        status_code="success",
        metadata={"a": 1},
        start_time_ms=1_000,
        end_time_ms=2_000.5,
        inputs={"user": "How old?"},
        outputs={"assistant": "25"},
        model_dict={"_kind": "openai"},
    )
    child = trace_tree.Trace("tool", kind="TOOL", start_time_ms=1_200, model_dict={"v": 1})
    assert trace.add_child(child).add_metadata({"b": 2}) is trace
    trace.outputs = {"assistant": "26"}
    trace.add_inputs_and_outputs({"user": "And you?"}, {"assistant": "2"})
    trace.inputs = {"user": "And me?"}

    trace.log("my trace")

    recorder.flush()
    [row] = book.traces()
    root, tool = book.trace(row.trace_id).spans
    payload = book.trace(row.trace_id).payload(root.span_id)
    assert (root.kind, root.duration_ns) == ("llm", 1_000_500_000)
    assert payload.input == [{"user": "How old?"}, {"user": "And me?"}]
    assert payload.output == [{"assistant": "26"}, {"assistant": "2"}]
    assert payload.attributes["model_dict"] == {"_kind": "openai", "tool": {"v": 1}}
    assert (payload.attributes["a"], payload.attributes["b"]) == (1, 2)
    assert (trace.kind, trace.metadata, trace.inputs) == (
        "LLM",
        {"a": 1, "b": 2},
        {"user": "And me?"},
    )
    assert tool.parent_id == root.span_id


def test_times_that_are_not_given_are_said_to_be_so(recorder: Recorder, book: Book) -> None:
    root = trace_tree.Span(name="root", end_time_ms=5_000, start_time_ms=1_000)
    root.add_child_span(trace_tree.Span(name="child"))
    root.add_child_span(trace_tree.Span(name="odd", start_time_ms=float("nan"), end_time_ms=2_000))
    trace_tree.TraceTree(root).log("trace")

    recorder.flush()
    [row] = book.traces()
    trace = book.trace(row.trace_id)
    spans = {span.name: span for span in trace.spans}
    untimed = {
        name: trace.payload(span.span_id).attributes.get("untimed") for name, span in spans.items()
    }
    assert untimed == {"root": None, "child": ["start", "end"], "odd": ["start"]}
    assert (spans["child"].start_ns, spans["child"].duration_ns) == (1_000 * 10**6, 0)
    assert spans["odd"].end_ns == 2_000 * 10**6


def test_one_value_that_cannot_be_read_costs_only_itself(recorder: Recorder, book: Book) -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    root = trace_tree.Span(name="root", attributes={"bad": Broken(), "good": 1})
    root.add_child_span(root)  # and a circle
    root.span_kind = "llama"
    root.status_code = "splendid"
    trace_tree.TraceTree(root).log("trace")

    recorder.flush()
    [row] = book.traces()
    assert (row.kind, row.status, row.span_count) == ("step", "ok", 1)
    payload = book.trace(row.trace_id).payload(row.root_id or "")
    assert payload.attributes["good"] == 1
    assert "Broken" in str(payload.attributes["bad"])


def test_a_deep_tree_is_recorded_whole(recorder: Recorder, book: Book) -> None:
    root = above = trace_tree.Span(name="0", start_time_ms=0, end_time_ms=9)
    for number in range(1, 3_000):
        below = trace_tree.Span(name=str(number), start_time_ms=number, end_time_ms=number)
        above.add_child_span(below)
        above = below
    trace_tree.TraceTree(root).log("deep")

    recorder.flush()
    [row] = book.traces()
    tree = book.trace(row.trace_id).tree()
    assert [node.depth for node in tree.nodes] == list(range(3_000))


def test_a_trace_is_logged_in_the_run_that_it_is_logged_to(recorder: Recorder, book: Book) -> None:
    with spanbook.run("first") as first:
        pass
    second = spanbook.run("second").start()
    first.log(trace=trace_tree.Trace("of first"))
    second.log(trace=trace_tree.Trace("of second"), accuracy=1)
    second.finish()

    recorder.flush()
    found = {row.name: [one.name for one in book.traces(run=row.run_id)] for row in book.runs()}
    assert found == {"first": ["of first"], "second": ["of second"]}


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: trace_tree.Trace("a", kind="llama"), "Give one of CHAIN, AGENT, LLM"),
        (lambda: trace_tree.Trace("a", status_code="fine"), "Give SUCCESS or ERROR"),
        (lambda: trace_tree.Trace("a").log(" "), "Give one"),
    ],
)
def test_what_cannot_be_is_refused_where_it_is_written(call: Any, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        call()


def test_what_has_no_counterpart_says_so(recorder: Recorder) -> None:
    with pytest.raises(AttributeError, match=r"no 'Table'.*docs/trace-trees\.md"):
        trace_tree.Table  # noqa: B018  # pyright: ignore
    with pytest.raises(AttributeError, match=r"run\.save has no counterpart"):
        trace_tree.init("p").save("file")


def test_a_run_of_a_notebook_that_fails_is_an_error(recorder: Recorder, book: Book) -> None:
    trace_tree.init("p", name="first", tags=["a"], notes="n")
    trace_tree.finish(exit_code=2)
    trace_tree.log({"loss": 1})

    recorder.flush()
    rows = {row.name: row for row in book.runs()}
    assert (rows["first"].status, rows["first"].config) == ("error", {"tags": ["a"], "notes": "n"})
    assert rows["notebook"].metrics == {"loss": 1}
