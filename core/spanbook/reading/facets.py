"""Facets: which values the filter fields have among recent traces."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import Engine, select

from spanbook.reading.rows import Facets, FacetValue
from spanbook.store.schema import traces

_FIELDS = (
    "project",
    "name",
    "kind",
    "model",
    "session",
    "user",
    "release",
    "version",
    "environment",
)
_RECENT = 2_000  # traces looked at
_MOST = 50  # values of a field


def facets(engine: Engine, project: str | None = None, *, recent: int = _RECENT) -> Facets:
    """Return the values of each filter field among the `recent` newest traces, most frequent first.

    `project` leaves out the traces of others, though not their names.
    """
    keys = select(traces.c.pk).order_by(traces.c.start_ns.desc()).limit(recent)
    columns = [traces.c[name] for name in _FIELDS]
    statement = select(*columns, traces.c.tags).where(traces.c.pk.in_(keys))
    with engine.connect() as connection:
        rows = connection.execute(statement).all()
    projects = _values(row[0] for row in rows)
    own = [row for row in rows if project is None or row[0] == project]
    found = dict(zip(_FIELDS, ([*zip(*own, strict=True)] or [()] * 10), strict=False))
    fields = {name: _values(found[name]) for name in _FIELDS}
    return Facets(**{**fields, "project": projects, "tag": _tags(row[-1] for row in own)})


def _values(values: Iterable[Any]) -> tuple[FacetValue, ...]:
    counts = Counter(value for value in values if value is not None)
    return tuple(FacetValue(value, count) for value, count in counts.most_common(_MOST))


def _tags(lists: Iterable[str | None]) -> tuple[FacetValue, ...]:
    counts: Counter[str] = Counter()
    for text, count in Counter(text for text in lists if text).items():
        counts.update(dict.fromkeys(orjson.loads(text), count))
    return tuple(FacetValue(value, count) for value, count in counts.most_common(_MOST))
