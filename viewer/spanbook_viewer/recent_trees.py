"""The trees of the big traces that were looked at last, so that a click there is quick."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from spanbook.reading import queries, trees
from spanbook.reading.rows import TraceRow
from spanbook.reading.trees import Tree
from spanbook.spans import Status

BIG = 500  # spans from which a tree is worth keeping
KEPT = 4  # traces
SPANS = 50_000  # of all kept trees together


@dataclass(frozen=True, slots=True)
class _Kept:
    trace: TraceRow
    tree: Tree
    token: str

    @property
    def is_settled(self) -> bool:
        """Whether no span of it runs: time alone changes nothing."""
        return all(node.span.status is not Status.RUNNING for node in self.tree.nodes)


_lock = threading.Lock()
_kept: WeakKeyDictionary[Engine, OrderedDict[str, _Kept]] = WeakKeyDictionary()


def tree_of(engine: Engine, trace: TraceRow, now_ns: int) -> Tree:
    """Return the tree of a trace, as it is in the store now."""
    if trace.span_count <= BIG:
        return trees.build(queries.list_spans(engine, trace.trace_id), now_ns)
    known = _recall(engine, trace)
    if known is None:
        found = queries.changes(engine, trace.trace_id)
        known = _Kept(found.trace, trees.build(found.spans, now_ns), found.token)
        _remember(engine, known)
    return known.tree


def _recall(engine: Engine, trace: TraceRow) -> _Kept | None:
    """Return the kept tree if nothing happened to the trace since, and nothing of it runs."""
    with _lock:
        known = _kept.get(engine, OrderedDict[str, _Kept]()).get(trace.trace_id)
    if known is None or known.trace != trace or not known.is_settled:
        return None
    return known if queries.mark(engine, trace.trace_id) == known.token else None


def _remember(engine: Engine, known: _Kept) -> None:
    with _lock:
        own = _kept.setdefault(engine, OrderedDict())
        own[known.trace.trace_id] = known
        own.move_to_end(known.trace.trace_id)
        while len(own) > KEPT or (len(own) > 1 and _size(own) > SPANS):
            own.popitem(last=False)


def _size(own: OrderedDict[str, _Kept]) -> int:
    return sum(len(known.tree.nodes) for known in own.values())
