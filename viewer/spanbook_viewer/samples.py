"""Contents for the pattern page: short, long, empty and hostile ones for every macro."""

from typing import Any

from spanbook.reading.health import StoreHealth
from spanbook.spans import SpanError
from spanbook_viewer.shapes import Preview, preview

HOSTILE = "<script>alert(1)</script>"
ADDRESS = "javascript:alert(1)"
UNBROKEN = "x" * 10_000
RIGHT_TO_LEFT = "مرحبا بالعالم \u202e txet desrever"
LINES = "\n".join(f"line {number}" for number in range(1, 215))
HUGE = "All work and no play. " * 12_000

TEXTS: dict[str, str] = {
    "short": "What changed in the refund policy?",
    "empty": "",
    "long": LINES,
    "unbroken": UNBROKEN,
    "hostile": f'{HOSTILE} <img src=x onerror=alert(1)> "quoted" & {ADDRESS}',
    "right to left": RIGHT_TO_LEFT,
    "more than a page shows": HUGE,
}

_HASH = "0" * 32
PLACEHOLDERS: dict[str, Any] = {
    "truncated": {"$": "truncated", "text": "The first part", "size": 10_000_000},
    "more": [1, 2, {"$": "more", "count": 199_000}],
    "bytes": {"$": "bytes", "size": 34_000, "hash": _HASH},
    "media not kept": {"$": "media", "media_type": "image/png", "size": 90_000_000},
    "unsafe media": {"$": "media", "media_type": "image/svg+xml", "size": 120, "hash": _HASH},
    "object": {"$": "object", "type": "shop.Basket"},
    "unreadable object": {"$": "object", "type": "shop.Basket", "error": "RuntimeError"},
    "cycle": {"$": "cycle"},
    "depth": {"$": "depth"},
    "array": {"$": "array", "shape": [3, 1536], "dtype": "float32", "values": [0.1, 0.2]},
    "table": {"$": "table", "shape": [2, 2], "columns": ["a", "b"], "rows": [[1, 2], [3, 4]]},
    "generator": {"$": "generator", "type": "generator"},
    "hidden": {"$": "hidden"},
    "missing text": {"$": "text", "blob": _HASH},
    "unknown": {"$": "tomorrow"},
    "secret": "[redacted]",
    "own dollar": {"$$": "kept", "price": "$5"},
}

JSON: dict[str, Any] = {
    "short": {"params": {"temperature": 0.2, "max_tokens": 400}, "tags": ["prod"]},
    "empty": {},
    "numbers": [1, -2.5, 10**18, True, None, "NaN"],
    "long": {"items": [{"id": number, "text": "word " * 12} for number in range(60)]},
    "text with lines": {"text": LINES},
    "hostile": {HOSTILE: ADDRESS, "": RIGHT_TO_LEFT, "x" * 300: UNBROKEN},
}


def _deep(levels: int) -> Any:
    value: Any = "the bottom"
    for _ in range(levels):
        value = {"inside": value}
    return value


JSON["deep"] = _deep(70)

CHAT: dict[str, Preview] = {
    "conversation": preview(
        {
            "messages": [
                {"role": "system", "content": "Answer from the documents only."},
                {"role": "user", "name": "ada", "content": "What changed in the refund policy?"},
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [{"id": "c1", "name": "lookup", "arguments": {"id": "p-17"}}],
                },
                {"role": "tool", "tool_call_id": "c1", "content": "Refunds within 30 days."},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "reasoning", "text": "The document says so."},
                        {"type": "text", "text": "Refunds are possible for 30 days."},
                    ],
                    "finish_reason": "stop",
                },
            ],
            "tools": [{"name": "lookup", "description": "Find a document", "parameters": {}}],
        }
    ),
    "parts": preview(
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What is this?"},
                        {"type": "image", "url": ADDRESS},
                        {"type": "image", "media": PLACEHOLDERS["media not kept"]},
                        {"type": "unheard", "of": 1},
                    ],
                },
                {"role": "assistant", "content": None},
            ]
        }
    ),
    "hostile": preview(
        {
            "messages": [
                {
                    "role": HOSTILE,
                    "name": HOSTILE,
                    "content": TEXTS["hostile"],
                    "tool_calls": [
                        {"id": HOSTILE, "name": HOSTILE, "arguments": '{"half": '},
                        {"id": "c2", "name": "long", "arguments": {"text": UNBROKEN}},
                    ],
                },
                {"role": "tool", "tool_call_id": ADDRESS, "content": UNBROKEN},
            ]
        }
    ),
}

DOCUMENTS: dict[str, Preview] = {
    "some": preview(
        {
            "documents": [
                {
                    "id": "p-17",
                    "text": "Refunds within 30 days.",
                    "score": 0.91,
                    "metadata": {"source": "policy.md"},
                },
                {"text": LINES, "score": None, "metadata": {}},
            ]
        }
    ),
    "hostile": preview({"documents": [{"id": HOSTILE, "text": UNBROKEN, "score": HOSTILE}]}),
}

ERRORS: dict[str, SpanError] = {
    "short": SpanError("ValueError", "no such policy", "Traceback …\nValueError: no such policy"),
    "empty": SpanError("TimeoutError", ""),
    "hostile": SpanError(HOSTILE, TEXTS["hostile"] + UNBROKEN, HOSTILE),
}

TROUBLE = StoreHealth(dropped=1, errors=2, corrupt=3, note=HOSTILE, at=None)
