"""Tokens of a conversation, by the layout of a family's prompts."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from spanbook.estimates.conversation import SYSTEM, Call, Calls, Conversation, Message, Results
from spanbook.estimates.counting import Count
from spanbook.estimates.estimate import Confidence, Doubts
from spanbook.estimates.families import Family, Layout
from spanbook.estimates.images import image_tokens
from spanbook.estimates.tools import render_format, render_tools

_FORCED = 7  # beside the name of the tool that must be called
_RESULT = 6  # beside the tool's name and its result
_PARALLEL = "multi_tool_use.parallel"


def prompt_tokens(
    conversation: Conversation, family: Family, layout: Layout, count: Count, doubts: Doubts
) -> int:
    """Return the tokens of all that the model is shown."""
    return _Prompt(family, layout, count).tokens(conversation, doubts)


@dataclass(frozen=True, slots=True)
class _Prompt:
    family: Family
    layout: Layout
    count: Count

    def tokens(self, conversation: Conversation, doubts: Doubts) -> int:
        total, turns, layout = self.family.priming, list(conversation.turns), self.layout
        for text, extra in self._additions(conversation, doubts):
            total += extra
            if layout.joined:
                turns = _join(turns, text)
            else:
                total += self.count(text)
        if conversation.tools and conversation.forced and layout.forced:
            total += _FORCED + self.count(conversation.forced)
        return total + sum(self._turn(turn) for turn in turns)

    def _additions(self, conversation: Conversation, doubts: Doubts) -> Iterator[tuple[str, int]]:
        if tools := render_tools(conversation.tools, doubts):
            if self.family.reasons:
                doubts.add("tools_of_reasoning_model", Confidence.CLOSE)
            yield tools, self.layout.tools
        if conversation.schema:
            doubts.add("answer_format", Confidence.CLOSE)
            yield render_format(conversation.schema), self.layout.schema

    def _turn(self, turn: Message | Calls | Results) -> int:
        match turn:
            case Message():
                return self._message(turn)
            case Calls():
                return sum(self._calls(one) for one in self._together(turn))
            case Results():
                return self._results(turn.results)

    def _message(self, message: Message) -> int:
        role = "system" if message.role in SYSTEM else message.role
        if message.name:
            separate = self.family.name_replaces_role
            role = message.name if separate else f"{role}:{message.name}"
        extra = self.family.answer if message.role == "assistant" else 0
        images = sum(image_tokens(image, self.family.images) for image in message.images)
        return self.family.message + self.count(role) + self.count(message.text) + extra + images

    def _together(self, turn: Calls) -> list[Calls]:
        return (
            [turn] if self.family.parallel else [replace(turn, calls=(one,)) for one in turn.calls]
        )

    def _calls(self, turn: Calls) -> int:
        role = f"assistant:{turn.name}" if turn.name else "assistant"
        to, body = call_text(turn.calls)
        return self.family.message + self.count(role + to) + self.count(body)

    def _results(self, results: Sequence[tuple[str, str]]) -> int:
        if len(results) == 1 or not self.family.parallel:
            return sum(self._result(tool, text) for tool, text in results)
        # Results of calls made together are written as one list; JSON among them is unpacked.
        return self._result(_PARALLEL, json.dumps([_parsed(text) for _, text in results]))

    def _result(self, tool: str, text: str) -> int:
        return _RESULT + self.count(tool) + self.count(text) + self.layout.exchange


def call_text(calls: Sequence[Call]) -> tuple[str, str]:
    """Return how the calls of one answer are written again: to whom, and what."""
    if len(calls) == 1:
        return header(calls), _compact(calls[0].arguments)
    uses = (
        f'{{"recipient_name":"functions.{call.tool}","parameters":{_compact(call.arguments)}}}'
        for call in calls
    )
    return header(calls), f'{{"tool_uses":[{",".join(uses)}]}}'


def header(calls: Sequence[Call]) -> str:
    """Return to whom the calls of one answer go."""
    return f" to=functions.{calls[0].tool}" if len(calls) == 1 else f" to={_PARALLEL}"


def _compact(arguments: str) -> str:
    """Return JSON without spaces, and what is no JSON as it is."""
    with suppress(ValueError, RecursionError):
        return json.dumps(json.loads(arguments), ensure_ascii=False, separators=(",", ":"))
    return arguments


def _parsed(text: str) -> Any:
    with suppress(ValueError, RecursionError):
        return json.loads(text)
    return text


def _join(turns: list[Message | Calls | Results], text: str) -> list[Message | Calls | Results]:
    """Return the turns with `text` behind the first system message, or in one of its own."""
    for at, turn in enumerate(turns):
        if isinstance(turn, Message) and turn.role in SYSTEM:
            joined = replace(turn, text=f"{turn.text}\n\n{text}")
            return [*turns[:at], joined, *turns[at + 1 :]]
    return [Message("system", text), *turns]
