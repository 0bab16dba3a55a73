"""Recorded texts as what they clearly are, Markdown or code, within an allowance for each value."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from markupsafe import Markup

from spanbook_viewer import highlighting, markdown
from spanbook_viewer.formats import plural
from spanbook_viewer.long_texts import long_text

LIMIT = max(markdown.LIMIT, highlighting.LIMIT)
KEPT = 64  # renditions of texts that come again: a conversation repeats in each of its calls


@dataclass(slots=True)
class Allowance:
    """How many characters of one input or output may still be rendered; the rest stays text."""

    left: int = 60_000


@dataclass(frozen=True, slots=True)
class Rendition:
    """A text as markup: its beginning, what is folded below it, and how much that is in words."""

    kind: Literal["markdown", "code"]
    first: Markup
    rest: Markup
    more: str


def rendition(text: str, allowance: Allowance | None) -> Rendition | None:
    """Return the rendition of `text`, or None where it is drawn as the text that it is."""
    if allowance is None or not 0 < len(text) <= min(LIMIT, allowance.left):
        return None
    found = _rendition(text)
    if found is not None:
        allowance.left -= len(text)
    return found


@lru_cache(KEPT)
def _rendition(text: str) -> Rendition | None:
    text = text.encode("utf-8", "replace").decode()  # half surrogate pairs
    language = highlighting.language_of(text)
    if language is not None:
        return _code(text.replace("\r\n", "\n").replace("\r", "\n"), language)
    if markdown.is_markdown(text):
        first, rest, lines = markdown.rendered(text)
        return Rendition("markdown", first, rest, plural(lines, "more line"))
    return None


def _code(text: str, language: str) -> Rendition:
    cut = long_text(text)
    first, rest = highlighting.highlighted(text, language, len(text) - len(cut.rest))
    return Rendition("code", first, rest, cut.more)
