"""The OpenAI client by itself: one line makes it record every call, also those that stream."""

from openai import OpenAI

import spanbook
from spanbook_examples.openai_stub import openai_client
from spanbook_openai import wrap_openai

MODEL = "gpt-4.1-mini"
LETTERS = [
    "The parcel came a week late, and the box was open.",
    "I was charged twice for the same order.",
]


@spanbook.observe
def sum_up(client: OpenAI, letter: str) -> str:
    """Put a letter into a few words."""
    answer = client.chat.completions.create(
        model=MODEL,
        messages=[
            {"role": "system", "content": "You sum up letters in one sentence."},
            {"role": "user", "content": f"Sum up: {letter}"},
        ],
    )
    return answer.choices[0].message.content or ""


@spanbook.observe
def reply(client: OpenAI, summary: str) -> str:
    """Write a reply and show it while it is written."""
    words: list[str] = []
    with client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": f"Reply politely to: {summary}"}],
        stream=True,
        stream_options={"include_usage": True},
    ) as events:
        for event in events:
            for choice in event.choices:
                words.append(choice.delta.content or "")
                print(words[-1], end="", flush=True)
    print()
    return "".join(words)


def main() -> None:
    """Answer two letters."""
    with openai_client() as client, spanbook.context(user="support", tags=["letters"]):
        wrap_openai(client)
        for letter in LETTERS:
            with spanbook.span("letter", input=letter):
                reply(client, sum_up(client, letter))


if __name__ == "__main__":
    main()
