"""Functions of a user's, in two versions, observed and called."""

import linecache
from typing import Any

import spanbook
from tests.viewer.stories import HOSTILE

BEFORE = """\
import sqlalchemy

TOP_K = 4


def shorten(text):
    return text[:TOP_K]


def answer(question):
    # as short as can be
    return sqlalchemy and shorten(question)
"""
AFTER = BEFORE.replace("TOP_K = 4", "TOP_K = 8").replace("[:TOP_K]", "[1:TOP_K]")


def record(url: str) -> dict[str, str]:
    """Record calls of two versions, one with hostile text and one unknown; return hashes."""
    recorder = spanbook.Recorder(url)
    hostile = f"TEXT = {HOSTILE!r}\ndef hostile(q):\n    return {HOSTILE!r}, TEXT\n"
    for number, source in enumerate((BEFORE, AFTER, hostile)):
        _observe(recorder, _loaded(f"<cell {number}>", source))("why?")
    space: dict[str, Any] = {}
    exec("def odd(question): return 1", space)
    _observe(recorder, space["odd"])("why?")
    recorder.close()
    with spanbook.open(url) as book:
        return {f"{row.name} {row.number}": row.hash for row in book.versions()}


def _loaded(file: str, source: str) -> Any:
    lines: list[str] = source.splitlines(keepends=True)
    linecache.cache[file] = (len(source), None, lines, file)
    space: dict[str, Any] = {"__name__": "bees"}
    exec(compile(source, file, "exec"), space)
    return space.get("answer") or space["hostile"]


def _observe(recorder: spanbook.Recorder, function: Any) -> Any:
    return spanbook.observe(recorder=recorder)(function)
