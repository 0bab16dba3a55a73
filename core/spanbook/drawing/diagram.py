"""Diagrams: boxes on a grid and lines between them, whatever they stand for."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Style(StrEnum):
    """What a line says: a part of a tree, an arrow, or an arrow of dashes for data."""

    BRANCH = "branch"
    ARROW = "arrow"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class Box:
    """A name and a note in the colour of a family of kinds, at a column and a row of the grid."""

    name: str
    note: str
    family: str
    column: int
    row: int
    has_failed: bool = False
    is_first: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line between two boxes, by their places in the list of boxes."""

    source: int
    target: int
    style: Style = Style.ARROW
    label: str = ""
    title: str = ""  # shown on hover; "": the label


@dataclass(frozen=True, slots=True)
class Diagram:
    """Boxes, and the lines between them."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def tree_rows(parents: Sequence[int | None]) -> list[int]:
    """Return the row of each node of a tree, parents before children: a row a leaf.

    A first child stands beside its parent.
    """
    below: list[list[int]] = [[] for _ in parents]
    for number, parent in enumerate(parents):
        if parent is not None:
            below[parent].append(number)
    pending = [number for number, parent in enumerate(parents) if parent is None][::-1]
    rows = [0] * len(parents)
    row = 0
    while pending:
        number = pending.pop()
        rows[number] = row
        pending += reversed(below[number])
        row += not below[number]
    return rows
