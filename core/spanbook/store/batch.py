"""A batch: what some journal lines say, made ready for the store before its lock is taken."""

from dataclasses import dataclass, field
from typing import Any

from spanbook.store.blocks import BLOCK_BYTES, Block, Blocks
from spanbook.store.compression import Compressor
from spanbook.store.estimating import Estimating
from spanbook.store.joining import SpanNews, join
from spanbook.store.memory import Memory
from spanbook.store.pricing import Pricing
from spanbook.store.records import Pause, Record, Records
from spanbook.store.search import worth_indexing
from spanbook.store.texts import ALWAYS_LONG, TraceTexts, encode

_PARTS = ("input", "output", "error_json")
_NONE: frozenset[bytes] = frozenset()


@dataclass(slots=True)
class TraceNews:
    """What a batch says about one trace."""

    trace_id: str
    spans: list[SpanNews]
    events: list[Record]
    links: list[Record]
    contexts: list[Record]
    texts: set[str]  # all that can be searched
    words: str  # of them, those to index


@dataclass(slots=True)
class Batch:
    """What some journal lines say, ready to be stored."""

    records: Records
    traces: list[TraceNews] = field(default_factory=list[TraceNews])


def prepare(
    records: Records,
    memory: Memory,
    compressor: Compressor,
    estimating: Estimating,
    pricing: Pricing,
    pause: Pause,
) -> Batch:
    """Make `records` ready: join starts and ends, compress payloads, choose what to index.

    Model calls without reported usage get an estimated one.
    """
    blocks = Blocks()
    batch = Batch(records)
    for trace_id, found in records.traces.items():
        spans = join(found)
        estimating.fill(trace_id, spans)
        pricing.prepare(spans)
        _fill_blocks(spans, blocks, found.texts, pause)
        texts = found.texts.found
        words = worth_indexing(texts, memory.indexed(trace_id))
        batch.traces.append(
            TraceNews(trace_id, spans, found.events, found.links, found.contexts, texts, words)
        )
        pause()
    records.traces.clear()  # so that each is freed when it is filed, and not all at once
    blocks.compress(compressor)
    return batch


def _fill_blocks(spans: list[SpanNews], blocks: Blocks, texts: TraceTexts, pause: Pause) -> None:
    block: Block | None = None
    for news in spans:
        record = news.record
        payload = _payload(record, texts)
        if payload is not None:
            if block is None or block.size > BLOCK_BYTES:
                block = blocks.open()
            block.add(record["span"], payload, record.get("uses", _NONE))
            news.block = block
        pause()


def _payload(record: Record, texts: TraceTexts) -> bytes | None:
    """Return the JSON of a span's payload; None if it has none."""
    parts = [record[key] for key in _PARTS if key in record]
    attributes = _attributes(record)
    if attributes:
        parts.append(b'"attributes":' + _attributes_json(attributes, record, texts))
    return b"{%s}" % b",".join(parts) if parts else None


def _attributes(record: Record) -> Any:
    """Return the attributes of a span, the number of streamed chunks among them."""
    attributes: Any = record.get("attributes") or {}
    if attributes.__class__ is not dict:
        raise TypeError("Attributes must have names.")
    chunks = record.get("chunks")
    return attributes | {"chunks": chunks} if chunks else attributes


def _attributes_json(attributes: dict[str, Any], record: Record, texts: TraceTexts) -> bytes:
    """Return the JSON of attributes, very long texts taken out."""
    text = encode(attributes)
    if len(text) >= ALWAYS_LONG or b'"hash":' in text:
        uses: set[bytes] = set()
        texts.take_out(attributes, uses, set())
        record["uses"] = uses | record.get("uses", _NONE)
        text = encode(attributes)
    return text
