"""Spans: one unit of work each, and the closed sets that describe them."""

import hashlib
import os
import random
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class SpanKind(StrEnum):
    """What sort of work a span is; `step` is any that no other word fits."""

    CHAIN = "chain"
    AGENT = "agent"
    LLM = "llm"
    PROMPT = "prompt"
    PARSER = "parser"
    TOOL = "tool"
    RETRIEVER = "retriever"
    RERANKER = "reranker"
    EMBEDDING = "embedding"
    SYNTHESIZER = "synthesizer"
    EVALUATOR = "evaluator"
    GUARDRAIL = "guardrail"
    STEP = "step"


class Status(StrEnum):
    """How a span stands.

    `interrupted` waits for a person or another program (a graph's interrupt) and is no failure;
    `incomplete` never ended as far as is known, and a later real end replaces it.
    """

    RUNNING = "running"
    OK = "ok"
    ERROR = "error"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class SpanError:
    """Why a span failed: the exception's qualified type, its text and its traceback.

    `stack` is None where the exception only passed through: it stands with the span that raised it.
    """

    type: str
    message: str
    stack: str | None = None


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """Something that happened at one moment inside a span."""

    at: datetime
    name: str
    data: Any = None


_random = random.Random(os.urandom(16))
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _random.seed(os.urandom(16)))


def new_trace_id(seed: str | None = None) -> str:
    """Return 32 hex digits: random, or the same for the same `seed`."""
    if seed is None:
        return f"{_random.getrandbits(128):032x}"
    return hashlib.sha256(seed.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def new_span_id() -> str:
    """Return 16 random hex digits."""
    return f"{_random.getrandbits(64):016x}"
