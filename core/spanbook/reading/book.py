"""The book: a store to read from, for notebooks and scripts."""

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Engine

from spanbook.reading import queries, trees
from spanbook.reading.filters import LARGEST_PAGE, TraceFilter
from spanbook.reading.health import StoreHealth, store_health
from spanbook.reading.rows import Blob, Payload, SpanRow, TraceRow
from spanbook.reading.span_table import SpanTable, span_table
from spanbook.reading.trees import Tree
from spanbook.settings import Settings
from spanbook.store.database import reading_engine


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

    def payload(self, span_id: str) -> Payload:
        """Return what went into a span and came out of it.

        Raises:
            UnknownTraceError: the trace has no such span.
        """
        return queries.get_payload(self._engine, self.row.trace_id, span_id)

    def __repr__(self) -> str:
        """Return id, name and status."""
        return f"<Trace {self.row.trace_id} {self.row.name!r} {self.row.status}>"


class Book:
    """A store opened for reading; the file is made if it is not there.

    Without a URL it is the store that this program's settings name.
    """

    def __init__(self, url: str | os.PathLike[str] | None = None) -> None:
        self.url = Settings.load().url if url is None else os.fspath(url)

    @cached_property
    def engine(self) -> Engine:
        """The SQLAlchemy engine, opened when first used."""
        return reading_engine(self.url)

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

        Filters are kind, name, model, provider, status, trace_id, project, session, user, since,
        until and limit: `spans(kind="llm", since="7d")`.

        Raises:
            FilterError: an unknown filter, or a value that does not fit.
        """
        return span_table(self.engine, **filters)

    def blob(self, hash: str) -> Blob | None:
        """Return the content with this hash, or None where the store does not hold it."""
        return queries.get_blob(self.engine, hash)

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
