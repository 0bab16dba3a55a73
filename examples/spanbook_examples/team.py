"""Two LlamaIndex agents: one finds out, one writes; the first hands over to the second."""

import asyncio
from collections.abc import Sequence

from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock

import spanbook
import spanbook_llama_index
from spanbook_examples.offline_llama_index import call, last_tool, llm


def find_flight(city: str) -> dict[str, str]:
    """Return the next flight to a city."""
    return {"flight": "NW 204", "leaves": "17:40", "gate": "B 12"}


def ask_weather(city: str) -> str:
    """Return the weather of a city."""
    raise TimeoutError(f"No answer about {city} within 5 s.")


def research(messages: Sequence[ChatMessage]) -> str | ToolCallBlock:
    """Decide as a model would: the flight, the weather, and then somebody who can write."""
    steps = {
        None: call("find_flight", city="Ghent"),
        "find_flight": call("ask_weather", city="Ghent"),
        "ask_weather": call("handoff", to_agent="writer", reason="All that can be known is known."),
    }
    return steps.get(last_tool(messages), "The writer has it.")


def write(messages: Sequence[ChatMessage]) -> str:
    """Write to the traveller."""
    return "Your flight NW 204 to Ghent leaves at 17:40 from gate B 12. Pack for any weather."


async def run() -> str:
    """Let both work on one question."""
    researcher = FunctionAgent(
        name="researcher",
        description="Finds out about journeys.",
        tools=[find_flight, ask_weather],
        llm=llm(research),
        can_handoff_to=["writer"],
    )
    writer = FunctionAgent(
        name="writer",
        description="Writes to travellers.",
        tools=[],
        llm=llm(write, "gpt-5-mini"),
    )
    team = AgentWorkflow(agents=[researcher, writer], root_agent="researcher")
    return str(await team.run(user_msg="How do I get to Ghent tonight?"))


def main() -> None:
    """Ask and print the answer."""
    spanbook_llama_index.install()
    with spanbook.context(session="trip-8", user="linus", tags=["travel", "agent"]):
        print(asyncio.run(run()))


if __name__ == "__main__":
    main()
