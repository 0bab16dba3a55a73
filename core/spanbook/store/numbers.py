"""Numbers: the last ones given to traces, blocks and spans, which whoever writes goes on from."""

from typing import NamedTuple

from sqlalchemy import Connection

from spanbook.store.statements import Statement

_LAST = Statement(
    "SELECT (SELECT coalesce(max(pk), 0) FROM traces), (SELECT coalesce(max(pk), 0) FROM payloads),"
    " (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'spans')",
    postgresql="SELECT (SELECT coalesce(max(pk), 0) FROM traces), "
    "(SELECT coalesce(max(pk), 0) FROM payloads), (SELECT coalesce(max(pk), 0) FROM spans)",
)


class Numbers(NamedTuple):
    """The last number of each table that we number ourselves; 0 where there is no row."""

    trace: int
    block: int
    span: int


def last_numbers(connection: Connection) -> Numbers:
    """Return the last numbers, which stay so while the caller holds the write lock."""
    return Numbers._make(_LAST.run(connection).one())
