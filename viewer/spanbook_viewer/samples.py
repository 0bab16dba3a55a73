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

MARKDOWN = """\
## Refunds in short

A refund is possible for **30 days**, see [the policy](https://shop.example/policy) and `p-17`.

1. The order is *older than a day*.
2. The goods are unused:
   - clothes with their label
   - books

| Goods | Days | Fee |
|:------|-----:|----:|
| Books | 30 | 0.00 |
| Tickets | 0 | 4.50 |

```python
def fee(order):  # in euros
    return None if order.is_new else 4.5
```

> Tickets cannot be returned.

![a label](https://shop.example/label.png)
"""
HOSTILE_MARKDOWN = f"""\
# {HOSTILE}

**Bold** [click]({ADDRESS}) [data](data:text/html,{HOSTILE}) <{ADDRESS}> <https://evil.example/>
[quoted](https://evil.example/"onmouseover="alert(1)) ![x](https://evil.example/x.png" onerror="a)
<svg onload=alert(1)> <img src=x onerror=alert(1)> <a href="{ADDRESS}" style="position:fixed">x</a>

| {HOSTILE} | <svg/onload=alert(1)> |
|---|---|
| {ADDRESS} | {"x" * 400} |

```"><script>alert(1)</script>
</code></pre>{HOSTILE}
```

```python
x = "</span>{HOSTILE}"
```
"""
PYTHON = '''\
from shop import orders


@cached
def fee(order: Order) -> Decimal | None:
    """Return what a refund costs."""
    if order.is_new and not order.used:  # nothing to pay
        return None
    return Decimal("4.50")
'''
SQL = "SELECT name, count(*) AS orders\nFROM customers -- all of them\nGROUP BY name"
GOODS = [
    {"name": "Books", "days": 30, "fee": 0, "note": None},
    {
        "name": "Tickets, and whatever else is only valid on one day",
        "days": 0,
        "fee": 4.5,
        "note": "",
    },
]

RICH: dict[str, Preview] = {
    "Markdown": preview({"messages": [{"role": "assistant", "content": MARKDOWN}]}),
    "long Markdown": preview("".join(MARKDOWN for _ in range(4))),
    "hostile Markdown": preview(HOSTILE_MARKDOWN),
    "Python": preview({"code": PYTHON, "timeout": 5}),
    "SQL": preview({"query": SQL}),
    "JSON": preview('{"id": "p-17", "days": 30, "open": true, "tags": ["shop", null]}'),
    "records": preview({"goods": GOODS, "total": 2}),
    "data frame": preview(
        {
            "$": "table",
            "shape": [12_000, 40],
            "columns": ["city", "price", "sold"],
            "rows": [["Bergen", 12.5, True], ["Turin", "NaN", None], [HOSTILE, -3, False]],
        }
    ),
    "hostile records": preview([{HOSTILE: ADDRESS, "x" * 400: "y" * 300}] * 3),
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
