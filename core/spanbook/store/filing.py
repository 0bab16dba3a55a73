"""Filing: a prepared batch goes into the tables, within the caller's transaction."""

from typing import Any

from sqlalchemy import Connection

from spanbook.store.accounts import Accounts, Owner
from spanbook.store.architectures import write_architectures
from spanbook.store.backends.choice import backend_of
from spanbook.store.batch import Batch, TraceNews
from spanbook.store.blocks import BlockNumbers
from spanbook.store.compression import Compressor
from spanbook.store.events import Events
from spanbook.store.joining import SpanNews, is_news, new_row, next_row
from spanbook.store.links import Links
from spanbook.store.pricing import BatchPricing
from spanbook.store.records import Pause, Record
from spanbook.store.rollups import Rollups, Series
from spanbook.store.rows import StoredSpan, StoredTrace
from spanbook.store.runs import Runs
from spanbook.store.schema import spans, traces
from spanbook.store.search import write_search
from spanbook.store.statements import REPLACE, Insert, Lookup, Statement
from spanbook.store.sums import summed
from spanbook.store.tags import Tags
from spanbook.store.totals import add_context, add_span, new_trace
from spanbook.store.versions import VersionNumbers, write_functions
from spanbook.store.wording import clean

_INSERT_TRACES = Insert(traces)
_REPLACE_TRACES = Insert(traces, rule=REPLACE)
_INSERT_SPANS = Insert(spans)
_FIRST, _LAST = StoredSpan._fields.index("first_token_ns"), StoredSpan._fields.index("start_block")
_END = StoredSpan._fields.index("reported_cost")
_UNKNOWN = (None,) * (_LAST - _FIRST)  # where neither model, usage nor error is known
_INSERT_PLAIN_SPANS = Insert(
    spans, (*StoredSpan._fields[:_FIRST], *StoredSpan._fields[_LAST:_END], "version_pk")
)
_REPLACE_SPANS = Insert(spans, rule=REPLACE)
_TRACES = Lookup(traces, "trace_id")
_OF_TRACE = Statement(f"SELECT {', '.join(StoredSpan._fields)} FROM spans WHERE trace_pk = ?")  # noqa: S608
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
        backend = backend_of(connection)
        self._keeps_sums = backend.keeps_sums
        self._numbers = backend.numbers(connection, at)
        self._blocks = BlockNumbers(self._numbers)
        self._rollups = Rollups()
        self._accounts = Accounts(connection)
        self._tags = Tags()
        self._events = Events(connection)
        self._links = Links()
        self._runs = Runs(connection, run_pk)
        self._versions = VersionNumbers(connection, at)
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
        project = trace.project
        is_new = known is None and self._keeps_sums
        old = {} if is_new else self._known_spans(trace.pk, news.spans)
        counted: list[tuple[StoredSpan | None, StoredSpan]] = []
        finished = self._add_spans(trace, news, old, counted, pause)
        for context in news.contexts:
            add_context(trace, context)
        if known is not None and trace.project != project:
            self._move(trace, project)
        for row in finished:
            self._rollups.add(trace.project, row)
        self._accounts.book(trace, counted, owner)
        self._events.add(trace.pk, news.events, is_new=known is None)
        self._links.add(trace.pk, news.links)
        self._tags.add(trace, tagged)
        if known is None:
            self._new_traces.append(trace.values())
        elif trace.values() != before or not self._keeps_sums:
            self._changed_traces.append(trace.values())
        if trace.root_id is not None and trace.end_ns is not None:
            self.finished.add(trace.trace_id)

    def _move(self, trace: StoredTrace, project: str) -> None:
        """Let the spans that finished before count for the trace's project, no more for the old."""
        for row in map(StoredSpan._make, _OF_TRACE.run(self._connection, trace.pk)):
            if row.is_finished:
                self._rollups.take_off(project, row)
                self._rollups.add(trace.project, row)

    def _new_trace(self, trace_id: str) -> StoredTrace:
        pk = self._numbers.trace(trace_id)
        return new_trace(pk, trace_id, self._process, self._run_pk, self._at)

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
        said = (context["project"] for context in news.contexts if context.get("project"))
        project = clean(next(said, None)) or trace.project
        changed = 0
        for span in news.spans:
            before = old.get(span.record["span"])
            if before is not None and not is_news(before, span):
                continue
            row = self._row(trace, before, span, project)
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

    def _row(
        self, trace: StoredTrace, before: StoredSpan | None, span: SpanNews, project: str
    ) -> StoredSpan:
        block = self._blocks.of(span.block, trace.pk)
        if before is None:
            pk = self._numbers.span(trace.pk, span.record["span"])
            row = new_row(span, pk, trace.pk, self._run_pk, block)
        else:
            row = next_row(before, span, block)
        row = self._pricing.price(row, span)
        function = span.record.get("function")
        if type(function) is str:
            row = row._replace(version_pk=self._versions.of(project, function))
        (self._new_spans if before is None else self._changed_spans).append(row)
        return row

    def write(
        self, batch: Batch, compressor: Compressor, series: dict[Series, int]
    ) -> dict[Series, int]:
        """Write all rows; return the series that are not among those known.

        What spans refer to comes before them, and what their traces bring before these: without
        transactions, what was cut off in between is written again, and then nothing is missing.
        """
        connection = self._connection
        uses = self._blocks.uses + self._events.uses
        batch.records.texts.blobs.write(connection, compressor, uses)
        write_architectures(connection, batch.records.architectures, self._at)
        write_functions(connection, batch.records.functions, self._at)
        self._blocks.write(connection)
        self._events.write(compressor)
        self._links.write(connection)
        self._runs.write()
        self._tags.write(connection)
        write_search(connection, self._words)
        _INSERT_TRACES.run(connection, self._new_traces)
        _REPLACE_TRACES.run(connection, self._changed_traces)
        self._insert_spans()
        _REPLACE_SPANS.run(connection, self._changed_spans)
        if not self._keeps_sums:
            rows = [*self._new_traces, *self._changed_traces]
            _REPLACE_TRACES.run(connection, summed(connection, rows))
        self._accounts.write()
        return self._rollups.write(connection, series)

    def _insert_spans(self) -> None:
        """Insert new spans; for most, neither model, usage nor error is known."""
        plain: list[tuple[Any, ...]] = []
        rest: list[StoredSpan] = []
        for row in self._new_spans:
            if row[_FIRST:_LAST] == _UNKNOWN and row.reported_cost is None:
                plain.append((*row[:_FIRST], *row[_LAST:_END], row.version_pk))
            else:
                rest.append(row)
        _INSERT_PLAIN_SPANS.run(self._connection, plain)
        _INSERT_SPANS.run(self._connection, rest)
