"""Sources: the text of one function or class, and what that text reads."""

import ast
import dis
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any

from spanbook.functions.finding import Definition, Found, codes, compiled
from spanbook.functions.normal import normal, take_docstring
from spanbook.gate.secrets import REDACTED, is_secret, mask_shapes

_LOAD_GLOBAL, _LOAD_NAME = dis.opmap["LOAD_GLOBAL"], dis.opmap["LOAD_NAME"]
_STORE_NAME, _EXTENDED = dis.opmap["STORE_NAME"], dis.opmap["EXTENDED_ARG"]
_LOADS = frozenset({_LOAD_NAME, dis.opmap.get("LOAD_FROM_DICT_OR_GLOBALS", _LOAD_NAME)})
_CHANGING = frozenset(  # methods that change a list, dict or set
    {
        *("add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove"),
        *("setdefault", "update"),
    }
)
_MAKERS = frozenset({"__init__", "__new__", "__post_init__", "__set_name__"})

Chain = tuple[str, ...]  # a name and the attributes that are read through it


@dataclass(frozen=True, slots=True)
class Decorator:
    """A decorator as it is written: the name that it begins with, and its normal form."""

    root: str
    code: str


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a function or class without secrets, and what it reads.

    `names` are those that it takes from around it, `chains` the attributes that it reads through
    names, `written` the names whose values it changes, `imports` the modules that it imports.
    """

    text: str
    code: str  # normal form, without decorators and docstring
    docstring: str
    decorators: tuple[Decorator, ...]
    names: tuple[str, ...]
    chains: frozenset[Chain]
    written: frozenset[str]
    imports: tuple[str, ...]
    first: str  # parameter of a function
    is_class: bool
    own_state: frozenset[str]  # attributes that the methods of a class change after it was made

    @property
    def reads_docstrings(self) -> bool:
        """Whether it asks for docstrings, its own or those of others."""
        return any("__doc__" in chain or "getdoc" in chain for chain in self.chains)


def read(found: Found) -> Source:
    """Return what a text says and reads. The tree is changed."""
    text, node = found
    secrets = _Secrets()
    secrets.visit(node)
    text = mask_shapes(ast.unparse(node) if secrets.found else text)
    facts = _Facts()
    facts.visit(node)
    names = tuple(sorted(_names(node)))
    is_class = isinstance(node, ast.ClassDef)
    decorators: tuple[Decorator, ...] = ()
    docstring = first = ""
    if not isinstance(node, ast.Lambda):
        decorators = tuple(
            Decorator((_chain(one) or ("",))[0], normal(one)) for one in node.decorator_list
        )
        node.decorator_list = []
        docstring = take_docstring(node)
    if not isinstance(node, ast.ClassDef):
        first = next((one.arg for one in (*node.args.posonlyargs, *node.args.args)), "")
    return Source(
        _dedented(text),
        normal(node),
        docstring,
        decorators,
        names,
        frozenset(facts.chains),
        frozenset(facts.written),
        tuple(sorted(facts.imports)),
        first,
        is_class,
        frozenset(_own_state(node)) if isinstance(node, ast.ClassDef) else frozenset(),
    )


def _dedented(text: str) -> str:
    """Return a text without the indentation of its first line, where its lines have that."""
    margin = text[: len(text) - len(text.lstrip(" \t"))]
    return "\n".join(line.removeprefix(margin) for line in text.splitlines())


def _names(node: Definition) -> set[str]:
    """Return the names that a definition takes from around it."""
    code = compiled(node)
    found: set[str] = set()
    for one in () if code is None else codes(code):
        loaded, stored = _loaded(one)
        found |= loaded - stored
    return found


def _loaded(code: CodeType) -> tuple[set[str], set[str]]:
    """Return the names that code takes from around it, and those that it gives a value itself.

    `dis` says the same, in twenty times the time.
    """
    loaded: set[str] = set()
    stored: set[str] = set()
    names, instructions, above = code.co_names, code.co_code, 0
    for at in range(0, len(instructions), 2):
        operation, argument = instructions[at], instructions[at + 1] | above
        above = argument << 8 if operation == _EXTENDED else 0
        if operation == _LOAD_GLOBAL:
            loaded.add(names[argument >> 1])
        elif operation in _LOADS:
            loaded.add(names[argument])
        elif operation == _STORE_NAME:
            stored.add(names[argument])
    return loaded, stored


def _chain(node: ast.AST) -> Chain | None:
    """Return the name and attributes that an expression reads; None: it begins otherwise."""
    attributes: list[str] = []
    while True:
        match node:
            case ast.Attribute(value=value, attr=attribute):
                attributes.append(attribute)
                node = value
            case ast.Call(func=value) if not attributes:
                node = value
            case ast.Name(id=name):
                return (name, *reversed(attributes))
            case _:
                return None


class _Facts(ast.NodeVisitor):
    """Collects what a definition reads and changes."""

    def __init__(self) -> None:
        self.chains: set[Chain] = set()
        self.written: set[str] = set()
        self.imports: set[str] = set()

    def visit_Name(self, node: ast.Name) -> None:
        self.chains.add((node.id,))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        chain = _chain(node)
        if chain is not None:
            self.chains.add(chain)
            if not isinstance(node.ctx, ast.Load):
                self.written.add(chain[0])
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        chain = None if isinstance(node.ctx, ast.Load) else _chain(node.value)
        if chain is not None:
            self.written.add(chain[0])
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGING:
            chain = _chain(node.func.value)
            if chain is not None:
                self.written.add(chain[0])
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> None:
        self.written.update(node.names)

    def visit_Import(self, node: ast.Import) -> None:
        self.imports.update(alias.name for alias in node.names)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.module and not node.level:
            self.imports.add(node.module)


def _own_state(node: ast.ClassDef) -> Iterator[str]:
    """Yield the attributes that methods change, but for those that make an object."""
    for method in node.body:
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = [*method.args.posonlyargs, *method.args.args]
            if method.name not in _MAKERS and arguments:
                yield from _changed(method, arguments[0].arg)


def _changed(method: ast.AST, owner: str) -> Iterator[str]:
    for node in ast.walk(method):
        target: ast.AST | None = None
        match node:
            case ast.Attribute(ctx=ast.Store() | ast.Del()):
                target = node
            case ast.Subscript(ctx=ast.Store() | ast.Del(), value=value):
                target = value
            case ast.Call(func=ast.Attribute(value=value, attr=attribute)) if (
                attribute in _CHANGING
            ):
                target = value
            case _:
                pass
        chain = None if target is None else _chain(target)
        if chain is not None and len(chain) > 1 and chain[0] == owner:
            yield chain[1]


class _Secrets(ast.NodeVisitor):
    """Takes secrets out of a tree: texts of their shape, and texts that have a secret's name."""

    def __init__(self) -> None:
        self.found = False

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            node.value = mask_shapes(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._hide(_called(target), node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._hide(_called(node.target), node.value)
        self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self._hide(_called(node.target), node.value)
        self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> None:
        self._hide(node.arg, node.value)
        self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            self._hide(_called(key), value)
        self.generic_visit(node)

    def visit_arguments(self, node: ast.arguments) -> None:
        given = [*node.posonlyargs, *node.args]
        for argument, value in zip(reversed(given), reversed(node.defaults), strict=False):
            self._hide(argument.arg, value)
        for argument, value in zip(node.kwonlyargs, node.kw_defaults, strict=True):
            self._hide(argument.arg, value)
        self.generic_visit(node)

    def _hide(self, name: str | None, value: ast.AST | None) -> None:
        if name is not None and isinstance(value, ast.Constant) and is_secret(name):
            text: Any = value.value
            if isinstance(text, str | bytes) and text:
                value.value = REDACTED
                self.found = True


def _called(node: ast.AST | None) -> str | None:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Constant(value=str(name)):
            return name
        case ast.Subscript(slice=inner):
            return _called(inner)
        case _:
            return None
