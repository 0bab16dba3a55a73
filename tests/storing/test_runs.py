"""What the store makes of the records of runs."""

import orjson
import pytest

from tests.storing.conftest import START, Record, Shelf, end, start, trace_id

RUN = "7" * 32


def run(**fields: object) -> Record:
    return {
        "type": "run",
        "run": RUN,
        "name": "nightly",
        "project": "shop",
        "start": START,
        **fields,
    }


def metrics(step: int, **values: object) -> Record:
    return {"type": "metrics", "run": RUN, "at": START + step, "step": step, "values": values}


def run_end(**fields: object) -> Record:
    return {"type": "run_end", "run": RUN, "end": START + 9, "status": "ok", **fields}


def row(shelf: Shelf) -> Record:
    return shelf.one("SELECT * FROM runs WHERE run_id = ?", RUN)


def test_the_same_records_twice_leave_the_same_rows(shelf: Shelf) -> None:
    records = [run(config={"a": 1}), end(1, run=RUN), metrics(0, loss=2), metrics(1, loss=1)]
    records.append(run_end())
    shelf.store(*records)
    before = shelf.dump()
    shelf.store(*records)

    assert shelf.dump() == before
    assert orjson.loads(row(shelf)["metrics"]) == {"loss": 1}
    assert (row(shelf)["status"], row(shelf)["end_ns"]) == ("ok", START + 9)


def test_a_trace_may_come_before_its_run(shelf: Shelf) -> None:
    shelf.store(start(1, run=RUN), metrics(0, loss=2))
    before = row(shelf)
    shelf.store(end(1))
    shelf.store(run())

    assert (before["name"], before["status"]) == (None, "running")
    after = row(shelf)
    assert (after["name"], after["project"], after["status"]) == ("nightly", "shop", "running")
    assert shelf.trace()["run_pk"] == after["pk"] == before["pk"]
    assert after["process_pk"] == shelf.one("SELECT pk FROM runs WHERE pid = 7")["pk"]


def test_the_run_of_the_root_wins_over_that_of_an_entry(shelf: Shelf) -> None:
    other = "8" * 32
    shelf.store(end(3, 1, entry=True, run=other))
    shelf.store(end(1, run=RUN), end(5, 1, entry=True, run=other))

    assert shelf.trace()["run_pk"] == row(shelf)["pk"]


@pytest.mark.parametrize(
    "wrong",
    [
        run(run="7"),
        metrics(0) | {"values": [1]},
        metrics(0) | {"step": "1"},
        run_end(status="running"),
    ],
)
def test_records_that_cannot_be_are_counted(shelf: Shelf, wrong: Record) -> None:
    shelf.store(end(1, trace=trace_id(1)), wrong)

    assert shelf.one("SELECT corrupt FROM health")["corrupt"] == 1
