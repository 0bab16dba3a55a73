"""LangGraph: nodes, agents, interrupts, resumes, handoffs, retries, without importing LangGraph."""

import operator
import subprocess
import sys
from textwrap import dedent
from typing import Annotated, Any, TypedDict

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphBubbleUp, GraphInterrupt, GraphRecursionError
from langgraph.graph import END, START, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, RetryPolicy, Send, interrupt

from spanbook.recording.recorder import Recorder
from spanbook_langchain import SpanbookCallbackHandler
from tests.integrations.chains import Fake, Streaming
from tests.integrations.recordings import only, recorded
from tests.outlines import outline


class State(TypedDict, total=False):
    """What the graphs here work on."""

    messages: Annotated[list[Any], operator.add]
    n: int


def config(recorder: Recorder, thread: str | None = None, **more: Any) -> Any:
    made = {"callbacks": [SpanbookCallbackHandler(recorder)], **more}
    return made if thread is None else made | {"configurable": {"thread_id": thread}}


def building() -> Any:
    return StateGraph(State)


def graph(*, memory: bool = False, **nodes: Any) -> Any:
    """Return a graph of `nodes` in a row."""
    builder = building()
    before = START
    for name, node in nodes.items():
        builder.add_node(name, node)
        builder.add_edge(before, name)
        before = name
    return builder.compile(checkpointer=InMemorySaver() if memory else None)


def call(name: str, **args: Any) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": "c1", "type": "tool_call"}])


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


# -- nodes, fan-out, subgraphs --------------------------------------------------------------------


def test_nodes_stand_below_their_graph(recorder: Recorder) -> None:
    graph(one=lambda _: {"n": 1}, two=lambda _: {"n": 2}).invoke({"n": 0}, config(recorder))

    assert outline(recorder) == "chain LangGraph\n  chain one\n  chain two"


def test_a_node_s_place_in_the_graph_is_metadata(recorder: Recorder) -> None:
    graph(one=lambda _: {"n": 1}).invoke({"n": 0}, config(recorder))

    metadata = only(recorder, name="one").attributes["metadata"]
    assert (metadata["langgraph_node"], metadata["langgraph_step"]) == ("one", 1)
    assert only(recorder, name="one").attributes["tags"] == ["graph:step:1"]


def test_what_a_step_inherits_is_not_repeated(recorder: Recorder) -> None:
    inner = RunnableLambda(lambda given: {"n": 1}).with_config(run_name="inner")

    graph(one=inner).invoke({"n": 0}, config(recorder, metadata={"customer": "acme"}))

    root, node, inner_span = recorded(recorder)
    assert root.attributes["metadata"] == {"customer": "acme"}
    assert "customer" not in node.attributes["metadata"]
    assert "langgraph_node" not in inner_span.attributes.get("metadata", {})


def fan_out() -> Any:
    builder = building()
    builder.add_node("work", lambda state: {"messages": [state["n"]]})
    builder.add_conditional_edges(
        START, lambda _: [Send("work", {"n": number}) for number in range(3)], ["work"]
    )
    builder.add_edge("work", END)
    return builder.compile()


async def test_a_fan_out_is_siblings(recorder: Recorder) -> None:
    await fan_out().ainvoke({"messages": []}, config(recorder))

    root = only(recorder, parent_id=None)
    work = recorded(recorder, name="work")
    assert [one.parent_id for one in work] == [root.span_id] * 3
    assert sorted(one.input["n"] for one in work) == [0, 1, 2]


def test_sends_are_data(recorder: Recorder) -> None:
    fan_out().invoke({"messages": []}, config(recorder))

    [edge] = [one for one in recorded(recorder) if isinstance(one.output, list)]
    assert edge.output[0] == {"node": "work", "arg": {"n": 0}}


def test_a_subgraph_nests(recorder: Recorder) -> None:
    inner = graph(deep=lambda _: {"n": 1})

    graph(sub=inner).invoke({"n": 0}, config(recorder))

    lines = outline(recorder).splitlines()
    assert lines[0] == "chain LangGraph"
    assert lines[-1].strip() == "chain deep"
    assert [len(text) - len(text.lstrip()) for text in lines] == sorted(
        len(text) - len(text.lstrip()) for text in lines
    )


def test_a_node_that_names_the_handler_itself_still_nests(recorder: Recorder) -> None:
    handler = SpanbookCallbackHandler(recorder)

    def node(_: Any) -> Any:
        Fake().invoke("hi", {"callbacks": [handler]})
        return {"n": 1}

    graph(one=node).invoke({"n": 0}, {"callbacks": [handler]})

    assert outline(recorder) == "chain LangGraph\n  chain one\n    llm Fake"


def test_the_recursion_limit_is_a_real_error(recorder: Recorder) -> None:
    builder = building()
    builder.add_node("again", lambda _: {"n": 1})
    builder.add_edge(START, "again")
    builder.add_edge("again", "again")

    with pytest.raises(GraphRecursionError):
        builder.compile().invoke({"n": 0}, config(recorder, recursion_limit=3))

    assert outline(recorder).splitlines()[0] == "chain LangGraph !GraphRecursionError"


def test_a_retried_node_is_siblings_of_one_name(recorder: Recorder) -> None:
    tries = iter([ValueError("once"), None])

    def flaky(_: Any) -> Any:
        failure = next(tries)
        if failure is not None:
            raise failure
        return {"n": 1}

    builder = building()
    policy = RetryPolicy(initial_interval=0, jitter=False, max_attempts=2, retry_on=ValueError)
    builder.add_node("flaky", flaky, retry_policy=policy)
    builder.add_edge(START, "flaky")
    builder.compile().invoke({"n": 0}, config(recorder))

    assert outline(recorder) == "chain LangGraph\n  chain flaky !ValueError\n  chain flaky"


# -- agents ---------------------------------------------------------------------------------------

AGENT = dedent("""\
    agent LangGraph
      chain model
        llm Fake
      chain tools
        tool add
      chain model
        llm Fake""")


def agent(**options: Any) -> Any:
    model = Fake(answers=[call("add", a=1, b=2), AIMessage("3")])
    return create_agent(model, [add], **options)


def test_an_agent_is_an_agent_and_its_steps_are_chains(recorder: Recorder) -> None:
    agent().invoke({"messages": [("user", "1+2?")]}, config(recorder))

    assert outline(recorder) == AGENT


async def test_an_agent_has_the_same_tree_in_async_code(recorder: Recorder) -> None:
    await agent().ainvoke({"messages": [("user", "1+2?")]}, config(recorder))

    assert outline(recorder) == AGENT


@pytest.mark.parametrize("name", ["helper", "agentic_docs_loader"])
def test_a_named_agent_is_one(recorder: Recorder, name: str) -> None:
    agent(name=name).invoke({"messages": [("user", "1+2?")]}, config(recorder))

    assert outline(recorder).splitlines()[0] == f"agent {name}"


def test_an_agent_called_otherwise_is_one(recorder: Recorder) -> None:
    agent().invoke({"messages": [("user", "1+2?")]}, config(recorder, run_name="nightly"))

    assert [one.name for one in recorded(recorder, kind="agent")] == ["nightly"]


def test_an_agent_inside_a_graph_is_one(recorder: Recorder) -> None:
    graph(sub=agent(name="helper")).invoke({"messages": [("user", "1+2?")]}, config(recorder))

    assert [one.name for one in recorded(recorder, kind="agent")] == ["helper"]


def test_an_agent_called_by_an_agent_s_tool_is_one(recorder: Recorder) -> None:
    @tool
    def ask(q: str) -> str:
        """Ask another agent."""
        return agent(name="inner").invoke({"messages": [("user", q)]})["messages"][-1].content

    outer: Any = create_agent(
        Fake(answers=[call("ask", q="1+2?"), AIMessage("3")]), [ask], name="outer"
    )
    outer.invoke({"messages": [("user", "hi")]}, config(recorder))

    assert [one.name for one in recorded(recorder, kind="agent")] == ["outer", "inner"]


def test_a_tool_s_call_id_is_the_one_that_the_model_gave(recorder: Recorder) -> None:
    agent().invoke({"messages": [("user", "1+2?")]}, config(recorder))

    [message] = recorded(recorder, kind="llm")[0].output["messages"]
    tool_span = only(recorder, kind="tool")
    assert tool_span.attributes["tool_call_id"] == message["tool_calls"][0]["id"] == "c1"
    assert tool_span.input == {"a": 1, "b": 2}


# -- tool errors in graphs ------------------------------------------------------------------------


@tool
def broken(q: str) -> str:
    """Fail."""
    raise ValueError(f"no {q}")


def test_a_tool_error_that_the_node_handles_stays_with_the_tool(recorder: Recorder) -> None:
    tools = ToolNode([broken], handle_tool_errors=True)

    graph(tools=tools).invoke({"messages": [call("broken", q="luck")]}, config(recorder))

    assert outline(recorder) == "chain LangGraph\n  chain tools\n    tool broken !ValueError"


def test_a_tool_error_that_nobody_handles_goes_all_the_way(recorder: Recorder) -> None:
    tools = ToolNode([broken], handle_tool_errors=False)

    with pytest.raises(ValueError, match="no luck"):
        graph(tools=tools).invoke({"messages": [call("broken", q="luck")]}, config(recorder))

    assert outline(recorder) == dedent("""\
        chain LangGraph !ValueError
          chain tools !ValueError
            tool broken !ValueError""")


# -- interrupts and resumes -----------------------------------------------------------------------


def ask(_: Any) -> Any:
    return {"messages": [interrupt({"question": "sure?"})]}


INTERRUPTED = "chain LangGraph (interrupted)\n  chain ask (interrupted)"


def test_a_paused_graph_is_interrupted_not_failed(recorder: Recorder) -> None:
    graph(memory=True, ask=ask).invoke({"messages": []}, config(recorder, "t1"))

    node = only(recorder, name="ask")
    assert outline(recorder) == INTERRUPTED
    assert [one["value"] for one in node.output["interrupts"]] == [{"question": "sure?"}]
    assert node.error is None


async def test_a_paused_graph_is_interrupted_in_async_code(recorder: Recorder) -> None:
    await graph(memory=True, ask=ask).ainvoke({"messages": []}, config(recorder, "t1"))

    assert outline(recorder) == INTERRUPTED


async def test_a_paused_stream_is_interrupted(recorder: Recorder) -> None:
    paused = graph(memory=True, ask=ask)

    async for _ in paused.astream({"messages": []}, config(recorder, "t1")):
        pass

    assert outline(recorder) == INTERRUPTED


def test_a_resumed_graph_is_a_trace_of_the_same_session(recorder: Recorder) -> None:
    paused = graph(memory=True, ask=ask)
    paused.invoke({"messages": []}, config(recorder, "t1"))

    paused.invoke(Command(resume="yes"), config(recorder, "t1"))

    assert outline(recorder) == INTERRUPTED + "\nchain LangGraph\n  chain ask"
    roots = recorded(recorder, parent_id=None)
    assert {one.trace.session for one in roots} == {"t1"}
    assert roots[1].input == {"resume": "yes"}


def test_interrupt_and_resume_are_events_of_the_graph(recorder: Recorder) -> None:
    paused = graph(memory=True, ask=ask)
    paused.invoke({"messages": []}, config(recorder, "t1"))
    paused.invoke(Command(resume="yes"), config(recorder, "t1"))

    first, second = recorded(recorder, parent_id=None)
    [paused_event] = first.events
    [resumed_event] = second.events
    assert (paused_event.name, resumed_event.name) == ("interrupt", "resume")
    assert paused_event.data["interrupts"][0]["value"] == {"question": "sure?"}


def test_a_breakpoint_interrupts_the_graph(recorder: Recorder) -> None:
    builder = building()
    builder.add_node("one", lambda _: {"n": 1})
    builder.add_edge(START, "one")
    paused = builder.compile(checkpointer=InMemorySaver(), interrupt_before=["one"])

    paused.invoke({"n": 0}, config(recorder, "t1"))

    assert outline(recorder) == "chain LangGraph (interrupted)"


def test_an_interrupt_in_a_subgraph_reaches_the_outermost_graph(recorder: Recorder) -> None:
    graph(memory=True, sub=graph(ask=ask)).invoke({"messages": []}, config(recorder, "t1"))

    assert {one.status for one in recorded(recorder)} == {"interrupted"}


def test_an_interrupt_inside_a_tool_is_no_error(recorder: Recorder) -> None:
    @tool
    def confirm(q: str) -> str:
        """Ask a person."""
        return interrupt(q)

    paused = graph(memory=True, tools=ToolNode([confirm]))
    paused.invoke({"messages": [call("confirm", q="sure?")]}, config(recorder, "t1"))

    assert outline(recorder) == dedent("""\
        chain LangGraph (interrupted)
          chain tools (interrupted)
            tool confirm (interrupted)""")


def test_a_handoff_to_the_parent_graph_is_a_result(recorder: Recorder) -> None:
    inner = graph(hand=lambda _: Command(graph=Command.PARENT, goto="after", update={"n": 7}))
    builder = building()
    builder.add_node("sub", inner, destinations=("after",))
    builder.add_node("after", lambda state: {"n": state["n"] + 1})
    builder.add_edge(START, "sub")

    assert builder.compile().invoke({"n": 0}, config(recorder))["n"] == 8

    assert {one.status for one in recorded(recorder)} == {"ok"}
    hand = only(recorder, name="hand")
    assert hand.output["goto"] in ("after", ["after"])
    assert hand.output["update"] == {"n": 7}


def test_a_class_that_only_has_the_name_is_an_error(recorder: Recorder) -> None:
    class GraphInterrupt(Exception):  # the name is the point
        """Not LangGraph's."""

    def step(_: Any) -> Any:
        raise GraphInterrupt

    with pytest.raises(GraphInterrupt):
        RunnableLambda(step).invoke({}, config(recorder))

    assert outline(recorder) == "chain step !GraphInterrupt"


@pytest.mark.parametrize("base", [GraphInterrupt, GraphBubbleUp])
def test_subclasses_of_langgraph_s_are_known(recorder: Recorder, base: type[Exception]) -> None:
    class Own(base):  # type: ignore[misc,valid-type]
        """A user's own."""

    def step(_: Any) -> Any:
        raise Own

    with pytest.raises(Own):
        RunnableLambda(step).invoke({}, config(recorder))

    assert only(recorder).status == "interrupted"


# -- streaming through graphs ---------------------------------------------------------------------


def test_a_graph_that_streams_messages_times_the_first_token(recorder: Recorder) -> None:
    model = Streaming(pieces=["a", "b"])
    streaming = graph(one=lambda state: {"messages": [model.invoke("hi")]})

    list(streaming.stream({"messages": []}, config(recorder), stream_mode="messages"))

    assert outline(recorder) == "chain LangGraph\n  chain one\n    llm Streaming"
    assert only(recorder, kind="llm").first_token_ns is not None


def test_the_handler_never_turns_calls_into_streams(recorder: Recorder) -> None:
    model = Streaming(pieces=["a", "b"])

    graph(one=lambda state: {"messages": [model.invoke("hi")]}).invoke(
        {"messages": []}, config(recorder)
    )

    assert only(recorder, kind="llm").first_token_ns is None


def test_importing_the_handler_imports_neither_langgraph_nor_langchain() -> None:
    script = (
        "import sys, spanbook_langchain;"
        "print([m for m in sys.modules if m.split('.')[0] in ('langgraph', 'langchain')])"
    )

    output = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert output.stdout.strip() == "[]"
