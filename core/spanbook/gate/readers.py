"""Readers: how an object of each type becomes data, found once per type."""

# ruff: noqa: BLE001 - the gate is total: whatever reading a value raises stays in its place

import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence, Set, ValuesView
from contextlib import suppress
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import partial
from io import IOBase
from itertools import islice
from pathlib import PurePath
from re import Pattern
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    MethodType,
    ModuleType,
    SimpleNamespace,
)
from typing import TYPE_CHECKING, Any, TypeAlias, cast
from uuid import UUID

from spanbook import placeholders
from spanbook.classes import class_of, mro, namespace
from spanbook.gate import arrays, failures
from spanbook.gate.media import Media
from spanbook.gate.models import fields_of
from spanbook.gate.secrets import REDACTED
from spanbook.placeholders import JSON, Ready, type_name, type_of

if TYPE_CHECKING:
    from spanbook.gate.walk import Walk

Reader: TypeAlias = Callable[["Walk", Any, int], JSON]

# Types are known by id: their metaclass may define hash or equality, and a class that a program
# makes and drops must be free to go. Its weak reference takes its reader along.
_readers: dict[int, Reader] = {}
_alive: dict[int, weakref.ref[type]] = {}
_converters: dict[int, tuple[type, Callable[[Any], Any]]] = {}


def register(cls: type, convert: Callable[[Any], Any]) -> None:
    """Let `convert` turn objects of `cls` and its subclasses into what is recorded of them.

    What it returns is read in turn, so it may hold further live objects, `Media` and data URLs.
    """
    _converters[id(cls)] = (cls, convert)
    _readers.clear()


def reader_of(cls: type) -> Reader:
    """Return the reader for objects of exactly this class."""
    return _readers.get(id(cls)) or _remember(cls)


def _remember(cls: type) -> Reader:
    reader = _find(cls)
    mark = id(cls)

    def forget(_: object) -> None:
        _readers.pop(mark, None)
        _alive.pop(mark, None)

    _alive[mark] = weakref.ref(cls, forget)
    _readers[mark] = reader
    return reader


def _find(cls: type) -> Reader:
    bases = mro(cls)
    for base in bases:
        if converter := _converters.get(id(base)):
            return _converting(converter[1])
    for base in bases:
        if kind := _KINDS.get(id(base)):
            return _tuple(bases) if base is tuple else kind[1]
        whole = type_name(base)
        if named := _NAMED.get((whole.partition(".")[0], whole.rpartition(".")[2])):
            return named
    return _declared(cls) or _abstract(cls, bases)


def _converting(convert: Callable[[Any], Any]) -> Reader:
    def read(walk: "Walk", value: Any, depth: int) -> JSON:
        if depth <= 0:
            return placeholders.too_deep()
        made = convert(value)
        if class_of(made) is dict:  # the usual result; it is no level of its own
            return walk.mapping(made, depth)
        return walk.value(made, depth - 1)

    return read


def _declared(cls: type) -> Reader | None:
    with suppress(Exception):  # what only looks like a model is read by its other looks
        if (fields := fields_of(cls)) is not None:
            return lambda walk, value, depth: walk.value(fields.read(value), depth)
    return None


def _abstract(cls: type, bases: Iterable[type]) -> Reader:
    if any("__next__" in namespace(base) or "__anext__" in namespace(base) for base in bases):
        return _unconsumed
    with suppress(Exception):  # a metaclass may refuse to be asked
        if issubclass(cls, Mapping):
            return _mapping
        if issubclass(cls, Sequence | Set | ValuesView):
            return _items
    return _unknown


def _tuple(bases: Iterable[type]) -> Reader:
    for base in bases:
        names = namespace(base).get("_fields")
        if type(names) is tuple:
            return _named_tuple(cast("tuple[str, ...]", names))
    return _items


def _named_tuple(names: tuple[str, ...]) -> Reader:
    def read(walk: "Walk", value: tuple[Any, ...], depth: int) -> JSON:
        return walk.mapping(dict(zip(names, value, strict=False)), depth)

    return read


def _mapping(walk: "Walk", value: Any, depth: int) -> JSON:
    kept: dict[Any, Any] = dict(islice(value.items(), walk.items + 1))
    made = walk.mapping(kept, depth)
    if len(kept) > walk.items and type(made) is dict:
        made["…"] = placeholders.more(_lost(value, len(made) - 1))
    return made


def _items(walk: "Walk", value: Any, depth: int) -> JSON:
    kept: list[Any] = list(islice(value, max(walk.items, arrays.VECTOR) + 1))
    made = walk.sequence(kept, depth)
    if len(kept) > walk.items and type(made) is list:
        made[-1] = placeholders.more(_lost(value, len(made) - 1))
    return made


def _lost(value: Any, kept: int) -> int:
    try:
        return max(1, len(value) - kept)
    except Exception:  # a length is worth less than what was read
        return 1


def _set(walk: "Walk", value: Any, depth: int) -> JSON:
    if len(value) <= walk.items and all(type(item) is str for item in value):
        return walk.sequence(sorted(value), depth)  # the same set gives the same data
    return _items(walk, value, depth)


def _bytes(walk: "Walk", value: Any, depth: int) -> JSON:
    return walk.gate.shelf.content(value, walk.found)


def _media(walk: "Walk", value: Media, depth: int) -> JSON:
    return walk.gate.shelf.add(value, walk.found)


def _ready(walk: "Walk", value: Ready, depth: int) -> JSON:
    return value.data


def _written(walk: "Walk", value: Any, depth: int) -> JSON:
    return walk.value(str(value), depth)


def _moment(walk: "Walk", value: Any, depth: int) -> JSON:
    return walk.value(value.isoformat(), depth)


def _exception(walk: "Walk", value: BaseException, depth: int) -> JSON:
    return {"type": type_of(value), "message": failures.message(value)}


def _unconsumed(walk: "Walk", value: Any, depth: int) -> JSON:
    return placeholders.unconsumed(value)


def _unknown(walk: "Walk", value: Any, depth: int) -> JSON:
    return placeholders.unread(value)


def _class(walk: "Walk", value: type, depth: int) -> JSON:
    return placeholders.named("type", type_name(value))


def _function(walk: "Walk", value: Any, depth: int) -> JSON:
    module = value.__module__
    name = f"{module}.{value.__qualname__}" if type(module) is str else value.__qualname__
    return placeholders.named(type_of(value), name)


def _partial(walk: "Walk", value: "partial[Any]", depth: int) -> JSON:
    function: Any = value.func
    known = type(function) is FunctionType or type(function) is BuiltinFunctionType
    return _function(walk, function, depth) if known else placeholders.unread(value)


def _redacted(walk: "Walk", value: Any, depth: int) -> JSON:
    return REDACTED


def _missing(walk: "Walk", value: Any, depth: int) -> JSON:
    return None


_SHAPES: dict[Reader, tuple[type, ...]] = {
    lambda walk, value, depth: walk.value(str.__str__(value), depth): (str,),
    lambda walk, value, depth: walk.value(int.__int__(value), depth): (int,),
    lambda walk, value, depth: walk.value(float.__float__(value), depth): (float,),
    lambda walk, value, depth: walk.value(value._value_, depth): (Enum,),
    lambda walk, value, depth: walk.value(value.pattern, depth): (Pattern,),
    lambda walk, value, depth: walk.value(vars(value), depth): (SimpleNamespace,),
    _mapping: (dict,),
    _items: (list, tuple, deque),
    _set: (set, frozenset),
    _written: (UUID, PurePath, Decimal, Fraction, complex, timedelta, range),
    _moment: (date, time),
    _bytes: (bytes, bytearray, memoryview),
    _media: (Media,),
    _ready: (Ready,),
    _exception: (BaseException,),
    _class: (type,),
    _function: (FunctionType, BuiltinFunctionType, MethodType),
    _partial: (partial,),
    _unconsumed: (GeneratorType, AsyncGeneratorType, CoroutineType),
    _unknown: (IOBase.__mro__[1], ModuleType),
}
_KINDS = {id(kind): (kind, reader) for reader, kinds in _SHAPES.items() for kind in kinds}
# Types of libraries that may not be installed, by the library and the name of the class.
_NAMED: dict[tuple[str, str], Reader] = {
    ("pydantic", "SecretStr"): _redacted,
    ("pydantic", "SecretBytes"): _redacted,
    ("pydantic", "Secret"): _redacted,
    ("starlette", "Secret"): _redacted,
    ("numpy", "ndarray"): arrays.numpy_array,
    ("numpy", "generic"): arrays.numpy_scalar,
    ("pandas", "DataFrame"): arrays.pandas_frame,
    ("pandas", "Series"): arrays.pandas_series,
    ("pandas", "Index"): arrays.pandas_series,
    ("pandas", "NAType"): _missing,
    ("pandas", "NaTType"): _missing,
    ("polars", "DataFrame"): arrays.polars_frame,
    ("polars", "Series"): arrays.polars_series,
    ("torch", "Tensor"): arrays.torch_tensor,
    ("sqlalchemy", "Row"): lambda walk, value, depth: _mapping(walk, value._mapping, depth),  # noqa: SLF001 - it is public
}
