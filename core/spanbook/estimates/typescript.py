"""JSON Schema as the TypeScript in which models are shown the arguments of a function."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spanbook.estimates.shapes import items, mapping

Schema = Mapping[str, Any]

# What is written behind a property, in this order.
_NOTES = (
    *("default", "format", "pattern", "minLength", "maxLength", "minimum", "maximum"),
    *("exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems"),
)
_NAMES = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}


def comment(text: str) -> list[str]:
    """Return the lines of a comment; what is indented in the source is not in the prompt."""
    return [f"// {line.strip()}".rstrip() for line in text.split("\n")]


def parameters(schema: Schema) -> str | None:
    """Return the type of a function's only argument, or None where it takes none."""
    renderer = _Renderer(_definitions(schema))
    found = renderer.resolve(schema, frozenset())
    if found is None or not mapping(found.schema.get("properties")):
        return None
    return "".join(f"{line}\n" for line in _heading(found.schema)) + renderer.type_of(found)


@dataclass(frozen=True, slots=True)
class _Typed:
    """A schema's three parts: the comment above it, its type, and what is noted behind it."""

    heading: list[str]
    type: str
    notes: str

    @property
    def is_plain(self) -> bool:
        return not self.heading and not self.notes and "\n" not in self.type


@dataclass(frozen=True, slots=True)
class _Found:
    """A schema without references at its top, and the names it was reached by."""

    schema: Schema
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Renderer:
    definitions: Mapping[str, Any]

    def resolve(self, schema: Any, names: frozenset[str]) -> _Found | None:
        """Return the schema that a reference means, or None where it would contain itself.

        What stands beside a reference stands beside what it means too.
        """
        found = mapping(schema)
        while True:
            match found:
                case {"$ref": str(reference)}:
                    name = reference.rpartition("/")[2]
                    if name in names:
                        return None
                    names, inner, key = names | {name}, self.definitions.get(name), "$ref"
                case {"allOf": [only]}:
                    inner, key = only, "allOf"
                case _:
                    return _Found(found, names)
            rest = {one: value for one, value in found.items() if one != key}
            found = {**mapping(inner), **rest}

    def typed(self, schema: Any, names: frozenset[str]) -> _Typed:
        found = self.resolve(schema, names)
        if found is None:
            return _Typed([], "any", "")
        return _Typed(_heading(found.schema), self.type_of(found), _notes(found.schema))

    def type_of(self, found: _Found) -> str:
        schema, names = found.schema, found.names
        match schema:
            case {"enum": [*values]}:
                return " | ".join(_json(value) for value in values)
            case {"const": value}:
                return _json(value)
            case {"anyOf": [*variants]} | {"oneOf": [*variants]}:
                return _union([self.typed(variant, names) for variant in variants])
            case {"type": [*kinds]}:
                # Each kind repeats the whole schema, its description too.
                whole = {key: value for key, value in schema.items() if key != "default"}
                return _union([self.typed({**whole, "type": kind}, names) for kind in kinds])
            case {"type": str(kind)} if kind in _NAMES:
                return _NAMES[kind]
            case {"type": "array"}:
                return self._array(found)
            case {"type": "object"} | {"properties": _}:
                return self._object(found) if mapping(schema.get("properties")) else "object"
            case _:
                return "any"

    def _array(self, found: _Found) -> str:
        if not mapping(found.schema.get("items")):
            return "any[]"
        inner = self.typed(found.schema["items"], found.names)
        if "\n" in inner.type:
            inside = "\n".join([*inner.heading, inner.type.strip("\n")])
            return f"Array<\n{inside}\n>"
        if inner.type.startswith("{") or " | " in inner.type:
            return f"Array<{inner.type}>"
        return f"{inner.type}[]"

    def _object(self, found: _Found) -> str:
        required = items(found.schema.get("required"))
        members = [
            (f"{name}{'' if name in required else '?'}", self.typed(one, found.names))
            for name, one in mapping(found.schema.get("properties")).items()
        ]
        if all(member.is_plain for _, member in members):
            return "{ " + ", ".join(f"{name}: {member.type}" for name, member in members) + " }"
        lines = [line for name, member in members for line in _member_lines(name, member)]
        return "\n".join(["{", *lines, "}"])


def _union(variants: Sequence[_Typed]) -> str:
    if all(variant.is_plain for variant in variants):
        return " | ".join(variant.type for variant in variants)
    lines = [line for variant in variants for line in _variant_lines(variant)]
    return "\n" + "\n".join(lines) + "\n"


def _member_lines(name: str, member: _Typed) -> Iterator[str]:
    yield from member.heading
    if "\n" not in member.type:
        yield f"{name}: {member.type}," + (f" // {member.notes}" if member.notes else "")
        return
    if member.notes:
        yield f"// {member.notes}"
    gap = "" if member.type.startswith("\n") else " "
    yield f"{name}:{gap}{member.type},"


def _variant_lines(variant: _Typed) -> Iterator[str]:
    yield from variant.heading
    yield f" | {variant.type}" + (f" // {variant.notes}" if variant.notes else "")


def _heading(schema: Schema) -> list[str]:
    title, description = schema.get("title"), schema.get("description")
    lines = comment(title) if isinstance(title, str) and title else []
    if isinstance(description, str) and description:
        lines += ["//"] if lines else []
        lines += comment(description)
    return lines


def _notes(schema: Schema) -> str:
    return ", ".join(f"{key}: {_json(schema[key])}" for key in _NOTES if key in schema)


def _definitions(schema: Schema) -> Mapping[str, Any]:
    return {**mapping(schema.get("definitions")), **mapping(schema.get("$defs"))}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
