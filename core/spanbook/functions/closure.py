"""The closure of a function: all of the user's own code that it reads, and the packages.

It is walked through the live objects, since these are what runs: names are looked up where the
function would, and nothing of them is called. Python's own code is left out, and so is ours.
"""

import builtins
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from inspect import currentframe
from pathlib import Path
from types import CellType, CodeType, FrameType, FunctionType, ModuleType
from typing import Any, cast

from spanbook.classes import class_of, module_of, mro, namespace, qualname
from spanbook.functions.content import Part, PartKind
from spanbook.functions.finding import find_class, find_function
from spanbook.functions.normal import digest
from spanbook.functions.origins import NOBODYS, OWN, Origin, origin, origin_of_import
from spanbook.functions.source import Source, read
from spanbook.functions.stored import attributes, functions_in, module_dict
from spanbook.functions.values import CALLABLE, Values

MOST_PARTS = 300
_MOST_SOURCES = 5_000
_MOST_FRAMES = 200
_STATE = {"state": "changed by the code itself"}


@dataclass(frozen=True, slots=True)
class Closure:
    """What a function is made of, itself first; `unknown` says why it cannot be told."""

    name: str
    parts: list[Part]
    unknown: str = ""


@dataclass(slots=True)
class _Draft:
    """A part in the making; `place` is where a global stands."""

    name: str
    kind: PartKind
    source: Source | None = None
    kept: str = ""  # decorators
    is_decorated: bool = False
    value: Any = None
    uses: set[str] = field(default_factory=set[str])
    place: tuple[int, str] | None = None


def closure(value: Any) -> Closure:
    """Return what a callable is made of."""
    functions = functions_in(value)
    if not functions:
        return Closure(qualname(class_of(value)), [], "it is no function of Python's")
    return _Walk(functions).closure()


class _Walk:
    """One walk through one function and all below it."""

    def __init__(self, functions: list[FunctionType]) -> None:
        self._functions = functions
        self._root = functions[-1]
        self._top = _module_name(self._root.__globals__).partition(".")[0]
        self._drafts: dict[str, _Draft] = {}
        self._names: dict[int, str | None] = {}
        self._kept: list[Any] = []  # so that no identity is given anew
        self._pending: list[tuple[_Draft, Any]] = []
        self._written: set[tuple[int, str]] = set()
        self._running = _running()

    def closure(self) -> Closure:
        name = _full_name(self._root)
        if _function_source(self._root) is None:
            return Closure(name, [], "its source is not available")
        self._follow(self._root)
        for function in self._functions[:-1]:  # what wraps it
            self._function(function)
        while self._pending:
            draft, value = self._pending.pop(0)
            if class_of(value) is FunctionType:
                self._read_function(draft, value)
            else:
                self._read_class(draft, value)
        return Closure(name, list(self._parts()))

    def _parts(self) -> Iterator[Part]:
        asked = any(d.source is not None and d.source.reads_docstrings for d in self._all())
        for draft in self._all():
            source = draft.source
            value = _STATE if draft.place in self._written else draft.value
            code = ""
            if source is not None:
                told = asked or draft.is_decorated or source.is_class
                docstring = source.docstring if told else ""
                code = digest("\0".join((source.code, docstring, draft.kept)))
            text = "" if source is None else source.text
            uses = tuple(sorted(draft.uses - {draft.name}))
            yield Part(draft.name, draft.kind, text, code, value, uses)

    def _all(self) -> Iterable[_Draft]:
        return self._drafts.values()

    # -- what is met ------------------------------------------------------------------------------

    def _follow(self, value: Any) -> str | None:
        """Note a function or class, and return the name of its part; None: it is nobody's."""
        kind = class_of(value)
        if issubclass(kind, type):
            return self._class(value)
        functions = functions_in(value)
        names = [self._function(function) for function in functions]
        return next((name for name in reversed(names) if name is not None), None)

    def _function(self, function: FunctionType) -> str | None:
        if id(function) in self._names:
            return self._names[id(function)]
        whose = self._whose(function.__code__.co_filename, _module_name(function.__globals__))
        name = self._named(whose, _full_name(function), PartKind.FUNCTION, function)
        self._remember(function, name)
        return name

    def _class(self, cls: type) -> str | None:
        if id(cls) in self._names:
            return self._names[id(cls)]
        module = module_of(cls)
        whose = self._whose(_class_file(cls), module)
        said = f"{_said_module(module)}{_without_locals(qualname(cls))}"
        name = self._named(whose, said, PartKind.CLASS, cls)
        self._remember(cls, name)
        return name

    def _named(self, whose: Origin, name: str, kind: PartKind, value: Any) -> str | None:
        if whose.package:
            return self._package(whose)
        if not whose.is_own:
            return None
        draft = self._draft(name, kind)
        if draft is not None:
            self._pending.append((draft, value))
        return None if draft is None else draft.name

    def _remember(self, value: Any, name: str | None) -> None:
        self._names[id(value)] = name
        self._kept.append(value)

    def _package(self, whose: Origin) -> str | None:
        known = self._drafts.get(whose.package)
        draft = known or self._draft(whose.package, PartKind.PACKAGE)
        if draft is None:
            return None
        draft.value = whose.version
        return draft.name

    def _draft(self, name: str, kind: PartKind) -> _Draft | None:
        if len(self._drafts) >= MOST_PARTS:
            return None
        number, unique = 1, name
        while unique in self._drafts:
            number += 1
            unique = f"{name}#{number}"
        draft = self._drafts[unique] = _Draft(unique, kind)
        return draft

    def _whose(self, filename: str, module: str) -> Origin:
        """Return whose code it is: that of the function's own package is the user's."""
        found = origin(filename)
        is_near = bool(found.package) and module.partition(".")[0] == self._top
        return OWN if is_near and self._top else found

    # -- what functions and classes read ----------------------------------------------------------

    def _read_function(self, draft: _Draft, function: FunctionType) -> None:
        source = _function_source(function)
        cells = _cells(function)
        names = function.__code__.co_freevars
        if source is not None:
            names = (*names, *(name for name in source.names if name not in cells))
            self._take(draft, source, function.__globals__)
            self._read_own(draft, source, function)
        captured: dict[str, Any] = {}
        runs_around = _around(function.__code__) in self._running
        for name in names:
            if name not in cells:
                self._global(draft, source, function.__globals__, name)
            elif name != "__class__":
                self._captured(draft, source, name, cells[name], captured, runs_around)
        given = self._defaults(draft, function)
        told = {"defaults": given, "captured": captured}
        draft.value = {name: value for name, value in told.items() if value} or None

    def _read_class(self, draft: _Draft, cls: type) -> None:
        source, names = _class_source(cls), _module_names(module_of(cls))
        if source is not None:
            self._take(draft, source, names)
            for name in source.names:
                self._global(draft, source, names, name)

    def _take(self, draft: _Draft, source: Source, names: dict[str, Any]) -> None:
        draft.source = source
        for name in source.written:
            if name in source.names:
                self._written.add((id(names), name))
        kept: list[str] = []
        for decorator in source.decorators:
            value = names.get(decorator.root, vars(builtins).get(decorator.root))
            whose = _whose_value(value)
            if whose is not None:
                kept.append(decorator.code)
                draft.is_decorated = draft.is_decorated or whose != NOBODYS
        draft.kept = "\0".join(kept)
        for module in source.imports:
            found = origin_of_import(module)
            name = self._package(found) if found.package else None
            if name is not None:
                draft.uses.add(name)

    def _captured(
        self,
        draft: _Draft,
        source: Source | None,
        name: str,
        value: Any,
        captured: dict[str, Any],
        runs_around: bool,
    ) -> None:
        """Note a variable of the function around, whose values are data while that runs."""
        if _is_code(value):
            self._use(draft, self._follow(value))
        elif issubclass(class_of(value), ModuleType):
            self._module(draft, source, value, (name,))
        elif not runs_around and not _is_ours(value):
            changes = source is not None and name in source.written
            captured[name] = _STATE if changes else self._value(draft, value)

    def _defaults(self, draft: _Draft, function: FunctionType) -> dict[str, Any]:
        code, defaults = function.__code__, function.__defaults__ or ()
        positional = code.co_varnames[: code.co_argcount]
        given = dict(zip(positional[len(positional) - len(defaults) :], defaults, strict=True))
        given.update(function.__kwdefaults__ or {})
        return {name: self._value(draft, value) for name, value in given.items()}

    def _read_own(self, draft: _Draft, source: Source, function: FunctionType) -> None:
        """Note what a method reads of its own class through its first parameter."""
        cls = _owner(function)
        wanted = {chain[1] for chain in source.chains if len(chain) > 1}
        wanted = {name for name in wanted if (source.first, name) in source.chains}
        for name in sorted(wanted) if cls is not None and source.first else ():
            for one in mro(cls or object):
                if name in namespace(one):
                    self._attribute(draft, one, name, namespace(one)[name])
                    break

    def _attribute(self, draft: _Draft, cls: type, name: str, value: Any) -> None:
        if class_of(value) is property:
            value = value.fget
        if _is_code(value):
            self._use(draft, self._follow(value))
        elif self._whose(_class_file(cls), module_of(cls)).is_own and not name.startswith("__"):
            said = f"{_said_module(module_of(cls))}{_without_locals(qualname(cls))}.{name}"
            self._constant(draft, said, (id(cls), name), value)

    def _global(
        self,
        draft: _Draft,
        source: Source | None,
        names: dict[str, Any],
        name: str,
        way: tuple[str, ...] = (),
    ) -> None:
        """Note what a name stands for among the globals `names`; `way` led there."""
        if name not in names or (name.startswith("__") and name.endswith("__")):
            return
        value = names[name]
        if _is_code(value):
            self._use(draft, self._follow(value))
        elif issubclass(class_of(value), ModuleType):
            self._module(draft, source, value, (*way, name))
        elif not _is_ours(value):
            self._constant(draft, f"{_said_names(names)}{name}", (id(names), name), value)

    def _constant(self, draft: _Draft, name: str, place: tuple[int, str], value: Any) -> None:
        known = next((one for one in self._all() if one.place == place), None)
        if known is None:
            known = self._draft(name, PartKind.VALUE)
            if known is None:
                return
            known.place = place
            known.value = self._value(known, value)
        self._use(draft, known.name)

    def _module(
        self, draft: _Draft, source: Source | None, module: ModuleType, way: tuple[str, ...]
    ) -> None:
        """Note what is read of a module; of a package that is its name and version."""
        names = module_dict(module)
        file = names.get("__file__")
        name = _module_name(names)
        whose = self._whose(file, name) if type(file) is str else origin_of_import(name)
        if whose.package:
            self._use(draft, self._package(whose))
        if not whose.is_own or source is None or len(way) > 10:  # submodules
            return
        size = len(way)
        for attribute in sorted({c[size] for c in source.chains if c[:size] == way and c[size:]}):
            self._global(draft, source, names, attribute, way)

    def _use(self, draft: _Draft, name: str | None) -> None:
        if name is not None:
            draft.uses.add(name)

    # -- values -----------------------------------------------------------------------------------

    def _value(self, draft: _Draft, value: Any) -> Any:
        def follow(met: Any) -> str | None:
            name = self._follow(met)
            self._use(draft, name)
            return name

        return Values(follow, self._fields).read(value)

    def _fields(self, value: Any) -> Iterator[tuple[str, Any]]:
        """Yield how an object is set: what it stores and its own methods do not change.

        Of an object of somebody else's class these are the user's functions that it holds.
        """
        cls = class_of(value)
        is_own = self._whose(_class_file(cls), module_of(cls)).is_own
        changing: set[str] = set()
        for one in mro(cls) if is_own else ():
            source = _class_source(one) if _class_file(one) else None
            changing |= set() if source is None else source.own_state
        for name, item in attributes(value).items():
            if type(name) is str and name not in changing and (is_own or self._is_own_code(item)):
                yield name, item

    def _is_own_code(self, value: Any) -> bool:
        functions = functions_in(value)
        return bool(functions) and origin(functions[-1].__code__.co_filename).is_own


# -- facts ----------------------------------------------------------------------------------------


def _is_code(value: Any) -> bool:
    kind = class_of(value)
    return issubclass(kind, type) or kind in CALLABLE or bool(functions_in(value))


def _is_ours(value: Any) -> bool:
    return module_of(class_of(value)).partition(".")[0] == "spanbook"


def _whose_value(value: Any) -> Origin | None:
    """Return whose a decorator is; None: ours, which changes nothing of what runs."""
    functions = functions_in(value)
    cls = value if issubclass(class_of(value), type) else class_of(value)
    module = _module_name(functions[-1].__globals__) if functions else module_of(cls)
    if issubclass(class_of(value), ModuleType):
        names = module_dict(value)
        module = str(names.get("__name__", ""))
        file = names.get("__file__")
        whose = origin(file) if type(file) is str else NOBODYS
    elif functions:
        whose = origin(functions[-1].__code__.co_filename)
    else:
        whose = origin(_class_file(cls))
    return None if module.partition(".")[0] == "spanbook" else whose


def _cells(function: FunctionType) -> dict[str, Any]:
    cells: tuple[CellType, ...] = function.__closure__ or ()
    found: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, cells, strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # it has no value yet
            continue
    return found


def _owner(function: FunctionType) -> type | None:
    """Return the class that a method belongs to, where that can be found by its name."""
    *path, _ = function.__code__.co_qualname.split(".")
    names = function.__globals__
    found: type | None = None
    for name in path:
        met: Any = names.get(name)
        if not issubclass(class_of(met), type):
            return None
        found, names = met, namespace(met)
    return found


def _around(code: CodeType) -> tuple[str, str]:
    return code.co_filename, code.co_qualname.rpartition(".<locals>.")[0]


def _running() -> set[tuple[str, str]]:
    """Return the functions that run now, here."""
    found: set[tuple[str, str]] = set()
    frame: FrameType | None = currentframe()
    while frame is not None and len(found) < _MOST_FRAMES:
        found.add((frame.f_code.co_filename, frame.f_code.co_qualname))
        frame = frame.f_back
    return found


def _without_locals(name: str) -> str:
    return name.replace("<locals>.", "")


def _full_name(function: FunctionType) -> str:
    return _said_names(function.__globals__) + _without_locals(function.__code__.co_qualname)


def _said_names(names: dict[str, Any]) -> str:
    name = _module_name(names)
    return f"{name}." if name else ""


def _said_module(module: str) -> str:
    return _said_names(_module_names(module)) if module == "__main__" else f"{module}."


def _module_name(names: dict[str, Any]) -> str:
    """Return the name of a module; of a program that of its file, "" of a notebook."""
    name = names.get("__name__")
    if name == "__main__":
        spec, file = names.get("__spec__"), names.get("__file__")
        name = getattr(spec, "name", None)
        if type(name) is not str:
            name = Path(file).stem if type(file) is str else ""
    return name if type(name) is str else ""


def _module_names(module: str) -> dict[str, Any]:
    found = sys.modules.get(module)
    return module_dict(cast("ModuleType", found)) if issubclass(class_of(found), ModuleType) else {}


def _class_file(cls: type) -> str:
    """Return the file of a class; "" where there is none."""
    file = _module_names(module_of(cls)).get("__file__")
    if type(file) is str:
        return file
    if module_of(cls) != "__main__":
        return ""
    for value in namespace(cls).values():
        for function in functions_in(value):
            if function.__module__ == "__main__":
                return function.__code__.co_filename
    return "<unknown>"


_functions: dict[int, tuple[CodeType, Source | None]] = {}
_classes: dict[int, tuple[type, Source | None]] = {}


def _function_source(function: FunctionType) -> Source | None:
    code = function.__code__
    known = _functions.get(id(code))
    if known is None:
        found = find_function(code, function.__globals__)
        known = (code, None if found is None else read(found))
        if len(_functions) >= _MOST_SOURCES:
            _functions.clear()
        _functions[id(code)] = known
    return known[1]


def _class_source(cls: type) -> Source | None:
    known = _classes.get(id(cls))
    if known is None:
        found = find_class(_class_file(cls), qualname(cls), _module_names(module_of(cls)))
        known = (cls, None if found is None else read(found))
        if len(_classes) >= _MOST_SOURCES:
            _classes.clear()
        _classes[id(cls)] = known
    return known[1]
