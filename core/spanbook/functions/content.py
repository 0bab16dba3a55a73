"""A version of a function as plain data: the parts that it is made of, and the hash of these."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson


class PartKind(StrEnum):
    """What a part of a version is."""

    FUNCTION = "function"
    CLASS = "class"
    VALUE = "value"  # a global, or an object that one holds
    PACKAGE = "package"


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a function is made of.

    `name` is unique in its version: `app.answer`, `app.TOP_K`, `numpy`. `code` is the hash of what
    the source says, whatever its layout; "" where it has none or it is not available. `value` is
    that of a global; of a function or class what it was given besides its source: defaults and
    captured variables; of a package its version. `uses` are the names of other parts.
    """

    name: str
    kind: PartKind
    source: str = ""
    code: str = ""
    value: Any = None
    uses: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Return the part as plain data; what is empty is left out."""
        told = {
            "source": self.source,
            "code": self.code,
            "value": self.value,
            "uses": list(self.uses),
        }
        empty: tuple[Any, ...] = ("", None, [])
        kept = {name: value for name, value in told.items() if value not in empty}
        return {"name": self.name, "kind": str(self.kind), **kept}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Part":
        """Return the part that `to_data` wrote.

        Raises:
            KeyError, TypeError, ValueError: it did not.
        """
        return cls(
            str(data["name"]),
            PartKind(data["kind"]),
            str(data.get("source", "")),
            str(data.get("code", "")),
            data.get("value"),
            tuple(data.get("uses", ())),
        )


@dataclass(frozen=True, slots=True)
class FunctionVersion:
    """What a function was when it ran: itself, the first part, and what it is made of.

    `hash` is the sha256 of all but the sources' layout: equal hashes are the same program.
    `unknown` says why nothing more than the name is known; "" where it is.
    """

    hash: str
    name: str
    parts: tuple[Part, ...] = ()
    unknown: str = ""

    @classmethod
    def of(cls, name: str, parts: Sequence[Part], unknown: str = "") -> "FunctionVersion":
        """Return the version of these parts, with its hash."""
        said: list[Any] = [name, unknown]
        said += (
            [part.name, part.kind, part.code, part.value, sorted(part.uses)]
            for part in sorted(parts, key=lambda part: part.name)
        )
        hash = hashlib.sha256(canonical(said)).hexdigest()
        return cls(hash, name, tuple(parts), unknown)

    @property
    def source(self) -> str:
        """The function's own source; "" where it is not known."""
        return self.parts[0].source if self.parts else ""

    def part(self, name: str) -> Part | None:
        """Return the part of this name."""
        return next((part for part in self.parts if part.name == name), None)

    def packages(self) -> Iterator[Part]:
        """Yield the packages that the code uses."""
        return (part for part in self.parts if part.kind is PartKind.PACKAGE)

    def to_data(self) -> dict[str, Any]:
        """Return the version as plain data."""
        data: dict[str, Any] = {"name": self.name}
        if self.unknown:
            data["unknown"] = self.unknown
        return {**data, "parts": [part.to_data() for part in self.parts]}

    @classmethod
    def from_data(cls, hash: str, data: Mapping[str, Any]) -> "FunctionVersion":
        """Return the version that `to_data` wrote.

        Raises:
            KeyError, TypeError, ValueError: it did not.
        """
        parts = tuple(Part.from_data(part) for part in data["parts"])
        return cls(hash, str(data["name"]), parts, str(data.get("unknown", "")))


def canonical(value: Any) -> bytes:
    """Return the one JSON of plain data, its keys sorted."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
