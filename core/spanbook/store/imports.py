"""Imports: a trace from a file becomes a journal segment, which is filed like any other."""

import hashlib
import os
import re
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, cast

import orjson
from sqlalchemy import Connection, select

from spanbook.addresses import journal_directory, store_url
from spanbook.architecture.component import Architecture, Component
from spanbook.architecture.component import canonical as of_components
from spanbook.errors import TraceFileError
from spanbook.functions.content import FunctionVersion
from spanbook.functions.content import canonical as of_parts
from spanbook.moments import read_moment, stored_money
from spanbook.pricing.rates import Price
from spanbook.segments import SUFFIX, health_line
from spanbook.spans import SpanKind, Status, new_span_id
from spanbook.store.database import open_engine
from spanbook.store.records import HASH_LENGTH, SPAN_ID_LENGTH, TRACE_ID_LENGTH
from spanbook.store.schema import runs, spans, traces
from spanbook.store.takeover import collect

FORMAT = 1  # the newest that is understood
ISLAND = re.compile(rb'<script type="application/json" id="spanbook-trace">(.*?)</script>', re.S)

_CONTEXT = ("project", "name", "session", "user", "release", "version", "environment")
_PREVIEWS = ("model", "input", "output", "error")
_RUN = ("name", "project", "host", "command", "python", "commit", "release", "environment")
_MONEY = ("cost", "reported_cost", "computed_cost")
_LARGEST = (1 << 63) - 1
_SHORT = 10_000  # characters of a name or id that is quoted or kept

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Imported:
    """A trace that a file held; `is_new` false: the store held it already and is unchanged."""

    trace_id: str
    span_count: int
    is_new: bool


def import_trace(url: str | os.PathLike[str], content: bytes) -> Imported:
    """Put the trace that `content`, an exported file, holds into the store at `url`.

    Raises:
        TraceFileError: the file is none of ours, damaged, or of a newer Spanbook.
        StoreError: the store cannot be opened.
    """
    document = _parse(content)
    trace_id, listed = document.trace_id, document.spans
    address = store_url(url)
    engine = open_engine(address)
    try:
        with engine.connect() as connection:
            known = select(traces.c.pk).where(traces.c.trace_id == trace_id)
            if connection.scalar(known) is not None:
                return Imported(trace_id, len(listed), is_new=False)
            document.fit(connection)
        _write(journal_directory(address), document.lines())
        collect(address)
        with engine.connect() as connection:
            held = select(spans.c.span_id).join(traces, traces.c.pk == spans.c.trace_pk)
            stored = connection.execute(held.where(traces.c.trace_id == trace_id)).all()
    finally:
        engine.dispose()
    if len(stored) < len(listed):
        raise TraceFileError(
            f"Only {len(stored):,} of {len(listed):,} spans could be stored. What was refused is "
            "on the viewer's page Health."
        )
    return Imported(trace_id, len(listed), is_new=True)


def _write(directory: Path, lines: Iterator[Data]) -> None:
    """Write a segment in full before anybody can see it."""
    directory.mkdir(parents=True, exist_ok=True)
    name = f"{time.time_ns():020d}-import-{new_span_id()}"
    hidden = directory / f"{name}.part"
    try:
        with hidden.open("wb") as file:
            file.write(health_line(0, 0, ""))
            for line in lines:
                file.write(orjson.dumps(line) + b"\n")
        hidden.rename(directory / f"{name}{SUFFIX}")
    finally:
        hidden.unlink(missing_ok=True)


def _derived(run_id: str) -> str:
    return hashlib.sha256(f"imported {run_id}".encode()).hexdigest()[:TRACE_ID_LENGTH]


# -- reading the file -----------------------------------------------------------------------------


@dataclass(slots=True)
class _Document:
    """A file's trace as journal records."""

    trace_id: str
    process: Data
    process_end: int | None
    run: Data  # the process itself, or a run that it began
    run_end: Data | None
    context: Data
    spans: list[Data]
    others: list[Data]  # what it ran, events, links and media
    _known: set[str] = field(default_factory=set[str])  # runs that the store has by itself

    def fit(self, connection: Connection) -> None:
        """Let the store's own runs be as they are: neither changed nor ended from here."""
        for run in (self.process, self.run):
            found = select(runs.c.status).where(runs.c.run_id == run["run"])
            status = connection.scalar(found)
            if status == Status.RUNNING:
                run["run"] = _derived(run["run"])
            elif status is not None:
                self._known.add(run["run"])

    def lines(self) -> Iterator[Data]:
        """Yield the records of the segment."""
        yield {"type": "process", "version": 1, **self.process}
        if self.run is not self.process:
            yield from self._run()
        yield from self.others
        yield from self.spans
        yield {"type": "trace", "trace": self.trace_id, "context": self.context}
        if self.process_end is not None and self.process["run"] not in self._known:
            yield {"type": "exit", "at": self.process_end}

    def _run(self) -> Iterator[Data]:
        run, start = self.run["run"], self.run["start"]
        for span in self.spans:
            if "parent" not in span:
                span["run"] = run
        if run in self._known:
            return
        yield {"type": "run", **self.run}
        if self.run.get("metrics"):
            yield {
                "type": "metrics", "run": run, "at": start, "step": 0, "values": self.run["metrics"]
            }  # fmt: skip
        if self.run_end is not None:
            yield {"type": "run_end", "run": run, **self.run_end}


def _parse(content: bytes) -> _Document:
    head, listed, media = _pieces(content)
    _check_format(head)
    trace = _mapping(head.get("trace"), "trace")
    trace_id = _hex(trace.get("id"), TRACE_ID_LENGTH, "trace.id")
    records: list[Data] = []
    others = [*_architecture(head, trace), *_functions(head)]
    others += (_media(digest, _mapping(item, "media")) for digest, item in media)
    seen: set[str] = set()
    for number, span in enumerate(listed, 1):
        place = f"span {number:,}"
        record = _span(trace_id, span, place)
        if record["span"] in seen:
            raise _damaged(f"{place} has the id of another one, {record['span']}")
        seen.add(record["span"])
        records.append(record)
        others += _events(record, span, place)
    if not records:
        raise _damaged("it has no spans")
    start = min(record["start"] for record in records)
    run, end = _run(head.get("run"), trace_id, start)
    process, process_end = run, end
    if head.get("run") is not None and head["run"].get("process") is not None:
        process, process_end = _run(head["run"]["process"], trace_id, start)
    exit_ns = None if process_end is None else process_end["end"]
    return _Document(trace_id, process, exit_ns, run, end, _context(trace), records, others)


def _pieces(content: bytes) -> tuple[Data, list[Data], list[tuple[str, Any]]]:
    """Return what the file says of the trace, its spans, and its media by hash."""
    island = ISLAND.search(content) if content.lstrip()[:1] == b"<" else None
    content = island[1] if island else content
    try:
        whole = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        return _lines(content, error)
    if not isinstance(whole, dict) or "spanbook" not in whole:
        raise TraceFileError("This is no trace that Spanbook exported: it does not say so.")
    head = cast("Data", whole)
    if "spans" not in head:  # JSON lines of which there is only the first
        return head, [], []
    listed = list(_flat(head["spans"]))
    return head, listed, list(_mapping(head.get("media") or {}, "media").items())


def _flat(nested: Any) -> Iterator[Data]:
    """Yield spans that stand inside each other, parents first, each naming its parent."""
    pending = [(item, None) for item in reversed(_list(nested, "spans"))]
    while pending:
        item, parent = pending.pop()
        span = _mapping(item, "a span")
        if parent is not None and span.get("parent") != parent:
            raise _damaged(f"a span inside {parent!r:.40} names another parent")
        yield span
        inside = _list(span.get("children") or [], "children")
        pending += [(child, span.get("id")) for child in reversed(inside)]


def _lines(
    content: bytes, error: orjson.JSONDecodeError
) -> tuple[Data, list[Data], list[tuple[str, Any]]]:
    head: Data | None = None
    listed: list[Data] = []
    media: list[tuple[str, Any]] = []
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            item = _mapping(orjson.loads(line), f"line {number}")
        except orjson.JSONDecodeError:
            if head is None:
                raise TraceFileError(
                    "This is no trace that Spanbook exported: neither JSON, JSON lines nor HTML "
                    f"({error})."
                ) from error
            raise _damaged(f"line {number:,} is no JSON") from None
        match item:
            case {"spanbook": _}:
                head = item
            case {"span": span}:
                listed.append(_mapping(span, f"line {number}"))
            case {"media": {"hash": str(digest)} as found}:
                media.append((digest, found))
            case _:
                raise _damaged(f"line {number:,} is neither a trace, a span nor media")
    if head is None and not listed:
        raise TraceFileError("This is no trace that Spanbook exported: the file is empty.")
    if head is None:
        raise _damaged("the line that describes the trace is missing")
    return head, listed, media


def _check_format(head: Data) -> None:
    written = _mapping(head["spanbook"], "spanbook").get("format")
    if type(written) is not int or written < 1:
        raise _damaged("its format is no number")
    if written > FORMAT:
        raise TraceFileError(
            f"A newer Spanbook wrote this file (format {written}; this one reads up to {FORMAT}). "
            "Upgrade with pip install --upgrade spanbook."
        )


def _run(run: Any, trace_id: str, start: int) -> tuple[Data, Data | None]:
    if run is None:
        return {"run": _derived(trace_id), "start": start}, None
    run = _mapping(run, "run")
    record: Data = {
        "run": _hex(run.get("id"), TRACE_ID_LENGTH, "run.id"),
        "start": _moment(run.get("start"), "run.start"),
        **{name: _text(run[name], f"run.{name}") for name in _RUN if run.get(name) is not None},
    }
    if run.get("pid") is not None:
        record["pid"] = _integer(run["pid"], "run.pid", 1 << 31)
    for name in ("config", "metrics"):
        if run.get(name) is not None:
            record[name] = _mapping(run[name], f"run.{name}")
    if run.get("packages") is not None:
        packages = _list(run["packages"], "run.packages")
        record["packages"] = [_text(package, "run.packages") for package in packages]
    if run.get("end") is None:
        return record, None
    status = _one_of(run.get("status", Status.OK), Status, "run.status")
    return record, {"status": status, "end": _moment(run["end"], "run.end")}


def _architecture(head: Data, trace: Data) -> Iterator[Data]:
    """Yield what the trace ran, if the file holds it. A hash that is not its own is refused."""
    if head.get("architecture") is None:
        return
    data = _mapping(head["architecture"], "architecture")
    try:
        made = Architecture.of(Component.from_data(data))
    except (KeyError, TypeError, ValueError, RecursionError):
        raise _damaged("its architecture is no tree of components") from None
    if made.hash != trace.get("architecture"):
        raise _damaged("its architecture is not the one that the trace names")
    body = of_components(made.root).decode()
    yield {"type": "architecture", "hash": made.hash, "name": made.root.name, "body": body}


def _functions(head: Data) -> Iterator[Data]:
    """Yield the versions that spans are calls of. A hash that is not its own is refused."""
    for hash, data in _mapping(head.get("functions") or {}, "functions").items():
        try:
            read = FunctionVersion.from_data(hash, _mapping(data, "a function"))
        except (KeyError, TypeError, ValueError, RecursionError):
            raise _damaged(f"the function {hash!r:.20} is no version of one") from None
        if FunctionVersion.of(read.name, read.parts, read.unknown).hash != hash:
            raise _damaged(f"the function {hash!r:.20} is not what its hash says")
        body = of_parts(read.to_data()).decode()
        told = {"name": read.name, "unknown": read.unknown, "body": body}
        yield {"type": "function", "hash": hash, **told}


def _context(trace: Data) -> Data:
    context: Data = {
        name: _text(trace[name], f"trace.{name}")
        for name in (*_CONTEXT, *_PREVIEWS)
        if trace.get(name) is not None
    }
    tags = _list(trace.get("tags") or [], "trace.tags")
    context["tags"] = [_text(tag, "trace.tags") for tag in tags]
    if trace.get("architecture") is not None:
        context["architecture"] = _hex(trace["architecture"], HASH_LENGTH, "trace.architecture")
    context["metadata"] = _mapping(trace.get("metadata") or {}, "trace.metadata")
    return context


def _span(trace_id: str, span: Data, place: str) -> Data:
    status = _one_of(span.get("status"), Status, f"{place}: status")
    record: Data = {
        "type": "start" if status == Status.RUNNING else "end",
        "trace": trace_id,
        "span": _hex(span.get("id"), SPAN_ID_LENGTH, f"{place}: id"),
        "kind": _one_of(span.get("kind"), SpanKind, f"{place}: kind"),
        "name": _text(span.get("name"), f"{place}: name"),
        "start": _moment(span.get("start"), f"{place}: start"),
    }
    if span.get("parent") is not None:
        record["parent"] = _hex(span["parent"], SPAN_ID_LENGTH, f"{place}: parent")
    if status != Status.RUNNING:
        record["status"] = status
        end = span.get("end")
        record["end"] = record["start"] if end is None else _moment(end, f"{place}: end")
        if end is None and status != Status.INCOMPLETE:
            raise _damaged(f"{place} has no end")
    if span.get("first_token") is not None:
        record["first_token"] = _moment(span["first_token"], f"{place}: first_token")
    for name in ("model", "provider"):
        if span.get(name) is not None:
            record[name] = _text(span[name], f"{place}: {name}")
    if span.get("function") is not None:
        record["function"] = _hex(span["function"], HASH_LENGTH, f"{place}: function")
    for name in ("error", "attributes"):
        if span.get(name) is not None:
            record[name] = _mapping(span[name], f"{place}: {name}")
    record |= {name: span[name] for name in ("input", "output") if name in span}
    return record | _usage(span, place) | _charged(span, place)


def _usage(span: Data, place: str) -> Data:
    if span.get("usage") is None:
        return {"counted": False}  # without usage: it is not to be estimated now
    usage = dict(_mapping(span["usage"], f"{place}: usage"))
    counted = bool(usage.pop("counted", True))
    estimated = bool(usage.pop("estimated", False))
    numbers = {
        _text(name, f"{place}: usage"): _integer(number, f"{place}: usage.{name}", _LARGEST)
        for name, number in usage.items()
    }
    return {"usage": {**numbers, "estimated": estimated}, "counted": counted}


def _charged(span: Data, place: str) -> Data:
    given = _mapping(span.get("charged") or {}, f"{place}: charged")
    charged: Data = {
        name: _money(given[name], f"{place}: {name}") for name in _MONEY if name in given
    }
    for name in ("tier", "unpriced", "anomaly"):
        if name in given:
            charged[name] = _text(given[name], f"{place}: {name}")
    if given.get("price") is None:
        return {"charged": charged}
    return {"charged": charged, "price": _price(given["price"], f"{place}: price")}


def _price(value: Any, what: str) -> Data:
    """Return a price that can be read again when it is filed."""
    price = _mapping(value, what)
    for name in ("model", "source"):
        _text(price.get(name), f"{what}: {name}")
    if price.get("provider") is not None:
        _text(price["provider"], f"{what}: provider")
    try:
        read = Price.from_dict(price)
        rates = [dollars for rate in read.rates.values() for dollars in rate.all]
        _checked(all(map(Decimal.is_finite, rates)), rates, what, "finite rates")
        return read.to_dict()
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
        raise _damaged(f"{what} is none that can be read") from None


def _events(record: Data, span: Data, place: str) -> Iterator[Data]:
    whose = {"trace": record["trace"], "span": record["span"]}
    for item in _list(span.get("events") or [], f"{place}: events"):
        event = _mapping(item, f"{place}: an event")
        data = {"data": event["data"]} if "data" in event else {}
        yield {
            "type": "event",
            **whose,
            "at": _moment(event.get("at"), f"{place}: an event's at"),
            "name": _text(event.get("name"), f"{place}: an event's name"),
            **data,
        }
    for item in _list(span.get("links") or [], f"{place}: links"):
        link = _mapping(item, f"{place}: a link")
        yield {
            "type": "link",
            **whose,
            "to_trace": _hex(link.get("trace"), TRACE_ID_LENGTH, f"{place}: a link's trace"),
            "to_span": _hex(link.get("span"), SPAN_ID_LENGTH, f"{place}: a link's span"),
            "name": _text(link.get("name"), f"{place}: a link's name"),
        }


def _media(digest: str, item: Data) -> Data:
    """Return the record of an image, sound or file whose content is what its hash says."""
    data = _text(item.get("data"), "media", length=None)
    try:
        content = b64decode(data, validate=True)
    except ValueError:
        raise _damaged(f"the content of media {digest!r:.40} is no base64") from None
    if hashlib.sha256(content).hexdigest()[:TRACE_ID_LENGTH] != digest:
        raise _damaged(f"the content of media {digest!r:.40} is another one")
    media_type = _text(item.get("media_type") or "", "media_type")
    return {"type": "blob", "hash": digest, "media_type": media_type, "data": data}


# -- single values --------------------------------------------------------------------------------


def _damaged(what: str) -> TraceFileError:
    return TraceFileError(f"The file is damaged: {what}. Export the trace again.")


def _checked(is_right: bool, value: Any, what: str, wanted: str) -> None:
    if not is_right:
        raise _damaged(f"{what} should be {wanted}, not {value!r:.60}")


def _mapping(value: Any, what: str) -> Data:
    _checked(isinstance(value, dict), value, what, "an object")
    return value


def _list(value: Any, what: str) -> list[Any]:
    _checked(isinstance(value, list), value, what, "a list")
    return value


def _text(value: Any, what: str, length: int | None = _SHORT) -> str:
    _checked(isinstance(value, str), value, what, "text")
    return value[:length]


def _hex(value: Any, length: int, what: str) -> str:
    is_right = isinstance(value, str) and re.fullmatch(f"[0-9a-f]{{{length}}}", value) is not None
    _checked(is_right, value, what, f"{length} hexadecimal digits")
    return value


def _integer(value: Any, what: str, largest: int) -> int:
    _checked(type(value) is int and 0 <= value <= largest, value, what, "a whole number")
    return value


def _bounded(value: int, what: str) -> int:
    _checked(-_LARGEST <= value <= _LARGEST, value, what, "a number that a store can hold")
    return value


def _moment(value: Any, what: str) -> int:
    try:
        return _bounded(read_moment(value), what)
    except (AttributeError, TypeError, ValueError):
        raise _damaged(
            f"{what} should be a moment such as 2026-05-04T09:30:00.000000000Z, not {value!r:.60}"
        ) from None


def _money(value: Any, what: str) -> int:
    try:
        return _bounded(stored_money(Decimal(_text(value, what))), what)
    except (InvalidOperation, ValueError, OverflowError):
        raise _damaged(f"{what} should be an amount such as 0.0125, not {value!r:.60}") from None


def _one_of(value: Any, known: Callable[[Any], str], what: str) -> str:
    try:
        return str(known(value))
    except ValueError:
        raise TraceFileError(
            f"{what} is {value!r:.60}, which this Spanbook does not know. If a newer one wrote the "
            "file, upgrade with pip install --upgrade spanbook."
        ) from None
