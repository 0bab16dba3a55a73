"""What the page of one trace shows, for one choice of span, view and filters."""

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from flask import url_for
from markupsafe import Markup
from sqlalchemy import Engine
from werkzeug.datastructures import MultiDict

from spanbook.drawing.graph import Graph
from spanbook.errors import UnknownTraceError
from spanbook.moments import duration
from spanbook.reading import queries
from spanbook.reading.costs import CostExplanation, explain_cost
from spanbook.reading.filters import TraceFilter
from spanbook.reading.finding import Found, find
from spanbook.reading.rows import Payload, SpanRow, TraceRow
from spanbook.reading.trace_events import list_events
from spanbook.reading.trees import Node, Tree
from spanbook.spans import SpanKind, Status
from spanbook.usage import Usage
from spanbook_viewer import (
    cost_view,
    formats,
    graph_view,
    input_changes,
    log,
    outline,
    tool_links,
    tree_rows,
)
from spanbook_viewer.choice import Choice
from spanbook_viewer.cost_view import CostLine, cost_lines
from spanbook_viewer.input_changes import InputChanges
from spanbook_viewer.log import LogPage
from spanbook_viewer.outline import Outline
from spanbook_viewer.recent_trees import tree_of
from spanbook_viewer.shapes import Preview, preview
from spanbook_viewer.tree_rows import TreeRows
from spanbook_viewer.zoom import Zoom

_NOTHING = Usage()


@dataclass
class TraceView:
    """One trace as its page shows it. Each part is read when the template first asks for it."""

    engine: Engine
    trace: TraceRow
    choice: Choice
    now_ns: int = field(default_factory=time.time_ns)
    place: str = "detail"  # the name of the detail pane in the page

    @property
    def is_big(self) -> bool:
        """Whether its tree takes long enough to show what comes before it first."""
        return self.trace.span_count > outline.SMALL

    @cached_property
    def tree(self) -> Tree:
        """The spans as a tree, with the time scale of all bars."""
        return tree_of(self.engine, self.trace, self.now_ns)

    @cached_property
    def mark(self) -> str:
        """What names the state of the trace that this page began with."""
        return queries.mark(self.engine, self.trace.trace_id)

    @cached_property
    def spans(self) -> list[SpanRow]:
        """Every span of the trace by start."""
        return sorted((node.span for node in self.tree.nodes), key=lambda span: span.start_ns)

    @cached_property
    def nodes(self) -> dict[str, Node]:
        """The nodes of the tree by the ids of their spans."""
        return {node.span.span_id: node for node in self.tree.nodes}

    @cached_property
    def rows(self) -> TreeRows:
        """What writes the rows of the tree."""
        prefix = self.span_prefix
        return TreeRows(
            self.tree,
            self.now_ns,
            self.selected.span_id,
            tree_rows.tokens_below(self.tree),
            self.hits,
            lambda span_id: prefix + span_id,
            self.opened_query,
        )

    @cached_property
    def zoom(self) -> Zoom:
        """The part of the time scale that is shown."""
        length = self.tree.end_ns - self.tree.start_ns
        return Zoom.between(length, self.choice.zoom_from, self.choice.zoom_to)

    @cached_property
    def outline(self) -> Outline:
        """The rows of the tree."""
        return outline.outline(self.tree, self.choice, self.selected.span_id)

    @cached_property
    def found(self) -> Found:
        """The spans whose payloads hold the text that is looked for."""
        return find(self.engine, self.trace.trace_id, self.choice.find)

    @cached_property
    def hits(self) -> dict[str, str]:
        """Where each span that holds the text that is looked for has it, in the tree's order."""
        if not self.choice.find:
            return {}
        wanted = self.choice.find.casefold()
        inside = self.found.sides
        hits: dict[str, str] = {}
        for node in self.tree.nodes:
            side = _named(node.span, wanted) or inside.get(node.span.span_id)
            if side is not None:
                hits[node.span.span_id] = side
        return hits

    @cached_property
    def hit_number(self) -> int | None:
        """Which hit, from 1 on, the selected span is; None: it is none."""
        places = {span_id: number for number, span_id in enumerate(self.hits, 1)}
        return places.get(self.selected.span_id)

    @cached_property
    def hit_neighbours(self) -> tuple[str | None, str | None]:
        """The query strings of the hits before and after the selected span, around the end."""
        before, after = outline.neighbours(self.tree, self.selected.span_id, self.hits)
        return before and self.span_query(before), after and self.span_query(after)

    @cached_property
    def log(self) -> LogPage:
        """A page of what happened, in the order of time."""
        kept = outline.kept_spans(self.tree, self.choice)
        spans = [(node.span, depth) for node, depth in zip(kept.nodes, kept.depths, strict=True)]
        events = list_events(self.engine, self.trace.trace_id, log.EVENTS)
        return log.log_page(spans, events, self.choice.first)

    @cached_property
    def graph(self) -> Graph:
        """What called what, and whose output went where."""
        grouping = self.choice.grouping
        return graph_view.graph_of(self.engine, self.trace.trace_id, self.tree, grouping)

    @property
    def graph_drawing(self) -> Markup:
        """The graph, ready to be put into the page."""
        return graph_view.drawn(self.graph, self.span_query, self.selected.span_id)

    def graph_address(self, format: str) -> str:
        """Return the address of the graph as a file."""
        by = str(self.choice.grouping)
        return url_for("trace.graph", trace_id=self.trace.trace_id, format=format, by=by)

    @cached_property
    def selected_node(self) -> Node:
        """The span in the detail pane: the chosen one, else the root."""
        if self.choice.span is not None:
            if self.choice.span not in self.nodes:
                raise UnknownTraceError(f"This trace has no span {self.choice.span!r}.")
            return self.nodes[self.choice.span]
        heads = self.tree.roots or self.tree.orphans
        if not heads:
            raise UnknownTraceError("No span of this trace has arrived yet.")
        return heads[0]

    @property
    def selected(self) -> SpanRow:
        """The span in the detail pane."""
        return self.selected_node.span

    @cached_property
    def payload(self) -> Payload:
        """What went into the selected span and came out."""
        span_id = self.choice.span or self.selected.span_id
        return queries.get_payload(self.engine, self.trace.trace_id, span_id)

    @cached_property
    def cost(self) -> CostExplanation:
        """What the selected span cost and why."""
        return explain_cost(self.engine, self.trace.trace_id, self.selected.span_id)

    @property
    def cost_lines(self) -> list[CostLine]:
        """The selected span's usage and cost, part by part."""
        return cost_lines(self.selected.usage or _NOTHING, self.cost)

    @property
    def price_start(self) -> datetime | None:
        """From when on the price held; None where it always did, or there is none."""
        return cost_view.price_start(self.cost)

    @property
    def estimate_words(self) -> str:
        """How the selected span's usage was estimated, and how much to trust it."""
        return formats.estimate_words(self.payload.attributes.get("estimate"))

    @property
    def input(self) -> Preview:
        """The selected span's input, ready to draw."""
        return preview(self.payload.input)

    @property
    def can_compare(self) -> bool:
        """Whether there may be a model call before the selected one."""
        return self.selected.kind == SpanKind.LLM and (
            self.trace.session is not None or self._earlier_call is not None
        )

    @cached_property
    def _earlier_call(self) -> SpanRow | None:
        return input_changes.earlier_call(self.spans, self.selected)

    @cached_property
    def compared(self) -> InputChanges | None:
        """What changed in the input since the model call before, where that is asked for."""
        if not self.choice.compare or self.selected.kind != SpanKind.LLM:
            return None
        since = self._earlier_call or input_changes.call_of_earlier_turn(self.engine, self.trace)
        if since is None:
            return InputChanges(None, [])
        before = queries.get_payload(self.engine, since.trace_id, since.span_id)
        return InputChanges(since, input_changes.changes(before.input, self.payload.input))

    @property
    def output(self) -> Preview:
        """The selected span's output, ready to draw."""
        return preview(self.payload.output)

    @cached_property
    def results(self) -> dict[str, str]:
        """For each tool call that the selected span shows: the address of the span that ran it."""
        found = tool_links.results(self.engine, self.spans, self.selected, self.payload)
        return {call: self.span_query(span) for call, span in found.items()}

    @cached_property
    def requester(self) -> SpanRow | None:
        """The span that requested the selected tool call."""
        return tool_links.requester(self.engine, self.spans, self.selected, self.payload)

    @cached_property
    def kinds(self) -> list[tuple[str, int]]:
        """The kinds that occur, in the order of the enum, with the number of their spans."""
        counts = Counter(node.span.kind for node in self.tree.nodes)
        return [(kind, counts[kind]) for kind in SpanKind if counts[kind]]

    @property
    def is_running(self) -> bool:
        """Whether anything may still change by itself."""
        return self.trace.status == Status.RUNNING or any(
            node.span.status is Status.RUNNING for node in self.tree.nodes
        )

    # Addresses

    def span_query(self, span_id: str) -> str:
        """Return the query string that selects a span and keeps everything else."""
        return self.choice.query(span=span_id)

    @cached_property
    def span_prefix(self) -> str:
        """The start of the query string that selects a span: its id is to follow."""
        return self.choice.query(span="~").removesuffix("~").removesuffix("%7E")

    def query(self, **changes: Any) -> str:
        """Return the query string of this page with some choices changed."""
        return self.choice.query(**changes)

    def opened_query(self, span_id: str, first: int) -> str:
        """Return the query string that shows more children of a span."""
        return self.query(opened={**self.choice.opened, span_id: first})

    @cached_property
    def zoom_queries(self) -> dict[str, str]:
        """The query strings of other parts of the time scale: in, out, span, whole."""
        node, zoom = self.selected_node, self.zoom
        parts = {
            "in": zoom.resized(0.5),
            "out": zoom.resized(2.0),
            "span": zoom.around(node.offset, node.width),
            "whole": Zoom(zoom.length_ns),
        }
        queries: dict[str, str] = {}
        for name, part in parts.items():
            start, end = part.milliseconds
            queries[name] = self.query(zoom_from=start, zoom_to=end)
        return queries

    def toggled_query(self, kind: str) -> str:
        """Return the query string that hides a kind, or shows it again."""
        return self.query(hidden=self.choice.toggled(kind))

    @cached_property
    def next_failed(self) -> str | None:
        """The query string of the failed span after the selected one."""
        failed = {node.span.span_id for node in self.tree.nodes if node.span.status is Status.ERROR}
        _, following = outline.neighbours(self.tree, self.selected.span_id, failed)
        return following and self.span_query(following)

    @cached_property
    def listing(self) -> TraceFilter:
        """The filter of the table that the page was reached from."""
        return TraceFilter.from_args(MultiDict(self.choice.listing), ignore=("columns",))

    @cached_property
    def neighbours(self) -> tuple[str | None, str | None]:
        """The addresses of the previous and the next trace of that table."""
        found = queries.neighbours(self.engine, self.trace.trace_id, self.listing)
        previous, following = (
            other and url_for("trace.show", trace_id=other) + self.choice.back for other in found
        )
        return previous, following

    @property
    def back(self) -> str:
        """The address of the table that the page was reached from."""
        return url_for("traces.index") + self.choice.back

    def value_address(self, side: str) -> str:
        """Return the address of the selected span's raw input, output or attributes."""
        return url_for(
            "trace.value", trace_id=self.trace.trace_id, span_id=self.selected.span_id, side=side
        )

    def spans_address(self, name: str, value: str) -> str:
        """Return the address of all spans of which the same is true."""
        return f"{url_for('spans.index')}?{urlencode({name: value})}"

    @property
    def json_address(self) -> str:
        """The address of the selected span as data."""
        trace_id, span_id = self.trace.trace_id, self.selected.span_id
        return url_for("trace.span_json", trace_id=trace_id, span_id=span_id)

    @cached_property
    def changes_address(self) -> str:
        """The address of what will have changed since this page was made, as data."""
        trace_id = self.trace.trace_id
        return url_for("trace.show_json", trace_id=trace_id, since=self.mark)

    # Words

    def title(self, span: SpanRow) -> str:
        """Return all that a row of the tree says in short, as the row's tooltip."""
        return self.rows.title(span)

    @property
    def trace_elapsed(self) -> timedelta | None:
        """How long the trace took, or has been running."""
        if self.trace.status == Status.RUNNING:
            return duration(max(0, self.now_ns - self.trace.start_ns))
        return self.trace.duration

    def elapsed(self, span: SpanRow) -> timedelta | None:
        """Return how long a span took, or has been running."""
        return self.rows.elapsed(span)


def _named(span: SpanRow, wanted: str) -> str | None:
    """Return which of the words that a row shows holds the text that is looked for."""
    words = (("name", span.name), ("model", span.model), ("error", span.error_type))
    return next((side for side, text in words if text and wanted in text.casefold()), None)


def open_trace(engine: Engine, trace_id: str, args: MultiDict[str, str]) -> TraceView:
    """Return the view of a trace that an address asks for.

    Raises:
        UnknownTraceError: the store has no such trace, or the trace no such span.
        FilterError: an argument that is not known.
    """
    choice = Choice.from_args(args)
    view = TraceView(engine, queries.get_trace(engine, trace_id), choice)
    _ = view.listing
    if choice.span is not None or not view.is_big:
        _ = view.payload  # what is wrong with the address shows before the page begins
    return view
