"""What the table of traces shows, for one address."""

from functools import cached_property
from urllib.parse import urlencode

from spanbook.reading import queries
from spanbook.reading.filters import TraceFilter
from spanbook.reading.rows import Count, TracePage
from spanbook.spans import Status
from spanbook_viewer.columns import COLUMNS
from spanbook_viewer.export_fields import TRACE_FIELDS
from spanbook_viewer.list_view import COUNTED, ListView


class TraceList(ListView[TraceFilter]):
    """One page of the table of traces."""

    FILTER = TraceFilter
    COLUMNS = COLUMNS
    EXPORTED = TRACE_FIELDS
    PLAIN_FIELDS = frozenset({"q", "status", "name", "since", "has_error"})
    NOUN = "trace"

    @cached_property
    def page(self) -> TracePage:
        """The rows and where the neighbouring pages begin."""
        return queries.list_traces(self.engine, self.filter)

    def count(self) -> Count:
        """Return how many traces match."""
        return queries.count_traces(self.engine, self.filter, cap=COUNTED)

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
