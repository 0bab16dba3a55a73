"""Reviews sorted in parallel; one answer cannot be parsed, which spoils its own trace only."""

from collections.abc import Sequence

from langchain_core.messages import BaseMessage
from langchain_core.output_parsers import JsonOutputParser
from langchain_core.prompts import ChatPromptTemplate

import spanbook
from spanbook_examples.offline import chat_model
from spanbook_langchain import SpanbookCallbackHandler

REVIEWS = [
    "The lamp is bright and the switch feels solid. Great for a small desk.",
    "Arrived with a dent. Support sent a new one within two days.",
    "Stopped working after a week, and nobody answers my mails.",
    "Ich weiß nicht, was ich davon halten soll.",
    "Exactly as described, great value.",
]
PROMPT = ChatPromptTemplate.from_template(
    "Sort this review. Answer in JSON with `mood` (good, mixed, bad) and `topic`.\n\n{review}"
)


def judge(messages: Sequence[BaseMessage]) -> str:
    """Judge by single words; an unexpected language throws it off course."""
    review = str(messages[-1].content).split("\n\n", 1)[1].lower()
    if "ich" in review.split():
        return "The review is written in German, so I am not sure how to sort it."
    if "support" in review:
        return '{"mood": "mixed", "topic": "support"}'
    if "stopped" in review:
        return '{"mood": "bad", "topic": "quality"}'
    return '{"mood": "good", "topic": "product"}'


def main() -> None:
    """Sort all reviews, four at a time."""
    chain = PROMPT | chat_model(judge, "gpt-4.1-nano") | JsonOutputParser()
    with spanbook.context(tags=["reviews", "nightly"], version="prompt-3"):
        results = chain.with_config(run_name="sort review").batch(
            [{"review": review} for review in REVIEWS],
            config={"callbacks": [SpanbookCallbackHandler()], "max_concurrency": 4},
            return_exceptions=True,
        )
    for review, result in zip(REVIEWS, results, strict=True):
        print(f"{review[:40]:<40}  {result if isinstance(result, dict) else 'not sorted'}")


if __name__ == "__main__":
    main()
