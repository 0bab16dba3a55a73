"""Among: the rows that a search outside of SQL has found."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Among:
    """The rows that were found, by number, and of how many that were looked at.

    `is_whole`: these were all that fulfil everything else.
    """

    pks: tuple[int, ...]
    searched: int
    is_whole: bool
