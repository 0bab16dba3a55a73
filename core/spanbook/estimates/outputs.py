"""Estimates the output of a call from its answer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spanbook.estimates.chats import call_of
from spanbook.estimates.contents import Reader
from spanbook.estimates.conversation import Call
from spanbook.estimates.counting import Count, counter
from spanbook.estimates.estimate import Confidence, Estimate
from spanbook.estimates.families import Api, Family, find_family
from spanbook.estimates.inputs import first_doubts
from spanbook.estimates.prompts import call_text, header
from spanbook.estimates.shapes import items, mapping

_CALL = 4  # beside to whom calls go and what they say
_REASONED = 4  # what marks an answer as final after, or in place of, reasoning


@dataclass(frozen=True, slots=True)
class _Answer:
    """One of the answers to a request."""

    text: str
    calls: tuple[Call, ...] = ()
    finish: str | None = None


def estimate_output(
    output: Mapping[str, Any],
    model: str | None = None,
    api: str = Api.CHAT,
    *,
    offered_tools: bool = False,
) -> Estimate | None:
    """Return about how many tokens a provider counts for an answer, or None if nothing is visible.

    The output is what came over the wire, streams folded, or a span's output. Several candidates
    are summed. `offered_tools` says that the request had tools, which costs a plain answer a token.
    """
    family = find_family(model or str(output.get("model") or ""))
    count, method = counter(family.table)
    doubts = first_doubts(family, method)
    answers = [*_read(output, Reader(doubts))]
    if not answers:
        return None
    endpoint = Api.RESPONSES if "output" in output else Api(api)
    if endpoint is not Api.COMPLETION:
        doubts.add("end_of_answer", Confidence.CLOSE)
    if family.reasons:
        doubts.hide("reasoning")
    marks = sum(_marks(answer, family, endpoint, offered_tools) for answer in answers)
    return doubts.settle(marks + sum(_tokens(answer, count) for answer in answers), method)


def _tokens(answer: _Answer, count: Count) -> int:
    text = count(answer.text)
    match answer.calls:
        case ():
            return text
        case (call,) if answer.finish == "stop" and not answer.text:
            return count(call.arguments)  # it was demanded, so its name is not the model's word
        case (call,):
            written = call.arguments
        case _:
            written = call_text(answer.calls)[1]
    return text + count(header(answer.calls)) + count(written) + _CALL


def _marks(answer: _Answer, family: Family, api: Api, offered_tools: bool) -> int:
    """Return the tokens that end an answer."""
    if family.reasons:
        return 0 if answer.calls else _REASONED
    if api is Api.RESPONSES:
        return 1
    return int(offered_tools and not answer.calls)


def _read(output: Mapping[str, Any], reader: Reader) -> Iterator[_Answer]:
    for choice in map(mapping, items(output.get("choices"))):
        message = mapping(choice.get("message"))
        found = message if message else {"content": choice.get("text")}
        yield _answer(found, choice.get("finish_reason"), reader)
    for message in map(mapping, items(output.get("messages"))):
        yield _answer(message, message.get("finish_reason"), reader)
    for text in (*items(output.get("texts")), output.get("text")):
        # A response's `text` is its format, which is no answer.
        if isinstance(text, str) or "$" in mapping(text):
            yield _Answer(reader.text(text))
    if found := [mapping(item) for item in items(output.get("output"))]:
        yield _response(found, reader)


def _answer(message: Mapping[str, Any], finish: Any, reader: Reader) -> _Answer:
    calls = [call_of(mapping(call), reader)[1] for call in items(message.get("tool_calls"))]
    if function := mapping(message.get("function_call")):
        calls.append(call_of({"function": function}, reader)[1])
    if message.get("audio"):
        reader.doubts.hide("audio")
    text = reader.text(message.get("content")) or reader.text(message.get("refusal"))
    return _Answer(text, tuple(calls), finish if isinstance(finish, str) else None)


def _response(found: list[Mapping[str, Any]], reader: Reader) -> _Answer:
    text, calls = "", list[Call]()
    for item in found:
        match item.get("type"):
            case "message":
                text += reader.text(item.get("content"))
            case "function_call" | "custom_tool_call":
                calls.append(call_of(item, reader)[1])
            case kind:
                reader.doubts.hide(str(kind))
    return _Answer(text, tuple(calls))
