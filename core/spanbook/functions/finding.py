"""Finding the text of a function or class, by the place that its code names.

A text is only taken where that code can have been made of it: a file may have been edited since.
"""

import ast
import linecache
import re
from collections.abc import Iterable, Iterator
from types import CodeType

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
Found = tuple[str, Definition]
_MOST_CHARACTERS = 200_000  # of one function or class
_LARGEST_FILE = 1_000_000
_MOST_TRIES = 200  # ends that are tried for one text
_FUTURE_ANNOTATIONS = 0x1000000
_PLAIN = (bool, bytes, float, int, str)


def find_function(code: CodeType, module: dict[str, object]) -> Found | None:
    """Return text and tree of a function; None where they are not available."""
    lines = linecache.getlines(code.co_filename, module)
    if not 0 < code.co_firstlineno <= len(lines):
        return None
    if code.co_name == "<lambda>":
        found = _lambda(code, lines)
    else:
        found = _block(lines, code.co_firstlineno - 1, code.co_name)
    return found if found is not None and _fits(code, found[1]) else None


def find_class(filename: str, qualname: str, module: dict[str, object]) -> Found | None:
    """Return text and tree of a class; None where it is not available or one of several."""
    lines = linecache.getlines(filename, module)
    name = qualname.rpartition(".")[2]
    begins = re.compile(rf"\s*class\s+{re.escape(name)}\b")
    places = [number for number, line in enumerate(lines) if begins.match(line)]
    if len(places) != 1:
        return None
    first = places[0]
    while first and lines[first - 1].lstrip().startswith("@"):
        first -= 1
    return _block(lines, first, name)


def _block(lines: list[str], first: int, name: str) -> Found | None:
    """Return the definition that begins in line `first`.

    It ends before a line that is indented no deeper, where what is above makes sense.
    """
    indent = len(lines[first]) - len(lines[first].lstrip())
    end = first + 1
    for _ in range(_MOST_TRIES):
        while end < len(lines) and not _may_end(lines[end], indent):
            end += 1
        text = "".join(lines[first:end])
        if len(text) > _MOST_CHARACTERS:
            return None
        node = _definition(text, indent)
        if node is not None:
            return (text.rstrip(), node) if getattr(node, "name", "") == name else None
        if end >= len(lines):
            return None
        end += 1
    return None


def _may_end(line: str, indent: int) -> bool:
    bare = line.lstrip()
    return bool(bare) and not bare.startswith("#") and len(line) - len(bare) <= indent


def _definition(text: str, indent: int) -> Definition | None:
    """Return the tree of a text that is one definition."""
    tree = _parsed(f"if 1:\n{text}" if indent else text)
    body = [] if tree is None else tree.body
    if indent and body and isinstance(body[0], ast.If):
        body = body[0].body
    match body:
        case [ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() as node]:
            return node
        case _:
            return None


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _lambda(code: CodeType, lines: list[str]) -> Found | None:
    """Return the lambda whose body stands where the code says."""
    text = "".join(lines)
    tree = _parsed(text) if len(text) <= _LARGEST_FILE else None
    places = set(code.co_positions())
    nodes: Iterable[ast.AST] = () if tree is None else ast.walk(tree)
    found = [
        node
        for node in nodes
        if isinstance(node, ast.Lambda)
        and node.lineno == code.co_firstlineno
        and _place(node.body) in places
    ]
    return (ast.unparse(found[0]), found[0]) if len(found) == 1 else None


def _place(node: ast.expr) -> tuple[int | None, int | None, int | None, int | None]:
    return node.lineno, node.end_lineno, node.col_offset, node.end_col_offset


# -- does the text fit the code -------------------------------------------------------------------


def _fits(code: CodeType, node: Definition) -> bool:
    """Tell whether code can have been made of the text: what it names and holds is in that."""
    made = compiled(node, code.co_flags & _FUTURE_ANNOTATIONS)
    return made is not None and _said(code) <= _said(made)


def compiled(node: Definition, flags: int = 0) -> CodeType | None:
    """Return the code of a definition that stands alone; None where that is not possible."""
    try:
        if isinstance(node, ast.Lambda):
            return compile(ast.Expression(node), "<source>", "eval", flags, dont_inherit=True)
        return compile(ast.Module([node], []), "<source>", "exec", flags, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def codes(code: CodeType) -> Iterator[CodeType]:
    """Yield code and all code inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def _said(code: CodeType) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for one in codes(code):
        for name in (*one.co_names, *one.co_varnames, *one.co_freevars, *one.co_cellvars):
            if not name.startswith(("_", "@", ".")):  # may be mangled or made up
                found.add(("name", name))
        for constant in one.co_consts:
            is_name = type(constant) is str and "<" in constant  # of what is inside
            if type(constant) in _PLAIN and not is_name:
                found.add((type(constant).__name__, repr(constant)))
    return found
