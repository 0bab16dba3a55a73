"""Architectures that a recorder tells: each once, then by its hash with every trace."""

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from spanbook.architecture.component import Architecture, Component, canonical
from spanbook.architecture.describing import unknown, walked
from spanbook.architecture.looks import Looks
from spanbook.gate.plain import JSON, Gate
from spanbook.gate.secrets import mask_text
from spanbook.settings import Settings

_MOST = 256  # objects that are remembered
_RESTLESS = 20  # changes of one object, after which it is taken to count its calls, or the like


@dataclass(slots=True)
class _Known:
    """What was told of an object, and what it looked like then."""

    alive: Any
    looks: Looks
    hash: str
    changes: int = 0

    @property
    def is_current(self) -> bool:
        return self.changes >= _RESTLESS or self.looks.are_current


class Architectures:
    """What one recorder told. An object is walked again only when its attributes were set anew."""

    def __init__(self, gate: Gate, write: Callable[[dict[str, Any]], Any]) -> None:
        self._gate = gate
        self._write = write
        self._known: dict[int, _Known] = {}
        self._told: set[str] = set()
        self._keyed: dict[object, str] = {}

    def told(self, value: Any) -> str | None:
        """Tell the architecture of `value` if it is new, and return its hash; None: unknown."""
        known = self._known.get(id(value))
        if known is not None and known.alive() is value and known.is_current:
            return known.hash
        found = walked(value)
        if found is None:
            return None
        component, walk = found
        hash = self._tell(component)
        changes = 0 if known is None or known.alive() is not value else known.changes + 1
        self._remember(value, _Known(None, walk.looks, hash, changes))
        return hash

    def made(self, key: object, make: Callable[[], Component]) -> str:
        """Tell the architecture that `make` makes, if none is known by `key`; return its hash."""
        known = self._keyed.get(key)
        if known is None:
            if len(self._keyed) >= _MOST:
                self._keyed.clear()
            known = self._keyed[key] = self._tell(make())
        return known

    def _tell(self, component: Component) -> str:
        architecture = Architecture.of(purged(component, self._gate))
        if architecture.hash not in self._told:
            self._told.add(architecture.hash)
            self._write(
                {
                    "type": "architecture",
                    "hash": architecture.hash,
                    "name": architecture.root.name,
                    "body": canonical(architecture.root).decode(),
                }
            )
        return architecture.hash

    def _remember(self, value: Any, known: _Known) -> None:
        if len(self._known) >= _MOST:
            self._known.clear()
        key = id(value)
        try:
            known.alive = weakref.ref(value, lambda _: self._known.pop(key, None))
        except TypeError:  # walked each time
            return
        self._known[key] = known


def describe(value: Any) -> Architecture:
    """Return what a chain, graph, index, engine or client is made of, with its hash.

    Secrets are left out. It is the architecture that traces of the object refer to, where the
    recorder has no mask.

    Raises:
        ArgumentError: no integration that is loaded knows such an object.
    """
    found = walked(value)
    if found is None:
        raise unknown(value)
    return Architecture.of(purged(found[0], Gate(Settings())))


def purged(component: Component, gate: Gate) -> Component:
    """Return a tree whose parameters are plain data without secrets."""
    return replace(
        component,
        name=component.name[:200],
        parameters={
            name: _masked(value) for name, value in _plain(gate, component.parameters).items()
        },
        parts=tuple(purged(part, gate) for part in component.parts),
    )


def _plain(gate: Gate, parameters: Mapping[str, Any]) -> dict[str, JSON]:
    plain = gate.plain(dict(parameters), "attributes") if parameters else {}
    return plain if isinstance(plain, dict) else {"hidden": plain}


def _masked(value: JSON) -> JSON:
    match value:
        case str():
            return mask_text(value)
        case list():
            return [_masked(item) for item in value]
        case dict():
            return {name: _masked(item) for name, item in value.items()}
        case _:
            return value
