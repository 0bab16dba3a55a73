"""The normal form of code: what it says, without layout, comments and the like."""

import ast
import hashlib
from typing import Any, cast

_SKIPPED = frozenset({"ctx", "kind", "type_comment"})  # what other fields say already, or nothing


def digest(text: str) -> str:
    """Return the sha256 of a text as hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def normal(node: ast.AST) -> str:
    """Return what a piece of code says: equal for equal code in any Python.

    Unlike `ast.dump` it leaves out all that is empty, which differs from one Python to another.
    """
    told: list[str] = []
    _tell(node, told)
    return "".join(told)


def _tell(value: object, told: list[str]) -> None:
    if isinstance(value, ast.AST):
        told += "(", type(value).__name__
        for name in value._fields:
            field = getattr(value, name, None)
            if name in _SKIPPED or (field is None and not isinstance(value, ast.Constant)):
                continue
            if field != []:
                told += " ", name, "="
                _tell(field, told)
        told.append(")")
    elif isinstance(value, list):
        told.append("[")
        for item in cast("list[object]", value):
            _tell(item, told)
            told.append(",")
        told.append("]")
    else:
        told.append(repr(value))


def take_docstring(node: ast.AST) -> str:
    """Take the docstring out of a function or class; return it, "" where there is none."""
    body: Any = getattr(node, "body", None)
    first = cast("ast.AST | None", body[0] if type(body) is list and body else None)
    match first:
        case ast.Expr(value=ast.Constant(value=str(text))):
            del body[0]
            return text
        case _:
            return ""
