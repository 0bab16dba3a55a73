from pathlib import Path

from spanbook.reading.book import Book
from tests.commands.test_store import record


def test_an_exported_trace_can_be_imported_into_another_store(spanbook, tmp_path: Path):
    record(tmp_path)
    spanbook("ingest", "kept.db")
    with Book(f"sqlite:///{tmp_path / 'kept.db'}") as book:
        trace = book.traces()[0].trace_id

    for name in ("trace.html", "trace.json", "trace.jsonl"):
        exported = spanbook("export", trace, "--store", "kept.db", "-o", name)
        assert exported.returncode == 0, exported.stderr
        imported = spanbook("import", name, "--store", f"{name}.db")
        assert imported.stdout == f"{trace}  imported, 2 spans\n", imported.stderr
        again = spanbook("export", trace, "--store", f"{name}.db", "--format", "json")
        assert again.stdout == spanbook("export", trace, "--store", "kept.db").stdout

    repeated = spanbook("import", "trace.html", "--store", "trace.html.db")
    assert repeated.stdout == f"{trace}  is in the store already\n"


def test_a_table_goes_to_the_standard_output(spanbook, tmp_path: Path):
    record(tmp_path)
    with Book(f"sqlite:///{tmp_path / 'kept.db'}") as book:
        trace = book.traces()[0].trace_id

    table = spanbook("export", trace, "--format", "csv", "--store", "kept.db").stdout

    assert [line.split(",")[4] for line in table.splitlines()] == ["name", "outer", "inner"]


def test_what_cannot_be_carried_is_said_in_one_line(spanbook, tmp_path: Path):
    (tmp_path / "note.txt").write_text("hello")
    record(tmp_path)

    missing = spanbook("export", "ab" * 16, "--store", "none.db")
    unknown = spanbook("export", "ab" * 16, "--store", "kept.db")
    foreign = spanbook("import", "note.txt", "--store", "kept.db")

    assert "There is no store at" in missing.stderr
    assert "holds no trace" in unknown.stderr
    assert "note.txt: This is no trace that Spanbook exported" in foreign.stderr
    assert {missing.returncode, unknown.returncode, foreign.returncode} == {1}
    assert not (tmp_path / "none.db").exists()
