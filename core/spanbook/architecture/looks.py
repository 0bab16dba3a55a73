"""What objects looked like when they were walked, so that a later change is noticed.

This is asked before every trace, so it compares identities: two microseconds an object.
"""

import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

PLAIN: frozenset[type] = frozenset({bool, float, int, str, type(None)})
_MOST_WATCHED = 32  # items of a list that may be changed in place


@dataclass(frozen=True, slots=True)
class _Look:
    """One dict of attributes: which values it holds, and what those contain that may change."""

    object: "weakref.ref[Any]"
    store: str  # the name of the dict
    values: tuple[int, ...]
    empty: tuple[str, ...]  # attributes that are empty lists or dicts
    filled: tuple[tuple[str, tuple[int, ...]], ...]
    held: tuple[Any, ...]


class Looks:
    """What the attributes of some objects are.

    Plain values are held, so that no new one gets the identity of an old one. Anything else is not
    held: it may lead back to its owner, which would then live as long as the recorder.
    """

    def __init__(self) -> None:
        self._looks: list[_Look] = []

    def add(self, value: Any) -> None:
        """Look at one object.

        Raises:
            TypeError: no weak reference to it is possible.
        """
        alive = weakref.ref(value)
        for store, own in stored(value):
            held = [item for item in own.values() if type(item) in PLAIN]
            empty: list[str] = []
            filled: list[tuple[str, tuple[int, ...]]] = []
            for name, item in own.items():
                if type(item) in (dict, list, tuple) and len(item) <= _MOST_WATCHED:
                    inner = _items(item)
                    held += [one for one in inner if type(one) in PLAIN]
                    if not item:
                        empty.append(name)
                    elif type(item) is not tuple:
                        filled.append((name, tuple(map(id, inner))))
            values = tuple(map(id, own.values()))
            look = _Look(alive, store, values, tuple(empty), tuple(filled), tuple(held))
            self._looks.append(look)

    @property
    def are_current(self) -> bool:
        """Tell whether all objects are there and their attributes are what they were."""
        for look in self._looks:
            value = look.object()
            own = None if value is None else object.__getattribute__(value, look.store)
            if own is None or tuple(map(id, own.values())) != look.values:
                return False
            for name in look.empty:
                if own[name]:
                    return False
            for name, inner in look.filled:
                if tuple(map(id, _items(own[name]))) != inner:
                    return False
        return True


def stored(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the dicts in which an object stores its attributes, pydantic's private ones too."""
    for name in ("__dict__", "__pydantic_private__"):
        try:
            own = object.__getattribute__(value, name)
        except AttributeError:
            continue
        if type(own) is dict:
            yield name, cast("dict[str, Any]", own)


def _items(container: Any) -> Any:
    return cast("Any", container.values()) if type(container) is dict else container
