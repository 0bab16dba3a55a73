"""Comparing: whether one store holds all that another does, by counts and sums."""

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, Engine, Table, func, select

from spanbook.store.schema import blob_uses, events, links, spans, traces
from spanbook.store.statements import Lookup

_CHUNK = 200  # traces looked at together
_NAMED = 5  # traces that are named where stores differ
_FIND = Lookup(traces, "trace_id", columns=["trace_id", "pk"])


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts, and sums over counted spans; money in 10⁻¹² US dollars."""

    traces: int = 0
    spans: int = 0
    events: int = 0
    links: int = 0
    contents: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        """Return the sums of both."""
        return Figures(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Figures)))


@dataclass(frozen=True, slots=True)
class Comparison:
    """What both stores say of the traces of the first, and the traces about which they disagree."""

    source: Figures
    target: Figures
    differing: tuple[str, ...] = ()  # the first of them

    @property
    def agrees(self) -> bool:
        """Whether the second store holds all of the first."""
        return not self.differing and self.source == self.target


def compare(source: Engine, target: Engine) -> Comparison:
    """Compare `target` with all traces of `source`, trace by trace.

    Raises:
        SQLAlchemyError: one of the stores does not answer.
    """
    all_source = all_target = Figures()
    differing: list[str] = []
    with source.connect() as one, target.connect() as other:
        last = 0
        while found := _ids(one, last):
            last = max(found.values())
            held = dict(_FIND.run(other, found))
            here, there = _figures(one, found), _figures(other, held)
            differing += [name for name in found if here[name] != there.get(name)]
            all_source = sum(here.values(), all_source)
            all_target = sum(there.values(), all_target)
    return Comparison(all_source, all_target, tuple(differing[:_NAMED]))


def _ids(connection: Connection, last: int) -> dict[str, int]:
    wanted = select(traces.c.trace_id, traces.c.pk).where(traces.c.pk > last)
    rows = connection.execute(wanted.order_by(traces.c.pk).limit(_CHUNK))
    return {row.trace_id: row.pk for row in rows}


def _figures(connection: Connection, wanted: dict[str, int]) -> dict[str, Figures]:
    pks = list(wanted.values())
    counts = [_counts(connection, table, pks) for table in (events, links, blob_uses)]
    counted = spans.c.counted.is_(True)
    sums = [
        func.coalesce(func.sum(column).filter(counted), 0)
        for column in (spans.c.input_tokens, spans.c.output_tokens, spans.c.cost)
    ]
    rows = connection.execute(
        select(spans.c.trace_pk, func.count(), *sums)
        .where(spans.c.trace_pk.in_(pks))
        .group_by(spans.c.trace_pk)
    )
    of_spans: dict[int, list[Any]] = {pk: values for pk, *values in rows}
    found: dict[str, Figures] = {}
    for trace_id, pk in wanted.items():
        number, *amounts = (int(value) for value in of_spans.get(pk, (0, 0, 0, 0)))
        numbers = [1, number, *(count.get(pk, 0) for count in counts), *amounts]
        found[trace_id] = Figures(*numbers)
    return found


def _counts(connection: Connection, table: Table, pks: list[int]) -> dict[int, int]:
    wanted = select(table.c.trace_pk, func.count()).where(table.c.trace_pk.in_(pks))
    rows = connection.execute(wanted.group_by(table.c.trace_pk))
    return {row[0]: row[1] for row in rows}
