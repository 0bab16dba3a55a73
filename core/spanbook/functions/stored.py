"""What objects and classes store, read where it is stored: nothing of theirs is called."""

import functools
from contextlib import suppress
from types import (
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)
from typing import Any, cast

from spanbook.classes import class_of, mro, namespace

_MODULE_DICT = vars(ModuleType)["__dict__"]
_WRAPPER = cast("type[Any]", type(functools.lru_cache(len)))
_LONGEST_WAY = 50  # through what wraps a function


def module_dict(module: ModuleType) -> dict[str, Any]:
    """Return what a module defines."""
    return cast("dict[str, Any]", _MODULE_DICT.__get__(module))


def attributes(value: Any) -> dict[str, Any]:
    """Return the attributes that an object stores, in slots too; not what its class computes."""
    found: dict[str, Any] = {}
    for cls in mro(class_of(value)):
        defined = namespace(cls)
        descriptor = defined.get("__dict__")
        if type(descriptor) is GetSetDescriptorType:
            own: Any = descriptor.__get__(value)
            found.update(cast("dict[str, Any]", own) if type(own) is dict else {})
        for name, item in defined.items() if "__slots__" in defined else ():
            if type(item) is MemberDescriptorType:
                with suppress(AttributeError):  # it has no value
                    found[name] = item.__get__(value)
    return found


def functions_in(value: Any) -> list[FunctionType]:
    """Return the functions that a callable of a known class stands for, the innermost last."""
    found: list[FunctionType] = []
    for _ in range(_LONGEST_WAY):
        kind = class_of(value)
        if kind is FunctionType:
            found.append(value)
            value = value.__dict__.get("__wrapped__")
        elif kind in (MethodType, classmethod, staticmethod):
            value = value.__func__
        elif kind is functools.partial:
            value = value.func
        elif kind is _WRAPPER:
            value = attributes(value).get("__wrapped__")
        else:
            break
    return found
