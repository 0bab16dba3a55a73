"""Expressions: what a filter says in words, and which traces and spans it finds."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine

from spanbook.errors import ExpressionError, FilterError
from spanbook.reading import paths, payload_search, queries, span_pages
from spanbook.reading.expressions import OF_SPANS, OF_TRACES, Expression
from spanbook.reading.filters import SpanFilter, TraceFilter
from spanbook.reading.terms import Operator, Term
from spanbook.spans import Status
from tests.reading.shelves import SECOND, Shelf


def terms(text: str) -> tuple[Term, ...]:
    return OF_TRACES.read(text).terms


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("name = answer", Term("name", Operator.EQUAL, ("answer",))),
        ("name == 'two words'", Term("name", Operator.EQUAL, ("two words",))),
        (r'name="say \"hi\""', Term("name", Operator.EQUAL, ('say "hi"',))),
        ("model != gpt-4.1", Term("model", Operator.EQUAL, ("gpt-4.1",), is_negated=True)),
        (
            "status in (ok, error, ok)",
            Term("status", Operator.EQUAL, (Status.OK, Status.ERROR)),
        ),
        ("tag NOT IN (a)", Term("tag", Operator.EQUAL, ("a",), is_negated=True)),
        ("input contains refund", Term("input", Operator.CONTAINS, ("refund",))),
        ("error not contains x", Term("error", Operator.CONTAINS, ("x",), is_negated=True)),
        ("session is null", Term("session", Operator.NULL)),
        ("session is not null", Term("session", Operator.NULL, is_negated=True)),
        ("duration>2s", Term("duration", Operator.ABOVE, (timedelta(seconds=2),))),
        ("cost <= $0.05", Term("cost", Operator.UP_TO, (Decimal("0.05"),))),
        ("tokens >= 1000", Term("tokens", Operator.FROM, (1000,))),
        ("start > 1d", Term("start", Operator.ABOVE, (timedelta(days=1),))),
        (
            "start < 2026-05-01T12:00Z",
            Term("start", Operator.BELOW, (datetime(2026, 5, 1, 12, tzinfo=UTC),)),
        ),
        ("metadata.customer = x", Term("metadata", Operator.EQUAL, ("x",), ("customer",))),
        ('metadata."a b".c < 4', Term("metadata", Operator.BELOW, (4.0,), ("a b", "c"))),
        (
            "output.documents.0.id = p",
            Term("output", Operator.EQUAL, ("p",), ("documents", "0", "id")),
        ),
    ],
)
def test_a_term_is_read(text: str, term: Term):
    assert terms(text) == (term,)


def test_terms_are_joined_by_and():
    found = terms("name = a and\n tokens > 1 AND metadata.x = and")

    assert [term.field for term in found] == ["name", "tokens", "metadata"]


@pytest.mark.parametrize(
    ("text", "message", "marked"),
    [
        ("sesion = x", "at character 1: unknown field 'sesion'. Did you mean session", "sesion"),
        ("name = x and stat = ok", "at character 14: unknown field 'stat'. Did you mean", "stat"),
        ("status = eror", "status is 'eror'. Did you mean error?", "eror"),
        ("tokens > many", "tokens is 'many'; give a whole number", "many"),
        ("duration > fast", "duration is 'fast'; give a duration", "fast"),
        ("metadata.n > x", "metadata is 'x'; give a number to compare with", "x"),
        ("name > x", "name cannot be asked this; use one of =, contains, is null", ">"),
        ("tokens contains 4", "tokens cannot be asked this; use one of =, is null, <", "contains"),
        ("name = a or name = b", "'or' is not known; for several values use in (…)", "or"),
        ("name = a name = b", "expected 'and' before the next condition", "name"),
        ("name", "at its end: expected =, !=, <", ""),
        ("name =", "at its end: expected a value", ""),
        ("name = 'x", "the closing quote is missing", "'"),
        ("status in ok", "expected '('", "o"),
        ("status in (ok", "at its end: expected ')'", ""),
        ("session is empty", "expected 'is null' or 'is not null'", "is empty"),
        ("metadata = x", "name a key below it, such as metadata.customer", "="),
        ("name.x = 1", "'name' has nothing below it", "name.x"),
        ("= x", "expected the name of a field", "="),
        ("name = a and", "at its end: expected the name of a field", ""),
        (" and ".join(["name = a"] * 31), "more than 30 conditions", "and"),
        ("x" * 5000, "longer than 4000 characters", "x"),
    ],
)
def test_what_is_no_expression_is_refused_with_the_place(text: str, message: str, marked: str):
    with pytest.raises(ExpressionError) as caught:
        OF_TRACES.read(text)

    assert message in str(caught.value)
    assert caught.value.text[caught.value.start : caught.value.end].strip() == marked


def test_an_address_holds_the_expression_as_it_was_written():
    filter = TraceFilter.from_args({"where": ' name = "x"  and tokens > 3 '})

    assert filter.to_args() == {"where": ['name = "x"  and tokens > 3']}
    assert TraceFilter.from_args(filter.to_args()) == filter


def test_spans_are_asked_for_what_spans_have():
    assert OF_SPANS.read("provider = openai").terms[0].field == "provider"
    with pytest.raises(ExpressionError, match="unknown field 'spans'"):
        OF_SPANS.read("spans > 3")


# What is found

VALUES: list[Any] = [
    None, "x", "X", "5", 5, 5.0, 2.5, -1, True, False, "true", "", "a b", 'q"uote', "back\\slash",
    "new\nline", "äÖ", {"k": 1}, [1, "x"], "5%", "a_b", "null",
]  # fmt: skip


@pytest.fixture
def mixed(shelf: Shelf) -> Shelf:
    """Traces of every sort, with every sort of metadata."""
    choose = random.Random(3).choice
    for value in VALUES * 3:
        metadata = choose([None, {}, {"customer": value}, {"a": {"b": value}}, {"a.b": value}])
        known = choose([0, 1])
        shelf.trace(
            tags=choose([(), ("a",), ("a", "b")]),
            metadata=None if metadata is None else orjson.dumps(metadata).decode(),
            status=choose(["ok", "error", "running"]),
            duration_ns=choose([None, SECOND, 2 * SECOND]),
            cost=choose([None, 10**9, 3 * 10**9]),
            total_tokens=5 if known else None,
            usage_count=known,
            input_tokens=4 * known,
            model=choose([None, "x", "yy"]),
            session=choose([None, "x", "yy"]),
            input=choose([None, "x", "yy"]),
            error=choose([None, "x", "yy"]),
        )
    return shelf


TERMS = [
    "status = error", "status in (ok, running)", "model = x", "model in (x, yy)", "session is null",
    "duration > 1s", "duration <= 1s", "duration = 2s", "duration is null", "cost >= 0.003",
    "tokens > 3", "tokens is null", "input_tokens < 4", "input_tokens is null", "tag = a",
    "tag in (b, c)", "tag is null", "tag contains B", "input contains Y", "error contains x",
    "start > 1d", "start < 2023-11-14T22:14:00Z", "spans = 1", "errors > 0", "run is null",
    *(
        f"metadata.{keys} {rest}"
        for keys in ("customer", "a.b")
        for rest in (
            "= x", "= 5", "= 5.0", "= true", "= 'q\"uote'", "in (x, 5)", "contains X",
            "contains '\"'",
            "contains n", "contains '%'", "contains _", "> 2", "<= 5", "is null", "contains ä",
        )
    ),
]  # fmt: skip


def negated(text: str) -> str | None:
    for plain, other in ((" in (", " not in ("), (" = ", " != "), (" contains", " not contains")):
        if plain in text:
            return text.replace(plain, other)
    return text.replace("is null", "is not null") if "is null" in text else None


def found(engine: Engine, text: str) -> set[str]:
    rows = queries.list_traces(engine, TraceFilter.of(where=text, limit=1000)).rows
    return {row.trace_id for row in rows}


@pytest.mark.parametrize("text", TERMS)
def test_a_term_and_its_opposite_part_the_list_and_the_count_agrees(mixed: Shelf, text: str):
    every = found(mixed.engine, "name is not null")
    plain = found(mixed.engine, text)

    assert queries.count_traces(mixed.engine, TraceFilter.of(where=text)).number == len(plain)
    assert plain <= every
    opposite = negated(text)
    if opposite is not None:
        assert found(mixed.engine, opposite) == every - plain


@pytest.mark.parametrize("text", [text for text in TERMS if text.startswith("metadata")])
def test_metadata_in_sql_and_payloads_in_python_are_compared_alike(mixed: Shelf, text: str):
    (term,) = terms(text)
    rows = queries.list_traces(mixed.engine, TraceFilter(limit=1000)).rows

    expected = {row.trace_id for row in rows if paths.holds(term, {"metadata": row.metadata})}

    assert found(mixed.engine, text) == expected


def test_terms_narrow_each_other_and_the_fields_of_the_form(mixed: Shelf):
    both = found(mixed.engine, "model = x and status = ok")
    filter = TraceFilter.of(where="model = x", status="ok", limit=1000)

    assert both == found(mixed.engine, "model = x") & found(mixed.engine, "status = ok")
    assert {row.trace_id for row in queries.list_traces(mixed.engine, filter).rows} == both


def test_a_value_is_never_sql(mixed: Shelf):
    hostile = "x' OR '1'='1"
    texts = [f'{field} = "{hostile}"' for field in ("name", "tag", "metadata.customer")]
    texts.append(f'metadata."a\' = 1 OR 1=1 --" = "{hostile}"')

    assert [found(mixed.engine, text) for text in texts] == [set()] * 4
    with pytest.raises(FilterError, match="keys have no quotes"):
        found(mixed.engine, r'metadata."a\"b" = x')


# Payloads


@pytest.fixture
def answers(shelf: Shelf) -> Shelf:
    """Six traces whose roots hold payloads, in one block each; the last is still without one."""
    shelf.blob("ab" * 16, b"a very long question", 20)
    for pk in range(1, 7):
        question: Any = {"$": "text", "blob": "ab" * 16} if pk == 3 else f"question {pk}"
        record = {
            "input": {"question": question, "top_k": pk},
            "output": {"documents": [{"id": f"p-{pk % 2}"}]},
            "attributes": {"gen_ai.model": "m", "$$x": pk},
        }
        shelf.trace(session="even" if pk % 2 == 0 else None)
        if pk < 6:
            shelf.block(pk, {f"{pk:016x}": record}, trace_pk=pk)
            shelf.end(f"{pk:016x}", start_block=pk, end_block=pk)
    return shelf


PAYLOAD_TERMS: list[tuple[str, set[int]]] = [
    ('input.question = "question 2"', {2}),
    ("input.question contains LONG", {3}),
    ("input.top_k >= 4", {4, 5}),
    ("input.top_k != 4", {1, 2, 3, 5, 6}),
    ("output.documents.0.id = p-1", {1, 3, 5}),
    ("output.documents.1.id is null", {1, 2, 3, 4, 5, 6}),
    ("attributes.gen_ai.model = m", {1, 2, 3, 4, 5}),
    ("attributes.$x = 2", {2}),
    ("input.question contains question and session = even", {2, 4}),
]


@pytest.mark.parametrize(("text", "pks"), PAYLOAD_TERMS)
def test_paths_into_payloads_are_found_in_traces_and_in_spans(
    answers: Shelf, text: str, pks: set[int]
):
    filter = SpanFilter.of(where=text, sort="name")
    spans = span_pages.list_spans(answers.engine, filter).rows

    assert {int(trace, 16) for trace in found(answers.engine, text)} == pks
    assert {int(row.span.span_id, 16) for row in spans} == pks
    assert span_pages.count_spans(answers.engine, filter).number == len(pks)
    assert queries.count_traces(answers.engine, TraceFilter.of(where=text)).number == len(pks)


def test_a_span_is_found_by_the_text_of_its_whole_output(answers: Shelf):
    filter = SpanFilter.of(where='output contains "p-1"')

    assert span_pages.count_spans(answers.engine, filter).number == 3


def test_a_search_through_payloads_is_bounded_and_says_so(
    answers: Shelf, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(payload_search, "MOST", 3)
    filter = queries.settle(answers.engine, TraceFilter.of(where="input.top_k > 0"))

    assert filter.among is not None
    assert (filter.among.searched, filter.among.is_whole) == (3, False)
    assert [int(row.trace_id, 16) for row in queries.list_traces(answers.engine, filter).rows] == [
        5,
        4,
    ]


def test_an_expression_of_nothing_asks_for_nothing():
    assert TraceFilter.from_args({"where": "  "}).where is None
    assert str(Expression("name = x", ())) == "name = x"
