"""Search: finding traces by words; the one place that knows a database's own full text search."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Select,
    Text,
    and_,
    cast,
    column,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from spanbook.store.schema import spans, traces
from spanbook.store.words import folded, words

_RARE = 8_000  # rows with a word; as many are joined and sorted in about ten milliseconds
_WINDOW = 1_000  # traces looked at first where a word is common


class TextIndex(ABC):
    """The full-text index of one kind of database: rows of words, several for a trace."""

    trace_pk: ColumnElement[int]  # the trace that a row of `source` belongs to
    source: FromClause

    @abstractmethod
    def has(self, word: str) -> ColumnElement[bool]:
        """Return whether a row has a word, or one that begins with it."""

    def traces_with(self, word: str) -> Select[Any]:
        """Return the select of the traces with a word, once for each row that has it."""
        return select(self.trace_pk).select_from(self.source).where(self.has(word))

    @abstractmethod
    def rows_with(self, word: str) -> Select[Any]:
        """Return the select of the rows with a word."""

    @abstractmethod
    def some_with(
        self, connection: Connection, asked: Sequence[str], pks: Sequence[int], *, neighbours: bool
    ) -> list[Select[Any]]:
        """Return for each word a select of traces with it, at least of those among `pks`.

        The `neighbours` stand next to each other in a list by start.
        """


class _Fts5(TextIndex):
    """An SQLite FTS5 table without content, words only.

    Its rowid is spans.pk, and the hidden column of the table's own name takes the query.
    """

    _search = table("search", column("rowid", Integer), column("search", Text))
    trace_pk = spans.c.trace_pk
    source = _search.join(spans, spans.c.pk == _search.c.rowid)

    def has(self, word: str) -> ColumnElement[bool]:
        return self._search.c.search.op("MATCH", is_comparison=True)(fts_word(word))

    def rows_with(self, word: str) -> Select[Any]:
        return select(self._search.c.rowid).where(self.has(word))

    def some_with(
        self, connection: Connection, asked: Sequence[str], pks: Sequence[int], *, neighbours: bool
    ) -> list[Select[Any]]:
        """Read a range of the index.

        Neighbours fill the range from their first span to the last. Of others, the spans are known
        beforehand and the index is read in one go: the addition keeps SQLite from seeking each.
        """
        inside = spans.c.trace_pk.in_(pks)
        bounds = select(func.min(spans.c.pk), func.max(spans.c.pk)).where(inside)
        between = connection.execute(bounds).one()
        rowid = self._search.c.rowid
        if neighbours:
            return [self.traces_with(word).where(rowid.between(*between)) for word in asked]
        these = select(spans.c.pk).where(inside)
        return [
            select(spans.c.trace_pk).where(
                spans.c.pk.in_(
                    self.rows_with(word).where(rowid.between(*between), (rowid + 0).in_(these))
                )
            )
            for word in asked
        ]


class _Rows(TextIndex):
    """A table of words with their trace."""

    source = _search = table("search", column("trace_pk", BigInteger), column("words"))
    trace_pk = _search.c.trace_pk

    def rows_with(self, word: str) -> Select[Any]:
        return self.traces_with(word)

    def some_with(
        self, connection: Connection, asked: Sequence[str], pks: Sequence[int], *, neighbours: bool
    ) -> list[Select[Any]]:
        return [self.traces_with(word).where(self.trace_pk.in_(pks)) for word in asked]


class _Vectors(_Rows):
    """PostgreSQL's tsvector."""

    def has(self, word: str) -> ColumnElement[bool]:
        stem = word.removesuffix("*") or word
        quoted = folded(stem).replace("\\", "\\\\").replace("'", "''")
        query = f"'{quoted}'" + (":*" if stem != word else "")
        return self._search.c.words.op("@@", is_comparison=True)(cast(query, TSQUERY))


class _Arrays(_Rows):
    """ClickHouse's arrays of words, with a skip index."""

    def has(self, word: str) -> ColumnElement[bool]:
        stem = folded(word.removesuffix("*") or word)
        if not word.removesuffix("*") or not word.endswith("*"):
            return func.has(self._search.c.words, stem) == 1
        begins = literal_column("one -> startsWith(one, ").op("")(literal(stem))
        return func.arrayExists(begins.op("")(literal_column(")")), self._search.c.words) == 1


_INDEXES: dict[str, TextIndex] = {
    "clickhousedb": _Arrays(),
    "postgresql": _Vectors(),
    "sqlite": _Fts5(),
}


def index_of(dialect: str) -> TextIndex:
    """Return the full-text index of a kind of database."""
    return _INDEXES[dialect]


def fts_word(word: str) -> str:
    """Return a word as an FTS5 query, whatever it holds."""
    stem = word.removesuffix("*") or word
    return '"' + stem.replace('"', '""') + '"' + ("*" if stem != word else "")


def contains(column: ColumnElement[Any], text: str, dialect: str) -> ColumnElement[bool]:
    """Return whether a text column holds `text`, without regard to case."""
    if dialect == "clickhousedb":
        return func.positionCaseInsensitiveUTF8(column, text) > 0
    # SQLite's LIKE knows no case in ASCII, nor does PostgreSQL's where bytes are compared.
    holds = column.contains if dialect == "sqlite" else column.icontains
    if text.isascii():
        return holds(text, autoescape=True)
    spellings = dict.fromkeys((text, text.lower(), text.upper(), text.title()))
    return or_(*(holds(spelling, autoescape=True) for spelling in spellings))


def matching(text: str, dialect: str) -> ColumnElement[bool]:
    """Return whether the spans of a trace have all words of `text`, in one span or in several."""
    asked = words(text)
    if not asked:
        return false()
    index = index_of(dialect)
    return and_(*(traces.c.pk.in_(index.traces_with(word)) for word in asked))


def windows(
    connection: Connection,
    text: str,
    *,
    place: Sequence[ColumnElement[bool]],
    descending: bool,
) -> Iterator[ColumnElement[bool]]:
    """Yield conditions for `text`, to be tried in turn until a page of a list by start is full.

    Rare words are looked up at once. A common one is in more rows than a page needs, so it is
    sought among the first traces after `place` only, those with the rarest word if that is rare.
    """
    index = index_of(connection.dialect.name)
    frequencies = {word: _frequency(connection, index, word) for word in words(text)}
    if max(frequencies.values(), default=0) > _RARE:
        rarest = min(frequencies, key=lambda word: frequencies[word])
        is_rare = frequencies[rarest] <= _RARE
        rare = [traces.c.pk.in_(index.traces_with(rarest))] if is_rare else []
        condition, is_whole = _window(connection, list(frequencies), place, rare, descending)
        yield condition
        if is_whole:
            return
    yield matching(text, connection.dialect.name)


def _frequency(connection: Connection, index: TextIndex, word: str) -> int:
    some = index.rows_with(word).limit(_RARE + 1).subquery()
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
    index = index_of(connection.dialect.name)
    found = index.some_with(connection, asked, pks, neighbours=not rare)
    having = and_(*(traces.c.pk.in_(select) for select in found))
    if len(first) < _WINDOW:
        return having, True
    # Traces that began in the same nanosecond as the last one may lie outside: leave them.
    edge = first[-1][1]
    return and_(having, traces.c.start_ns > edge if descending else traces.c.start_ns < edge), False
