"""Classes, read with `type`'s own descriptors: a metaclass can answer `cls.__mro__` as it likes."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

_DICT = type.__dict__["__dict__"]
_MODULE = type.__dict__["__module__"]
_MRO = type.__dict__["__mro__"]
_QUALNAME = type.__dict__["__qualname__"]
_LOOKS = ("__eq__", "__getattribute__", "__hash__")

# The class of a value, not what a proxy says that it is. What `type` returns for Any is unknown.
class_of: Callable[[object], type[Any]] = type


def mro(cls: type) -> tuple[type, ...]:
    """Return a class and all that it inherits from, in order."""
    return cast("tuple[type, ...]", _MRO.__get__(cls))


def namespace(cls: type) -> dict[str, Any]:
    """Return what a class itself defines."""
    return cast("dict[str, Any]", _DICT.__get__(cls))


def module_of(cls: type) -> str:
    """Return the name of the module of a class; "" where it has no plain one."""
    try:
        found: object = _MODULE.__get__(cls)
    except AttributeError:  # deleted from the class
        return ""
    return found if type(found) is str else ""


def qualname(cls: type) -> str:
    """Return the name of a class inside its module."""
    return cast("str", _QUALNAME.__get__(cls))


def full_name(cls: type) -> str:
    """Return the name of a class with that of its module, without it for builtins."""
    module = module_of(cls)
    return qualname(cls) if module in ("", "builtins") else f"{module}.{qualname(cls)}"


def is_tame(cls: type) -> bool:
    """Return whether a class is looked at, compared and hashed without running code of its own."""
    return _leaves_alone(class_of(cls))


@lru_cache(maxsize=500)
def _leaves_alone(metaclass: type) -> bool:
    own = [namespace(one) for one in mro(metaclass) if one not in (type, object)]
    return not any(name in defined for defined in own for name in _LOOKS)
