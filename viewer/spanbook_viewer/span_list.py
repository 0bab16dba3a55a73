"""What the table of spans shows, for one address."""

from functools import cached_property

from spanbook.reading import span_pages
from spanbook.reading.accounting import Account, account
from spanbook.reading.filters import SpanFilter
from spanbook.reading.rows import Count, SpanPage, SpanRow
from spanbook_viewer.export_fields import SPAN_FIELDS
from spanbook_viewer.list_view import COUNTED, ListView
from spanbook_viewer.span_columns import SPAN_COLUMNS


class SpanList(ListView[SpanFilter]):
    """One page of the table of spans."""

    FILTER = SpanFilter
    COLUMNS = SPAN_COLUMNS
    EXPORTED = SPAN_FIELDS
    PLAIN_FIELDS = frozenset(
        {"kind", "status", "name", "model", "since", "counted", "unpriced", "anomaly"}
    )
    NOUN = "span"

    @cached_property
    def page(self) -> SpanPage:
        """The rows and where the neighbouring pages begin."""
        return span_pages.list_spans(self.engine, self.filter)

    def count(self) -> Count:
        """Return how many spans match."""
        if self.account is not None:
            return Count(self.account.calls, exact=True)
        return span_pages.count_spans(self.engine, self.filter, cap=COUNTED)

    @cached_property
    def account(self) -> Account | None:
        """What the spans on all pages used and cost; None where not all of them are counted."""
        return account(self.engine, self.filter) if self.filter.counted else None

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
