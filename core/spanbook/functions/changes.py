"""What tells one version of a function from another, in words, made here and always the same."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import orjson

from spanbook.functions.content import FunctionVersion, Part, PartKind

_SHORT = 60  # characters of a value that is quoted whole
_WORDS = {
    PartKind.FUNCTION: "function",
    PartKind.CLASS: "class",
    PartKind.VALUE: "global",
    PartKind.PACKAGE: "package",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One part that changed, how, in words, and what it was before and after; None: not there."""

    name: str
    kind: PartKind
    words: str
    before: Part | None
    after: Part | None

    @property
    def is_of_source(self) -> bool:
        """Whether lines of a source differ."""
        return _source(self.before) != _source(self.after)


def changes(before: FunctionVersion, after: FunctionVersion) -> list[Change]:
    """Return what changed from `before` to `after`: the function first, its packages last."""
    old = {part.name: part for part in before.parts}
    new = {part.name: part for part in after.parts}
    found: list[Change] = []
    for name in dict.fromkeys([*new, *old]):
        one, other = old.get(name), new.get(name)
        part = other or one
        if part is not None:
            found += (
                Change(name, part.kind, words, one, other) for words in _words(part, one, other)
            )
    order = list(_WORDS)
    return sorted(found, key=lambda change: order.index(change.kind))


def summary(found: list[Change]) -> str:
    """Return changes as one line."""
    return "; ".join(change.words for change in found)


def diff(before: str, after: str) -> list[str]:
    """Return the lines of two sources as a unified diff without a head."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=1_000_000, lineterm="")
    return list(lines)[3:]


def _words(part: Part, old: Part | None, new: Part | None) -> Iterator[str]:
    short = part.name.rpartition(".")[2] if part.kind is not PartKind.PACKAGE else part.name
    title = short if part.kind is PartKind.PACKAGE else f"{_WORDS[part.kind]} {short}"
    if old is None:
        yield f"{title} added"
    elif new is None:
        yield f"{title} removed"
    elif part.kind is PartKind.PACKAGE:
        if old.value != new.value:
            yield f"{short} {_said(old.value)} → {_said(new.value)}"
    else:
        if old.code != new.code:
            yield f"{_lines(old.source, new.source)} in {short}"
        if old.value != new.value:
            yield from _values(part, short, old.value, new.value)


def _lines(old: str, new: str) -> str:
    lines = diff(old, new)
    added = sum(line.startswith("+") for line in lines)
    gone = sum(line.startswith("-") for line in lines)
    return f"+{added} −{gone} lines" if lines else "another meaning of the same lines"


def _values(part: Part, short: str, old: Any, new: Any) -> Iterator[str]:
    """Yield what differs between two values: of dicts key by key."""
    if part.kind is PartKind.VALUE:
        for way, one, other in _differences(old, new):
            yield f"global {short}{way} {_said(one)} → {_said(other)}"
        return
    before, after = cast("tuple[dict[str, Any], dict[str, Any]]", (old or {}, new or {}))
    for key, word in {"defaults": "default", "captured": "captured"}.items():
        for way, one, other in _differences(before.get(key, {}), after.get(key, {})):
            yield f"{word} {way.lstrip('.')} of {short} {_said(one)} → {_said(other)}"


def _differences(old: Any, new: Any, way: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the places where plain data differs, with both values; None: there is none."""
    if isinstance(old, dict) and isinstance(new, dict):
        one, other = cast("dict[str, Any]", old), cast("dict[str, Any]", new)
        for key in dict.fromkeys([*one, *other]):
            step = "" if key == "fields" else f".{key}"
            yield from _differences(one.get(key), other.get(key), way + step)
    elif old != new:
        yield way, old, new


def _said(value: Any) -> str:
    if value is None:
        return "None"
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    text = " ".join(text.split()) or '""'
    return text if len(text) <= _SHORT else text[:_SHORT] + "…"


def _source(part: Part | None) -> str:
    return "" if part is None else part.source
