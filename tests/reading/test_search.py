"""Search: finding traces by the words in them."""

import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from spanbook.reading import queries, search
from spanbook.reading.filters import TraceFilter
from spanbook.store.words import words as words_of
from tests.reading.shelves import Shelf


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello world", ["hello", "world"]),
        ('say "hello"', ["say", "hello"]),
        ("foo-bar_baz", ["foo", "bar", "baz"]),
        ("retriev* chains*", ["retriev*", "chains*"]),
        ("a * b**", ["a", "b*"]),
        ("cafe\u0301", ["café"]),
        ("NOT x OR NEAR(y)", ["NOT", "x", "OR", "NEAR", "y"]),
        ("text:x^2", ["text", "x", "2"]),
        ("日本語", ["日本語"]),
        ("?! ,", ["?", "!", ","]),
        ("  ", []),
    ],
)
def test_a_question_is_cut_into_words(text: str, words: list[str]):
    assert words_of(text) == words


@pytest.fixture
def found(shelf: Shelf, engine: Engine) -> Iterator[object]:
    """Two traces; the words of the second stand in two spans."""
    shelf.trace(name="first", words="Refund policy of the Café, 2nd edition")
    second = shelf.trace(name="second", words="shipping policy")
    shelf.span(second, words="refunded in AND out")

    def names(q: str) -> list[str]:
        return [row.name for row in queries.list_traces(engine, TraceFilter(q=q)).rows]

    return iter([names])


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("policy", ["second", "first"]),
        ("POLICY refund", ["first"]),
        ("policy refunded", ["second"]),
        ("refund*", ["second", "first"]),
        ("refun", []),
        ("cafe", ["first"]),
        ("café", ["first"]),
        ("and", ["second"]),
        ('"policy', ["second", "first"]),
        ("policy*)", ["second", "first"]),
        ("(((", []),
        ("-policy", ["second", "first"]),
        ("text:policy", []),
        ("'; DROP TABLE traces; --", []),
    ],
)
def test_all_words_must_be_in_the_trace(found: Iterator, q: str, names: list[str]):
    assert next(found)(q) == names


@pytest.mark.only("sqlite")
def test_no_character_makes_a_question_that_fails(shelf: Shelf, engine: Engine):
    shelf.trace(words="ab")
    with engine.connect() as connection:
        for start in range(0, sys.maxunicode, 4096):
            codes = range(max(start, 1), start + 4096)
            letters = [chr(code) for code in codes if not 0xD800 <= code < 0xE000]
            words = {word for letter in letters for word in words_of(f"a{letter}b {letter}")}
            wanted = " ".join(search.fts_word(word) for word in words)
            if wanted:
                connection.exec_driver_sql(
                    "SELECT rowid FROM search WHERE search MATCH ?", (wanted,)
                ).all()


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("q", ["common", "common rare", "common often", "rare", "common absent"])
def test_common_words_give_the_same_list_as_a_look_at_everything(
    shelf: Shelf, engine: Engine, monkeypatch: pytest.MonkeyPatch, q: str, descending: bool
):
    for i in range(60):
        words = ["common"] + ["often"] * (i % 3 == 0) + ["rare"] * (i % 20 == 0)
        shelf.trace(words=" ".join(words), start_ns=(i * 7 % 60) // 2)
    filter = TraceFilter(q=q, descending=descending, limit=4)
    whole = _walk(engine, filter)

    for rare, window in ((5, 10), (5, 100), (40, 3), (0, 1)):
        monkeypatch.setattr(search, "_RARE", rare)
        monkeypatch.setattr(search, "_WINDOW", window)

        assert _walk(engine, filter) == whole


def _walk(engine: Engine, filter: TraceFilter) -> list[list[str]]:
    page = queries.list_traces(engine, filter)
    found = [[row.trace_id for row in page.rows]]
    while page.next:
        following = TraceFilter(
            q=filter.q, descending=filter.descending, limit=filter.limit, after=page.next
        )
        page = queries.list_traces(engine, following)
        found.append([row.trace_id for row in page.rows])
    return found


@pytest.mark.parametrize(("q", "number"), [("common", 3), ("common rare", 1), ("none", 0)])
def test_matches_are_counted_once_a_trace(shelf: Shelf, engine: Engine, q: str, number: int):
    for words in ("common", "common", "common rare"):
        shelf.span(shelf.trace(words=words), words="common once more")

    assert queries.count_traces(engine, TraceFilter(q=q)).number == number
    assert queries.count_traces(engine, TraceFilter(q=q), cap=2).number == min(number, 2)
    assert queries.count_traces(engine, TraceFilter(q=q, name="answer")).number == number
    assert queries.count_traces(engine, TraceFilter(q=q, name="other")).number == 0
