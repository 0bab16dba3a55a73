"""Components: the neutral tree that every framework's objects are described as."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import orjson


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from one part of a graph to another; `label` says when it is taken, "" for always."""

    source: str
    target: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Component:
    """One object of an architecture: what it is, how it is set, and what it is made of.

    `role` is a span's kind or a word like it (`graph`, `store`, `function`). `place` says what it
    is to the component above: `steps[0]`, `fallbacks[1]`, `tools[0]`. An object that
    holds itself, through others, is told once; inside, its parameter `same_as` says how far above.
    """

    role: str
    cls: str
    name: str
    place: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    parts: tuple["Component", ...] = ()
    edges: tuple[Edge, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Return the tree as plain data; what is empty is left out."""
        data: dict[str, Any] = {"role": self.role, "class": self.cls, "name": self.name}
        if self.place:
            data["place"] = self.place
        if self.parameters:
            data["parameters"] = dict(self.parameters)
        if self.parts:
            data["parts"] = [part.to_data() for part in self.parts]
        if self.edges:
            data["edges"] = [[edge.source, edge.target, edge.label] for edge in self.edges]
        return data

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Component":
        """Return the tree that `to_data` wrote.

        Raises:
            KeyError, TypeError: it did not.
        """
        return cls(
            str(data["role"]),
            str(data["class"]),
            str(data["name"]),
            str(data.get("place", "")),
            cast("dict[str, Any]", data.get("parameters", {})),
            tuple(cls.from_data(part) for part in data.get("parts", ())),
            tuple(Edge(*edge) for edge in data.get("edges", ())),
        )

    def walk(self, path: str = "") -> Iterator[tuple[str, "Component"]]:
        """Yield every component with the path of places that leads to it, the root's is ""."""
        yield path, self
        for part in self.parts:
            yield from part.walk(f"{path}.{part.place}" if path else part.place)


@dataclass(frozen=True, slots=True)
class Architecture:
    """A component tree with the sha256 of its canonical JSON: equal trees have equal hashes."""

    hash: str
    root: Component

    @classmethod
    def of(cls, root: Component) -> "Architecture":
        """Return `root`, whose parameters are plain data, with its hash."""
        return cls(hashlib.sha256(canonical(root)).hexdigest(), root)


def canonical(root: Component) -> bytes:
    """Return the one JSON of a tree, its keys sorted."""
    return orjson.dumps(root.to_data(), option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
