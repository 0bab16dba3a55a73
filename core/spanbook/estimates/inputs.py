"""Estimates the input of a call from its request."""

from collections.abc import Mapping
from typing import Any, cast

from spanbook.estimates.chats import read_chat
from spanbook.estimates.contents import Media, Reader
from spanbook.estimates.conversation import Conversation
from spanbook.estimates.counting import Count, counter
from spanbook.estimates.estimate import Confidence, Doubts, Estimate, Method
from spanbook.estimates.families import Api, Family, find_family
from spanbook.estimates.prompts import prompt_tokens
from spanbook.estimates.responses import read_responses
from spanbook.estimates.shapes import items


def estimate_input(
    request: Mapping[str, Any],
    model: str | None = None,
    api: str = Api.CHAT,
    media: Media | None = None,
) -> Estimate | None:
    """Return about how many tokens a provider counts for a request, or None if nothing is visible.

    The request is what went over the wire, or a span's input; `model` is the one that answered,
    else the request's own is taken. `media` returns the content of a kept image by its hash: its
    size decides what it costs.
    """
    family = find_family(model or _text(request.get("model")))
    count, method = counter(family.table)
    doubts = first_doubts(family, method)
    reader = Reader(doubts, media)
    match Api(api):
        case Api.COMPLETION:
            tokens = _texts(request.get("prompt"), reader, count)
        case Api.EMBEDDING:
            tokens = _texts(request.get("input", request.get("texts")), reader, count)
            tokens = None if tokens is None else max(tokens, 1)
        case Api.RESPONSES:
            tokens = _prompt(_responses(request, reader), family, Api.RESPONSES, count, doubts)
        case Api.CHAT:
            tokens = _prompt(read_chat(request, reader), family, Api.CHAT, count, doubts)
    return None if tokens is None else doubts.settle(tokens, method)


def _responses(request: Mapping[str, Any], reader: Reader) -> Conversation:
    # A span's input has the same shape whichever endpoint was called.
    read = read_chat if "messages" in request else read_responses
    return read(request, reader)


def _prompt(
    conversation: Conversation, family: Family, api: Api, count: Count, doubts: Doubts
) -> int | None:
    if not conversation.turns:
        return None
    return prompt_tokens(conversation, family, family.layout(api), count, doubts)


def first_doubts(family: Family, method: Method) -> Doubts:
    """Return the doubts that the model alone raises."""
    doubts = Doubts()
    if family.doubt:
        doubts.add(*family.doubt)
    if method is Method.HEURISTIC and family.table is not None:
        doubts.add("no_tokenizer", Confidence.GUESS)
    return doubts


def _texts(given: Any, reader: Reader, count: Count) -> int | None:
    """Return the tokens of a text, of several, or of texts that are tokens already."""
    if given is None:
        return None
    if isinstance(given, str) or not items(given):
        return count(reader.text(given))
    several = items(given)
    if isinstance(several[0], int):
        return len(several)
    return sum(
        len(cast("list[Any]", one)) if isinstance(one, list) else count(reader.text(one))
        for one in several
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
