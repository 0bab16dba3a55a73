"""A LlamaIndex query engine: documents, embeddings, a reranker, an answer that streams."""

from collections.abc import Sequence
from typing import Any

from llama_index.core import Document, VectorStoreIndex
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.query_engine import BaseQueryEngine

import spanbook
import spanbook_llama_index
from spanbook_examples.offline_llama_index import WordReranker, WordVectors, llm

GUIDE = {
    "owls.md": "Owls turn their heads by 270 degrees, since their eyes cannot move.",
    "otters.md": "Otters hold hands while they sleep, so that they do not drift apart.",
    "octopuses.md": "Octopuses have three hearts, two of which stop while they swim.",
    "hours.md": "The zoo opens at nine and closes at six, in winter at five.",
}


def answer_from_notes(messages: Sequence[ChatMessage]) -> str:
    """Say the first note, as a model would that keeps to what it was given."""
    notes = [line for line in str(messages[-1].content).splitlines() if line in GUIDE.values()]
    return f"{notes[0]} Ask a keeper for more." if notes else "The guide does not say."


def build() -> BaseQueryEngine:
    """Return the engine over the guide."""
    documents = [Document(text=text, metadata={"file": name}) for name, text in GUIDE.items()]
    with spanbook.span("build index"):
        index = VectorStoreIndex.from_documents(documents, embed_model=WordVectors())
    return index.as_query_engine(
        llm=llm(answer_from_notes),
        similarity_top_k=3,
        node_postprocessors=[WordReranker()],
        streaming=True,
    )


def main() -> None:
    """Ask three questions and print the answers as they come."""
    spanbook_llama_index.install()
    with spanbook.context(session="zoo-1", user="ada", tags=["zoo", "documents"]):
        engine = build()
        for question in (
            "How far do owls turn their heads?",
            "Do otters drift?",
            "Who has three hearts?",
        ):
            answer: Any = engine.query(question)
            for piece in answer.response_gen:
                print(piece, end="", flush=True)
            print()


if __name__ == "__main__":
    main()
