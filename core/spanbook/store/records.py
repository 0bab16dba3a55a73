"""Records: what the lines of a journal say, grouped by trace."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import orjson

from spanbook.spans import SpanKind, Status
from spanbook.store.flow import Flows, TraceFlow
from spanbook.store.quotes import Quotes
from spanbook.store.texts import BatchTexts, KnownTexts, TraceTexts
from spanbook.store.wording import error_preview, input_preview, output_preview

Record = dict[str, Any]
Pause = Callable[[], None]  # called between small pieces of work, so that others get their turn

TRACE_ID_LENGTH = 32
SPAN_ID_LENGTH = 16
HASH_LENGTH = 64

_KINDS = frozenset(map(str, SpanKind))
_ENDS = frozenset(map(str, Status)) - {str(Status.RUNNING)}
_INCOMPLETE = str(Status.INCOMPLETE)
_CALLS = frozenset(map(str, (SpanKind.LLM, SpanKind.EMBEDDING)))


class Line(NamedTuple):
    """The line that a record came from, to be read once more."""

    data: bytes
    quotes: Quotes

    def read(self) -> Record:
        """Return the record as it was written, with all its texts."""
        record = cast("Record", orjson.loads(self.data))
        self.quotes.fill(record, self.data)
        return record


class TraceRecords:
    """The records of one trace, starts and ends by span id."""

    __slots__ = ("contexts", "ends", "events", "flow", "links", "starts", "texts")

    def __init__(self, texts: TraceTexts, flow: TraceFlow | None) -> None:
        self.texts = texts
        self.flow = flow
        self.starts: dict[str, Record] = {}
        self.ends: dict[str, Record] = {}
        self.events: list[Record] = []
        self.links: list[Record] = []
        self.contexts: list[Record] = []


@dataclass(slots=True)
class Records:
    """The records of one batch. Inputs and outputs are JSON again, without their long texts."""

    texts: BatchTexts
    quotes: Quotes
    flows: Flows | None = None  # None: whose output became whose input is not looked for
    traces: dict[str, TraceRecords] = field(default_factory=dict[str, TraceRecords])
    processes: list[Record] = field(default_factory=list[Record])
    runs: list[Record] = field(default_factory=list[Record])  # starts, metrics and ends
    architectures: list[Record] = field(default_factory=list[Record])
    functions: list[Record] = field(default_factory=list[Record])
    exit_ns: int | None = None
    count: int = 0
    finished: int = 0  # ends of spans, repeated ones included
    corrupt: int = 0  # lines that are no record

    def trace(self, trace_id: str) -> TraceRecords:
        """Return the records of a trace, to be added to."""
        found = self.traces.get(trace_id)
        if found is None:
            flow = None if self.flows is None else self.flows.of(trace_id)
            found = TraceRecords(TraceTexts(trace_id, self.texts), flow)
            self.traces[trace_id] = found
        return found


def decode(
    lines: Iterable[bytes],
    known: KnownTexts,
    pause: Pause,
    quotes: Quotes | None = None,
    flows: Flows | None = None,
) -> Records:
    """Read journal lines; those that are no record are counted and left out.

    So are texts that a line quotes and neither the lines nor their segment hold.
    """
    quotes = quotes or Quotes()
    records = Records(BatchTexts(known), quotes, flows)
    for line in lines:
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            record = _parse_rest(line)
        try:
            if record.get("kind") in _CALLS:
                record["line"] = Line(line, quotes)  # its tokens may have to be estimated
            quotes.fill(record, line)
            is_known = _ADDERS[record["type"]](records, record)
        except (AttributeError, KeyError, TypeError):  # some other JSON
            is_known = False
        if not is_known:
            records.corrupt += 1
        records.count += is_known
        pause()
    records.corrupt += quotes.lost
    return records


def _parse_rest(line: bytes) -> Any:
    """Return the record that stands behind space which a killed writer left empty, or None."""
    rest = line.rpartition(b"\0")[2]
    if len(rest) in (0, len(line)):
        return None
    try:
        return orjson.loads(rest)
    except orjson.JSONDecodeError:
        return None


def _add_start(records: Records, record: Record) -> bool:
    if not _is_span(record):
        return False
    trace = records.trace(record["trace"])
    if record["span"] not in trace.starts:
        _take_payload(record, trace)
        trace.starts[record["span"]] = record
    if "context" in record:
        _add_context(trace, record)
    return True


def _add_end(records: Records, record: Record) -> bool:
    if not _is_span(record) or record["status"] not in _ENDS or type(record["end"]) is not int:
        return False
    trace = records.trace(record["trace"])
    known = trace.ends.get(record["span"])
    if known is None or known["status"] == _INCOMPLETE:
        _take_payload(record, trace)
        trace.ends[record["span"]] = record
    if record["status"] != _INCOMPLETE:
        records.finished += 1
    if "context" in record:
        _add_context(trace, record)
    return True


def _take_payload(record: Record, trace: TraceRecords) -> None:
    """Turn input and output into JSON while they are at hand; of a root, keep previews.

    The JSON is copied where it is joined with its key. The copy is as short as can be: what orjson
    returns was cut from a longer piece, and many of these would leave the heap in shreds.
    """
    texts, uses = trace.texts, set[bytes]()
    is_root = "parent" not in record or "entry" in record
    if trace.flow is not None:
        trace.links += trace.flow.read(record)
    texts.found.add(record["name"])
    if "input" in record:
        if is_root:
            record["input_preview"] = input_preview(record["input"])
        record["input"] = b'"input":' + texts.encode(record["input"], uses)
    if "output" in record:
        if is_root:
            record["output_preview"] = output_preview(record["output"])
        record["output"] = b'"output":' + texts.encode(record["output"], uses)
    if "error" in record:
        record["error_preview"] = error_preview(record["error"])
        record["error_json"] = b'"error":' + texts.encode(record["error"], uses)
    if uses:
        record["uses"] = uses


def _is_span(record: Record) -> bool:
    """Say whether a record can be a span's; what is missing raises."""
    if record["kind"] not in _KINDS:
        record["kind"] = SpanKind.STEP
    return (
        len(record["trace"]) == TRACE_ID_LENGTH
        and len(record["span"]) == SPAN_ID_LENGTH
        and type(record["start"]) is int
        and type(record["name"]) is str
    )


def _add_context(trace: TraceRecords, record: Record) -> None:
    context = record["context"]
    if type(context) is dict:
        trace.contexts.append(cast("Record", context))


def _add_event(records: Records, record: Record) -> bool:
    if (
        len(record["trace"]) != TRACE_ID_LENGTH
        or len(record["span"]) != SPAN_ID_LENGTH
        or type(record["at"]) is not int
        or type(record["name"]) is not str
    ):
        return False
    records.trace(record["trace"]).events.append(record)
    return True


def _add_link(records: Records, record: Record) -> bool:
    if (
        {len(record["trace"]), len(record["to_trace"])} != {TRACE_ID_LENGTH}
        or {len(record["span"]), len(record["to_span"])} != {SPAN_ID_LENGTH}
        or type(record["name"]) is not str
    ):
        return False
    records.trace(record["trace"]).links.append(record)
    return True


def _add_trace(records: Records, record: Record) -> bool:
    if len(record["trace"]) != TRACE_ID_LENGTH or type(record["context"]) is not dict:
        return False
    _add_context(records.trace(record["trace"]), record)
    return True


def _add_media(records: Records, record: Record) -> bool:
    if len(record["hash"]) != TRACE_ID_LENGTH or type(record["data"]) is not str:
        return False
    records.texts.blobs.add_media(record)
    return True


def _add_text(records: Records, record: Record) -> bool:
    if type(record["at"]) is not int or type(record["text"]) is not str:
        return False
    records.quotes.add(record["at"], record["text"])
    return True


def _add_process(records: Records, record: Record) -> bool:
    if len(record["run"]) != TRACE_ID_LENGTH or type(record["start"]) is not int:
        return False
    records.processes.append(record)
    return True


def _add_run(records: Records, record: Record) -> bool:
    at = {"run": "start", "metrics": "at", "run_end": "end"}[record["type"]]
    if len(record["run"]) != TRACE_ID_LENGTH or type(record[at]) is not int:
        return False
    if record["type"] == "metrics" and not (
        type(record["values"]) is dict and type(record["step"]) is int
    ):
        return False
    if record["type"] == "run_end" and record["status"] not in _ENDS:
        return False
    records.runs.append(record)
    return True


def _add_architecture(records: Records, record: Record) -> bool:
    if len(record["hash"]) != HASH_LENGTH or {type(record["name"]), type(record["body"])} != {str}:
        return False
    records.architectures.append(record)
    return True


def _add_function(records: Records, record: Record) -> bool:
    told = [record[name] for name in ("name", "unknown", "body")]
    if len(record["hash"]) != HASH_LENGTH or not all(isinstance(text, str) for text in told):
        return False
    records.functions.append(record)
    return True


def _add_exit(records: Records, record: Record) -> bool:
    if type(record["at"]) is not int:
        return False
    records.exit_ns = record["at"]
    return True


_ADDERS: dict[Any, Callable[[Records, Record], bool]] = {
    "start": _add_start,
    "end": _add_end,
    "event": _add_event,
    "link": _add_link,
    "trace": _add_trace,
    "blob": _add_media,
    "text": _add_text,
    "process": _add_process,
    "run": _add_run,
    "metrics": _add_run,
    "run_end": _add_run,
    "architecture": _add_architecture,
    "function": _add_function,
    "exit": _add_exit,
}
