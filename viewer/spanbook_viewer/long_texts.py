"""Long texts: their first lines, the rest to unfold, and what a page leaves out."""

from dataclasses import dataclass

from spanbook_viewer.formats import plural

SHOWN = 200_000  # characters of one value that a page renders; the rest is behind a link
FIRST_LINES = 20
FIRST_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class LongText:
    """A text as a page shows it: first lines, then the rest folded, then what is cut."""

    first: str
    rest: str
    shown: int
    size: int

    @property
    def more(self) -> str:
        """How much is folded, in words."""
        lines = self.rest.count("\n") + 1
        number, word = (len(self.rest), "character") if lines < 3 else (lines, "line")
        return plural(number, f"more {word}")

    @property
    def is_cut(self) -> bool:
        """Whether the page leaves something out."""
        return self.shown < self.size


def long_text(text: str, shown: int = SHOWN) -> LongText:
    """Return `text` split after 20 lines, or after 2,000 characters where lines are very long."""
    kept = text[:shown]
    end = _end_of_first_lines(kept)
    rest = kept[end:]
    return LongText(
        first=kept[:end].removesuffix("\n") if rest else kept,
        rest=rest,
        shown=len(kept),
        size=len(text),
    )


def _end_of_first_lines(text: str) -> int:
    position = 0
    for _ in range(FIRST_LINES):
        position = text.find("\n", position) + 1
        if not position:
            position = len(text)
            break
    # A few lines more are cheaper to read than to unfold.
    if text.count("\n", position) < 4 and len(text) < FIRST_CHARACTERS + 1_000:
        return len(text)
    return min(position, FIRST_CHARACTERS)
