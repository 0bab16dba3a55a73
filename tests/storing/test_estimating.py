"""Model calls whose provider reported no tokens get an estimate, marked as such."""

from typing import Any

import pytest

from spanbook.estimates import estimate_input, estimate_output
from tests.storing.conftest import Shelf, end, start

ASKED: dict[str, Any] = {
    "messages": [{"role": "user", "content": "What changed in the refund policy?"}]
}
ANSWERED: dict[str, Any] = {
    "messages": [{"role": "assistant", "content": "Refunds now take five days."}]
}
LONG: dict[str, Any] = {"messages": [{"role": "user", "content": "Refunds take five days. " * 500}]}
CALL: dict[str, Any] = {"kind": "llm", "model": "gpt-4o-mini"}


def expected(asked: dict[str, Any] = ASKED) -> tuple[int, int]:
    taken = estimate_input(asked, "gpt-4o-mini", "chat")
    given = estimate_output(ANSWERED, "gpt-4o-mini", "chat")
    assert taken is not None
    assert given is not None
    return taken.tokens, given.tokens


def found(shelf: Shelf, number: int = 1) -> tuple[int, int]:
    row = shelf.span(number)
    assert row["estimated"] == 1
    return row["input_tokens"], row["output_tokens"]


def test_a_call_without_usage_is_estimated_and_says_how(shelf: Shelf) -> None:
    shelf.store(start(**CALL, input=ASKED), end(**CALL, output=ANSWERED))

    assert found(shelf) == expected()
    assert set(shelf.payload()["attributes"]["estimate"]) == {"method", "input", "output"}
    trace = shelf.trace()
    assert (trace["estimated_count"], trace["total_tokens"]) == (1, sum(expected()))


@pytest.mark.parametrize("asked", [ASKED, LONG])
def test_a_call_that_began_in_an_earlier_batch_is_estimated_alike(
    shelf: Shelf, asked: dict[str, Any]
) -> None:
    shelf.store(start(**CALL, input=asked))
    shelf.store(end(**CALL, output=ANSWERED))

    assert found(shelf) == expected(asked)


def test_reported_usage_is_left_as_it_is(shelf: Shelf) -> None:
    shelf.store(
        start(**CALL, input=ASKED),
        end(**CALL, output=ANSWERED, usage={"input": 1, "output": 0}),
    )

    row = shelf.span()
    assert (row["input_tokens"], row["output_tokens"], row["estimated"]) == (1, 0, 0)


@pytest.mark.parametrize("status", ["error", "incomplete"])
def test_a_call_that_failed_or_never_ended_stays_unknown(shelf: Shelf, status: str) -> None:
    shelf.store(start(**CALL, input=ASKED), end(**CALL, status=status))

    assert shelf.span()["input_tokens"] is None
    assert shelf.trace()["total_tokens"] is None


def test_a_call_broken_off_is_estimated_from_what_came(shelf: Shelf) -> None:
    shelf.store(start(**CALL, input=ASKED), end(**CALL, output=ANSWERED, status="cancelled"))

    assert found(shelf) == expected()


def test_of_two_spans_for_one_call_the_inner_one_is_estimated(shelf: Shelf) -> None:
    shelf.store(
        start(1, **CALL, input=ASKED),
        start(2, 1, **CALL, input=ASKED),
        end(2, 1, **CALL, output=ANSWERED),
        end(1, **CALL, output=ANSWERED),
    )

    assert found(shelf, 2) == expected()
    assert shelf.span(1)["input_tokens"] is None


def test_a_span_whose_usage_is_told_below_is_not_estimated(shelf: Shelf) -> None:
    shelf.store(start(**CALL, input=ASKED), end(**CALL, output=ANSWERED, counted=False))

    assert shelf.span()["input_tokens"] is None


@pytest.mark.parametrize(("model", "estimated"), [("text-embedding-3-small", True), (None, False)])
def test_an_embedding_is_estimated_if_it_names_a_model(
    shelf: Shelf, model: str | None, estimated: bool
) -> None:
    call: dict[str, Any] = {"kind": "embedding"} | ({"model": model} if model else {})
    shelf.store(start(**call, input={"count": 1, "texts": ["hello"]}), end(**call, output={}))

    assert (shelf.span()["input_tokens"] is not None) is estimated


def test_a_chain_is_never_estimated(shelf: Shelf) -> None:
    shelf.store(start(input=ASKED), end(output=ANSWERED))

    assert shelf.span()["input_tokens"] is None


@pytest.mark.parametrize("asked", [None, "text", [], {}, {"messages": 7}, {"messages": [None]}])
def test_an_input_that_cannot_be_read_costs_nothing_but_the_estimate(
    shelf: Shelf, asked: object
) -> None:
    shelf.store(start(**CALL, input=asked), end(**CALL, output=7))

    assert shelf.span()["status"] == "ok"
