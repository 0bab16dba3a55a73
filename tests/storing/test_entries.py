"""Traces that began in another program, whose root may come late or never."""

from tests.storing.conftest import MS, START, Record, Shelf, end, process, span_id, start

ENTRY: Record = {"entry": True}


def test_an_entry_stands_for_the_root_that_is_elsewhere(shelf: Shelf) -> None:
    shelf.store(start(3, 1, input="why", **ENTRY), start(4, 3))
    running = shelf.trace()
    shelf.store(end(4, 3, status="error"), end(3, 1, output="because", **ENTRY))

    assert (running["status"], running["name"], running["input"]) == ("running", "span 3", "why")
    trace = shelf.trace()
    assert (trace["status"], trace["output"], trace["root_id"]) == ("ok", "because", None)
    assert (trace["start_ns"], trace["duration_ns"]) == (START + 3 * MS, 10 * MS)
    assert trace["error_count"] == 1


def test_the_root_takes_the_place_of_its_entry(shelf: Shelf) -> None:
    shelf.store(start(3, 1, input="why", **ENTRY), end(3, 1, output="because", **ENTRY))
    shelf.store(start(1))
    running = shelf.trace()
    shelf.store(end(1, output="all of it"))

    assert (running["status"], running["name"]) == ("running", "span 1")
    assert (running["input"], running["output"], running["end_ns"]) == (None, None, None)
    trace = shelf.trace()
    assert (trace["status"], trace["output"], trace["root_id"]) == ("ok", "all of it", span_id(1))
    assert trace["start_ns"] == START + MS


def test_of_several_entries_the_earliest_stands_for_the_root(shelf: Shelf) -> None:
    shelf.store(end(3, 1, **ENTRY), start(5, 1, **ENTRY))

    assert (shelf.trace()["name"], shelf.trace()["status"]) == ("span 3", "ok")


def test_a_name_given_to_the_trace_outlives_the_end_of_its_entry(shelf: Shelf) -> None:
    shelf.store(start(3, 1, context={"name": "checkout"}, **ENTRY))
    shelf.store(end(3, 1, **ENTRY))

    assert shelf.trace()["name"] == "checkout"


def test_an_entry_whose_program_ended_is_incomplete(tmp_path) -> None:
    shelf = Shelf(tmp_path, process())
    shelf.store(start(3, 1, **ENTRY), {"type": "exit", "at": START + 9 * MS})

    assert (shelf.trace()["status"], shelf.span(3)["status"]) == ("incomplete", "incomplete")
    shelf.close()
