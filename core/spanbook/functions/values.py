"""Values of globals and defaults as plain data: what they say, without calling anything of them."""

import enum
import functools
import math
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePath
from re import Pattern
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, cast

from spanbook.architecture.describing import walked
from spanbook.classes import class_of, full_name, module_of, qualname
from spanbook.functions.content import canonical
from spanbook.functions.normal import digest
from spanbook.functions.stored import attributes, functions_in, module_dict
from spanbook.gate.secrets import mask_shapes

_DEEPEST = 6
_MOST_ITEMS = 200
_MOST_VALUES = 2_000
_LONGEST = 20_000  # characters of a text that are kept
_LARGEST = 1 << 63
_PATTERN = cast("type[Any]", Pattern)
_TUPLE: Any = tuple
CALLABLE = (FunctionType, MethodType, classmethod, staticmethod)

Follow = Callable[[Any], str | None]
Fields = Callable[[Any], Iterable[tuple[str, Any]]]


class Values:
    """Reads values. `follow` gets the functions and classes met and returns their names.

    `fields` tells which attributes of an object are how it is set.
    """

    def __init__(self, follow: Follow, fields: Fields) -> None:
        self._follow = follow
        self._fields = fields
        self._count = 0
        self._around: list[int] = []

    def read(self, value: Any, depth: int = _DEEPEST) -> Any:
        """Return a value as plain data."""
        self._count += 1
        kind = class_of(value)
        if value is None or kind is bool:
            return value
        if kind is int:
            return value if -_LARGEST <= value < _LARGEST else hex(value)
        if kind is float:
            return value if math.isfinite(value) else repr(value)
        if kind is str:
            return _text(mask_shapes(value))
        if kind in (bytes, complex, range, Decimal, Fraction):
            return {kind.__name__: _text(repr(value))}
        if issubclass(kind, type) or kind in CALLABLE or functions_in(value):
            return self._callable(value)
        if depth <= 0 or self._count > _MOST_VALUES or id(value) in self._around:
            return {"class": full_name(kind)}
        self._around.append(id(value))
        found = self._inside(value, kind, depth - 1)
        self._around.pop()
        return found

    def _callable(self, value: Any) -> Any:
        name = self._follow(value)
        said: dict[str, Any] = {"code": name or _name(value)}
        if class_of(value) is functools.partial:
            said["args"] = self.read(value.args, 2)
            said["keywords"] = self.read(dict(value.keywords), 2)
        return said

    def _inside(self, value: Any, kind: type[Any], depth: int) -> Any:
        name = full_name(kind)
        if kind in (list, tuple):
            return self._items(value, len(value), depth)
        if kind in (set, frozenset):
            items = self._items(value, len(value), depth)
            return {"set": sorted(items, key=canonical)}
        if kind is dict:
            return self._entries(value, depth)
        if issubclass(kind, enum.Enum):
            self._follow(kind)
            return {"class": name, "member": str(attributes(value).get("_name_"))}
        if issubclass(kind, PurePath) and module_of(kind).startswith("pathlib"):
            return {"path": value.name}  # where it lies differs from one machine to another
        if kind is _PATTERN:
            return {"pattern": _text(mask_shapes(str(value.pattern))), "flags": value.flags}
        if kind in (BuiltinFunctionType, ModuleType):
            return {"code": _name(value)}
        known = walked(value)
        if known is not None:
            return known[0].to_data()
        if issubclass(kind, tuple):  # a named one
            self._follow(kind)
            items = self._items(_TUPLE.__iter__(value), _TUPLE.__len__(value), depth)
            return {"class": name, "items": items}
        return self._object(value, kind, depth)

    def _items(self, items: Any, size: int, depth: int) -> list[Any]:
        found: list[Any] = []
        for item in items:
            if len(found) >= _MOST_ITEMS:
                found.append({"more": size - _MOST_ITEMS})
                break
            found.append(self.read(item, depth))
        return found

    def _entries(self, value: dict[Any, Any], depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, item in list(value.items())[:_MOST_ITEMS]:
            name = key if type(key) is str else canonical(self.read(key, 1)).decode()
            found[name] = self.read(item, depth)
        if len(value) > _MOST_ITEMS:
            found["…"] = {"more": len(value) - _MOST_ITEMS}
        return found

    def _object(self, value: Any, kind: type, depth: int) -> Any:
        self._follow(kind)
        said: dict[str, Any] = {"class": full_name(kind)}
        fields = {name: self.read(item, depth) for name, item in self._fields(value)}
        return {**said, "fields": fields} if fields else said


def _text(text: str) -> Any:
    if len(text) <= _LONGEST:
        return text
    return {"text": text[:_LONGEST], "length": len(text), "sha256": digest(text)}


def _name(value: Any) -> str:
    kind = class_of(value)
    if issubclass(kind, type):
        return full_name(value)
    functions = functions_in(value)
    if functions:
        return functions[-1].__code__.co_qualname
    if kind is ModuleType:
        return str(module_dict(value).get("__name__", ""))
    return str(value.__qualname__) if kind is BuiltinFunctionType else qualname(kind)
