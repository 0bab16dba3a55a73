"""Makes a store as each released revision wrote it, by the code of that time, and keeps it as SQL.

`python -m tests.upgrading.keep` adds those that are missing, in a clone that has the history.
"""

import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from contextlib import closing
from io import BytesIO
from pathlib import Path

from spanbook.segments import SUFFIX, health_line
from tests.upgrading.history import segment, told

ROOT = Path(__file__).parents[2]
WRITTEN = Path(__file__).with_name("written")
_MIGRATIONS = "core/spanbook/store/migrations/versions"
# These came to the main branch together with 0004, whose code was the first to write all of them.
_WITHOUT = {"0002": ("links", "retention"), "0003": ("retention",)}
_NO_ROWS = 'INSERT INTO "search" '
_FILL = """
import sys
from pathlib import Path
from spanbook.reading.book import Book
from spanbook.store.takeover import collect
url, folder = sys.argv[1:]
with Book(url) as book:
    if hasattr(book, "add_price"):
        book.add_price("own-model", input=1, cache_read="0.1", output=2)
collect(url, Path(folder), clock=lambda: 1_790_000_009_000_000_000)
"""


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", "-C", ROOT, *arguments], check=True, capture_output=True).stdout


def revisions() -> dict[str, str]:
    """Return the last commit whose code wrote each revision."""
    files = sorted(path.name for path in (ROOT / _MIGRATIONS).glob("0*.py"))
    commits = [
        git("log", "--diff-filter=A", "--format=%H", "--", f"{_MIGRATIONS}/{file}").decode().strip()
        for file in files
    ]
    ends = [f"{commit}^" for commit in commits[1:]] + ["HEAD"]
    found = {file[:4]: end for file, end in zip(files, ends, strict=True)}
    return {**found, **dict.fromkeys(_WITHOUT, found["0004"])}


def write(revision: str, commit: str) -> None:
    """Have the code of `commit` fill a store, and keep it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with tarfile.open(fileobj=BytesIO(git("archive", commit, "core"))) as archive:
            archive.extractall(folder, filter="data")
        journal = folder / "journal"
        journal.mkdir()
        records = segment(health_line(0, 0, ""), told(revision))
        (journal / f"{1:020d}-7-0{SUFFIX}").write_bytes(records)
        subprocess.run(
            [sys.executable, "-c", _FILL, f"sqlite:///{folder}/store.db", journal],
            env={"PYTHONPATH": str(folder / "core")},
            check=True,
        )
        with closing(sqlite3.connect(folder / "store.db", isolation_level=None)) as connection:
            for table in _WITHOUT.get(revision, ()):
                connection.execute(f"DROP TABLE {table}")
            connection.execute("UPDATE alembic_version SET version_num = ?", [revision])
            # The full-text index has no rows of its own, only tables behind it.
            lines = [one for one in connection.iterdump() if not one.startswith(_NO_ROWS)]
            (WRITTEN / f"{revision}.sql").write_text("\n".join(lines) + "\n")


def load(revision: str, path: Path) -> None:
    """Make the store at `path` as it was kept."""
    text = (WRITTEN / f"{revision}.sql").read_text()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(text)
        connection.execute("PRAGMA journal_mode = WAL")


if __name__ == "__main__":
    for _revision, _commit in revisions().items():
        if not (WRITTEN / f"{_revision}.sql").exists():
            write(_revision, _commit)
