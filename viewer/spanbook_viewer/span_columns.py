"""The columns of the table of spans."""

from collections.abc import Callable
from dataclasses import replace

from spanbook.reading.rows import SpanEntry
from spanbook_viewer.columns import Column, extra, number
from spanbook_viewer.formats import UNKNOWN, duration, tokens


def _part(name: str) -> Callable[[SpanEntry], str]:
    return lambda row: tokens(row.span.usage, name)


SPAN_COLUMNS = (
    Column("name", "Name", "name"),
    Column("kind", "Kind"),
    Column("status", "Status", drop=1),
    Column("started", "Started, UTC", "start", drop=1),
    number("duration", "Duration", "duration", lambda row: duration(row.span.duration)),
    replace(number("in", "In", "input_tokens", _part("input")), drop=2),
    replace(number("out", "Out", "output_tokens", _part("output")), drop=2),
    Column("cost", "Cost", "cost", is_number=True, drop=2),
    Column("model", "Model", "model", lambda row: row.span.model or UNKNOWN, drop=3),
    Column("trace", "Trace", None, drop=4),
    Column("session", "Session", drop=5),
    Column("user", "User", drop=5),
    Column("notes", "Notes", None, drop=4),
    extra(number("tokens", "Tokens", "tokens", _part("total"))),
    extra(number("cached", "Cached", None, _part("cache_read"))),
    extra(number("cache_write", "Cache written", None, _part("cache_write"))),
    extra(number("reasoning", "Reasoning", None, _part("reasoning"))),
    extra(number("audio_in", "Audio in", None, _part("audio_input"))),
    extra(number("audio_out", "Audio out", None, _part("audio_output"))),
    extra(Column("provider", "Provider", None, lambda row: row.span.provider or UNKNOWN)),
    extra(Column("tier", "Tier", None, lambda row: row.span.tier or UNKNOWN)),
    extra(Column("error", "Error", None, lambda row: row.span.error_type or UNKNOWN)),
    extra(Column("project", "Project")),
    extra(Column("tags", "Tags")),
    extra(Column("release", "Release")),
    extra(Column("environment", "Environment")),
)
