"""Values that the filter form offers while typing: those of recent traces."""

import threading
import time
from collections.abc import Mapping, Sequence
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from spanbook.reading import queries

RECENT = 1_000  # traces looked at
FRESH = 30.0  # seconds that an answer is used again
FIELDS = (
    "project",
    "name",
    "model",
    "tag",
    "session",
    "user",
    "release",
    "version",
    "environment",
)

Suggestions = Mapping[str, Sequence[str]]

_lock = threading.Lock()
_known: WeakKeyDictionary[Engine, dict[str | None, tuple[float, Suggestions]]] = WeakKeyDictionary()


def suggestions(engine: Engine, project: str | None) -> Suggestions:
    """Return the most frequent values of each field, at most half a minute old."""
    now = time.monotonic()
    with _lock:
        asked, found = _known.setdefault(engine, {}).get(project, (-FRESH, {}))
    if now - asked < FRESH and any(found.values()):
        return found
    facets = queries.facets(engine, project, recent=RECENT)
    found = {name: [facet.value for facet in getattr(facets, name)] for name in FIELDS}
    with _lock:
        own = _known.setdefault(engine, {})
        if len(own) > 100:
            own.clear()
        own[project] = (now, found)
    return found
