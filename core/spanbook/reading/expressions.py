"""Expressions: what a filter can say in words, `cost > 0.05 and metadata.customer = "x"`.

An expression is a list of terms, joined by `and`; there are no others, and no brackets.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from spanbook.errors import ExpressionError
from spanbook.reading.arguments import Argument, near
from spanbook.reading.terms import (
    DATA,
    ROOTS,
    RUN_FIELDS,
    RUN_ROOTS,
    SPAN_FIELDS,
    TRACE_FIELDS,
    Fields,
    Kind,
    Operator,
    Term,
)

MOST_TERMS = 30
LONGEST = 4_000  # characters

_SPACE = re.compile(r"\s*")
_KEY = re.compile(r"""[^\s()=<>!,"'.]+""")
_PLAIN_KEY = re.compile(r"""[^\s()=<>!,"'.:]+""")  # a colon begins a column's width
_STRING = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""", re.DOTALL)
_WORD = re.compile(r"""[^\s(),"']+""")
_SIGN = re.compile(r"!=|<=|>=|==|=|<|>")
_NAME = re.compile(r"[A-Za-z]+")
_OPERATORS = "=, !=, <, <=, >, >=, in, not in, contains, not contains, is null or is not null"
_SIGNS = {
    "=": Operator.EQUAL,
    "==": Operator.EQUAL,
    "!=": Operator.EQUAL,
    **{str(sign): sign for sign in (Operator.BELOW, Operator.UP_TO, Operator.ABOVE, Operator.FROM)},
}


@dataclass(frozen=True, slots=True)
class Expression:
    """Terms that must all hold, and the text that said so."""

    text: str
    terms: tuple[Term, ...]

    def __str__(self) -> str:
        """Return the text."""
        return self.text


def reader(fields: Fields, roots: Sequence[str] = ROOTS) -> Callable[[str], Expression]:
    """Return a reader of expressions about `fields`, and about paths of keys below `roots`."""

    def read(text: str) -> Expression:
        text = text.strip()
        return Expression(text, _Reader(text, fields, roots).terms())

    return read


OF_TRACES = Argument(reader(TRACE_FIELDS))
OF_SPANS = Argument(reader(SPAN_FIELDS))
OF_RUNS = Argument(reader(RUN_FIELDS, RUN_ROOTS))


def read_path(text: str) -> tuple[str, ...]:
    """Return the root and the keys of a path, such as `output.documents.0.id`.

    Raises:
        ExpressionError: it is none.
    """
    return _Reader(text, {}).whole_path()


def write_path(path: Sequence[str]) -> str:
    """Return a root and keys as `read_path` reads them, in quotes where they need some."""
    return ".".join(key if _PLAIN_KEY.fullmatch(key) else _quoted(key) for key in path)


def write_value(text: str) -> str:
    """Return a value as expressions hold it, whatever it is."""
    return _quoted(text)


class _Reader:
    """Reads the terms of one expression from left to right."""

    def __init__(self, text: str, fields: Fields, roots: Sequence[str] = ROOTS) -> None:
        self._text = text
        self._fields = fields
        self._roots = roots
        self._at = 0

    def terms(self) -> tuple[Term, ...]:
        """Return all terms.

        Raises:
            ExpressionError: the text is none, with what is wrong where.
        """
        if len(self._text) > LONGEST:
            self._fail(f"longer than {LONGEST} characters; make it shorter", LONGEST)
        found = [self._term()]
        while (start := self._skip()) < len(self._text):
            word = self._name()
            if word == "or":
                self._fail("'or' is not known; for several values use in (…)", start)
            if word != "and":
                self._fail("expected 'and' before the next condition", start)
            if len(found) == MOST_TERMS:
                self._fail(f"more than {MOST_TERMS} conditions; use fewer", start)
            found.append(self._term())
        return tuple(found)

    def whole_path(self) -> tuple[str, ...]:
        """Return the path that the whole text is."""
        path = self._path()
        if self._at < len(self._text):
            self._fail("expected a path of keys with dots between them", self._at)
        return tuple(path)

    def _term(self) -> Term:
        field, keys, kind = self._field()
        start = self._skip()
        operator, is_negated, is_list = self._operator()
        if operator not in kind.operators:
            known = ", ".join(one for one in Operator if one in kind.operators)
            self._fail(f"{field} cannot be asked this; use one of {known}, or a 'not' of it", start)
        values = self._values(field, kind.reader(operator), operator, is_list)
        return Term(field, operator, values, keys, is_negated)

    def _field(self) -> tuple[str, tuple[str, ...], Kind]:
        start = self._skip()
        field, *keys = self._path()
        bare = [root for root in self._roots if root not in self._fields]
        if keys or field in bare:
            if field not in self._roots:
                known = near(field, list(self._roots))
                self._fail(f"{field!r} has nothing below it. {known}", start)
            if not keys:
                self._fail(f"name a key below it, such as {field}.customer", self._skip())
            return field, tuple(keys), DATA
        if field not in self._fields:
            known = near(field, [*self._fields, *bare])
            self._fail(f"unknown field {field!r}. {known}", start)
        return field, (), self._fields[field]

    def _path(self) -> list[str]:
        keys = [self._key()]
        while self._text.startswith(".", self._at):
            self._at += 1
            keys.append(self._key())
        return keys

    def _key(self) -> str:
        quoted = self._match(_STRING)
        if quoted is not None:
            return _unquoted(quoted)
        key = self._match(_KEY)
        if key is None:
            self._fail("expected the name of a field", self._at)
        return key

    def _operator(self) -> tuple[Operator, bool, bool]:
        start = self._skip()
        sign = self._match(_SIGN)
        if sign is not None:
            return _SIGNS[sign], sign == "!=", False
        word = self._name()
        is_negated = word == "not"
        if is_negated:
            word = self._name()
        if word == "in":
            return Operator.EQUAL, is_negated, True
        if word == "contains":
            return Operator.CONTAINS, is_negated, False
        if word != "is" or is_negated:
            self._fail(f"expected {_OPERATORS}", start)
        return self._null(start)

    def _null(self, start: int) -> tuple[Operator, bool, bool]:
        word = self._name()
        is_negated = word == "not"
        if (self._name() if is_negated else word) != "null":
            self._fail("expected 'is null' or 'is not null'", start)
        return Operator.NULL, is_negated, False

    def _values(
        self, field: str, read: Callable[[str], object], operator: Operator, is_list: bool
    ) -> tuple[object, ...]:
        if operator is Operator.NULL:
            return ()
        if not is_list:
            return (self._value(field, read),)
        self._expect("(")
        values = [self._value(field, read)]
        while self._next() == ",":
            self._at += 1
            values.append(self._value(field, read))
        self._expect(")")
        return tuple(dict.fromkeys(values))

    def _value(self, field: str, read: Callable[[str], object]) -> object:
        start = self._skip()
        quoted = self._match(_STRING)
        word = self._match(_WORD) if quoted is None else _unquoted(quoted)
        if word is None:
            is_open = self._text[start : start + 1] in ("'", '"')
            self._fail("the closing quote is missing" if is_open else "expected a value", start)
        try:
            return read(word)
        except ValueError as error:
            self._fail(f"{field} {error}".rstrip("."), start)

    def _expect(self, sign: str) -> None:
        if self._next() != sign:
            self._fail(f"expected {sign!r}", self._at)
        self._at += 1

    def _next(self) -> str:
        return self._text[self._skip() :][:1]

    def _name(self) -> str:
        self._skip()
        return (self._match(_NAME) or "").lower()

    def _skip(self) -> int:
        self._match(_SPACE)
        return self._at

    def _match(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self._text, self._at)
        if found is None:
            return None
        self._at = found.end()
        return found[0]

    def _fail(self, what: str, start: int) -> NoReturn:
        raise ExpressionError(what, self._text, start, max(self._at, start + 1))


def _quoted(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
