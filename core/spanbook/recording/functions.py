"""Versions of functions that a recorder tells: each once, then by its hash with every span."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import CodeType, FunctionType
from typing import Any

from spanbook.functions.closure import closure
from spanbook.functions.content import FunctionVersion, Part, canonical
from spanbook.functions.stored import functions_in
from spanbook.gate.plain import JSON, Gate
from spanbook.settings import Settings

_MOST = 2_000  # functions that are remembered
_RESTLESS = 20  # function objects of one code, after which a new one is taken to be like the last


class Callee:
    """What a span is a call of, and the version that was told of it last."""

    __slots__ = ("function", "hash", "teller", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        functions = functions_in(value)
        self.function = functions[-1] if functions else None
        self.teller: object = None  # whom the hash is of
        self.hash: str | None = None


@dataclass(slots=True)
class _Known:
    """What was told of a function: the last object of its code, and how many there were."""

    code: CodeType  # so that no other gets its identity
    function: "weakref.ref[FunctionType]"
    hash: str
    count: int = 1


class Functions:
    """What one recorder told. A function is walked at its first call, and never again."""

    def __init__(self, gate: Gate, write: Callable[[dict[str, Any]], Any]) -> None:
        self._gate = gate
        self._write = write
        self._known: dict[int, _Known] = {}
        self._told: set[str] = set()

    def told(self, callee: Callee) -> str | None:
        """Tell the version of a function if it is new, and return its hash; None: it is none."""
        if callee.teller is not self:
            callee.hash = self._hash(callee)
            callee.teller = self
        return callee.hash

    def _hash(self, callee: Callee) -> str | None:
        function = callee.function
        if function is None:
            return None
        code = function.__code__
        known = self._known.get(id(code))
        if known is not None and (known.function() is function or known.count >= _RESTLESS):
            return known.hash
        hash = self._tell(described(callee.value, self._gate))
        if len(self._known) >= _MOST:
            self._known.clear()
        count = 1 if known is None else known.count + 1
        self._known[id(code)] = _Known(code, weakref.ref(function), hash, count)
        return hash

    def _tell(self, version: FunctionVersion) -> str:
        if version.hash not in self._told:
            self._told.add(version.hash)
            self._write(
                {
                    "type": "function",
                    "hash": version.hash,
                    "name": version.name,
                    "unknown": version.unknown,
                    "body": canonical(version.to_data()).decode(),
                }
            )
        return version.hash


def version_of(value: Callable[..., Any]) -> FunctionVersion:
    """Return what a function is made of, with its hash: what its spans refer to.

    That is its source and all of the user's own code that it reads, without secrets. It is what a
    recorder without a mask tells.
    """
    return described(value, Gate(Settings()))


def described(value: Any, gate: Gate) -> FunctionVersion:
    """Return what a function is made of, as far as the gate lets it pass."""
    found = closure(value)
    parts = [_passed(part, gate) for part in found.parts]
    return FunctionVersion.of(found.name[:200], parts, found.unknown)


def _passed(part: Part, gate: Gate) -> Part:
    """Return a part without secrets: a value under a secret's name is one."""
    value, source = part.value, part.source
    if value is not None:
        value = _plain(gate, part.name.rpartition(".")[2], value)
    if source:
        source = _plain(gate, "source", source)
    return replace(part, value=value, source=source if isinstance(source, str) else "")


def _plain(gate: Gate, name: str, value: Any) -> JSON:
    """Return what the gate lets pass of a value; a mask may put something else in its place."""
    kept = gate.plain({name: value}, "attributes")
    return kept.get(name) if isinstance(kept, dict) else kept
