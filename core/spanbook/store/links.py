"""Links: what a span refers to, in its own trace or in another."""

from sqlalchemy import Connection

from spanbook.store.records import Record
from spanbook.store.schema import links
from spanbook.store.statements import KEEP, Insert
from spanbook.store.wording import clean

_INSERT = Insert(links, rule=KEEP)


class Links:
    """The links of one batch; one that the store holds already stays as it is."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, str, str, str, str]] = []

    def add(self, trace_pk: int, records: list[Record]) -> None:
        """Add the links of one trace."""
        self._rows += [
            (trace_pk, link["span"], link["to_trace"], link["to_span"], clean(link["name"]) or "")
            for link in records
        ]

    def write(self, connection: Connection) -> None:
        """Store the links."""
        _INSERT.run(connection, self._rows)
