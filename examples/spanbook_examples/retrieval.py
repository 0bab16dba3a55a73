"""A chain that answers from documents: retriever, prompt, model, parser."""

from collections.abc import Sequence

from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore

import spanbook
from spanbook_examples.offline import WordEmbeddings, chat_model
from spanbook_langchain import SpanbookCallbackHandler, SpanbookEmbeddings

HANDBOOK = {
    "returns.md": "Goods can be returned within 30 days. Refunds reach the card in five days.",
    "shipping.md": "Parcels leave the warehouse the same day when ordered before 14:00.",
    "warranty.md": "The warranty covers two years. Batteries and wear are not covered.",
    "gifts.md": "Gift cards never expire and can be combined with a discount code.",
}
PROMPT = ChatPromptTemplate.from_messages(
    [
        ("system", "You answer customers of a shop. Use only these notes:\n\n{notes}"),
        ("human", "{question}"),
    ]
)


def answer_from_notes(messages: Sequence[BaseMessage]) -> str:
    """Say the first note, as a model would that keeps to what it was given."""
    note = str(messages[0].content).split("\n\n", 1)[1].split("\n", 1)[0]
    return f"{note.split(': ', 1)[1]} Is there anything else you would like to know?"


def join(documents: list[Document]) -> str:
    """Write documents as the prompt wants them."""
    return "\n".join(f"{one.metadata['source']}: {one.page_content}" for one in documents)


def build() -> Runnable[str, str]:
    """Return the chain over the handbook."""
    shelf = InMemoryVectorStore(SpanbookEmbeddings(WordEmbeddings()))
    shelf.add_texts(list(HANDBOOK.values()), [{"source": name} for name in HANDBOOK])
    notes = shelf.as_retriever(search_kwargs={"k": 2}) | join
    question = {"notes": notes, "question": RunnablePassthrough()}
    return question | PROMPT | chat_model(answer_from_notes) | StrOutputParser()


def main() -> None:
    """Ask three questions in one session."""
    with spanbook.context(session="shop-1042", user="ada", tags=["shop", "retrieval"]):
        chain = build().with_config(run_name="answer from handbook")
        for question in ("How long is the warranty?", "When are refunds paid?", "Do gifts expire?"):
            print(chain.invoke(question, config={"callbacks": [SpanbookCallbackHandler()]}))


if __name__ == "__main__":
    main()
