"""The walk from a framework's live objects to components.

It reads attributes where they are stored and calls nothing of the objects: no properties, no
methods, no `repr`. What it does not know it names by its class.
"""

import contextlib
import enum
import functools
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from spanbook.architecture.component import Component, Edge
from spanbook.architecture.looks import PLAIN, Looks, stored
from spanbook.classes import class_of, is_tame, module_of, mro, qualname

DEEPEST = 30
MOST = 1_000  # components
_MOST_ITEMS = 100
_LONGEST = 20_000  # characters of one text
_LEVELS = 4  # of lists and mappings inside a parameter
REDACTED = "[redacted]"
_SECRETS = frozenset({"Secret", "SecretBytes", "SecretStr"})
_FUNCTIONS = (
    types.FunctionType,
    types.MethodType,
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
)


@dataclass(slots=True)
class Draft:
    """What a reader found of one object."""

    name: str = ""
    role: str = ""
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])
    parts: list[Component] = field(default_factory=list[Component])
    edges: list[Edge] = field(default_factory=list[Edge])


Reader = Callable[["Walk", Any, Draft], None]


@dataclass(frozen=True, eq=False)
class Language:
    """How a framework's objects are read.

    `roles` are the classes whose instances are components; the first that fits gives the role.
    `readers` read objects of a class in place of the common way. `skipped` fields say nothing.
    """

    roles: Sequence[tuple[type, str]]
    readers: Mapping[type, Reader]
    skipped: frozenset[str]

    def role_of(self, value: Any) -> str | None:
        """Return the role of a component, None for anything else."""
        cls = class_of(value)
        return self._role(cls) if is_tame(cls) and cls not in PLAIN else None

    @functools.lru_cache(maxsize=2_000)  # noqa: B019  # a language lives as long as its module
    def _role(self, cls: type) -> str | None:
        return next((role for known, role in self.roles if issubclass(cls, known)), None)

    def reader_of(self, value: Any) -> Reader:
        """Return what reads `value`."""
        cls = class_of(value)
        for base in mro(cls) if is_tame(cls) else ():
            if base in self.readers:
                return self.readers[base]
        return read_fields


class Walk:
    """One walk through one object. `looks` is what it read, to see later whether it changed."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.looks = Looks()
        self._open: list[int] = []  # ids of the objects around the one that is read
        self._done: dict[int, tuple[Any, Component, int]] = {}  # by id, which the object keeps
        self._count = 0

    def component(self, value: Any, place: str = "", role: str = "") -> Component:
        """Return what `value` is, and all below it."""
        known = self._done.get(id(value))
        if known is not None and self._count + known[2] <= MOST:
            self._count += known[2]
            return replace(known[1], place=place)
        role = self.language.role_of(value) or role or "step"
        cls = qualified(class_of(value))
        short = cls.rpartition(".")[2]
        if id(value) in self._open:
            above = len(self._open) - self._open.index(id(value))
            return Component(role, cls, short, place, {"same_as": f"{above} above"})
        if len(self._open) >= DEEPEST or self._count >= MOST:
            return Component(role, cls, short, place, {"not_followed": True})
        before = self._count
        self._count += 1
        draft = Draft()
        self._open.append(id(value))
        self.language.reader_of(value)(self, value, draft)
        self._open.pop()
        made = Component(
            draft.role or role,
            cls,
            draft.name or short,
            place,
            draft.parameters,
            tuple(draft.parts),
            tuple(draft.edges),
        )
        self._done[id(value)] = (value, made, self._count - before)
        return made

    def fields(self, value: Any) -> dict[str, Any]:
        """Return the attributes that an object stores, pydantic's private ones too."""
        found: dict[str, Any] = {}
        for _, own in stored(value):
            found.update(own)
        with contextlib.suppress(TypeError):  # no weak reference to it is possible
            self.looks.add(value)
        return found

    def add(self, draft: Draft, place: str, value: Any) -> bool:
        """Add the components that `value` is or holds; tell whether there were any."""
        if self.language.role_of(value) is not None:
            draft.parts.append(self.component(value, place))
            return True
        items: Iterable[tuple[Any, Any]] = ()
        if type(value) in (list, tuple):
            items = enumerate(cast("list[Any]", value))
        elif type(value) is dict:
            items = cast("dict[Any, Any]", value).items()
        found = False
        for number, (key, item) in enumerate(items):
            if number >= MOST:
                break
            if self.language.role_of(item) is not None:
                draft.parts.append(self.component(item, f"{place}[{_key(key)}]"))
                found = True
        return found

    def add_function(self, draft: Draft, function: Any) -> None:
        """Name a function, and add the components that it holds or names."""
        draft.parameters["function"] = told(function)
        plain: Any = function
        while type(plain) in (functools.partial, types.MethodType):
            plain = plain.func if type(plain) is functools.partial else plain.__func__
        if type(plain) is not types.FunctionType:
            return
        names = (*plain.__code__.co_freevars,)
        for name, cell in zip(names, plain.__closure__ or (), strict=False):
            try:
                self.add(draft, name, cell.cell_contents)
            except ValueError:  # not filled yet
                continue
        for name in plain.__code__.co_names:
            if name in plain.__globals__:
                self.add(draft, name, plain.__globals__[name])


def read_fields(
    walk: Walk, value: Any, draft: Draft, fields: Mapping[str, Any] | None = None
) -> None:
    """Read an object the common way: components are its parts, plain values its parameters."""
    found = walk.fields(value) if fields is None else fields
    for name, item in found.items():
        if item is None or name in walk.language.skipped or name.startswith("__"):
            continue
        if walk.add(draft, name.strip("_"), item) or name.startswith("_"):
            continue
        if name == "name" and type(item) is str:
            draft.name = item
        elif says_something(item):
            draft.parameters[name] = told(item)


def says_something(item: Any) -> bool:
    """Tell whether a value is a setting: empty ones and lists of objects are contents, or state."""
    if type(item) in (list, tuple, dict, set, frozenset):
        inner = cast("dict[Any, Any]", item).values() if type(item) is dict else item
        return bool(inner) and not any(str(told(one, 1)).startswith("<") for one in inner)
    return True


def told(value: Any, levels: int = _LEVELS) -> Any:
    """Return a parameter as plain data; what it does not know is named by its class."""
    cls = class_of(value)
    if cls is str:
        return value if len(value) <= _LONGEST else value[:_LONGEST] + "…"
    if not is_tame(cls):
        return f"<{qualified(cls)}>"
    if cls in PLAIN:
        return value
    if issubclass(cls, enum.Enum):
        return told(object.__getattribute__(value, "_value_"), levels)
    if cls.__name__ in _SECRETS:
        return REDACTED
    if issubclass(cls, type):
        return qualified(value)
    if issubclass(cls, _FUNCTIONS) or cls is functools.partial:
        return _function_name(value)
    if levels > 0 and cls in (list, tuple):
        return [told(item, levels - 1) for item in value[:_MOST_ITEMS]]
    if levels > 0 and cls in (set, frozenset):
        return sorted((told(item, levels - 1) for item in value), key=str)[:_MOST_ITEMS]
    if levels > 0 and cls is dict:
        entries = list(value.items())[:_MOST_ITEMS]
        return {_key(key): told(item, levels - 1) for key, item in entries}
    if issubclass(cls, str):
        return told(str.__str__(value), levels)
    return f"<{qualified(cls)}>"


def annotation(hint: Any) -> str:
    """Return a type hint as text."""
    if isinstance(hint, type) and not typing.get_args(hint):
        return hint.__name__
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return annotation(arguments[0])
    if origin is typing.Literal:
        return " | ".join(str(told(argument)) for argument in arguments)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(annotation(argument) for argument in arguments)
    if origin is not None:
        inner = ", ".join(annotation(argument) for argument in arguments)
        return f"{annotation(origin)}[{inner}]"
    if hint is None:
        return "None"
    if hint is ...:
        return "..."
    return hint if type(hint) is str else getattr(hint, "__name__", qualified(class_of(hint)))


def qualified(cls: type) -> str:
    """Return the module and name of a class."""
    module = module_of(cls)
    return f"{module}.{qualname(cls)}" if module else qualname(cls)


def _function_name(function: Any) -> str:
    while type(function) is functools.partial:
        function = function.func
    name = getattr(function, "__qualname__", None) or qualname(class_of(function))
    module = getattr(function, "__module__", None)
    return f"{module}.{name}" if type(module) is str else str(name)


def _key(key: Any) -> str:
    return key if type(key) is str else str(key) if type(key) is int else str(told(key, 0))
