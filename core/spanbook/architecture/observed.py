"""Observed architectures: what a trace's spans show of what ran, where no object was at hand."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from spanbook.architecture.component import Component

_DEEPEST = 30
_MOST = 1_000  # parts of one component
# What an integration noted of how a step is set, not of one call of it.
_SETTINGS = ("parameters", "template", "description", "top_k", "top_n", "similarity_cutoff")


@dataclass(frozen=True, slots=True)
class Seen:
    """One span, as far as it says what ran."""

    span_id: str
    parent_id: str | None
    kind: str
    name: str
    model: str | None = None
    provider: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tools: Any = None


def observed(seen: Iterable[Seen]) -> Component | None:
    """Return the components that spans, in the order of their starts, stand for; None of none.

    What ran several times alike below the same component is one component.
    """
    spans = list(seen)
    known = {span.span_id for span in spans}
    below: dict[str | None, list[Seen]] = {}
    for span in spans:
        below.setdefault(span.parent_id if span.parent_id in known else None, []).append(span)
    roots = _parts(below.get(None, []), below, 0)
    if len(roots) == 1:
        return replace(roots[0], place="")
    return Component("step", "", "several", parts=roots) if roots else None


def _parts(
    spans: list[Seen], below: Mapping[str | None, list[Seen]], depth: int
) -> tuple[Component, ...]:
    found: list[Component] = []
    for span in spans:
        inner = below.get(span.span_id, []) if depth < _DEEPEST else []
        part = Component(
            span.kind, "", span.name, span.kind, _settings(span), _parts(inner, below, depth + 1)
        )
        if part not in found[-_MOST:]:
            found.append(part)
        if len(found) >= _MOST:
            break
    return tuple(found)


def _settings(span: Seen) -> dict[str, Any]:
    given = {"model": span.model, "provider": span.provider, "tools": span.tools}
    own = {name: span.attributes.get(name) for name in _SETTINGS}
    return {name: value for name, value in {**given, **own}.items() if value}
