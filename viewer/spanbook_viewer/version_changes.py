"""Two versions side by side or as one: component by component, texts word by word."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask import url_for
from sqlalchemy import Engine
from werkzeug.datastructures import MultiDict

from spanbook.architecture.changes import Change, Pair, changes, headline, pairs, settings
from spanbook.architecture.component import Architecture
from spanbook.errors import FilterError
from spanbook.reading.architectures import ArchitectureRow, get_architecture, list_architectures
from spanbook_viewer.input_changes import Piece, pieces
from spanbook_viewer.parameters import parameter_text

FORMS = ("split", "unified")
SHOWN = 200  # components that differ
WORDS = 400_000  # characters that one page compares word by word
TEXT = 40_000  # characters of one text that a page shows


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One parameter before and after; None: it is not set there."""

    name: str
    pieces: Sequence[Piece]
    is_before: bool
    is_after: bool

    @property
    def before(self) -> Sequence[Piece]:
        """The text before, with what was removed from it."""
        return [piece for piece in self.pieces if piece.state != "added"]

    @property
    def after(self) -> Sequence[Piece]:
        """The text after, with what was added to it."""
        return [piece for piece in self.pieces if piece.state != "removed"]


@dataclass(frozen=True, slots=True)
class ComponentChange:
    """A component that differs, with the parameters that do."""

    pair: Pair
    settings: Sequence[SettingChange]


class VersionChanges:
    """What changed from version `a` to version `b`."""

    def __init__(self, engine: Engine, args: MultiDict[str, str]) -> None:
        """Read the two versions that an address asks for.

        Raises:
            FilterError: it does not name two, or an unknown form.
            UnknownArchitectureError: the store does not hold one of them.
        """
        self._engine = engine
        hashes = [args.get(name, "").strip() for name in ("a", "b")]
        if not all(hashes):
            raise FilterError("Give the hashes of two versions: /versions/diff?a=HASH&b=HASH.")
        self.form = args.get("form") or FORMS[0]
        if self.form not in FORMS:
            raise FilterError(f"Unknown form {self.form!r}. Give one of {', '.join(FORMS)}.")
        self.a, self.b = (get_architecture(engine, hash) for hash in hashes)

    @property
    def swapped(self) -> str:
        """The address of this page the other way round."""
        return url_for("versions.diff", a=self.b.hash, b=self.a.hash, form=self.form)

    @property
    def sides(self) -> list[tuple[str, str, Architecture]]:
        """The field of the address, the title and the architecture of each side."""
        return [(name, self._title(one), one) for name, one in (("a", self.a), ("b", self.b))]

    def _title(self, one: Architecture) -> str:
        row = next((row for row in self.choices if row.hash == one.hash), None)
        return f"Version {row.number}" if row else one.hash[:8]

    @cached_property
    def choices(self) -> list[ArchitectureRow]:
        """The versions of both names, to choose from."""
        names = dict.fromkeys([self.a.root.name, self.b.root.name])
        return [row for name in names for row in list_architectures(self._engine, name=name)]

    @cached_property
    def changes(self) -> list[Change]:
        """All changes, in words."""
        return changes(self.a.root, self.b.root)

    @property
    def headline(self) -> str:
        """How many there are of which sort."""
        return headline(self.changes)

    @cached_property
    def _differing(self) -> list[Pair]:
        return [pair for pair in self._pairs if pair.state != "same"]

    @cached_property
    def _pairs(self) -> list[Pair]:
        return pairs(self.a.root, self.b.root)

    @property
    def differing(self) -> int:
        """How many components differ."""
        return len(self._differing)

    @property
    def same(self) -> int:
        """How many components are the same."""
        return len(self._pairs) - self.differing

    @cached_property
    def components(self) -> list[ComponentChange]:
        """Those that differ, as many as a page has room for."""
        room = [WORDS]
        return [
            ComponentChange(pair, list(_settings(pair, room))) for pair in self._differing[:SHOWN]
        ]

    def to_data(self) -> dict[str, Any]:
        """Return the page as data."""
        return {
            "a": self.a.hash,
            "b": self.b.hash,
            "headline": self.headline,
            "changes": self.changes,
        }


def _settings(pair: Pair, room: list[int]) -> Iterator[SettingChange]:
    if pair.before and pair.after:
        given = [(change.parameter, change.before, change.after) for change in pair.changes]
    else:
        own = settings(pair.component)
        kept = ((name, value) for name, value in own.items() if name not in ("role", "name"))
        given = [
            (name, value, None) if pair.before else (name, None, value) for name, value in kept
        ]
    for name, before, after in given:
        old, new = _text(before), _text(after)
        room[0] -= len(old) + len(new)
        found = pieces(old, new) if room[0] > 0 else _whole(old, new)
        yield SettingChange(name, found, before is not None, after is not None)


def _text(value: Any) -> str:
    text = "" if value is None else parameter_text(value)
    return text if len(text) <= TEXT else text[:TEXT] + "…"


def _whole(old: str, new: str) -> list[Piece]:
    return [Piece("removed", old), Piece("added", new)]
