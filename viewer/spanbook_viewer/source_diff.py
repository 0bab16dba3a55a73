"""Two sources line by line, below each other or side by side."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

MOST_LINES = 2_000  # of one source


@dataclass(frozen=True, slots=True)
class Line:
    """A line of both sources, or of one: its numbers and texts; None where it is not there."""

    old_number: int | None
    old: str | None
    new_number: int | None
    new: str | None

    @property
    def is_changed(self) -> bool:
        """Whether it is not the same in both."""
        return self.old != self.new


def paired(before: str, after: str) -> list[Line]:
    """Return both sources side by side, changed lines beside those that took their place."""
    old, new = before.splitlines()[:MOST_LINES], after.splitlines()[:MOST_LINES]
    return [Line(*line) for line in _pairs(old, new)]


def _pairs(
    old: list[str], new: list[str]
) -> Iterator[tuple[int | None, str | None, int | None, str | None]]:
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for _, i1, i2, j1, j2 in matcher.get_opcodes():
        for i, j in zip_longest(range(i1, i2), range(j1, j2)):
            yield (
                None if i is None else i + 1,
                None if i is None else old[i],
                None if j is None else j + 1,
                None if j is None else new[j],
            )


def unified(lines: list[Line]) -> list[Line]:
    """Return the lines below each other: of what changed the old ones first."""
    found: list[Line] = []
    added: list[Line] = []
    for line in lines:
        if not line.is_changed:
            found += added
            added = []
            found.append(line)
            continue
        if line.old is not None:
            found.append(Line(line.old_number, line.old, None, None))
        if line.new is not None:
            added.append(Line(None, None, line.new_number, line.new))
    return found + added
