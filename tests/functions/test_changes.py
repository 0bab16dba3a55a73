"""What changed between two versions, and what uses what."""

import pytest

import spanbook
from spanbook.drawing.dependencies import dependencies, dependencies_diagram
from spanbook.drawing.formats import drawn
from spanbook.functions.changes import changes, diff, summary
from spanbook.functions.content import FunctionVersion, Part, PartKind
from tests.functions.conftest import Modules, Versions

BEFORE = """
import sqlalchemy

TOP_K = 4
SETTINGS = {"model": "small", "heat": 0.5}

def rank(text, times=2):
    return text * times

def answer(question):
    found = rank(question)
    return sqlalchemy, found[:TOP_K], SETTINGS
"""
AFTER = (
    BEFORE.replace("TOP_K = 4", "TOP_K = 8")
    .replace("small", "large")
    .replace("times=2", "times=3")
    .replace("    found = rank(question)", "    found = rank(question)\n    found += '.'")
)


def test_changes_are_told_in_words(versions: Versions) -> None:
    found = changes(versions(BEFORE), versions(AFTER))

    assert summary(found) == (
        "+1 −0 lines in answer; +1 −1 lines in rank; default times of rank 2 → 3; "
        "global SETTINGS.model small → large; global TOP_K 4 → 8"
    )
    assert changes(versions(BEFORE), versions(BEFORE)) == []


def test_packages_and_parts_come_and_go(versions: Versions) -> None:
    def with_package(version: str) -> FunctionVersion:
        code = Part("answer", PartKind.FUNCTION, "def answer(): ...", "1")
        return FunctionVersion.of("answer", [code, Part("numpy", PartKind.PACKAGE, value=version)])

    assert summary(changes(with_package("2.1"), with_package("2.2"))) == "numpy 2.1 → 2.2"
    alone = FunctionVersion.of("answer", with_package("2.1").parts[:1])
    assert summary(changes(with_package("2.1"), alone)) == "numpy removed"
    assert summary(changes(alone, with_package("2.1"))) == "numpy added"


def test_a_diff_holds_all_lines() -> None:
    assert diff("a\nb\nc", "a\nx\nc") == [" a", "-b", "+x", " c"]


def test_a_book_tells_changes_and_dependencies(
    recorder: spanbook.Recorder, book: spanbook.Book, modules: Modules
) -> None:
    for source in (BEFORE, AFTER):
        app = modules(source)
        spanbook.observe(app.answer)("why?")
    assert recorder.flush()

    new, old = book.versions("app.answer")
    assert (old.number, new.number) == (1, 2)
    assert len(book.version_changes(old.hash, new.hash)) == 5
    graph = book.dependencies(new.hash)
    assert not isinstance(graph, str)
    assert ("app.answer", "app.rank") in graph.uses
    [function] = book.functions()
    assert (function.version_count, function.latest.hash) == (2, new.hash)
    assert (function.figures.call_count, function.figures.trace_count) == (2, 2)
    assert "sqlalchemy" in str(book.dependencies(format="mermaid"))


@pytest.mark.parametrize("format", ["svg", "mermaid", "dot"])
def test_drawings_hold_hostile_names(format: str) -> None:
    name = 'a"]<script>\\'
    parts = [
        Part(name, PartKind.FUNCTION, uses=(name, "b")),
        Part("b", PartKind.VALUE, value="<b>", uses=(name,)),
    ]

    text = drawn(dependencies_diagram(dependencies(parts, [name])), format, name)

    assert "<script>" not in text.replace('label="a\\"]<script>', "")
    assert text.count("n0 -") in (0, 2) or format == "svg"
