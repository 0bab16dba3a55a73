"""What the page of one architecture shows."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

from markupsafe import Markup
from sqlalchemy import Engine

from spanbook.architecture.branches import Branch, branches
from spanbook.architecture.changes import Change, changes
from spanbook.architecture.component import Architecture
from spanbook.drawing.components import MOST, ComponentDiagram
from spanbook.drawing.diagram_svg import svg_part
from spanbook.errors import UnknownTraceError
from spanbook.reading.architectures import (
    ArchitectureRow,
    get_architecture,
    list_architectures,
    trace_architecture,
)


@dataclass
class ArchitectureView:
    """One architecture; of a trace where `trace_id` is given, which may be an observed one."""

    engine: Engine
    architecture: Architecture
    is_observed: bool = False
    trace_id: str | None = None

    @classmethod
    def of_hash(cls, engine: Engine, hash: str) -> Self:
        """Return the view of a stored architecture.

        Raises:
            UnknownArchitectureError: the store does not hold it.
        """
        return cls(engine, get_architecture(engine, hash))

    @classmethod
    def of_trace(cls, engine: Engine, trace_id: str) -> Self:
        """Return the view of what a trace ran.

        Raises:
            UnknownTraceError: the store holds no such trace, or none of its spans.
        """
        found = trace_architecture(engine, trace_id)
        if found is None:
            raise UnknownTraceError("No span of this trace has arrived yet.")
        return cls(engine, found.architecture, found.is_observed, trace_id)

    @cached_property
    def tree(self) -> Branch:
        """The components that the page shows."""
        return branches(self.architecture.root)

    @cached_property
    def graph(self) -> ComponentDiagram:
        """The components and what leads from one to another."""
        return ComponentDiagram(branches(self.architecture.root, MOST))

    @property
    def drawing(self) -> Markup:
        """The graph as a part of the page; its boxes lead to the components in the tree."""
        links = {
            n: f"#c{branch}" for n, branch in enumerate(self.graph.numbers) if branch is not None
        }
        shown = svg_part(self.graph.diagram, links, title="What ran, as a graph")
        return Markup(shown)  # noqa: S704 -- all text in it is escaped there

    @cached_property
    def versions(self) -> list[ArchitectureRow]:
        """All versions of this name, the last used first; none of an observed one."""
        if self.is_observed:
            return []
        return list_architectures(self.engine, name=self.architecture.root.name)

    @cached_property
    def row(self) -> ArchitectureRow | None:
        """The version with its figures; None where it is only observed."""
        hash = self.architecture.hash
        return next((row for row in self.versions if row.hash == hash), None)

    @property
    def previous(self) -> ArchitectureRow | None:
        """The version before this one."""
        return self._numbered(-1)

    @property
    def following(self) -> ArchitectureRow | None:
        """The version after this one."""
        return self._numbered(1)

    def _numbered(self, step: int) -> ArchitectureRow | None:
        number = 0 if self.row is None else self.row.number + step
        return next((row for row in self.versions if row.number == number), None)

    @cached_property
    def changes(self) -> list[Change]:
        """What changed since the version before."""
        if self.previous is None:
            return []
        old = get_architecture(self.engine, self.previous.hash)
        return changes(old.root, self.architecture.root)
