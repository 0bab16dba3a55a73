"""What the page of compared traces shows: aligned spans, differences, and texts word by word."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from flask import url_for
from sqlalchemy import Engine
from werkzeug.datastructures import MultiDict

from spanbook.errors import FilterError
from spanbook.reading import queries
from spanbook.reading.alignment import AlignedRow, align
from spanbook.reading.filters import TraceFilter
from spanbook.reading.rows import SpanRow, TraceRow
from spanbook.reading.what_ran import RanChanges, ran_changes
from spanbook_viewer.formats import UNKNOWN, duration, money
from spanbook_viewer.input_changes import Piece, pieces
from spanbook_viewer.shapes import source_text

MOST = 6  # traces side by side
SHOWN = 2_000  # rows
TEXT = 100_000  # characters of a text that are compared
_LETTERS = "ABCDEF"


@dataclass(frozen=True, slots=True)
class Difference:
    """How the input or output of a span differs from that of the first trace."""

    label: str
    pieces: Sequence[Piece]

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return all(piece.state == "same" for piece in self.pieces)


class CompareView:
    """Some traces side by side."""

    def __init__(self, engine: Engine, args: MultiDict[str, str]) -> None:
        """Read the traces that an address asks for.

        Raises:
            FilterError: too many traces, or a row that is none.
            UnknownTraceError: the store does not hold one of them.
        """
        self._engine = engine
        self.ids = list(dict.fromkeys(text.strip() for text in args.getlist("trace") if text))
        if len(self.ids) > MOST:
            raise FilterError(f"{len(self.ids)} traces are too many to compare; give up to {MOST}.")
        row = args.get("row", "")
        if row and not (row.isascii() and row.isdigit() and len(row) < 9):
            raise FilterError(f"row is {row!r}; give the number of a row.")
        self.chosen = int(row) if row else None
        self.traces = [queries.get_trace(engine, trace_id) for trace_id in self.ids]

    @property
    def letters(self) -> list[tuple[str, TraceRow]]:
        """The traces with their letters."""
        return list(zip(_LETTERS, self.traces, strict=False))

    @cached_property
    def all_rows(self) -> list[AlignedRow]:
        """The aligned spans."""
        return align([queries.list_spans(self._engine, trace_id) for trace_id in self.ids])

    @property
    def rows(self) -> list[AlignedRow]:
        """Those that the page has room for."""
        return self.all_rows[:SHOWN]

    @cached_property
    def ran(self) -> list[tuple[str, str, RanChanges]]:
        """What changed in what ran, from the first trace to each other one, by their letters."""
        first = self.ids[0] if self.ids else ""
        return [
            (_LETTERS[0], letter, ran_changes(self._engine, first, trace.trace_id))
            for letter, trace in self.letters[1:]
        ]

    @property
    def candidates(self) -> list[TraceRow]:
        """Recent traces of the same name, to compare with."""
        name = self.traces[0].name if self.traces else None
        found = queries.list_traces(self._engine, TraceFilter(name=name, limit=12)).rows
        return [trace for trace in found if trace.trace_id not in self.ids]

    def with_trace(self, trace_id: str) -> str:
        """Return the address of the same comparison with one trace more."""
        return url_for("compare.index", trace=[*self.ids, trace_id])

    def with_row(self, number: int) -> str:
        """Return the address with one row's texts opened."""
        return url_for("compare.index", trace=self.ids, row=number) + "#texts"

    def state(self, row: AlignedRow) -> str:
        """Return what is to say of a row: which traces lack it, or that it moved."""
        if row.is_whole:
            return ""
        has = ", ".join(
            letter for letter, span in zip(_LETTERS, row.spans, strict=False) if span is not None
        )
        return f"{'moved, here in' if row.moved else 'only in'} {has}"

    @cached_property
    def differences(self) -> list[Difference]:
        """The texts of the chosen row, each against that of the first trace that has it."""
        if self.chosen is None or self.chosen >= len(self.all_rows):
            return []
        spans = [
            (letter, span)
            for letter, span in zip(_LETTERS, self.all_rows[self.chosen].spans, strict=False)
            if span is not None
        ]
        read = [
            (letter, queries.get_payload(self._engine, span.trace_id, span.span_id))
            for letter, span in spans
        ]
        (base, first), others = read[0], read[1:]
        return [
            Difference(
                f"{side.capitalize()}, {base} to {letter}",
                pieces(_text(getattr(first, side)), _text(getattr(payload, side))),
            )
            for letter, payload in others
            for side in ("input", "output")
        ]

    def to_data(self) -> dict[str, Any]:
        """Return the page as data."""
        return {
            "traces": self.traces,
            "rows": [
                {"depth": row.depth, "moved": row.moved, "spans": row.spans}
                for row in self.all_rows
            ],
            "architectures": [
                {
                    "from": self.ids[0],
                    "to": trace_id,
                    "is_comparable": ran.is_comparable,
                    "headline": ran.words,
                    "changes": ran.changes,
                }
                for trace_id, (_, _, ran) in zip(self.ids[1:], self.ran, strict=True)
            ],
        }


def _text(value: Any) -> str:
    """Return a recorded value as text to compare."""
    if value is None:
        return ""
    text = source_text(value)
    if text is None:
        text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    return text[:TEXT]


def took(span: SpanRow | TraceRow, first: SpanRow | TraceRow | None) -> str:
    """Return a duration and by how much it differs from the first one's."""
    own, other = span.duration, first and first.duration
    if own is None or other is None or span is first:
        return duration(own)
    sign = "+" if own >= other else "−"
    return f"{duration(own)} ({sign}{duration(abs(own - other))}{_percent(own, other)})"


def _percent(own: timedelta, other: timedelta) -> str:
    return f", {100 * (own / other - 1):+.0f} %".replace("-", "−") if other else ""


def total_tokens(span: SpanRow | TraceRow, first: SpanRow | TraceRow | None) -> str:
    """Return the tokens and by how many they differ from the first one's."""
    if span.usage is None:
        return UNKNOWN
    mark = "≈ " if span.usage.estimated else ""
    text = f"{mark}{span.usage.total:,}"
    if span is first or first is None or first.usage is None:
        return text
    return f"{text} ({span.usage.total - first.usage.total:+,})".replace("-", "−")


def total_cost(span: SpanRow | TraceRow, first: SpanRow | TraceRow | None) -> str:
    """Return the cost and by how much it differs from the first one's."""
    text = money(span.cost)
    if span.cost is None or span is first or first is None or first.cost is None:
        return text
    by: Decimal = span.cost - first.cost
    return f"{text} ({'+' if by >= 0 else '−'}{money(abs(by))})"
