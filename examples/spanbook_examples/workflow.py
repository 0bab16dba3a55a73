"""A LlamaIndex workflow: letters are sorted side by side, then summed up."""

import asyncio
from collections.abc import Sequence

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.workflow import Context, Event, StartEvent, StopEvent, Workflow, step

import spanbook
import spanbook_llama_index
from spanbook_examples.offline_llama_index import llm

LETTERS = [
    "The parcel came a week late, and the box was open.",
    "I was charged twice for the same order.",
    "My card was refused although it is valid.",
]
TOPICS = {"parcel": "shipping", "charged": "payment", "card": "payment"}


def sort(messages: Sequence[ChatMessage]) -> str:
    """Name the topic of a letter, or how many letters each topic has."""
    asked = str(messages[-1].content)
    if asked.startswith("Count"):
        topics = asked.rpartition(": ")[2].split(", ")
        return ", ".join(f"{topics.count(topic)} about {topic}" for topic in sorted(set(topics)))
    return next(topic for word, topic in TOPICS.items() if word in asked)


class Letter(Event):
    """A letter to be sorted."""

    text: str


class Sorted(Event):
    """A letter's topic."""

    topic: str


class Mailroom(Workflow):
    """Sorts letters, each in a step of its own."""

    @step
    async def open_mail(self, ctx: Context, ev: StartEvent) -> Letter | None:
        """Hand out the letters."""
        for text in ev.letters:
            ctx.send_event(Letter(text=text))

    @step(num_workers=3)
    async def sort_letter(self, ev: Letter) -> Sorted:
        """Ask for the topic of one letter."""
        said = await llm(sort, "gpt-4.1-nano").acomplete(
            f"In one word, what is this about: {ev.text}"
        )
        return Sorted(topic=said.text)

    @step
    async def sum_up(self, ctx: Context, ev: Sorted) -> StopEvent | None:
        """Count the topics once all letters are sorted."""
        found = ctx.collect_events(ev, [Sorted] * len(LETTERS))
        if found is None:
            return None
        topics = ", ".join(one.topic for one in found)
        said = await llm(sort).acomplete(f"Count the topics of these letters: {topics}")
        return StopEvent(result=said.text)


async def run() -> str:
    """Sort today's letters."""
    return await Mailroom(timeout=60).run(letters=LETTERS)


def main() -> None:
    """Sort them and print what they are about."""
    spanbook_llama_index.install()
    with spanbook.context(user="support", tags=["letters", "workflow"]):
        print(asyncio.run(run()))


if __name__ == "__main__":
    main()
