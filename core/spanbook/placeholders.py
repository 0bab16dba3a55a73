"""Placeholders: what stands in plain data where a value was cut, hidden or could not be read."""

from dataclasses import dataclass
from typing import TypeAlias

from spanbook.classes import class_of, full_name

JSON: TypeAlias = dict[str, "JSON"] | list["JSON"] | str | int | float | bool | None

LEAST, MOST = -(1 << 63), (1 << 64) - 1  # the integers of 64 bits, signed or not
_NAME_LENGTH = 200
_DIGITS = 500


@dataclass(frozen=True, slots=True)
class Ready:
    """Data that stands for a value and is taken over as it is."""

    data: JSON


def hidden() -> JSON:
    """Stand for a value that a hide switch removed."""
    return {"$": "hidden"}


def cycle() -> JSON:
    """Stand for a container inside itself."""
    return {"$": "cycle"}


def too_deep() -> JSON:
    """Stand for a container below the depth limit."""
    return {"$": "depth"}


def more(count: int) -> JSON:
    """Stand for the `count` items that a cut list or dict lost."""
    return {"$": "more", "count": count}


def truncated(text: str, size: int) -> JSON:
    """Stand for a string of `size` characters of which only `text` is kept."""
    return {"$": "truncated", "text": text, "size": size}


def integer(value: int) -> JSON:
    """Stand for an integer of more than 64 bits."""
    try:
        return str(value)
    except ValueError:  # more digits than Python writes in decimal
        return hex(value)[:_DIGITS]


def not_finite(value: float) -> JSON:
    """Stand for a float that JSON has no number for."""
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def raw(size: int, hash: str | None) -> JSON:
    """Stand for bytes; without a hash where they were too many to read."""
    made: dict[str, JSON] = {"$": "bytes", "size": size}
    return made if hash is None else made | {"hash": hash}


def media(media_type: str, size: int, hash: str | None) -> JSON:
    """Stand for an image, sound or file; without a hash where it was too large to keep."""
    made: dict[str, JSON] = {"$": "media", "media_type": media_type, "size": size}
    return made if hash is None else made | {"hash": hash}


def unconsumed(value: object) -> JSON:
    """Stand for an iterator or coroutine, which reading would use up."""
    return {"$": "generator", "type": type_of(value)}


def unread(value: object, error: BaseException | None = None) -> JSON:
    """Stand for an object that is not data, or that raised `error` when it was read."""
    made: dict[str, JSON] = {"$": "object", "type": type_of(value)}
    return made if error is None else made | {"error": type_of(error)}


def named(kind: str, name: str) -> JSON:
    """Stand for a class or function, which has a name of its own."""
    return {"$": "object", "type": kind, "name": name[:_NAME_LENGTH]}


def type_of(value: object) -> str:
    """Return the qualified name of the class of `value`."""
    return type_name(class_of(value))


def type_name(cls: type) -> str:
    """Return the qualified name of `cls`, without the module for builtins."""
    return full_name(cls)[:_NAME_LENGTH]
