"""LlamaIndex's agents and workflows: steps, tools, handoffs, people, cancellation."""

import asyncio
from collections.abc import Iterator
from textwrap import dedent
from typing import Any

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent, ReActAgent
from llama_index.core.tools import FunctionTool, QueryEngineTool
from llama_index.core.workflow import (
    Context,
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)
from workflows.errors import WorkflowCancelledByUser, WorkflowTimeoutError
from workflows.retry_policy import retry_policy, stop_after_attempt, wait_fixed

import spanbook
from spanbook.recording.recorder import Recorder
from spanbook.usage import Usage
from spanbook_llama_index import install, uninstall
from tests.integrations.llamas import Fake, calls, engine, kept, settle
from tests.integrations.recordings import only, recorded
from tests.outlines import outline

pytestmark = [
    pytest.mark.usefixtures("nothing_of_ours_fails", "loop_to_borrow"),
    # The workflow runtime looks at every attribute of an agent to find its steps.
    pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecationWarning"),
]


@pytest.fixture(autouse=True)
def installed(recorder: Recorder) -> Iterator[None]:
    install()
    yield
    assert kept() == (0, 0)
    uninstall()


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


# -- agents --------------------------------------------------------------------------------------


@pytest.mark.parametrize("streaming", [False, True])
async def test_an_agent_is_its_models_and_its_tools(recorder: Recorder, streaming: bool):
    model = Fake(answers=[calls("add", a=1, b=2), "three"], pieces=["thr", "ee"])
    agent = FunctionAgent(name="adder", tools=[add], llm=model, streaming=streaming)

    answer = await agent.run("1 + 2?")

    assert str(answer) == "three"
    assert outline(recorder) == dedent("""\
        agent adder
          llm Fake
          tool add
          llm Fake""")
    root, first, tool, last = recorded(recorder)
    assert root.input["user_msg"] == "1 + 2?"
    assert root.output["response"]["content"] == "three"
    assert first.output["messages"][0]["tool_calls"][0]["name"] == "add"
    assert first.input["tools"][0]["name"] == "add"
    assert (tool.input, tool.output) == ({"a": 1, "b": 2}, "3")
    assert tool.attributes["tool_call_id"] == "call-add"
    assert last.input["messages"][-1]["role"] == "tool"


@pytest.mark.filterwarnings("ignore:is_running called:DeprecationWarning")  # by LlamaIndex itself
async def test_a_react_agent_is_recorded_alike(recorder: Recorder):
    thoughts = [
        'Thought: I add.\nAction: add\nAction Input: {"a": 1, "b": 2}',
        "Thought: I can answer.\nAnswer: three",
    ]
    agent = ReActAgent(name="thinker", tools=[add], llm=Fake(answers=thoughts), streaming=False)

    await agent.run("1 + 2?")

    assert [line for line in outline(recorder).splitlines() if "parser" not in line] == [
        "agent thinker",
        "  llm Fake",
        "  tool add",
        "  llm Fake",
    ]


async def test_a_tool_that_fails_fails_alone(recorder: Recorder):
    def broken() -> None:
        raise ValueError("boom")

    agent = FunctionAgent(
        name="adder",
        tools=[broken],
        llm=Fake(answers=[calls("broken"), "never mind"]),
        streaming=False,
    )

    await agent.run("go")

    assert outline(recorder) == dedent("""\
        agent adder
          llm Fake
          tool broken !ValueError
          llm Fake""")
    assert "boom" in only(recorder, kind="tool").error.message


async def test_agents_that_hand_over_are_agents_of_one_trace(recorder: Recorder):
    first = FunctionAgent(
        name="clerk",
        description="asks",
        tools=[add],
        llm=Fake(answers=[calls("handoff", to_agent="writer", reason="it writes")]),
        can_handoff_to=["writer"],
        streaming=False,
    )
    second = FunctionAgent(
        name="writer", description="writes", tools=[], llm=Fake(answers=["done"]), streaming=False
    )

    await AgentWorkflow(agents=[first, second], root_agent="clerk").run(user_msg="go")

    assert outline(recorder) == dedent("""\
        agent AgentWorkflow
          agent clerk
            llm Fake
          tool handoff
          agent writer
            llm Fake""")
    assert only(recorder, name="handoff").input == {"to_agent": "writer", "reason": "it writes"}


async def test_a_query_engine_is_a_tool_with_a_tree_of_its_own(recorder: Recorder):
    tool = QueryEngineTool.from_defaults(engine(), name="docs", description="documents")
    model = Fake(answers=[calls("docs", input="owls?"), "done"])

    await FunctionAgent(name="reader", tools=[tool], llm=model, streaming=False).run("go")

    assert outline(recorder) == dedent("""\
        agent reader
          llm Fake
          tool docs
            chain RetrieverQueryEngine
              retriever Shelf
              synthesizer CompactAndRefine
                llm Fake
          llm Fake""")


async def test_the_current_ids_in_a_tool_are_the_tools(recorder: Recorder):
    seen: list[Any] = []

    def look() -> str:
        seen.append((spanbook.current_trace_id(), spanbook.current_span_id()))
        return "x"

    model = Fake(answers=[calls("look"), "done"])
    await FunctionAgent(tools=[look], llm=model, streaming=False).run("go")

    tool = only(recorder, kind="tool")
    assert seen == [(tool.trace_id, tool.span_id)]


def test_a_tool_called_by_itself_is_one_span(recorder: Recorder):
    FunctionTool.from_defaults(add)(a=1, b=2)

    span = only(recorder)
    assert (span.kind, span.name, span.output) == ("tool", "add", "3")
    assert "Add two numbers." in span.attributes["description"]


async def test_a_tool_that_takes_the_context_is_recorded_without_it(recorder: Recorder):
    async def look(ctx: Context, what: str) -> str:
        return what

    model = Fake(answers=[calls("look", what="owl"), "done"])
    await FunctionAgent(tools=[look], llm=model, streaming=False).run("go")

    assert only(recorder, kind="tool").input == {"what": "owl"}


async def test_the_usage_of_an_agent_is_that_of_its_models(recorder: Recorder):
    usage = {"usage": {"prompt_tokens": 10, "completion_tokens": 1}}
    model = Fake(answers=[calls("add", a=1, b=2), "three"], raw=usage)

    await FunctionAgent(tools=[add], llm=model, streaming=False).run("go")

    assert recorded(recorder)[0].trace.usage == Usage(input=20, output=2)


# -- workflows -----------------------------------------------------------------------------------


class Part(Event):
    number: int


class Joined(Event):
    number: int


class Parallel(Workflow):
    @step
    async def split(self, ctx: Context, ev: StartEvent) -> Part | None:
        for number in range(3):
            ctx.send_event(Part(number=number))

    @step(num_workers=3)
    async def work(self, ev: Part) -> Joined:
        await Fake().acomplete(f"part {ev.number}")
        return Joined(number=ev.number)

    @step
    async def join(self, ctx: Context, ev: Joined) -> StopEvent | None:
        found = ctx.collect_events(ev, [Joined] * 3)
        return None if found is None else StopEvent(result=sorted(one.number for one in found))


async def test_parallel_steps_stand_beside_each_other(recorder: Recorder):
    assert await Parallel().run(topic="owls") == [0, 1, 2]

    lines = outline(recorder).splitlines()
    assert lines[:2] == ["chain Parallel", "  step split"]
    assert lines.count("  step work") == 3
    assert lines.count("    llm Fake") == 3
    root, *_ = recorded(recorder)
    assert root.input == {"event": "StartEvent", "topic": "owls"}
    assert root.output == [0, 1, 2]
    work = recorded(recorder, name="work")
    assert [one.input for one in work] == [{"event": "Part", "number": n} for n in range(3)]
    assert work[0].output == {"event": "Joined", "number": 0}


async def test_a_workflow_inside_a_step_is_below_it(recorder: Recorder):
    class Outer(Workflow):
        @step
        async def call(self, ev: StartEvent) -> StopEvent:
            return StopEvent(result=await Inner().run())

    class Inner(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            return StopEvent(result=str(await engine().aquery("hi")))

    assert await Outer().run() == "hello"

    assert outline(recorder) == dedent("""\
        chain Outer
          step call
            chain Inner
              step work
                chain RetrieverQueryEngine
                  retriever Shelf
                  synthesizer CompactAndRefine
                    llm Fake""")


async def test_a_step_in_a_thread_is_below_its_workflow(recorder: Recorder):
    class Threaded(Workflow):
        @step
        def work(self, ev: StartEvent) -> StopEvent:
            return StopEvent(result=Fake().complete("hi").text)

    assert await Threaded().run() == "hello"

    assert outline(recorder) == "chain Threaded\n  step work\n    llm Fake"


async def test_events_that_a_workflow_streams_do_not_disturb_it(recorder: Recorder):
    class Streams(Workflow):
        @step
        async def work(self, ctx: Context, ev: StartEvent) -> StopEvent:
            for number in range(3):
                ctx.write_event_to_stream(Part(number=number))
            return StopEvent(result="done")

    handler = Streams().run()
    async for event in handler.stream_events():
        if isinstance(event, Part):
            Fake().complete("aside")
    await handler

    assert sorted(outline(recorder).splitlines()) == [
        "  step work",
        "chain Streams",
        "llm Fake",
        "llm Fake",
        "llm Fake",
    ]


async def test_a_person_in_the_loop_is_waited_for_in_one_trace(recorder: Recorder):
    class Asks(Workflow):
        @step
        async def ask(self, ctx: Context, ev: StartEvent) -> StopEvent:
            said = await ctx.wait_for_event(HumanResponseEvent, waiter_event=InputRequiredEvent())
            return StopEvent(result=said.get("name"))

    handler = Asks().run()
    async for event in handler.stream_events():
        if isinstance(event, InputRequiredEvent):
            assert handler.ctx is not None
            said = HumanResponseEvent()
            said["name"] = "ada"
            handler.ctx.send_event(said)
    assert await handler == "ada"

    assert outline(recorder) == dedent("""\
        chain Asks
          step ask
          step ask""")  # it is run again from its beginning


async def test_a_workflow_that_fails_has_one_stack(recorder: Recorder):
    class Fails(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        await Fails().run()

    assert outline(recorder) == "chain Fails !ValueError\n  step work !ValueError"
    assert [one.name for one in recorded(recorder) if one.error.stack] == ["work"]


async def test_a_step_that_is_tried_again_fails_without_its_workflow(recorder: Recorder):
    tries: list[int] = []

    class Retries(Workflow):
        @step(retry_policy=retry_policy(wait=wait_fixed(0), stop=stop_after_attempt(3)))
        async def work(self, ev: StartEvent) -> StopEvent:
            tries.append(1)
            if len(tries) < 2:
                raise ValueError("boom")
            return StopEvent(result="done")

    await Retries().run()

    assert outline(recorder) == dedent("""\
        chain Retries
          step work !ValueError
          step work""")


class Waits(Workflow):
    is_waiting: asyncio.Event

    @step
    async def work(self, ev: StartEvent) -> StopEvent:
        self.is_waiting.set()
        await asyncio.Event().wait()
        return StopEvent()


async def test_a_workflow_that_is_cancelled_is_no_success(recorder: Recorder):
    workflow = Waits()
    workflow.is_waiting = asyncio.Event()
    handler = workflow.run()
    await workflow.is_waiting.wait()

    await handler.cancel_run()
    with pytest.raises(WorkflowCancelledByUser):
        await handler
    await settle(recorder)

    assert outline(recorder) == "chain Waits (cancelled)\n  step work (cancelled)"


async def test_a_workflow_that_takes_too_long_has_failed(recorder: Recorder):
    workflow = Waits(timeout=0.01)
    workflow.is_waiting = asyncio.Event()

    with pytest.raises(WorkflowTimeoutError):
        await workflow.run()
    await settle(recorder)

    assert outline(recorder).splitlines()[0] == "chain Waits !WorkflowTimeoutError"


async def test_a_models_key_is_not_kept_as_an_argument_of_a_workflow(recorder: Recorder):
    class Takes(Workflow):
        @step
        async def work(self, ev: StartEvent) -> StopEvent:
            return StopEvent(result="done")

    await Takes().run(llm=Fake(), topic="owls")

    told = str([(one.input, one.output, one.attributes) for one in recorded(recorder)])
    assert "sk-not-for-anyone" not in told
    assert "owls" in told
