"""What the page of one version of a function shows, alone or against another version."""

from dataclasses import dataclass
from functools import cached_property

import orjson
from flask import url_for
from markupsafe import Markup
from sqlalchemy import Engine

from spanbook.drawing.dependencies import Dependencies, dependencies, dependencies_diagram
from spanbook.drawing.diagram_svg import svg_part
from spanbook.functions.changes import Change, changes
from spanbook.functions.content import FunctionVersion, Part, PartKind
from spanbook.reading.versions import (
    CallRow,
    VersionRow,
    get_version,
    list_versions,
    version_calls,
)
from spanbook_viewer.highlighting import highlighted
from spanbook_viewer.source_diff import Line, paired, unified

MOST_PARTS = 100  # sources and diffs on a page
MOST_CALLS = 20


@dataclass
class FunctionView:
    """One version of a function in a project."""

    engine: Engine
    version: FunctionVersion
    against: str | None = None
    is_side_by_side: bool = False

    @cached_property
    def versions(self) -> list[VersionRow]:
        """All versions of this name, in all projects, the last called first."""
        return list_versions(self.engine, name=self.version.name)

    @cached_property
    def row(self) -> VersionRow:
        """The version with its figures, in the project that called it last."""
        return next(row for row in self.versions if row.hash == self.version.hash)

    @cached_property
    def mine(self) -> list[VersionRow]:
        """The versions of its project."""
        return [row for row in self.versions if row.project == self.row.project]

    @property
    def previous(self) -> VersionRow | None:
        """The version before this one."""
        return self._numbered(-1)

    @property
    def following(self) -> VersionRow | None:
        """The version after this one."""
        return self._numbered(1)

    def _numbered(self, step: int) -> VersionRow | None:
        number = None if self.row.number is None else self.row.number + step
        return next((row for row in self.mine if row.number == number and number), None)

    @cached_property
    def before(self) -> VersionRow | None:
        """The version to compare with: the one asked for, else the one before."""
        if self.against is None:
            return self.previous
        return next((row for row in self.versions if row.hash == self.against), None)

    @cached_property
    def changes(self) -> list[Change]:
        """What changed since the version to compare with."""
        if self.before is None:
            return []
        return changes(get_version(self.engine, self.before.hash), self.version)

    @cached_property
    def diffs(self) -> list[tuple[str, list[Line]]]:
        """The sources that differ, by the names of their parts."""
        found: dict[str, list[Line]] = {}
        for change in self.changes:
            if change.is_of_source and change.name not in found and len(found) < MOST_PARTS:
                old, new = (
                    "" if part is None else part.source for part in (change.before, change.after)
                )
                lines = paired(old, new)
                found[change.name] = lines if self.is_side_by_side else unified(lines)
        return list(found.items())

    @cached_property
    def code(self) -> list[Part]:
        """The functions and classes."""
        wanted = (PartKind.FUNCTION, PartKind.CLASS)
        return [part for part in self.version.parts if part.kind in wanted][:MOST_PARTS]

    @cached_property
    def values(self) -> list[Part]:
        """The globals."""
        return [part for part in self.version.parts if part.kind is PartKind.VALUE]

    @cached_property
    def packages(self) -> list[Part]:
        """The packages."""
        return list(self.version.packages())

    @cached_property
    def calls(self) -> list[CallRow]:
        """The last calls."""
        return version_calls(self.engine, self.version.hash, limit=MOST_CALLS)

    def source(self, part: Part) -> Markup:
        """Return the source of a part with its keywords and comments marked."""
        return highlighted(part.source, "python")[0]

    @cached_property
    def graph(self) -> Dependencies:
        """What uses what."""
        return graph_of(self.version)

    @property
    def drawing(self) -> Markup:
        """The graph as a part of the page; its nodes lead to the sources."""
        links = {part.name: f"#p{number}" for number, part in enumerate(self.code)}
        return _part(self.graph, links, "Dependencies")


def graph_of(version: FunctionVersion) -> Dependencies:
    """Return what uses what in a version."""
    return dependencies(version.parts, [part.name for part in version.parts[:1]])


def all_dependencies(engine: Engine, rows: list[VersionRow]) -> Dependencies:
    """Return what uses what in some versions together."""
    found = [get_version(engine, row.hash) for row in rows]
    parts = {part.name: part for version in found for part in version.parts}
    return dependencies(parts.values(), [v.parts[0].name for v in found if v.parts])


def drawn(graph: Dependencies, rows: list[VersionRow]) -> Markup:
    """Return the graph of several functions as a part of a page; these lead to their pages."""
    links = {row.name: url_for("functions.show", hash=row.hash) for row in rows}
    return _part(graph, links, "Dependencies of all functions")


def _part(graph: Dependencies, links: dict[str, str], title: str) -> Markup:
    numbered = {
        number: links[node.name] for number, node in enumerate(graph.nodes) if node.name in links
    }
    shown = svg_part(dependencies_diagram(graph), numbered, title=title)
    return Markup(shown)  # noqa: S704 -- all text in it is escaped there


def value_text(part: Part) -> str:
    """Return the value of a global as text."""
    if isinstance(part.value, str):
        return part.value
    option = orjson.OPT_INDENT_2
    text = orjson.dumps(part.value).decode()
    return text if len(text) <= 80 else orjson.dumps(part.value, option=option).decode()  # a line
