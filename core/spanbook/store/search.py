"""Full text: which words stand in which trace."""

from collections.abc import Set

from sqlalchemy import Connection

from spanbook.store.backends.choice import backend_of

TEXT_LENGTH = 4_096  # characters of one text that can be found
TRACE_LENGTH = 65_536  # characters of one trace, in one batch

_LONG = 48  # characters from which a text is looked for inside longer ones
_LONGER = 12  # texts in which it is looked for


def worth_indexing(texts: set[str], seen: Set[int]) -> str:
    """Return those of `texts`, given once, whose hashes were not `seen` and no longer one holds."""
    fresh = [text for text in texts if hash(text) not in seen] if seen else texts
    kept: list[str] = []
    room = TRACE_LENGTH
    for text in sorted([text for text in fresh if len(text) >= _LONG], key=len, reverse=True):
        if room > 0 and not _stands_in(text, kept):
            kept.append(text[:TEXT_LENGTH])
            room -= len(kept[-1])
    kept += [text for text in fresh if len(text) < _LONG]
    return "\n".join(kept)


def _stands_in(text: str, longer: list[str]) -> bool:
    """Say whether one of the longer texts holds `text`, and move it to the front if so.

    What one document or message of a prompt stands in, the next most likely does, too.
    """
    for place, candidate in enumerate(longer[:_LONGER]):
        if _holds(candidate, text):
            if place:
                longer[0], longer[place] = candidate, longer[0]
            return True
    return False


def _holds(longer: str, text: str) -> bool:
    """Say whether `text` stands in a longer one, whole words at both its ends."""
    start = longer.find(text)
    end = start + len(text)
    return (
        start >= 0
        and not (start and longer[start - 1].isalnum())
        and not (end < len(longer) and longer[end].isalnum())
    )


def write_search(connection: Connection, rows: list[tuple[int, int, str]]) -> None:
    """Index texts, each with its trace and the last span that brought it."""
    if rows:
        backend_of(connection).write_search(connection, sorted(rows, key=_span_of))


def _span_of(row: tuple[int, int, str]) -> int:
    return row[1]
