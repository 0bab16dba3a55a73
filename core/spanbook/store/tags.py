"""Tags: a row for each tag of a trace, by which lists find it."""

from sqlalchemy import Connection

from spanbook.store.rows import StoredTrace
from spanbook.store.schema import trace_tags
from spanbook.store.statements import KEEP, Insert, Statement
from spanbook.store.totals import tags_of

_INSERT = Insert(trace_tags, rule=KEEP)
_DELETE = Statement("DELETE FROM trace_tags WHERE trace_pk = ?")


class Tags:
    """The tag rows that one batch changes."""

    def __init__(self) -> None:
        self._stale: list[int] = []
        self._rows: list[tuple[str, int, int]] = []

    def add(self, trace: StoredTrace, before: tuple[str | None, int] | None) -> None:
        """Add the tags of a trace that had `before`: tags and start, None if it was not there."""
        now = (trace.tags, trace.start_ns)
        if now == before or (trace.tags is None):
            return
        if before is not None and before[0] is not None and before[1] != trace.start_ns:
            self._stale.append(trace.pk)
        self._rows += [(tag, trace.start_ns, trace.pk) for tag in tags_of(trace.tags)]

    def write(self, connection: Connection) -> None:
        """Store the rows."""
        for trace_pk in self._stale:
            _DELETE.run(connection, trace_pk)
        _INSERT.run(connection, self._rows)
