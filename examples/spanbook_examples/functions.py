"""Plain Python with a chain inside: functions become spans with one decorator."""

from collections.abc import Sequence

from langchain_core.messages import BaseMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

import spanbook
from spanbook_examples.offline import chat_model
from spanbook_langchain import SpanbookCallbackHandler

TICKETS = {
    "T-1": "Login fails after the password was changed.",
    "T-2": "The invoice shows last year's address.",
    "T-3": "Login page stays white on old phones.",
    "T-4": "Please add a dark theme.",
}
PROMPT = ChatPromptTemplate.from_template("Sum up in one sentence:\n\n{tickets}")


def sum_up(messages: Sequence[BaseMessage]) -> str:
    """Name how many tickets there are and how the first begins."""
    lines = str(messages[-1].content).splitlines()[2:]
    return f"{len(lines)} tickets, first of all: {lines[0]}"


@spanbook.observe(kind="retriever")
def find_tickets(word: str) -> list[str]:
    """Return the tickets that mention `word`."""
    return [text for text in TICKETS.values() if word in text.lower()]


@spanbook.observe
def digest(word: str) -> str:
    """Find tickets, put the shortest first and sum them up."""
    found = find_tickets(word)
    with spanbook.span("shortest first", kind="reranker", input=found) as span:
        found.sort(key=len)
        span.set_output(found)
    chain = PROMPT | chat_model(sum_up) | StrOutputParser()
    return chain.invoke(
        {"tickets": "\n".join(found)}, config={"callbacks": [SpanbookCallbackHandler()]}
    )


def main() -> None:
    """Write the digest of one topic."""
    with spanbook.context(user="support", tags=["digest", "nightly"]):
        print(digest("login"))


if __name__ == "__main__":
    main()
