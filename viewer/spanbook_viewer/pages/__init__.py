"""The pages: one blueprint a module; `PAGES` are those that the header links to."""

from dataclasses import dataclass

from flask import Blueprint

from spanbook_viewer.pages import (
    accounting,
    compare,
    functions,
    health,
    media,
    patterns,
    preferences,
    runs,
    sessions,
    spans,
    statistics,
    trace,
    traces,
    versions,
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
    Page("runs.index", "Runs", "r", ("runs",)),
    Page("accounting.index", "Accounting", "c", ("accounting",)),
    Page("versions.index", "Versions", "v", ("versions", "functions")),
    Page("sessions.index", "Sessions", "e", ("sessions",)),
    Page("statistics.index", "Statistics", "i", ("statistics",)),
    Page("compare.index", "Compare", "d", ("compare",)),
    Page("health.index", "Health", "h", ("health", "patterns")),
)
BLUEPRINTS: tuple[Blueprint, ...] = (
    traces.bp,
    trace.bp,
    spans.bp,
    runs.bp,
    accounting.bp,
    versions.bp,
    functions.bp,
    sessions.bp,
    statistics.bp,
    compare.bp,
    media.bp,
    health.bp,
    patterns.bp,
    preferences.bp,
)
