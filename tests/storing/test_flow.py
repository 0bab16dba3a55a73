"""Whose output became whose input is found by content, and nothing is made up."""

from typing import Any

import pytest

from spanbook.store.flow import _EXACT, _NEEDLES, _TRACES, Flows
from spanbook.store.ingester import Ingester
from tests.storing.conftest import MS, START, TRACE, Shelf, end, span_id, start, trace_id

FACT = "Owls turn their heads by 270 degrees."
LONG = "A report of many words: " + ", ".join(f"line {i}" for i in range(2_000))


def flows(shelf: Shelf, trace: str = TRACE) -> list[tuple[int, int]]:
    """Return the data links of a trace, each from an output to an input."""
    rows = shelf.rows(
        "SELECT span_id, to_span_id, to_trace_id, name FROM links ORDER BY to_span_id, span_id"
    )
    assert all(row["name"] == "data" for row in rows)
    return [
        (int(row["to_span_id"], 16), int(row["span_id"], 16))
        for row in rows
        if row["to_trace_id"] == trace
    ]


def passed(output: Any, input: Any, **fields: Any) -> list[dict[str, Any]]:
    """Return the records of span 2 with an `output` and of span 20 with an `input`."""
    return [
        start(1),
        start(2, 1),
        end(2, 1, output=output),
        start(20, 1, input=input, **fields),
        end(20, 1),
        end(1),
    ]


@pytest.mark.parametrize(
    ("output", "input"),
    [
        (FACT, FACT),
        (FACT, {"text": FACT}),
        (FACT, {"prompt": f"Say it nicely:\n\n{FACT}\n\nBe brief."}),
        (FACT, {"messages": [{"role": "user", "content": f"<fact>{FACT}</fact>"}]}),
        ({"fact": FACT, "score": 1}, {"fact": FACT}),
        ([FACT, "x"], {"first": FACT}),
        ({"documents": [{"text": "other"}, {"text": FACT}]}, f"Context: {FACT}"),
        (f'Quotes "and" lines\nof {FACT}', f'> Quotes "and" lines\nof {FACT} <'),
        (LONG, {"text": LONG}),
        (LONG[:9_000], f"Sum up: {LONG[:9_000]}"),
        ({"city": "Bern", "days": 3}, {"where": {"city": "Bern", "days": 3}}),
        ([{"city": "Bern", "days": 3}], {"where": {"city": "Bern", "days": 3}}),
        ([0.25, 0.5, 0.75, 0.125, 1.5], {"vector": [0.25, 0.5, 0.75, 0.125, 1.5]}),
        ("order 4711", {"order": "order 4711"}),
        ("Größe: naïve Ærøskøbing café", "»Größe: naïve Ærøskøbing café«"),
    ],
)
def test_a_value_is_found_again(shelf: Shelf, output: Any, input: Any):
    shelf.store(*passed(output, input))

    assert flows(shelf) == [(2, 20)]


@pytest.mark.parametrize("padding", range(13))
def test_a_text_is_found_wherever_it_begins(shelf: Shelf, padding: int):
    shelf.store(*passed("exactly 20 letters !", f"{'·' * padding}exactly 20 letters !{'·' * 5}"))

    assert flows(shelf) == [(2, 20)]


@pytest.mark.parametrize(
    ("output", "input"),
    [
        ("yes", {"answer": "yes"}),
        ("yes", "he said yes to all of it"),
        (0, {"count": 0}),
        (None, {"value": None}),
        (True, {"flag": True}),
        ("", {"text": ""}),
        ([], {"rows": []}),
        ({}, {}),
        ("-" * 40, {"ruler": "-" * 40}),
        (" " * 40, f"a{' ' * 60}b"),
        ({"role": "assistant", "content": "yes"}, [{"role": "assistant", "content": "no"}]),
        ({"$": "hidden"}, {"value": {"$": "hidden"}}),
        (
            {"$": "object", "type": "project.rooms.Thing"},
            {"value": {"$": "object", "type": "project.rooms.Thing"}},
        ),
        ("The weather in Bern is fine.", "The weather in Rome is fine."),
    ],
)
def test_what_could_be_chance_is_no_link(shelf: Shelf, output: Any, input: Any):
    shelf.store(*passed(output, input))

    assert flows(shelf) == []


def test_an_input_that_was_taken_before_the_output_was_there_is_no_link(shelf: Shelf):
    shelf.store(start(2, 1), start(5, 1, input=FACT), end(2, 1, output=FACT), end(5, 1))
    shelf.store(end(1))

    assert flows(shelf) == []


def test_a_span_that_began_before_the_other_ended_took_nothing_from_it(shelf: Shelf):
    shelf.store(start(2, 1), end(2, 1, output=FACT), start(5, 1, input=FACT), end(5, 1))

    assert flows(shelf) == []


def test_links_are_found_from_one_batch_to_the_next(shelf: Shelf):
    for record in passed(FACT, f"Say: {FACT}"):
        shelf.store(record)

    assert flows(shelf) == [(2, 20)]


def test_a_long_text_is_found_again_after_it_was_moved_out_of_its_payload(shelf: Shelf):
    for record in passed(LONG[:3_000], {"a": LONG[:3_000], "b": "x"}):
        shelf.store(record)

    assert flows(shelf) == [(2, 20)]


def test_a_batch_that_is_stored_again_gives_the_same_links(shelf: Shelf):
    records = passed(FACT, FACT)
    shelf.store(*records)
    shelf.store(*records)

    assert flows(shelf) == [(2, 20)]


def test_the_outermost_span_that_gave_a_value_is_its_source(shelf: Shelf):
    shelf.store(
        *(start(1), start(2, 1), start(3, 2)),
        *(end(3, 2, output=FACT), end(2, 1, output=FACT, end=START + 14 * MS)),
        *(start(20, 1, input=FACT), end(20, 1), end(1)),
    )

    assert flows(shelf) == [(2, 20)]


def test_what_a_span_took_is_not_taken_again_by_those_below_it(shelf: Shelf):
    shelf.store(
        *(start(1), start(2, 1), end(2, 1, output=FACT)),
        *(start(20, 1, input=FACT), start(21, 20), start(22, 21, input=f"Say: {FACT}")),
        *(end(22, 21), end(21, 20), end(20, 1), end(1)),
    )

    assert flows(shelf) == [(2, 20)]


def test_one_input_may_hold_several_outputs(shelf: Shelf):
    other = "Otters hold hands while they sleep."
    shelf.store(
        *(start(1), end(2, 1, output=FACT), end(3, 1, output=[other])),
        *(start(20, 1, input={"prompt": f"{FACT} {other}"}), end(20, 1), end(1)),
    )

    assert flows(shelf) == [(2, 20), (3, 20)]


def test_other_traces_have_nothing_to_do_with_it(shelf: Shelf):
    shelf.store(
        end(2, 1, output=FACT), start(20, 1, input=FACT, trace=trace_id(7)), end(21, 1, input=FACT)
    )

    assert flows(shelf) == [(2, 21)]


def test_an_input_that_only_the_end_tells_is_looked_at(shelf: Shelf):
    shelf.store(end(2, 1, output=FACT), start(20, 1), end(20, 1, input=FACT))

    assert flows(shelf) == [(2, 20)]


def test_flow_can_be_switched_off(shelf: Shelf):
    shelf.ingester = Ingester(shelf.url, shelf.journal, clock=lambda: START, data_flow=False)

    shelf.store(*passed(FACT, FACT))

    assert flows(shelf) == []


def test_a_history_is_linked_to_what_was_said_last():
    flow = Flows().of(TRACE)
    history: list[dict[str, str]] = []
    for number in range(1_000):
        text = f"The answer is that of number {number}, again."
        history.append({"role": "assistant", "content": text})
        flow.read({"span": span_id(number), "parent": "p", "output": text, "end": number})

    taken = {"span": "y", "parent": "p", "input": {"messages": history}, "start": 10_000}

    linked = [link["to_span"] for link in flow.read(taken)]
    assert linked == [span_id(number) for number in range(999, 983, -1)]


def test_what_is_remembered_is_bounded():
    flows = Flows()
    for number in range(3 * _TRACES):
        flow = flows.of(trace_id(number))
    for number in range(10_000):
        text = f"The answer is that of number {number}, again."
        flow.read({"span": span_id(number), "parent": "p", "output": text, "end": number})
        flow.read({"span": "x" + span_id(number), "parent": "p", "input": text, "start": number})

    assert len(flows._traces) == _TRACES
    assert max(len(flow._young.exact), len(flow._old.exact)) <= _EXACT
    assert max(flow._young.needles, flow._old.needles) <= _NEEDLES
    assert max(len(flow._given), len(flow._searched)) <= 4_097


def test_the_latest_of_very_many_outputs_are_still_found():
    flow = Flows().of(TRACE)
    for number in range(1_000):
        text = f"The answer is that of number {number}, again."
        flow.read({"span": span_id(number), "parent": "p", "output": text, "end": number})

    taken = {"span": "y", "parent": "p", "input": f"Say: {text}", "start": 10_000}

    assert [link["to_span"] for link in flow.read(taken)] == [span_id(999)]
