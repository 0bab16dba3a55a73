"""Opening stores: new, old, newer, broken, and several programs at once."""

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.schema import CreateIndex, CreateTable

from spanbook.errors import NewerStoreError, StoreError
from spanbook.store.database import REVISION, open_engine
from spanbook.store.schema import metadata
from spanbook.store.upgrades import newest, upgrade

_NOBODY = 65534
RUN = "import sys; from spanbook.store.database import open_engine; "


def tables_of(path: Path) -> set[str]:
    with sqlite3.connect(path) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    connection.close()
    return {name for (name,) in names}


def schema_of(path: Path) -> dict[tuple[str, str], object]:
    """Return what SQLite knows of all tables and indexes."""
    with sqlite3.connect(path) as connection:
        found: dict[tuple[str, str], object] = {}
        for kind, name, text in connection.execute("SELECT type, name, sql FROM sqlite_master"):
            quoted = f'"{name}"'
            if kind == "index":
                found[kind, name] = connection.execute(f"PRAGMA index_xinfo({quoted})").fetchall()
                found["where", name] = (text or "").partition("WHERE")[2]
            else:
                found[kind, name] = connection.execute(f"PRAGMA table_xinfo({quoted})").fetchall()
                words = ("WITHOUT ROWID", "AUTOINCREMENT", "VIRTUAL")
                found["words", name] = [word for word in words if word in text]
    connection.close()
    return found


def test_a_new_store_has_all_tables_without_alembic(tmp_path: Path) -> None:
    script = RUN + "open_engine(sys.argv[1]).dispose(); print('alembic' in sys.modules)"
    path = tmp_path / "new" / "folder" / "spanbook.db"

    done = subprocess.run(
        [sys.executable, "-c", script, path], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "False"
    assert {*metadata.tables, "search", "alembic_version"} <= tables_of(path)


def test_a_store_is_a_write_ahead_log_with_relaxed_syncs(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "spanbook.db")

    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1
    engine.dispose()


def test_the_revision_is_that_of_the_last_migration() -> None:
    assert newest() == REVISION


def test_migrations_lead_to_the_same_tables_as_a_new_store(tmp_path: Path) -> None:
    open_engine(tmp_path / "new.db").dispose()
    engine = create_engine(f"sqlite:///{tmp_path / 'migrated.db'}")
    with engine.begin() as connection:
        upgrade(connection)
    engine.dispose()

    assert schema_of(tmp_path / "migrated.db") == schema_of(tmp_path / "new.db")


def test_the_tables_can_be_written_for_postgresql() -> None:
    from sqlalchemy.dialects import postgresql

    dialect = postgresql.dialect()
    texts = [str(CreateTable(table).compile(dialect=dialect)) for table in metadata.sorted_tables]
    indexes = [index for table in metadata.sorted_tables for index in table.indexes]

    assert all("BIGINT" in text or "BIGSERIAL" in text for text in texts)
    assert all(str(CreateIndex(index).compile(dialect=dialect)) for index in indexes)


def test_an_older_store_is_upgraded_and_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "spanbook.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        upgrade(connection, "0001")
        connection.exec_driver_sql(
            "INSERT INTO spans (trace_pk, span_id, kind, name, status, start_ns, counted, "
            "input_tokens) VALUES (1, 'priced', 'llm', 'model', 'ok', 1, 1, 5), "
            "(1, 'above', 'chain', 'chain', 'ok', 1, 0, 5), "
            "(1, 'plain', 'step', 'step', 'ok', 1, 1, NULL)"
        )
    engine.dispose()

    engine = open_engine(path)

    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT span_id, unpriced FROM spans ORDER BY pk").all()
    engine.dispose()
    assert rows == [("priced", "not priced yet"), ("above", None), ("plain", None)]


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "spanbook.db"
    open_engine(path).dispose()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
    connection.close()

    with pytest.raises(NewerStoreError, match=rf"0999.*{REVISION}.*pip install --upgrade spanbook"):
        open_engine(path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes, which nobody may touch. " * 100)

    with pytest.raises(StoreError, match="is not a SQLite database; name another file"):
        open_engine(path)
    assert path.read_text().startswith("my notes")


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a directory"):
        open_engine(tmp_path)


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "photos.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE photos (pk INTEGER)")
    connection.close()

    with pytest.raises(StoreError, match="another program's database"):
        open_engine(path)
    assert tables_of(path) == {"photos"}


def test_a_damaged_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "spanbook.db"
    open_engine(path).dispose()
    content = bytearray(path.read_bytes())
    content[100:8000] = b"\xff" * 7900
    path.write_bytes(content)

    with pytest.raises(StoreError, match="is damaged"):
        open_engine(path)


@pytest.fixture
def forbidden() -> Iterator[Path]:
    """Return a folder that may not be written; root, who may write everywhere, is someone else."""
    folder = Path(tempfile.mkdtemp())
    is_root = os.geteuid() == 0
    if is_root:
        os.chown(folder, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, 0)
    folder.chmod(0o500)
    yield folder
    if is_root:
        os.setresuid(0, 0, 0)
    folder.rmdir()


@pytest.mark.skipif(os.name == "nt", reason="permissions of folders are POSIX")
def test_a_folder_without_permission_is_refused(forbidden: Path) -> None:
    with pytest.raises(StoreError, match="see whether this user may write its folder"):
        open_engine(forbidden / "spanbook.db")


def test_a_parent_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="cannot be made"):
        open_engine(tmp_path / "file" / "spanbook.db")


@pytest.mark.parametrize("name", ["with space.db", "ümläut.db", "semi;colon.db"])
def test_a_file_may_have_a_name_with(tmp_path: Path, name: str) -> None:
    open_engine(tmp_path / name).dispose()

    assert (tmp_path / name).is_file()


def test_many_processes_may_make_the_same_store_at_once(tmp_path: Path) -> None:
    path = tmp_path / "spanbook.db"
    script = RUN + "sys.stdin.read(1); open_engine(sys.argv[1]).dispose()"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script, path], stdin=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(4)
    ]

    ended = [process.communicate(b"x") for process in started]

    assert [error for _, error in ended] == [b""] * 4
    assert [process.returncode for process in started] == [0] * 4
    assert "spans" in tables_of(path)
