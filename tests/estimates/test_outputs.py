"""The output of a call is estimated from its answer."""

from typing import Any

import pytest

from spanbook.estimates import Confidence, estimate_output
from spanbook.estimates.counting import counter
from spanbook.estimates.ranks import O200K

pytest.importorskip("tiktoken")


def size(text: str) -> int:
    return counter(O200K)[0](text)


def tokens(output: dict[str, Any], model: str = "gpt-4o", **how: Any) -> int:
    estimate = estimate_output(output, model, **how)
    assert estimate is not None
    return estimate.tokens


def choices(*messages: dict[str, Any], finish: str = "stop") -> dict[str, Any]:
    return {"choices": [{"message": message, "finish_reason": finish} for message in messages]}


def call(name: str, arguments: str) -> dict[str, Any]:
    return {"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}}


HELLO = {"role": "assistant", "content": "Hello there"}


def test_a_plain_answer_is_its_text():
    assert tokens(choices(HELLO)) == 2
    assert tokens({"messages": [HELLO]}) == 2


def test_where_tools_were_offered_it_is_one_more():
    assert tokens(choices(HELLO), offered_tools=True) == 3


def test_candidates_are_summed():
    assert tokens(choices(HELLO, HELLO)) == 4
    assert tokens({"texts": ["Hello there", "Hello"]}, "davinci-002", api="completion") == 3
    assert tokens({"choices": [{"text": "Hello"}]}, "davinci-002", api="completion") == 1


def test_responses_end_with_one_more():
    message = {"type": "message", "content": [{"type": "output_text", "text": "Hello there"}]}

    assert tokens({"output": [message], "text": {"format": {"type": "text"}}}) == 3


def test_a_call_is_addressed_and_stays_as_the_model_wrote_it():
    output = choices(
        {"content": None, "tool_calls": [call("add", '{"a": 1}')]}, finish="tool_calls"
    )

    assert tokens(output) == size(" to=functions.add") + size('{"a": 1}') + 4


def test_a_demanded_call_is_its_arguments_alone():
    output = choices({"content": None, "tool_calls": [call("add", '{"a":1}')]}, finish="stop")

    assert tokens(output) == size('{"a":1}')


def test_calls_made_together_are_written_as_one():
    calls = [call("add", '{"a": 1}'), call("f", "{}")]
    uses = (
        '{"tool_uses":[{"recipient_name":"functions.add","parameters":{"a":1}},'
        '{"recipient_name":"functions.f","parameters":{}}]}'
    )

    found = tokens(choices({"tool_calls": calls}, finish="tool_calls"))

    assert found == size(" to=multi_tool_use.parallel") + size(uses) + 4


@pytest.mark.parametrize("model", ["gpt-5", "o4-mini"])
def test_what_a_model_thought_is_not_seen(model: str):
    estimate = estimate_output(choices(HELLO), model)

    assert estimate is not None
    assert estimate.tokens == 2 + 4
    assert estimate.confidence is Confidence.LOWER_BOUND
    assert "reasoning" in estimate.reason


@pytest.mark.parametrize(
    "output", [{}, {"$": "hidden"}, {"choices": []}, {"count": 2}, {"output": 3}]
)
def test_nothing_visible_is_no_estimate(output: dict[str, Any]):
    assert estimate_output(output, "gpt-4o") is None


@pytest.mark.parametrize("junk", [None, 3, "text", [None], [{"type": 3}], {"a": 1}, [[1]]])
@pytest.mark.parametrize("place", ["choices", "messages", "texts", "text", "output"])
def test_no_shape_of_output_raises(place: str, junk: Any):
    estimate_output({place: junk}, "gpt-4o")
    estimate_output({place: [{"message": junk, "content": junk, "tool_calls": junk}]}, "gpt-4o")
