"""The book: a store to read from, for notebooks and scripts."""

import contextlib
import os
import time
from collections.abc import Callable, Collection, Generator, Iterator
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Engine

from spanbook.architecture.component import Architecture
from spanbook.drawing.dependencies import Dependencies, dependencies, dependencies_diagram
from spanbook.drawing.formats import DiagramFormat, drawn
from spanbook.drawing.gantt import Unit, gantt
from spanbook.drawing.graph import Graph, Grouping
from spanbook.drawing.graph import build as build_graph
from spanbook.drawing.graph_diagram import graph_diagram
from spanbook.drawing.page import page as html_page
from spanbook.functions.changes import Change as VersionChange
from spanbook.functions.changes import changes
from spanbook.functions.content import FunctionVersion
from spanbook.pricing.own import own_name, own_rates, own_start
from spanbook.pricing.rates import Price
from spanbook.reading import costs, outputs, queries, trees
from spanbook.reading.architectures import (
    ArchitectureRow,
    TraceArchitecture,
    get_architecture,
    list_architectures,
    trace_architecture,
)
from spanbook.reading.costs import CostExplanation
from spanbook.reading.filters import TraceFilter
from spanbook.reading.health import StoreHealth, store_health
from spanbook.reading.last_good import SinceGood, since_last_good
from spanbook.reading.links import data_flows
from spanbook.reading.list_filter import LARGEST_PAGE
from spanbook.reading.messages import VersionStep, Written, write_messages
from spanbook.reading.rows import (
    Blob,
    LinkRow,
    MetricRow,
    Payload,
    RunRow,
    SpanRow,
    TraceRow,
)
from spanbook.reading.run_filter import RunFilter
from spanbook.reading.span_table import SpanTable, span_table
from spanbook.reading.trace_payloads import trace_payloads
from spanbook.reading.trees import Tree
from spanbook.reading.versions import (
    FunctionRow,
    VersionRow,
    get_version,
    list_functions,
    list_versions,
)
from spanbook.settings import Settings
from spanbook.store.database import open_engine, reading_engine
from spanbook.store.prices import add_own, remove_own
from spanbook.usage import Usage

_MOST_PAYLOADS = 500  # in a page


class Trace:
    """One trace: its row at once, its spans and payloads when asked for."""

    def __init__(self, engine: Engine, row: TraceRow) -> None:
        self._engine = engine
        self.row = row

    @cached_property
    def spans(self) -> list[SpanRow]:
        """The spans by start."""
        return queries.list_spans(self._engine, self.row.trace_id)

    def tree(self) -> Tree:
        """Return the spans as a tree."""
        return trees.build(self.spans)

    def payloads(self) -> dict[str, Payload]:
        """Return what went into all spans and came out of them, by span id."""
        return trace_payloads(self._engine, self.row.trace_id)

    def payload(self, span_id: str) -> Payload:
        """Return what went into a span and came out of it.

        Raises:
            UnknownTraceError: the trace has no such span.
        """
        return queries.get_payload(self._engine, self.row.trace_id, span_id)

    def explain_cost(self, span_id: str) -> CostExplanation:
        """Return by which price and by which shares a span cost what it did.

        Raises:
            UnknownTraceError: the trace has no such span.
        """
        return costs.explain_cost(self._engine, self.row.trace_id, span_id)

    def usage(self, span_id: str | None = None) -> dict[str, Usage]:
        """Return the tokens of each model, of the whole trace or of one span and all below it.

        What has no model's name is under "".
        """
        found: dict[str, Usage] = {}
        for span in self._below(span_id):
            if span.usage is not None and span.counted:
                model = span.model or ""
                known = found.get(model)
                found[model] = span.usage if known is None else known + span.usage
        return found

    def _below(self, span_id: str | None) -> Iterator[SpanRow]:
        """Yield a span and all below it; all spans of the trace for None."""
        depth = -1
        for node in self.tree().nodes:
            if depth >= 0 and node.depth <= depth:
                return
            if depth < 0 and node.span.span_id == span_id:
                depth = node.depth
            if span_id is None or depth >= 0:
                yield node.span

    def architecture(self) -> TraceArchitecture | None:
        """Return what the trace ran: as told by what it called, else as its spans show."""
        return trace_architecture(self._engine, self.row.trace_id)

    def since_last_good(self) -> SinceGood | None:
        """Return what changed since the last good trace of this name; None: there is none."""
        return since_last_good(self._engine, self.row.trace_id)

    def to_dict(self, *, nested: bool = True, payloads: bool = True) -> dict[str, Any]:
        """Return the trace as plain data, under `spans` its spans inside each other or flat.

        `payloads` adds what went into each span and came out of it.
        """
        found = trace_payloads(self._engine, self.row.trace_id) if payloads else {}
        shape = outputs.nested if nested else outputs.flat
        return shape(self.row, self.tree(), found)

    def gantt(self, *, only: str | Collection[str] | None = None, unit: Unit | None = None) -> str:
        """Return when its spans ran, as an SVG that needs nothing else.

        `only` chooses spans: a regular expression for their names, or their ids. `unit` writes all
        times in `ms` or `s`.
        """
        return gantt(self.tree(), title=self.row.name, only=only, unit=unit)

    def graph(self, format: DiagramFormat = "svg", *, by: str = Grouping.CALLER) -> str:
        """Return what called what, and whose output went where, as `svg`, `mermaid` or `dot`.

        Spans of one name that one node called are one node; `by="name"` makes all spans of one name
        one node, `by="span"` none.

        Raises:
            ValueError: another format or grouping.
        """
        return drawn(graph_diagram(self._graph(Grouping(by))), format, "Execution graph")

    def _graph(self, by: Grouping = Grouping.CALLER) -> Graph:
        return build_graph(self.tree(), data_flows(self._engine, self.row.trace_id), by)

    def to_html(self) -> str:
        """Return the trace as a page of its own, which opens offline and asks nobody for anything.

        It holds the payloads of the first 500 spans.
        """
        found = trace_payloads(self._engine, self.row.trace_id, limit=_MOST_PAYLOADS)
        return html_page(self.row, self.tree(), self._graph(), found)

    def __repr__(self) -> str:
        """Return id, name and status."""
        return f"<Trace {self.row.trace_id} {self.row.name!r} {self.row.status}>"


class Book:
    """A store opened for reading; the file is made if it is not there.

    Without a URL it is the store that this program's settings name. A server gives up on a question
    that takes longer than `limit` seconds.
    """

    def __init__(
        self, url: str | os.PathLike[str] | None = None, *, limit: float | None = None
    ) -> None:
        self._limit = limit
        self.url = Settings.load().url if url is None else os.fspath(url)

    @cached_property
    def engine(self) -> Engine:
        """The SQLAlchemy engine, opened when first used."""
        return reading_engine(self.url, limit=self._limit)

    def traces(self, *, limit: int | None = None, **filters: Any) -> list[TraceRow]:
        """Return the traces that match `filters`, newest first, at most `limit` of them.

        Filters are the fields of `TraceFilter`, as Python values or in the text form that addresses
        use: `traces(status="error", since="1d", min_cost=0.05, sort="-cost")`.

        Raises:
            FilterError: an unknown filter, or a value that does not fit.
        """
        found: list[TraceRow] = []
        for page in self._pages(limit, filters):
            found += page
        return found[:limit]

    def _pages(self, limit: int | None, filters: dict[str, Any]) -> Iterator[tuple[TraceRow, ...]]:
        missing = limit
        after: str | None = filters.pop("after", None)
        while missing is None or missing > 0:
            size = LARGEST_PAGE if missing is None else min(missing, LARGEST_PAGE)
            page = queries.list_traces(
                self.engine, TraceFilter.of(**filters, after=after, limit=size)
            )
            yield page.rows
            after = page.next
            if after is None:
                return
            missing = None if missing is None else missing - len(page.rows)

    def trace(self, trace_id: str) -> Trace:
        """Return one trace.

        Raises:
            UnknownTraceError: the store does not hold it.
        """
        return Trace(self.engine, queries.get_trace(self.engine, trace_id))

    def spans(self, **filters: Any) -> SpanTable:
        """Return the spans of all traces that match, to iterate over or `to_pandas()`.

        Filters are kind, name, model, provider, status, since, until and limit, and of their traces
        trace_id, project, session, user, release, version and environment:
        `spans(kind="llm", since="7d")`.

        Raises:
            FilterError: an unknown filter, or a value that does not fit.
        """
        return span_table(self.engine, **filters)

    def architectures(self, name: str | None = None) -> list[ArchitectureRow]:
        """Return the versions of all architectures, or of those of one name, last used first."""
        return list_architectures(self.engine, name=name)

    def architecture(self, hash: str) -> Architecture:
        """Return one architecture; `traces(architecture=hash)` are its traces.

        Raises:
            UnknownArchitectureError: the store does not hold it.
        """
        return get_architecture(self.engine, hash)

    def functions(self, project: str | None = None) -> list[FunctionRow]:
        """Return the observed functions, all versions of each together, the last called first."""
        return list_functions(self.engine, project=project)

    def versions(self, name: str | None = None, project: str | None = None) -> list[VersionRow]:
        """Return the versions of observed functions, or of those of one name, last called first."""
        return list_versions(self.engine, name=name, project=project)

    def version(self, hash: str) -> FunctionVersion:
        """Return what a version of a function is made of: sources, values, packages.

        Raises:
            UnknownVersionError: the store does not hold it.
        """
        return get_version(self.engine, hash)

    def version_changes(self, before: str, after: str) -> list[VersionChange]:
        """Return what changed between two versions, by their hashes, each in words.

        Raises:
            UnknownVersionError: the store does not hold one of them.
        """
        return changes(self.version(before), self.version(after))

    def write_messages(self, write: Callable[[VersionStep], str]) -> Written:
        """Have `write`, such as a call of a model, write a message about each new version.

        It gets both versions and what changed, for each that has no message and is not the first
        of its name. What it raises is counted, and that version is asked for again the next time.
        Nothing is sent anywhere but by `write` itself.
        """
        with self._writing() as engine:
            return write_messages(engine, write)

    def dependencies(
        self, hash: str | None = None, format: DiagramFormat | None = None
    ) -> Dependencies | str:
        """Return what uses what in a version, or in the last ones of all functions.

        That is data, or with a `format` a drawing: `svg`, `mermaid` or `dot`.

        Raises:
            UnknownVersionError: the store does not hold it.
            ValueError: another format.
        """
        hashes = [row.latest.hash for row in self.functions()] if hash is None else [hash]
        found = [self.version(hash) for hash in hashes]
        parts = {part.name: part for version in found for part in version.parts}
        roots = [version.parts[0].name for version in found if version.parts]
        graph = dependencies(parts.values(), roots)
        if format is None:
            return graph
        return drawn(dependencies_diagram(graph), format, "Dependencies")

    def runs(self, *, limit: int | None = None, **filters: Any) -> list[RunRow]:
        """Return the runs that match `filters`, newest first, at most `limit` of them.

        Filters are the fields of `RunFilter`, as Python values or in the text form that addresses
        use: `runs(name="nightly", where="config.top_k = 4", sort="-metrics.accuracy")`.

        Raises:
            FilterError: an unknown filter, or a value that does not fit.
        """
        found: list[RunRow] = []
        after: str | None = filters.pop("after", None)
        while limit is None or len(found) < limit:
            size = LARGEST_PAGE if limit is None else min(limit - len(found), LARGEST_PAGE)
            page = queries.list_runs(self.engine, RunFilter.of(**filters, after=after, limit=size))
            found += page.rows
            after = page.next
            if after is None:
                break
        return found

    def run(self, run_id: str) -> RunRow:
        """Return one run; `traces(run=run_id)` are its traces.

        Raises:
            UnknownRunError: the store does not hold it.
        """
        return queries.get_run(self.engine, run_id)

    def metrics(self, run_id: str, name: str | None = None) -> list[MetricRow]:
        """Return what a run logged, by name and step; with `name`, of that metric alone."""
        return queries.list_metrics(self.engine, run_id, name)

    def links(self, trace_id: str) -> list[LinkRow]:
        """Return the links between spans that begin or end in a trace."""
        return queries.list_links(self.engine, trace_id)

    def blob(self, hash: str) -> Blob | None:
        """Return the content with this hash, or None where the store does not hold it."""
        return queries.get_blob(self.engine, hash)

    def prices(self, model: str | None = None) -> list[Price]:
        """Return your own prices, then those of the list that hold now.

        With `model`, those of models whose name has it in it.
        """
        return costs.list_prices(self.engine, model)

    def add_price(
        self,
        model: str,
        *,
        provider: str | None = None,
        since: date | datetime | str | None = None,
        **rates: Decimal | float | str,
    ) -> None:
        """Add a price of your own, in US dollars for a million tokens; it wins over the list.

        Rates are input, output, cache_read, cache_write, audio_input, image_input, reasoning and
        audio_output: `add_price("my-model", input=2.5, output=10, since="2026-01-01")`. A part
        without a rate costs what its whole does, but for sound. `model` is matched whole, without
        regard to case. Spans that are stored already keep their cost; see recompute-costs.

        Raises:
            PriceError: a rate, a name or a date that cannot be one.
        """
        given = (own_name(model, "model"), own_start(since), own_rates(rates))
        seller = None if provider is None else own_name(provider, "provider")
        with self._writing() as engine:
            add_own(engine, seller, *given, time.time_ns())

    def remove_price(
        self,
        model: str,
        *,
        provider: str | None = None,
        since: date | datetime | str | None = None,
    ) -> bool:
        """Remove a price of your own that was added with these words; False if there is none."""
        seller = None if provider is None else own_name(provider, "provider")
        with self._writing() as engine:
            return remove_own(engine, seller, own_name(model, "model"), own_start(since)) > 0

    @contextlib.contextmanager
    def _writing(self) -> Generator[Engine]:
        engine = open_engine(self.url)
        try:
            yield engine
        finally:
            engine.dispose()

    def health(self) -> StoreHealth:
        """Return what the store could not keep."""
        return store_health(self.engine)

    def collect(self) -> int:
        """Bring in what programs that are gone left in their journals; return how many records."""
        from spanbook.store.takeover import collect  # brings all of the writing side

        journal = Settings.load().journal
        return collect(self.url, Path(journal) if journal else None)

    def close(self) -> None:
        """Let go of the database."""
        if "engine" in self.__dict__:
            self.engine.dispose()
            del self.__dict__["engine"]

    def __enter__(self) -> Self:
        """Return the book."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the book."""
        self.close()
