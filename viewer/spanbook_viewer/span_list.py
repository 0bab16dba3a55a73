"""What the table of spans shows, for one address."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from spanbook.reading import span_pages
from spanbook.reading.accounting import Account, account
from spanbook.reading.filters import SpanFilter
from spanbook.reading.row_payloads import span_records
from spanbook.reading.rows import Count, SpanEntry, SpanPage, SpanRow
from spanbook.reading.terms import SPAN_FIELDS
from spanbook_viewer.export_fields import SPAN_FIELDS as EXPORTED_FIELDS
from spanbook_viewer.list_view import COUNTED, ListView
from spanbook_viewer.span_columns import SPAN_COLUMNS


class SpanList(ListView[SpanFilter]):
    """One page of the table of spans."""

    FILTER = SpanFilter
    COLUMNS = SPAN_COLUMNS
    EXPORTED = EXPORTED_FIELDS
    PLAIN_FIELDS = frozenset(
        {"where", "kind", "status", "name", "model", "since", "counted", "unpriced", "anomaly"}
    )
    NOUN = "span"
    WHERE = SPAN_FIELDS

    @cached_property
    def settled(self) -> SpanFilter:
        """The filter, with what only payloads hold looked for."""
        return span_pages.settle(self.engine, self.filter)

    @cached_property
    def page(self) -> SpanPage:
        """The rows and where the neighbouring pages begin."""
        return span_pages.list_spans(self.engine, self.settled)

    @cached_property
    def records(self) -> Mapping[tuple[str, str], Mapping[str, Any]]:
        """What the spans hold."""
        return span_records(self.engine, [self.row_key(row) for row in self.page.rows])

    def row_key(self, row: SpanEntry) -> tuple[str, str]:
        """Return the ids of the trace and of the span."""
        return row.span.trace_id, row.span.span_id

    def count(self) -> Count:
        """Return how many spans match."""
        if self.account is not None:
            return Count(self.account.calls, exact=True)
        return span_pages.count_spans(self.engine, self.settled, cap=COUNTED)

    @cached_property
    def account(self) -> Account | None:
        """What the spans on all pages used and cost; None where not all of them are counted."""
        return account(self.engine, self.settled) if self.filter.counted else None

    def span_address(self, span: SpanRow) -> str:
        """Return the address of a span on the page of its trace."""
        return f"{self._trace_base}{span.trace_id}?span={span.span_id}"

    @property
    def is_live(self) -> bool:
        """Whether the first span is awaited."""
        return self.is_empty

    def to_data(self) -> dict[str, object]:
        """Return the page as data, with the sums where all spans are counted."""
        sums = {} if self.account is None else {"account": self.account}
        return super().to_data() | sums
