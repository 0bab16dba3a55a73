"""What contestants that store on this machine have kept, as another process sees it."""

import sqlite3
from contextlib import closing
from pathlib import Path

# Database, number of finished spans, and of those that hold a text; the others send to the sink.
QUERIES = {
    "spanbook": (
        "spanbook.db",
        "SELECT count(*) FROM spans WHERE end_ns IS NOT NULL",
        "SELECT count(*) FROM traces WHERE input LIKE :text OR output LIKE :text",
    ),
    "mlflow": (
        "mlflow.db",
        "SELECT count(*) FROM spans WHERE end_time_unix_nano IS NOT NULL",
        "SELECT count(*) FROM spans WHERE content LIKE :text",
    ),
}


def kept(name: str, folder: Path) -> int | None:
    """Return how many finished spans are stored; None for a contestant that stores none here."""
    if name not in QUERIES:
        return None
    if name == "spanbook":
        take_over(folder)
    return _number(name, folder, 1)


def shows(name: str, folder: Path, text: str) -> bool:
    """Return whether a span with `text` can be read by now."""
    return _number(name, folder, 2, text=f"%{text}%") > 0


def take_over(folder: Path) -> None:
    """Do what any reader does first: fetch what a dead process left in the journal."""
    from spanbook.reading.book import Book

    with Book(f"sqlite:///{folder}/spanbook.db") as book:
        book.collect()


def bytes_per_span(folder: Path) -> float:
    """Return the size of Spanbook's whole database by its spans, its log folded in."""
    path = folder / "spanbook.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        spans = connection.execute("SELECT count(*) FROM spans").fetchone()[0]
    return path.stat().st_size / max(spans, 1)


def _number(name: str, folder: Path, query: int, **given: str) -> int:
    file = folder / QUERIES[name][0]
    if not file.exists():
        return 0
    with closing(sqlite3.connect(file)) as connection:
        try:
            return connection.execute(QUERIES[name][query], given).fetchone()[0]
        except sqlite3.OperationalError:  # no table yet
            return 0
