"""Models: objects with declared fields (pydantic, dataclasses, attrs), read field by field.

The fields are looked up once per class. An object is read from its `__dict__`: asking a model for
an attribute that it lacks, or for a dump of itself, costs more than all the rest of a span.
"""

# ruff: noqa: BLE001 - the gate is total: whatever reading a value raises stays in its place

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from spanbook import placeholders
from spanbook.classes import mro, namespace
from spanbook.placeholders import Ready

_own = object.__getattribute__


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields to read of every object of one class.

    `names` is None for a class that keeps its fields and nothing else in `__dict__`. `extra` is
    the attribute with undeclared fields, `root` the field that stands for the whole object.
    """

    names: tuple[str, ...] | None
    excluded: frozenset[str] = frozenset()
    extra: str | None = None
    root: str | None = None

    def read(self, value: Any) -> Any:
        """Return the fields of `value` by name, or the value of its root field."""
        kept = _dictionary(value)
        if self.names is None:
            made = {name: item for name, item in kept.items() if name not in self.excluded}
        else:
            made = {name: kept[name] for name in self.names if name in kept}
            if len(made) < len(self.names):
                made = {name: _attribute(value, name) for name in self.names}
                made = {name: item for name, item in made.items() if item is not _ABSENT}
        if self.extra is not None and type(extra := _attribute(value, self.extra)) is dict:
            made |= extra
        return made.get(self.root, made) if self.root else made


_ABSENT = object()


def _dictionary(value: Any) -> dict[str, Any]:
    try:
        return _own(value, "__dict__")
    except AttributeError:  # it has slots
        return {}


def _attribute(value: Any, name: str) -> Any:
    try:
        return _own(value, name)
    except AttributeError:
        return _ABSENT
    except Exception as error:  # the rest of the object is worth keeping
        return Ready(placeholders.unread(value, error))


def fields_of(cls: type) -> Fields | None:
    """Return the fields to read of objects of `cls`, or None where it declares none."""
    spaces = [namespace(base) for base in mro(cls)]
    if _first(spaces, "__dataclass_fields__") is not None:
        return Fields(tuple(field.name for field in dataclasses.fields(cls)))
    if type(declared := _first(spaces, "__pydantic_fields__", "model_fields")) is dict:
        return _pydantic(spaces, cast("dict[str, Any]", declared))
    if (declared := _first(spaces, "__attrs_attrs__")) is not None:
        return Fields(tuple(attribute.name for attribute in declared))
    if _first(spaces, "__config__") is not None:
        return _pydantic_1(_first(spaces, "__fields__"))
    return None


def _pydantic(spaces: list[dict[str, Any]], declared: Mapping[str, Any]) -> Fields:
    names = tuple(name for name, field in declared.items() if field.exclude is not True)
    root = "root" if _first(spaces, "__pydantic_root_model__") else None
    is_open = _first(spaces, "model_config").get("extra") == "allow"
    return Fields(names, extra="__pydantic_extra__" if is_open else None, root=root)


def _pydantic_1(declared: Mapping[str, Any]) -> Fields:
    excluded = (name for name, field in declared.items() if field.field_info.exclude is True)
    return Fields(None, frozenset(excluded), root="__root__")


def _first(spaces: list[dict[str, Any]], *names: str) -> Any:
    for name in names:
        for space in spaces:
            if name in space:
                return space[name]
    return None
