"""Endpoints: what each path of the API does, as one table, and how to read what passes there."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from spanbook.spans import SpanKind
from spanbook_openai import answers, asked
from spanbook_openai.answers import Answer
from spanbook_openai.folds import ChoiceFold, Fold, LastFold, ResponseFold, TextFold

_CHAT = frozenset({"messages", "tools", "functions", "model"})
_RESPONSE = frozenset({"input", "instructions", "tools", "model", "prompt"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path: the span that a call to it becomes, and how its two bodies are read.

    `content` names the fields of the request that are its input or its model; the others are
    parameters. `later` marks a look at a response that an earlier call began.
    """

    name: str
    kind: SpanKind
    input: Callable[[Mapping[str, Any]], Any]
    answer: Callable[..., Answer]
    content: frozenset[str]
    fold: Callable[[], Fold]
    later: bool = False


_RESPONSES = Endpoint(
    "responses", SpanKind.LLM, asked.response, answers.response, _RESPONSE, ResponseFold
)
_LATER = Endpoint(
    "responses", SpanKind.LLM, asked.whole, answers.response, _RESPONSE, ResponseFold, later=True
)
_RUN_LATER = Endpoint(
    "threads.runs", SpanKind.STEP, asked.whole, answers.anything, _RESPONSE, LastFold, later=True
)


def _media(name: str, *keys: str) -> Endpoint:
    content = frozenset({*keys, "model"})
    return Endpoint(name, SpanKind.STEP, asked.picked(*keys), answers.images, content, LastFold)


def _sound(name: str, *keys: str) -> Endpoint:
    content = frozenset({*keys, "model"})
    return Endpoint(name, SpanKind.STEP, asked.picked(*keys), answers.transcript, content, TextFold)


ENDPOINTS = {
    "chat/completions": Endpoint(
        "chat.completions", SpanKind.LLM, asked.chat, answers.choices, _CHAT, ChoiceFold
    ),
    "completions": Endpoint(
        "completions",
        SpanKind.LLM,
        asked.text,
        answers.choices,
        _CHAT | {"prompt"},
        ChoiceFold,
    ),
    "responses": _RESPONSES,
    "responses/compact": Endpoint(
        "responses.compact",
        SpanKind.LLM,
        asked.response,
        answers.response,
        _RESPONSE,
        ResponseFold,
    ),
    "embeddings": Endpoint(
        "embeddings",
        SpanKind.EMBEDDING,
        asked.embedding,
        answers.embedding,
        frozenset({"input", "model"}),
        LastFold,
    ),
    "moderations": Endpoint(
        "moderations",
        SpanKind.GUARDRAIL,
        asked.picked("input"),
        answers.moderation,
        frozenset({"input", "model"}),
        LastFold,
    ),
    "images/generations": _media("images.generations", "prompt"),
    "images/edits": _media("images.edits", "prompt", "image", "mask"),
    "images/variations": _media("images.variations", "image"),
    "audio/speech": _sound("audio.speech", "input", "instructions"),
    "audio/transcriptions": _sound("audio.transcriptions", "file", "prompt"),
    "audio/translations": _sound("audio.translations", "file", "prompt"),
}

# Places where things are kept and managed; nothing there is worth a span.
QUIET = frozenset(
    {
        "admin",
        "assistants",
        "batches",
        "containers",
        "conversations",
        "files",
        "fine_tuning",
        "models",
        "organization",
        "projects",
        "skills",
        "uploads",
        "vector_stores",
        "webhooks",
    }
)

_LOOKS = (
    (re.compile(r"get responses/[^/]+|post responses/[^/]+/cancel"), _LATER),
    (re.compile(r"get threads/[^/]+/runs/[^/]+|post threads/[^/]+/runs/[^/]+/cancel"), _RUN_LATER),
)
_PREFIX = re.compile(r"^(?:https?://[^/]+)?/?(?:openai/)?(?:v\d+/)?(?:deployments/[^/]+/)?")
_ID = re.compile(r"[a-z]+_\w*\d\w*|\w*\d\w*-[\w-]+|\d+|[0-9a-f-]{16,}", re.IGNORECASE)


@lru_cache(maxsize=512)
def endpoint_of(method: str, url: str) -> Endpoint | None:
    """Return the endpoint that a request goes to; None where it is not recorded."""
    path = _PREFIX.sub("", url.partition("?")[0]).strip("/")
    segments = path.split("/")
    verb = method.lower()
    for pattern, later in _LOOKS:
        if pattern.fullmatch(f"{verb} {path}"):
            return later
    if verb != "post" or segments[0] in QUIET:
        return None
    for count in (2, 1):
        known = ENDPOINTS.get("/".join(segments[-count:]))
        if known is not None:
            return known
    return _unknown(segments)


def _unknown(segments: list[str]) -> Endpoint:
    name = ".".join("{id}" if _ID.fullmatch(one) else one for one in segments)
    content = frozenset({"model"})
    return Endpoint(
        name or "request", SpanKind.STEP, asked.whole, answers.anything, content, LastFold
    )
