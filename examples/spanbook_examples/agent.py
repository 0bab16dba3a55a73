"""An agent with tools, one of which fails; the agent finds another way."""

from collections.abc import Sequence

from langchain.agents import create_agent
from langchain_core.messages import BaseMessage, HumanMessage, ToolCall, ToolMessage
from langchain_core.tools import ToolException, tool

import spanbook
from spanbook_examples.offline import call, chat_model
from spanbook_langchain import SpanbookCallbackHandler


@tool
def find_order(customer: str) -> dict[str, str]:
    """Return the latest order of a customer."""
    return {"order": "A-7731", "parcel": "PX-20418", "carrier": "Northwind", "item": "desk lamp"}


@tool
def ask_carrier(parcel: str) -> str:
    """Ask the carrier where a parcel is."""
    raise ToolException(f"The carrier did not answer within 5 s (parcel {parcel}).")


@tool
def last_scan(parcel: str) -> dict[str, str]:
    """Return where a parcel was last scanned, from our own records."""
    return {"parcel": parcel, "place": "Rotterdam depot", "due": "tomorrow before noon"}


ask_carrier.handle_tool_error = True  # the model reads of the failure and can react


def next_step(messages: Sequence[BaseMessage]) -> str | ToolCall:
    """Decide as a model would: order, carrier, and after its failure our own records."""
    steps = {
        "find_order": call("ask_carrier", parcel="PX-20418"),
        "ask_carrier": call("last_scan", parcel="PX-20418"),
        "last_scan": "Your desk lamp is at the Rotterdam depot and is due tomorrow before noon.",
    }
    last = messages[-1]
    if isinstance(last, ToolMessage):
        return steps[str(last.name)]
    return call("find_order", customer="grace")


def main() -> None:
    """Ask the agent where a parcel is."""
    agent = create_agent(
        chat_model(next_step, "gpt-5-mini"),
        [find_order, ask_carrier, last_scan],
        system_prompt="You help customers of a shop. Call tools; never guess.",
        name="parcel agent",
    )
    with spanbook.context(session="shop-1043", user="grace", tags=["shop", "agent"]):
        result = agent.invoke(
            {"messages": [HumanMessage("Where is my lamp?")]},
            config={"callbacks": [SpanbookCallbackHandler()]},
        )
    print(result["messages"][-1].text)


if __name__ == "__main__":
    main()
