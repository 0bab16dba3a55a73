"""The pages: one blueprint a module; `PAGES` are those that the header links to."""

from dataclasses import dataclass

from flask import Blueprint

from spanbook_viewer.pages import (
    accounting,
    compare,
    health,
    media,
    patterns,
    preferences,
    sessions,
    spans,
    statistics,
    trace,
    traces,
)


@dataclass(frozen=True, slots=True)
class Page:
    """A page in the header: its view, its label and the key that opens it after `g`.

    `blueprints` are those whose pages belong below it.
    """

    endpoint: str
    label: str
    key: str
    blueprints: tuple[str, ...]


PAGES = (
    Page("traces.index", "Traces", "t", ("traces", "trace")),
    Page("spans.index", "Spans", "s", ("spans",)),
    Page("accounting.index", "Accounting", "c", ("accounting",)),
    Page("sessions.index", "Sessions", "e", ("sessions",)),
    Page("statistics.index", "Statistics", "i", ("statistics",)),
    Page("compare.index", "Compare", "d", ("compare",)),
    Page("health.index", "Health", "h", ("health", "patterns")),
)
BLUEPRINTS: tuple[Blueprint, ...] = (
    traces.bp,
    trace.bp,
    spans.bp,
    accounting.bp,
    sessions.bp,
    statistics.bp,
    compare.bp,
    media.bp,
    health.bp,
    patterns.bp,
    preferences.bp,
)
