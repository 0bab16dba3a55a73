"""Search: finding traces by words; the one place that knows a database's own full text search."""

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    Text,
    and_,
    column,
    false,
    func,
    or_,
    select,
    table,
)

from spanbook.store.schema import spans, traces

# An SQLite FTS5 table without content, words only: rowid is spans.pk, the hidden column of the
# table's own name takes the query.
_search = table("search", column("rowid", Integer), column("search", Text))

_RARE = 8_000  # spans with a word; as many are joined and sorted in about ten milliseconds
_WINDOW = 1_000  # traces looked at first where a word is common

# Letters that FTS5's tokenizer takes for separators, though Unicode has come to call them letters.
_NO_LETTERS = frozenset([*map(chr, range(0x19B0, 0x19CA)), "\u1cf2", "\u1cf3"])


def words(text: str) -> list[str]:
    """Return the words of `text` as the index cuts them; a closing `*` asks for a beginning."""
    found: list[str] = []
    composed = unicodedata.normalize("NFC", text)
    for is_word, run in groupby(composed, _is_letter):
        if is_word:
            found.append("".join(run))
        elif found and next(run) == "*" and not found[-1].endswith("*"):
            found[-1] += "*"
    return found or [letter for letter in composed if not letter.isspace()]


def _is_letter(letter: str) -> bool:
    category = unicodedata.category(letter)
    return (category[0] in "LN" or category == "Co") and letter not in _NO_LETTERS


def fts_word(word: str) -> str:
    """Return a word as an FTS5 query, whatever it holds."""
    stem = word.removesuffix("*") or word
    return '"' + stem.replace('"', '""') + '"' + ("*" if stem != word else "")


def contains(column: ColumnElement[Any], text: str, dialect: str) -> ColumnElement[bool]:
    """Return whether a text column holds `text`, without regard to case."""
    if dialect != "sqlite":
        return column.icontains(text, autoescape=True)
    if text.isascii():
        return column.contains(text, autoescape=True)  # SQLite's LIKE knows no case in ASCII
    spellings = dict.fromkeys((text, text.lower(), text.upper(), text.title()))
    return or_(*(column.contains(spelling, autoescape=True) for spelling in spellings))


def matching(text: str, dialect: str) -> ColumnElement[bool]:
    """Return whether the spans of a trace have all words of `text`, in one span or in several."""
    asked = words(text)
    if not asked:
        return false()
    if dialect == "sqlite":
        return and_(*(traces.c.pk.in_(traces_with(word)) for word in asked))
    previews = (traces.c.name, traces.c.input, traces.c.output, traces.c.error)
    return and_(
        *(
            or_(*(contains(preview, word.removesuffix("*"), dialect) for preview in previews))
            for word in asked
        )
    )


def traces_with(word: str) -> Select[tuple[int]]:
    """Return the select of the traces with a word, in SQLite, once for each such span."""
    return (
        select(spans.c.trace_pk)
        .select_from(_search.join(spans, spans.c.pk == _search.c.rowid))
        .where(_has(word))
    )


def _has(word: str) -> ColumnElement[bool]:
    return _search.c.search.op("MATCH", is_comparison=True)(fts_word(word))


def windows(
    connection: Connection,
    text: str,
    *,
    place: Sequence[ColumnElement[bool]],
    descending: bool,
) -> Iterator[ColumnElement[bool]]:
    """Yield conditions for `text`, to be tried in turn until a page of a list by start is full.

    Rare words are looked up at once. A common one is in more spans than a page needs, so it is
    sought among the first traces after `place` only, those with the rarest word if that is rare.
    """
    dialect = connection.dialect.name
    if dialect == "sqlite":
        frequencies = {word: _frequency(connection, word) for word in words(text)}
        if max(frequencies.values(), default=0) > _RARE:
            rarest = min(frequencies, key=lambda word: frequencies[word])
            rare = [traces.c.pk.in_(traces_with(rarest))] if frequencies[rarest] <= _RARE else []
            condition, is_whole = _window(connection, list(frequencies), place, rare, descending)
            yield condition
            if is_whole:
                return
    yield matching(text, dialect)


def _frequency(connection: Connection, word: str) -> int:
    some = select(_search.c.rowid).where(_has(word)).limit(_RARE + 1).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one()


def _window(
    connection: Connection,
    asked: Sequence[str],
    place: Sequence[ColumnElement[bool]],
    rare: Sequence[ColumnElement[bool]],
    descending: bool,
) -> tuple[ColumnElement[bool], bool]:
    """Return what the first traces after `place` must fulfil, and whether these are all."""
    order = traces.c.start_ns.desc() if descending else traces.c.start_ns.asc()
    places = select(traces.c.pk, traces.c.start_ns).where(*place, *rare).order_by(order)
    first = connection.execute(places.limit(_WINDOW)).all()
    if not first:
        return false(), True
    pks = [row[0] for row in first]
    inside = spans.c.trace_pk.in_(pks)
    bounds = select(func.min(spans.c.pk), func.max(spans.c.pk)).where(inside)
    between = connection.execute(bounds).one()
    found = (_some_with(word, inside, between, are_neighbours=not rare) for word in asked)
    having = and_(*(traces.c.pk.in_(select) for select in found))
    if len(first) < _WINDOW:
        return having, True
    # Traces that began in the same nanosecond as the last one may lie outside: leave them.
    edge = first[-1][1]
    return and_(having, traces.c.start_ns > edge if descending else traces.c.start_ns < edge), False


def _some_with(
    word: str, inside: ColumnElement[bool], between: tuple[int, int], *, are_neighbours: bool
) -> Select[tuple[int]]:
    """Return the select of the traces with a word, at least of those whose spans are `inside`.

    Neighbours fill the range from the first span to the last. Of others, the spans are known
    beforehand and the index is read in one go: the addition keeps SQLite from seeking each in it.
    """
    rowid = _search.c.rowid
    if are_neighbours:
        return traces_with(word).where(rowid.between(*between))
    these = select(spans.c.pk).where(inside)
    found = select(rowid).where(_has(word), rowid.between(*between), (rowid + 0).in_(these))
    return select(spans.c.trace_pk).where(spans.c.pk.in_(found))
