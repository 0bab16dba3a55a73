"""A conversation with streamed answers: each turn is a trace, the session holds them together."""

from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder

import spanbook
from spanbook_examples.offline import chat_model
from spanbook_langchain import SpanbookCallbackHandler

TURNS = {
    "Plan two days in Ghent for us.": (
        "Day one: the Gravensteen castle in the morning, the Graslei for lunch, and the Saint "
        "Bavo cathedral with its altarpiece in the afternoon. Day two: the design museum, a boat "
        "on the Leie, and the Friday market in the evening."
    ),
    "It will rain on the second day.": (
        "Then swap the boat for the STAM city museum; it is under one roof and good for three "
        "hours. The covered market hall is a fine place for supper."
    ),
    "What does that cost for two?": (
        "About 74 euros: 26 for the castle, 32 for the cathedral with the altarpiece, 16 for the "
        "two museums with a city card shared between you."
    ),
}
PROMPT = ChatPromptTemplate.from_messages(
    [
        ("system", "You plan short trips. Be concrete: places, hours, prices. " * 8),
        MessagesPlaceholder("history"),
        ("human", "{question}"),
    ]
)


def next_turn(messages: Sequence[BaseMessage]) -> str:
    """Return the answer to the last question."""
    return TURNS[str(messages[-1].content)]


def main() -> None:
    """Hold the conversation, printing each answer while it arrives."""
    chain = (PROMPT | chat_model(next_turn) | StrOutputParser()).with_config(run_name="trip turn")
    history: list[BaseMessage] = []
    for question in TURNS:
        answer = ""
        with spanbook.context(session="trip-7", user="linus", tags=["travel"], release="1.4.2"):
            turn = {"history": history, "question": question}
            for token in chain.stream(turn, config={"callbacks": [SpanbookCallbackHandler()]}):
                print(token, end="", flush=True)
                answer += token
        print()
        history += [HumanMessage(question), AIMessage(answer)]


if __name__ == "__main__":
    main()
