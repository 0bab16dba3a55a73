"""Failures: what is kept of an exception, its message and its stack, bounded and without secrets.

Python's own formatter is not used: it asks the objects of the failing frame for their attributes
in order to suggest other names, and it writes every message in full.
"""

# ruff: noqa: BLE001 - the gate is total: whatever reading a value raises stays in its place

import linecache
from collections.abc import Iterator
from types import TracebackType
from typing import Any, cast

from spanbook.gate.secrets import mask_text
from spanbook.placeholders import type_of

MESSAGE = 8_000  # characters of a message
STACK = 24_000  # characters of a stack
_FRAMES = 60  # of one exception
_CHAIN = 10  # exceptions in one chain
_GROUP = 10  # exceptions shown of one group
_NESTING = 4  # groups in groups

_CAUSE = "\n\nThe exception above was the direct cause of this one:\n\n"
_CONTEXT = "\n\nThis exception came up while the one above was handled:\n\n"


def message(error: BaseException) -> str:
    """Return what `error` says."""
    # Masked before the last cut, so that no cut leaves the first half of a secret unrecognised.
    return cut(mask_text(cut(_said(error), 2 * MESSAGE)), MESSAGE)


def stack(error: BaseException) -> str:
    """Return the traceback of `error`, of what caused it and of a group's members."""
    return cut(mask_text(cut("".join(_chain(error, 0)), 2 * STACK)), STACK)


def cut(text: str, limit: int) -> str:
    """Return `text` with its middle taken out when it is longer than `limit`."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters …\n{text[-half:]}"


def _said(error: BaseException) -> str:
    try:
        return str.__str__(str(error))
    except Exception as failure:
        return f"<str() of it raised {type_of(failure)}>"


def _chain(error: BaseException, nesting: int) -> Iterator[str]:
    links: list[tuple[BaseException, str]] = []
    seen: set[int] = set()
    link: BaseException | None = error
    word = ""
    while link is not None and id(link) not in seen and len(links) < _CHAIN:
        seen.add(id(link))
        links.append((link, word))
        if link.__cause__ is not None:
            link, word = link.__cause__, _CAUSE
        else:
            link, word = (None if link.__suppress_context__ else link.__context__), _CONTEXT
    for link, word in reversed(links):
        yield from _one(link, nesting)
        yield word


def _one(error: BaseException, nesting: int) -> Iterator[str]:
    if error.__traceback__ is not None:
        yield "Traceback (most recent call last):\n"
        yield from _frames(error.__traceback__)
    said = cut(_said(error), 2 * MESSAGE)
    yield type_of(error) + (f": {said}" if said else "")
    notes: list[Any] = error.__dict__.get("__notes__", [])
    for note in notes[:_GROUP]:
        yield f"\n{note}" if type(note) is str else ""
    if isinstance(error, BaseExceptionGroup) and nesting < _NESTING:
        yield from _members(cast("BaseExceptionGroup[Any]", error), nesting + 1)


def _members(group: "BaseExceptionGroup[Any]", nesting: int) -> Iterator[str]:
    for number, member in enumerate(group.exceptions[:_GROUP], 1):
        inner = cut("".join(_chain(member, nesting)), STACK)
        yield f"\n  {number} of {len(group.exceptions)}\n    " + inner.replace("\n", "\n    ")


def _frames(traceback: TracebackType) -> Iterator[str]:
    places: list[TracebackType] = []
    place: TracebackType | None = traceback
    while place is not None:
        places.append(place)
        place = place.tb_next
    lost = len(places) - _FRAMES
    for index, place in enumerate(places):
        if lost > 0 and _FRAMES // 2 <= index < _FRAMES // 2 + lost:
            if index == _FRAMES // 2:
                yield f"  … {lost} more frames …\n"
            continue
        code = place.tb_frame.f_code
        yield f'  File "{code.co_filename}", line {place.tb_lineno}, in {code.co_name}\n'
        source = linecache.getline(code.co_filename, place.tb_lineno, place.tb_frame.f_globals)
        yield f"    {source.strip()[:300]}\n" if source.strip() else ""
