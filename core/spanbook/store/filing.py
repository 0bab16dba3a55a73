"""Filing: a prepared batch goes into the tables, within the caller's transaction."""

from typing import Any

from sqlalchemy import Connection

from spanbook.store.accounts import Accounts, Owner
from spanbook.store.batch import Batch, TraceNews
from spanbook.store.blocks import BlockNumbers
from spanbook.store.compression import Compressor
from spanbook.store.events import Events
from spanbook.store.joining import SpanNews, is_news, new_row, next_row
from spanbook.store.links import Links
from spanbook.store.numbers import last_numbers
from spanbook.store.pricing import BatchPricing
from spanbook.store.records import Pause, Record
from spanbook.store.rollups import Rollups, Series
from spanbook.store.rows import StoredSpan, StoredTrace
from spanbook.store.runs import Runs
from spanbook.store.schema import spans, traces
from spanbook.store.search import write_search
from spanbook.store.statements import REPLACE, Insert, Lookup
from spanbook.store.tags import Tags
from spanbook.store.totals import add_context, add_span, new_trace

_INSERT_TRACES = Insert(traces)
_REPLACE_TRACES = Insert(traces, rule=REPLACE)
_INSERT_SPANS = Insert(spans)
_FIRST, _LAST = StoredSpan._fields.index("first_token_ns"), StoredSpan._fields.index("start_block")
_END = StoredSpan._fields.index("reported_cost")
_UNKNOWN = (None,) * (_LAST - _FIRST)  # where neither model, usage nor error is known
_INSERT_PLAIN_SPANS = Insert(spans, StoredSpan._fields[:_FIRST] + StoredSpan._fields[_LAST:_END])
_REPLACE_SPANS = Insert(spans, rule=REPLACE)
_TRACES = Lookup(traces, "trace_id")
_SPANS = Lookup(spans, "span_id", given=["trace_pk"])


class Filing:
    """Puts one batch into the tables: looks up what is there, computes rows, writes them."""

    def __init__(
        self,
        connection: Connection,
        process: Record | None,
        run_pk: int | None,
        at: int,
        pricing: BatchPricing,
    ) -> None:
        """Prepare to file records of the run `run_pk`, told by `process`, at the moment `at`."""
        self._connection = connection
        self._process = process
        self._run_pk = run_pk
        self._at = at
        self._pricing = pricing
        last = last_numbers(connection)
        self._last_trace = last.trace
        self._last_span = last.span
        self._blocks = BlockNumbers(last.block)
        self._rollups = Rollups()
        self._accounts = Accounts(connection)
        self._tags = Tags()
        self._events = Events(connection)
        self._links = Links()
        self._runs = Runs(connection, run_pk)
        self._new_traces: list[tuple[Any, ...]] = []
        self._changed_traces: list[tuple[Any, ...]] = []
        self._new_spans: list[StoredSpan] = []
        self._changed_spans: list[StoredSpan] = []
        self._words: list[tuple[int, int, str]] = []
        self.finished: set[str] = set()  # traces whose root has ended

    def add(self, batch: Batch, pause: Pause) -> None:
        """Compute the rows of all traces of `batch`."""
        for record in batch.records.runs:
            self._runs.add(record)
        known = self._known_traces([news.trace_id for news in batch.traces])
        for news in batch.traces:
            self._add_trace(news, known.get(news.trace_id), pause)
            news.spans.clear()  # its records are freed here, and not all at once
            pause()

    def _known_traces(self, trace_ids: list[str]) -> dict[str, StoredTrace]:
        rows = _TRACES.run(self._connection, trace_ids)
        return {row[1]: StoredTrace(*row) for row in rows}

    def _add_trace(self, news: TraceNews, known: StoredTrace | None, pause: Pause) -> None:
        trace = known or self._new_trace(news.trace_id)
        before = trace.values() if known is not None else ()
        tagged = None if known is None else (trace.tags, trace.start_ns)
        owner = Owner.of(trace) if known is not None and trace.usage_count else None
        old = {} if known is None else self._known_spans(trace.pk, news.spans)
        counted: list[tuple[StoredSpan | None, StoredSpan]] = []
        finished = self._add_spans(trace, news, old, counted, pause)
        for context in news.contexts:
            add_context(trace, context)
        for row in finished:
            self._rollups.add(trace.project, row)
        self._accounts.book(trace, counted, owner)
        self._events.add(trace.pk, news.events, is_new=known is None)
        self._links.add(trace.pk, news.links)
        self._tags.add(trace, tagged)
        if known is None:
            self._new_traces.append(trace.values())
        elif trace.values() != before:
            self._changed_traces.append(trace.values())
        if trace.root_id is not None and trace.end_ns is not None:
            self.finished.add(trace.trace_id)

    def _new_trace(self, trace_id: str) -> StoredTrace:
        self._last_trace += 1
        return new_trace(self._last_trace, trace_id, self._process, self._run_pk, self._at)

    def _add_spans(
        self,
        trace: StoredTrace,
        news: TraceNews,
        old: dict[str, StoredSpan],
        counted: list[tuple[StoredSpan | None, StoredSpan]],
        pause: Pause,
    ) -> list[StoredSpan]:
        """Compute the rows of a trace's spans; return those that have just finished.

        Add to `counted` what was and what is the row of each span whose usage counts.
        """
        finished: list[StoredSpan] = []
        changed = 0
        for span in news.spans:
            before = old.get(span.record["span"])
            if before is not None and not is_news(before, span):
                continue
            row = self._row(trace, before, span)
            add_span(trace, before, row, span)
            if row.counted or (before is not None and before.counted):
                counted.append((before, row))
            self._place(trace, row, span)
            if row.is_finished and (before is None or not before.is_finished):
                finished.append(row)
            changed = changed or row.pk
            pause()
        if changed and news.words:
            self._words.append((trace.pk, changed, news.words))
        return finished

    def _place(self, trace: StoredTrace, row: StoredSpan, span: SpanNews) -> None:
        """Put a trace into the run that its root names, or what stands in for that."""
        run = span.record.get("run")
        if type(run) is str and trace.root_id in (None, row.span_id):
            trace.run_pk = self._runs.number(run, row.start_ns)

    def _known_spans(self, trace_pk: int, news: list[SpanNews]) -> dict[str, StoredSpan]:
        ids = [span.record["span"] for span in news]
        rows = _SPANS.run(self._connection, ids, trace_pk)
        return {row[3]: StoredSpan._make(row) for row in rows}

    def _row(self, trace: StoredTrace, before: StoredSpan | None, span: SpanNews) -> StoredSpan:
        block = self._blocks.of(span.block, trace.pk)
        if before is None:
            self._last_span += 1
            row = new_row(span, self._last_span, trace.pk, self._run_pk, block)
            row = self._pricing.price(row, span)
            self._new_spans.append(row)
        else:
            row = self._pricing.price(next_row(before, span, block), span)
            self._changed_spans.append(row)
        return row

    def write(
        self, batch: Batch, compressor: Compressor, series: dict[Series, int]
    ) -> dict[Series, int]:
        """Write all rows; return the series that are not among those known."""
        connection = self._connection
        uses = self._blocks.uses + self._events.uses
        batch.records.texts.blobs.write(connection, compressor, uses)
        _INSERT_TRACES.run(connection, self._new_traces)
        _REPLACE_TRACES.run(connection, self._changed_traces)
        self._insert_spans()
        _REPLACE_SPANS.run(connection, self._changed_spans)
        self._blocks.write(connection)
        self._events.write(compressor)
        self._links.write(connection)
        self._runs.write()
        self._tags.write(connection)
        self._accounts.write()
        write_search(connection, self._words)
        return self._rollups.write(connection, series)

    def _insert_spans(self) -> None:
        """Insert new spans; for most, neither model, usage nor error is known."""
        new = self._new_spans
        plain = [row[:_FIRST] + row[_LAST:_END] for row in new if row[_FIRST:_LAST] == _UNKNOWN]
        _INSERT_PLAIN_SPANS.run(self._connection, plain)
        if len(plain) < len(new):
            rest = [row for row in new if row[_FIRST:_LAST] != _UNKNOWN]
            _INSERT_SPANS.run(self._connection, rest)
