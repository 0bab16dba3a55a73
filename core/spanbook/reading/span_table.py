"""Span tables: spans of many traces, one a row, to iterate over or as a DataFrame."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Engine, Select, func, select

from spanbook.errors import FilterError, SpanbookError
from spanbook.reading.arguments import near
from spanbook.reading.conditions import resolved_ns
from spanbook.reading.filters import TraceFilter
from spanbook.reading.records import SPAN_COLUMNS, span_row
from spanbook.reading.rows import SpanRow
from spanbook.store.schema import spans, traces

if TYPE_CHECKING:
    import pandas  # pyright: ignore[reportMissingTypeStubs] -- it has none

_OF_TRACE = ("trace_id", "project", "session", "user", "release", "version", "environment")
_OF_SPAN = ("name", "model", "provider")
_CHECKED = ("kind", "status", "since", "until")
_FIELDS = [*_OF_TRACE, *_CHECKED, *_OF_SPAN, "limit"]
_CHUNK = 10_000  # rows fetched at once while iterating


class SpanTable:
    """The spans that a question asks for; each use asks the store anew.

    Iterate over it for rows, newest first; `to_pandas` gives a DataFrame.
    """

    def __init__(self, engine: Engine, statement: "Select[*tuple[Any, ...]]") -> None:
        self._engine = engine
        self._statement = statement

    def __iter__(self) -> Iterator[SpanRow]:
        """Yield the spans, newest first, without holding all of them."""
        with self._engine.connect() as connection:
            for row in connection.execute(self._statement).yield_per(_CHUNK):
                yield span_row(*row)

    def __len__(self) -> int:
        """Return how many spans there are now."""
        count = select(func.count()).select_from(self._statement.order_by(None).subquery())
        with self._engine.connect() as connection:
            return connection.execute(count).scalar_one()

    def to_pandas(self) -> "pandas.DataFrame":
        """Return the spans as a DataFrame, a row a span, newest first.

        Times are UTC timestamps, durations timedeltas, `cost` is float US dollars. Unknown is NA.

        Raises:
            SpanbookError: pandas is not installed.
        """
        try:
            from spanbook.reading.frames import frame
        except ImportError:
            raise SpanbookError("DataFrames need pandas. Install it: pip install pandas.") from None
        with self._engine.connect() as connection:
            result = connection.execute(self._statement)
            return frame(list(result.keys()), result.all())


def span_table(engine: Engine, **given: Any) -> SpanTable:
    """Return the table of the spans that have all that is `given`.

    Raises:
        FilterError: an unknown field, or a value that does not fit.
    """
    for name in given:
        if name not in _FIELDS:
            raise FilterError(f"Cannot select spans by {name!r}. {near(name, _FIELDS)}")
    chosen = {name: value for name, value in given.items() if value is not None}
    statement = (
        select(traces.c.trace_id, *SPAN_COLUMNS)
        .join_from(spans, traces, traces.c.pk == spans.c.trace_pk)
        .where(*_conditions(chosen))
        .order_by(spans.c.start_ns.desc(), spans.c.pk.desc())
        .limit(chosen.get("limit"))
    )
    return SpanTable(engine, statement)


def _conditions(chosen: dict[str, Any]) -> list[ColumnElement[bool]]:
    """Check values as those of a trace filter are checked; names and places differ."""
    columns = {name: traces.c[name] for name in _OF_TRACE}
    columns |= {name: spans.c[name] for name in _OF_SPAN}
    found = [columns[name] == str(chosen[name]) for name in columns if name in chosen]
    checked = chosen.keys() & set(_CHECKED)
    of_span = TraceFilter.of(**{name: chosen[name] for name in checked})
    if of_span.kind is not None:
        found.append(spans.c.kind == of_span.kind.value)
    if of_span.status:
        found.append(spans.c.status.in_([status.value for status in of_span.status]))
    if of_span.since is not None:
        found.append(spans.c.start_ns >= resolved_ns(of_span.since))
    if of_span.until is not None:
        found.append(spans.c.start_ns < resolved_ns(of_span.until))
    return found
