"""What every kept store was told: the records of two traces, and from which revision on."""

import base64
import hashlib
from typing import Any

import orjson

Record = dict[str, Any]

ZERO = 1_790_000_000_000_000_000
MS = 1_000_000
ANSWER, JOB = "a" * 32, "b" * 32
RUN, NIGHTLY = "1" * 32, "2" * 32
HASH = "c" * 64
PICTURE = b"\x89PNG\r\n\x1a\n and what is in it"
DIGEST = hashlib.sha256(PICTURE).hexdigest()[:32]
LONG = "A handbook that says the same thing over and over. " * 120
QUESTION = {"role": "user", "content": "May I return a yellow bicycle?"}
STACK = 'Traceback (most recent call last):\n  File "shop.py", line 3\nKeyError: 17'


def span_id(number: int) -> str:
    """Return the id of a span."""
    return f"{number:016x}"


def _start(trace: str, number: int, kind: str, name: str, at: int, **more: Any) -> Record:
    head = {"type": "start", "trace": trace, "span": span_id(number), "kind": kind, "name": name}
    parent = {"parent": span_id(more.pop("below"))} if "below" in more else {}
    return {**head, **parent, "start": ZERO + at * MS, **more}


def _end(start: Record, at: int, status: str = "ok", **more: Any) -> Record:
    known = ("trace", "span", "parent", "kind", "name", "start")
    common = {name: start[name] for name in known if name in start}
    return {"type": "end", **common, "end": ZERO + at * MS, "status": status, **more}


def _event(trace: str, number: int, at: int, name: str, **more: Any) -> Record:
    place = {"trace": trace, "span": span_id(number), "at": ZERO + at * MS}
    return {"type": "event", **place, "name": name, **more}


_CONTEXT = {
    "session": "c-17",
    "user": "ada",
    "tags": ["beta", "shop"],
    "metadata": {"shelf": 3},
    "release": "1.4.2",
}
_root = _start(
    ANSWER, 1, "chain", "answer", 0, input={"question": "May I return it?"}, context=_CONTEXT
)
_search = _start(ANSWER, 2, "retriever", "handbook", 10, below=1, input={"query": "return"})
_model = _start(
    ANSWER,
    3,
    "llm",
    "own-model",
    60,
    below=1,
    input={
        "messages": [
            {"role": "system", "content": LONG},
            {**QUESTION, "image": {"$": "media", "hash": DIGEST, "media_type": "image/png"}},
        ]
    },
    attributes={"params": {"temperature": 0.2}},
)
_tool = _start(ANSWER, 4, "tool", "look up", 500, below=1, input={"id": 17})
_job = _start(JOB, 5, "agent", "nightly job", 2_000, context={"tags": ["night"]})
_embedding = _start(JOB, 6, "embedding", "embed", 2_010, below=5, input={"count": 2})
_left = _start(JOB, 7, "llm", "own-model", 2_100, below=5, input={"messages": [QUESTION]})

_PROCESS = {
    "type": "process",
    "version": 1,
    "run": RUN,
    "name": "shop.py",
    "project": "shop",
    "host": "here",
    "pid": 7,
    "command": "shop.py",
    "python": "3.12.4",
    "release": "1.4.2",
    "start": ZERO - MS,
}
_HISTORY: tuple[tuple[str, Record], ...] = (
    ("0001", _PROCESS),
    ("0006", {"type": "architecture", "hash": HASH, "name": "answer", "body": '{"role":"chain"}'}),
    ("0001", _root),
    ("0006", {"type": "trace", "trace": ANSWER, "context": {"architecture": HASH}}),
    ("0001", _search),
    ("0001", _end(_search, 50, output={"documents": [{"id": "p-1", "text": LONG}]})),
    (
        "0001",
        {
            "type": "blob",
            "hash": DIGEST,
            "media_type": "image/png",
            "data": base64.b64encode(PICTURE).decode(),
        },
    ),
    ("0001", _model),
    ("0001", _event(ANSWER, 3, 70, "retry", data={"attempt": 2})),
    (
        "0001",
        _end(
            _model,
            480,
            output={"messages": [{"role": "assistant", "content": "You may."}]},
            model="own-model",
            provider="house",
            usage={"input": 1_000, "output": 40, "cache_read": 200},
            first_token=ZERO + 200 * MS,
        ),
    ),
    ("0001", _tool),
    (
        "0001",
        _end(
            _tool,
            520,
            "error",
            error={"type": "KeyError", "message": "17", "stack": STACK},
        ),
    ),
    ("0003", {
        "type": "link",
        "trace": ANSWER,
        "span": span_id(4),
        "to_trace": ANSWER,
        "to_span": span_id(3),
        "name": "asked by",
    }),
    ("0001", _end(_root, 600, output={"answer": "You may."})),
    ("0005", {
        "type": "run",
        "run": NIGHTLY,
        "name": "nightly",
        "project": "shop",
        "start": ZERO + 1_900 * MS,
        "config": {"top_k": 4},
    }),
    ("0005", {
        "type": "metrics",
        "run": NIGHTLY,
        "at": ZERO + 1_950 * MS,
        "step": 1,
        "values": {"accuracy": 0.5},
    }),
    ("0001", _job),
    ("0001", _embedding),
    (
        "0001",
        _end(
            _embedding,
            2_050,
            "cancelled",
            model="text-embedding-3-small",
            provider="openai",
            usage={"input": 12, "output": 0, "estimated": True},
        ),
    ),
    ("0001", _left),
    ("0005", {"type": "run_end", "run": NIGHTLY, "end": ZERO + 2_300 * MS, "status": "ok"}),
)  # fmt: skip
LATE_END = _end(_left, 3_000, output={"messages": [{"role": "assistant", "content": "At last."}]})


def told(revision: str) -> list[Record]:
    """Return what a store of this revision was told."""
    return [record for since, record in _HISTORY if since <= revision]


def segment(health: bytes, records: list[Record]) -> bytes:
    """Return the file of a journal with these records."""
    return health + b"".join(orjson.dumps(record) + b"\n" for record in records)
