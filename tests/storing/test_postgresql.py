"""What is special about a store on a PostgreSQL server."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import Engine, text

from spanbook.addresses import journal_directory, shown
from spanbook.errors import NewerStoreError, SlowStoreError, StoreError
from spanbook.reading.book import Book
from spanbook.recording.manual import Span
from spanbook.recording.recorder import Recorder
from spanbook.store.backends.choice import backend_named
from spanbook.store.backends.postgresql import TRACES_A_WEEK, WEEK_NS
from spanbook.store.backends.upkeep import upkeep_of
from spanbook.store.database import REVISION, open_engine
from spanbook.store.ingester import Ingester
from spanbook.store.upkeep.comparing import compare
from spanbook.store.upkeep.copying import copy_store
from spanbook.store.upkeep.deleting import delete_traces
from tests.databases import Server, have
from tests.storing.conftest import START, Shelf, count, end, process, start, trace_id, until

FIELDS = ("project", "environment", "release", "version", "session", "user", "name")
PASSWORD = "p@ss/w:rd #%?&ü"


@pytest.fixture
def url(server: Server) -> str:
    return server.url()


@pytest.fixture
def shelf(tmp_path: Path, url: str) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path, url=url)
    yield shelf
    shelf.close()


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def mortal() -> Iterator[Server]:
    """A server that may be killed."""
    have("postgresql")
    with TemporaryDirectory(prefix="spanbook-") as folder:
        server = Server(Path(folder) / "data")
        yield server
        server.stop()


def test_a_server_killed_amid_the_ingest_costs_nothing(tmp_path: Path, mortal: Server) -> None:
    shelf = Shelf(tmp_path, url=mortal.url())
    for turn in range(12):
        where: dict[str, Any] = {"trace": trace_id(turn)}
        shelf.write(start(0, **where))
        shelf.write(*(end(n, 0, kind="llm", usage={"input": 1}, **where) for n in range(1, 1_000)))
        shelf.write(end(0, **where))
    shelf.ingester.start()
    assert until(lambda: shelf.ingester.written > 0)

    mortal.kill()
    assert not shelf.ingester.drain(0.5)
    shelf.write(end(0, trace=trace_id(99)))
    mortal.start()

    assert shelf.ingester.drain(60)
    totals = shelf.rows("SELECT span_count, input_tokens FROM traces ORDER BY trace_id")
    assert totals == [{"span_count": 1_000, "input_tokens": 999}] * 12 + [
        {"span_count": 1, "input_tokens": 0}
    ]
    assert count(shelf) == 12_001
    assert shelf.one("SELECT sum(count) AS n FROM rollups")["n"] == 12_001
    shelf.close()


def test_pages_come_back_with_the_server(tmp_path: Path, mortal: Server) -> None:
    shelf = Shelf(tmp_path, url=mortal.url())
    shelf.store(end(1))
    with Book(shelf.url) as book:
        assert len(book.traces()) == 1
        mortal.kill()

        with pytest.raises(StoreError, match=r"does not answer.*waits in the journal"):
            book.traces()

        mortal.start()
        assert len(book.traces()) == 1
    shelf.close()


def test_a_store_whose_lock_is_taken_makes_nobody_wait_long(
    shelf: Shelf, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="spanbook")
    shelf.write(end(1))
    with engine.connect() as other, other.begin():
        other.exec_driver_sql("LOCK TABLE traces IN ACCESS EXCLUSIVE MODE")
        assert not shelf.ingester.drain(0.2)

    assert shelf.ingester.drain(10)
    assert count(shelf) == 1
    assert "records wait in the journal" in caplog.text


def test_many_threads_of_two_programs_lose_and_double_nothing(tmp_path: Path, url: str) -> None:
    recorders = [Recorder(url, journal=str(tmp_path / name)) for name in "ab"]

    def work(recorder: Recorder) -> None:
        for _ in range(1_250):
            with Span("step", recorder=recorder):
                pass

    threads = [Thread(target=work, args=(recorder,)) for recorder in recorders for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for recorder in recorders:
        assert recorder.flush(60)
        recorder.close()

    with Book(url) as book:
        assert len(book.spans()) == 10_000
        assert len(book.traces()) == 10_000


def test_a_trace_is_kept_with_those_that_arrived_in_its_week(shelf: Shelf, engine: Engine) -> None:
    shelf.store(start(1, trace=trace_id(1)))
    later = Ingester(shelf.url, shelf.journal, clock=lambda: START + WEEK_NS)
    shelf.write(
        end(1, trace=trace_id(1)),
        end(2, trace=trace_id(2), start=START + 1_000 * WEEK_NS, end=START + 1_000 * WEEK_NS),
        end(3, trace=trace_id(3), start=1, end=2),
    )
    assert later.drain(10)
    later.stop()

    week = START // WEEK_NS
    assert shelf.rows(
        "SELECT DISTINCT tableoid::regclass::text AS place, trace_pk FROM spans ORDER BY 2"
    ) == [
        {"place": f"spans_w{week}", "trace_pk": week * TRACES_A_WEEK + 1},
        {"place": f"spans_w{week + 1}", "trace_pk": (week + 1) * TRACES_A_WEEK + 1},
        {"place": f"spans_w{week + 1}", "trace_pk": (week + 1) * TRACES_A_WEEK + 2},
    ]
    assert shelf.trace_of(1)["status"] == "ok"


def test_a_look_at_one_trace_goes_to_one_partition(shelf: Shelf, engine: Engine) -> None:
    shelf.store(end(1))
    pk = shelf.trace()["pk"]
    with engine.connect() as connection:
        plan = connection.execute(text(f"EXPLAIN SELECT * FROM spans WHERE trace_pk = {pk}"))
        places = [line for (line,) in plan if "Scan" in line]

    assert len(places) == 1
    assert f"spans_w{START // WEEK_NS}" in places[0]


def test_text_that_the_server_cannot_hold_costs_no_span(shelf: Shelf) -> None:
    wide = "\U0001f989" * 300
    shelf.store(
        end(1, name="nul \0 inside", input="a\0b", output={"k\0": ["\0"]}, model="m\0"),
        end(2, 1, name=wide, model=wide, error={"type": "E\0", "message": "\0"}, status="error"),
        end(3, 1, context=dict.fromkeys(FIELDS, wide)),
        end(4, 1, context={"tags": ["a\0", wide], "metadata": {"\0": "\0"}}),
        end(5, 1, input=" ".join(f"{n}ö" for n in range(9_000))),
        end(6, 1, input="x" * 100_000),
    )  # fmt: skip

    assert count(shelf) == 6
    assert shelf.rows("SELECT * FROM health") == []
    assert shelf.found("nul") == shelf.found("inside") == ["a" * 32]


def test_long_names_that_no_index_could_shorten_cost_no_span(shelf: Shelf) -> None:
    characters = [chr(0x20000 + 37 * number % 9_973) for number in range(1, 1_501)]
    project, name, model, provider, user = (
        "".join(characters[first : first + 300]) for first in range(0, 1_500, 300)
    )
    context = {"project": project, "session": user, "user": user, "tags": [user]}
    usage = {"input": 7, "output": 5}

    shelf.store(end(1, name=name, model=model, provider=provider, context=context, usage=usage))

    assert shelf.rows("SELECT * FROM health") == []
    (span,) = shelf.rows("SELECT name, model FROM spans")
    assert (name.startswith(span["name"]), model.startswith(span["model"])) == (True, True)
    assert len(span["name"]) == 125


def test_rights_that_are_missing_cost_no_span(
    shelf: Shelf, server: Server, url: str, engine: Engine, tmp_path: Path
) -> None:
    shelf.store(end(1))
    server.run("DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN END $$")
    with engine.begin() as connection:
        connection.exec_driver_sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    theirs = url.replace("postgres@", "reader@")
    other = Shelf(tmp_path / "other", process("2" * 32), theirs)
    other.write(end(2))

    assert not other.ingester.drain(0.1)
    assert other.journal.pending > 0
    assert count(shelf) == 1
    other.close()
    with Book(theirs) as book:
        assert len(book.traces()) == 1


def test_a_password_may_hold_any_character_and_is_never_told(server: Server) -> None:
    server.run(f"CREATE ROLE odd LOGIN PASSWORD '{PASSWORD}'")
    url = server.url().replace("postgres@", f"odd:{quote(PASSWORD, safe='')}@")
    owner = url.partition("?")[0].rpartition("/")[2]
    server.run(f"ALTER DATABASE {owner} OWNER TO odd")

    engine = open_engine(url)
    with engine.connect() as connection:
        assert connection.connection.driver_connection.info.password == PASSWORD  # pyright: ignore
    engine.dispose()
    wrong = url.replace(f"/{owner}", "/nowhere")
    with pytest.raises(StoreError, match="no such database") as caught:
        open_engine(wrong)
    for told in (str(caught.value), shown(url), str(journal_directory(url))):
        assert "ss" not in told.replace("password", "").replace("spanbook", "").replace("host", "")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:se/cr@db.example/spanbook",
        "postgresql://ada:s?e#cr@db.example/spanbook",
        "postgresql+psycopg://db.example/spanbook?user=ada&password=secr",
        "clickhousedb://ada:secr@db.example:8443/spanbook?secure=true",
    ],
)
def test_no_spelling_of_a_password_is_shown(url: str) -> None:
    assert "cr" not in shown(url).removeprefix("clickhousedb").replace("secure", "")
    assert "ada" not in shown(url)
    assert "db.example" in shown(url)


def test_where_the_journal_lies_does_not_depend_on_the_password() -> None:
    one, two = (f"postgresql+psycopg://ada:{word}@db/spans" for word in ("old", "new"))

    assert journal_directory(one) == journal_directory(two)
    assert journal_directory(one) != journal_directory("postgresql+psycopg://db/others")


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"does not answer; see that the server runs"):
        open_engine(f"postgresql://ada:secret@/spanbook?host={tmp_path}", patience=1)


def test_a_newer_store_is_refused(url: str, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0999'")

    with pytest.raises(NewerStoreError, match=rf"0999.*{REVISION}"):
        open_engine(url)


def test_another_programs_tables_are_left_alone(server: Server, url: str) -> None:
    import psycopg

    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE TABLE events (id int)")

    with pytest.raises(StoreError, match="another program's database"):
        open_engine(url)

    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA spanbook")
    open_engine(f"{url}&options=-csearch_path%3Dspanbook").dispose()


def test_a_database_that_cannot_hold_every_text_is_refused(server: Server) -> None:
    server.run("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")

    with pytest.raises(StoreError, match="LATIN1"):
        open_engine(server.url("latin"))


def test_a_question_that_takes_too_long_is_given_up(shelf: Shelf, url: str) -> None:
    shelf.store(end(1))
    with (
        Book(url, limit=0.05) as book,
        book.engine.connect() as connection,
        pytest.raises(SlowStoreError, match="Ask for less"),
    ):
        connection.exec_driver_sql("SELECT pg_sleep(20)")


def test_a_store_goes_from_a_file_to_a_server_and_back(tmp_path: Path, url: str) -> None:
    first = Shelf(tmp_path)
    first.store(*(end(1, trace=trace_id(n), input=f"text {n}") for n in range(1, 251)))
    first.close()
    file, server, back = (open_engine(at) for at in (first.url, url, tmp_path / "back.db"))

    assert copy_store(file, server).copied == 250
    assert copy_store(server, back).copied == 250
    assert copy_store(file, server).copied == 0

    assert compare(file, server).agrees
    assert compare(server, back).agrees
    for engine in (file, server, back):
        engine.dispose()


def test_retention_empties_a_week_and_vacuum_drops_it(shelf: Shelf, engine: Engine) -> None:
    shelf.store(end(1, trace=trace_id(1)))
    later = Ingester(shelf.url, shelf.journal, clock=lambda: START + WEEK_NS)
    shelf.write(end(2, trace=trace_id(2)))
    assert later.drain(10)
    later.stop()

    assert delete_traces(engine, [trace_id(1)]).spans == 1
    upkeep_of(engine).shrink(engine)

    week = START // WEEK_NS
    for name, is_there in ((f"spans_w{week}", False), (f"spans_w{week + 1}", True)):
        (found,) = shelf.rows("SELECT to_regclass(?) IS NOT NULL AS there", name)
        assert found["there"] is is_there
    assert shelf.found("span") == [trace_id(2)]


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spanbook.store.backends.postgresql", None)
    backend_named.cache_clear()

    with pytest.raises(StoreError, match=r"pip install 'spanbook\[postgres\]'"):
        backend_named("postgresql")


def test_a_kind_of_store_that_there_is_not_is_refused() -> None:
    with pytest.raises(StoreError, match="SQLite files, or on PostgreSQL or ClickHouse"):
        backend_named("oracle")
