"""What the table of traces shows, for one address."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from spanbook.reading import queries
from spanbook.reading.filters import TraceFilter
from spanbook.reading.row_payloads import trace_records
from spanbook.reading.rows import Count, TracePage, TraceRow
from spanbook.reading.terms import TRACE_FIELDS
from spanbook.spans import Status
from spanbook_viewer.columns import COLUMNS
from spanbook_viewer.export_fields import TRACE_FIELDS as EXPORTED_FIELDS
from spanbook_viewer.list_view import COUNTED, ListView


class TraceList(ListView[TraceFilter]):
    """One page of the table of traces."""

    FILTER = TraceFilter
    COLUMNS = COLUMNS
    EXPORTED = EXPORTED_FIELDS
    PLAIN_FIELDS = frozenset({"where", "q", "status", "name", "since", "has_error"})
    NOUN = "trace"
    WHERE = TRACE_FIELDS

    @cached_property
    def settled(self) -> TraceFilter:
        """The filter, with what only payloads hold looked for."""
        return queries.settle(self.engine, self.filter)

    @cached_property
    def page(self) -> TracePage:
        """The rows and where the neighbouring pages begin."""
        return queries.list_traces(self.engine, self.settled)

    @cached_property
    def records(self) -> Mapping[str, Mapping[str, Any]]:
        """What the roots of the traces hold."""
        return trace_records(self.engine, [row.trace_id for row in self.page.rows])

    def row_key(self, row: TraceRow) -> str:
        """Return the trace's id."""
        return row.trace_id

    def count(self) -> Count:
        """Return how many traces match."""
        return queries.count_traces(self.engine, self.settled, cap=COUNTED)

    @property
    def is_live(self) -> bool:
        """Whether a row shown is still running, or the first one is awaited."""
        return self.is_empty or any(row.status == Status.RUNNING for row in self.page.rows)

    @cached_property
    def _listing(self) -> str:
        context = {
            name: values
            for name, values in self.args.items()
            if name not in ("after", "before", "limit")
        }
        return "?" + urlencode(context, doseq=True, safe=",:") if context else ""

    def trace_address(self, trace_id: str) -> str:
        """Return the address of a trace's page, which remembers this list for its neighbours."""
        return f"{self._trace_base}{trace_id}{self._listing}"
