"""The input of a call is estimated from its request, by the rules of docs/tokens.md."""

import json
from typing import Any

import pytest

from spanbook.estimates import Confidence, Method, estimate_input
from spanbook.estimates.counting import counter
from spanbook.estimates.ranks import O200K

pytest.importorskip("tiktoken")

USER = {"role": "user", "content": "Hello there"}  # 2 tokens
SYSTEM = {"role": "system", "content": "Be brief"}  # 2 tokens
FUNCTION = {
    "name": "add",
    "description": "Adds numbers",
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a"],
    },
}
TOOL = {"type": "function", "function": FUNCTION}
TOOLS_TEXT = (
    "# Tools\n\n## functions\n\nnamespace functions {\n\n// Adds numbers\n"
    "type add = (_: { a: number, b?: number }) => any;\n\n} // namespace functions"
)


def size(text: str) -> int:
    return counter(O200K)[0](text)


def tokens(request: dict[str, Any], model: str = "gpt-4o", api: str = "chat") -> int:
    estimate = estimate_input(request, model, api)
    assert estimate is not None
    return estimate.tokens


def chat(*messages: dict[str, Any], model: str = "gpt-4o", **request: Any) -> int:
    return tokens({"messages": list(messages), **request}, model)


def responses(given: Any, model: str = "gpt-4o", **request: Any) -> int:
    return tokens({"input": given, **request}, model, "responses")


def test_a_message_is_its_text_its_role_and_three_and_the_answer_begins_with_three():
    assert chat(USER) == 3 + 1 + 2 + 3


def test_models_that_reason_begin_with_two():
    assert chat(USER, model="gpt-5") == 3 + 1 + 2 + 2
    assert chat(USER, model="o3-mini") == 3 + 1 + 2 + 2


def test_the_oldest_chat_model_spends_four_on_a_message():
    assert chat(USER, model="gpt-3.5-turbo-0301") == 4 + 1 + 2 + 3


def test_a_developer_is_counted_as_the_system():
    assert chat({**SYSTEM, "role": "developer"}, USER) == chat(SYSTEM, USER) == 15


def test_a_name_stands_behind_the_role_and_a_colon():
    assert chat({**USER, "name": "user"}) - chat(USER) == size("user:user") - 1 == 1
    assert chat({**USER, "name": "primary"}) - chat(USER) == size("user:primary") - 1 == 2


def test_parts_of_a_text_are_one_text():
    parts = [{"type": "text", "text": "Hello"}, {"type": "text", "text": " there"}]

    assert chat({"role": "user", "content": parts}) == chat(USER)


def test_an_earlier_answer_of_a_reasoning_model_is_marked_as_final():
    answer = {"role": "assistant", "content": "Hi"}

    assert chat(USER, answer, model="gpt-5") == chat(USER, model="gpt-5") + 3 + 1 + 1 + 2


def test_tools_without_a_system_message_have_one_of_their_own():
    assert chat(USER, tools=[TOOL]) == chat(USER) + size(TOOLS_TEXT) + 4 - 1


def test_tools_are_part_of_the_system_message():
    joined = {**SYSTEM, "content": f"Be brief\n\n{TOOLS_TEXT}"}

    assert chat(SYSTEM, USER, tools=[TOOL]) == chat(joined, USER) - 1


def test_older_functions_and_our_own_shape_of_tools_count_alike():
    wire = chat(USER, tools=[TOOL])

    assert chat(USER, functions=[FUNCTION]) == wire
    assert chat(USER, tools=[FUNCTION]) == wire


def test_a_demanded_tool_costs_its_name_and_seven():
    choice = {"type": "function", "function": {"name": "add"}}

    assert chat(USER, tools=[TOOL], tool_choice=choice) == chat(USER, tools=[TOOL]) + 7 + 1
    assert chat(USER, tools=[TOOL], tool_choice="auto") == chat(USER, tools=[TOOL])


def test_in_responses_tools_stand_alone():
    tool = {"type": "function", **FUNCTION}

    assert responses("Hello there", tools=[tool]) == chat(USER) + size(TOOLS_TEXT) - 3


def test_in_responses_requiring_the_only_tool_demands_it():
    tool = {"type": "function", **FUNCTION}
    plain = responses("Hello there", tools=[tool])

    assert responses("Hello there", tools=[tool], tool_choice="required") == plain + 7 + 1


def test_instructions_are_a_system_message():
    assert responses([USER], instructions="Be brief") == chat(SYSTEM, USER)


def called(*calls: tuple[str, str]) -> dict[str, Any]:
    found = [
        {"id": f"call_{at}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for at, (name, arguments) in enumerate(calls)
    ]
    return {"role": "assistant", "content": None, "tool_calls": found}


def returned(at: int, text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": f"call_{at}", "content": text}


def test_a_call_is_addressed_and_compact_and_its_result_names_the_tool():
    call = 3 + size("assistant to=functions.add") + size('{"a":1}')
    result = 6 + size("add") + size("3")

    assert chat(USER, called(("add", '{"a": 1}')), returned(0, "3")) == chat(USER) + call + result


def test_arguments_that_are_no_json_are_taken_as_they_are():
    broken, whole = called(("add", '{"a": 1')), called(("add", '{"a": 1}'))

    assert chat(USER, broken) - chat(USER, whole) == size('{"a": 1') - size('{"a":1}')


def test_calls_made_together_are_written_as_one_and_their_results_as_a_list():
    request = [
        USER,
        called(("add", '{"a": 1}'), ("f", "{}")),
        returned(0, '{"x":1}'),
        returned(1, "ö"),
    ]
    uses = (
        '{"tool_uses":[{"recipient_name":"functions.add","parameters":{"a":1}},'
        '{"recipient_name":"functions.f","parameters":{}}]}'
    )
    call = 3 + size("assistant to=multi_tool_use.parallel") + size(uses)
    result = 6 + size("multi_tool_use.parallel") + size('[{"x": 1}, "\\u00f6"]')

    assert chat(*request) == chat(USER) + call + result


def test_a_text_beside_a_call_is_a_message_before_it():
    both = {**called(("add", "{}")), "content": "Hi"}

    assert chat(USER, both) == chat(
        USER, {"role": "assistant", "content": "Hi"}, called(("add", "{}"))
    )


def test_a_result_costs_one_more_in_responses_and_seven_in_models_that_reason():
    history = [
        USER,
        {"type": "function_call", "call_id": "c", "name": "add", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "3"},
    ]
    same = chat(USER, called(("add", "{}")), returned(0, "3"))

    assert responses(history) == same + 1
    assert responses(history, "gpt-5") == same - 1 + 7


def test_an_answer_format_loses_what_is_required_and_stands_under_its_description():
    schema = {
        "type": "object",
        "description": "A joke",
        "properties": {"required": {"type": "string"}},
        "required": ["required"],
        "additionalProperties": False,
    }
    text = (
        "# Response Formats\n\n## joke\n\n// A joke\n"
        '{"type":"object","properties":{"required":{"type":"string"}}}'
    )
    form = {"name": "joke", "strict": True, "schema": schema}

    in_chat = chat(USER, response_format={"type": "json_schema", "json_schema": form})
    in_responses = responses("Hello there", text={"format": {"type": "json_schema", **form}})

    assert in_chat == chat(USER) + size(text) + 4 + 4
    assert in_responses == chat(USER) + size(text) + 1


def test_a_freeform_tool_says_which_grammar_it_obeys():
    tool = {
        "type": "custom",
        "name": "calc",
        "description": "Calculates",
        "format": {"type": "grammar", "syntax": "lark", "definition": "start: INT"},
    }
    text = (
        "# Tools\n\n## functions\n\nnamespace functions {\n\n// Calculates\n"
        "// IMPORTANT: This tool only accepts string inputs that obey the lark grammar start: INT"
        ". You must reason carefully about the input and make sure it obeys the grammar.\n"
        "// IMPORTANT: Do NOT call this tool in parallel with other tools.\n"
        "type calc = (FREEFORM) => any;\n\n} // namespace functions"
    )

    assert responses("Hello there", "gpt-5", tools=[tool]) == 8 + size(text) + 3


def test_spans_count_as_the_requests_they_come_from():
    wire = {"messages": [USER, called(("add", '{"a": 1}')), returned(0, "3")], "tools": [TOOL]}
    call = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c", "name": "add", "arguments": {"a": 1}}],
    }
    result = {"role": "tool", "tool_call_id": "c", "content": "3"}
    span = {"messages": [USER, call, result], "tools": [FUNCTION]}

    assert tokens(span) == tokens(wire)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("Hello there", 2),
        (["Hello there", "Hello"], 3),
        ([1, 2, 3], 3),
        ([[1, 2], [3]], 3),
        ("", 0),
    ],
)
def test_a_completion_costs_its_prompts_and_nothing_else(prompt: Any, expected: int):
    assert tokens({"prompt": prompt}, "gpt-3.5-turbo-instruct", "completion") == expected


@pytest.mark.parametrize(
    ("given", "expected"), [("Hello there", 2), (["Hello", "Hello"], 2), ([7, 8], 2), ("", 1)]
)
def test_an_embedding_costs_its_texts_and_at_least_one(given: Any, expected: int):
    assert tokens({"input": given}, "text-embedding-3-small", "embedding") == expected
    assert tokens({"texts": given}, "text-embedding-3-small", "embedding") == expected


IMAGE = "data:image/gif;base64,R0lGODlhgALgAQ=="  # 640 x 480


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": IMAGE}},
        {"type": "image_url", "image_url": IMAGE},
        {"type": "input_image", "image_url": IMAGE, "detail": "high"},
    ],
)
def test_an_image_costs_by_its_size(part: dict[str, Any]):
    estimate = estimate_input({"messages": [{"role": "user", "content": [part]}]}, "gpt-4o")

    assert estimate is not None
    assert (estimate.tokens, estimate.confidence) == (7 + 425, Confidence.CLOSE)


def test_an_image_that_was_kept_is_measured_by_its_content():
    part = {"type": "image", "media": {"$": "media", "media_type": "image/gif", "hash": "ab"}}
    request = {"messages": [{"role": "user", "content": [part]}]}
    kept = {"ab": b"GIF89a\x80\x02\xe0\x01"}

    found = estimate_input(request, "gpt-4o", media=kept.get)
    lost = estimate_input(request, "gpt-4o")

    assert found is not None
    assert lost is not None
    assert (found.tokens, found.confidence) == (432, Confidence.CLOSE)
    assert (lost.tokens, lost.confidence) == (7 + 255, Confidence.LOWER_BOUND)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"input": "Hi", "previous_response_id": "resp_1"}, "previous_response_id"),
        ({"input": "Hi", "conversation": "conv_1"}, "conversation"),
        ({"input": "Hi", "prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"input": "Hi", "tools": [{"type": "web_search"}]}, "tool:web_search"),
        ({"input": [USER, {"type": "reasoning", "encrypted_content": "gAAA"}]}, "reasoning"),
        ({"input": [USER, {"type": "compaction"}]}, "compaction"),
        ({"input": [USER, {"type": "item_reference", "id": "x"}]}, "item_reference"),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "file"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "audio"),
        ({"messages": [{"role": "user", "content": {"$": "hidden"}}]}, "not_recorded"),
        ({"messages": [USER, {"$": "more", "count": 3}]}, "truncated"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_seen_makes_a_lower_bound(request_: dict[str, Any], reason: str):
    estimate = estimate_input(request_, "gpt-5", "responses")

    assert estimate is not None
    assert (estimate.confidence, estimate.reason) == (Confidence.LOWER_BOUND, reason)


def test_reasoning_before_an_answer_is_not_shown_to_the_model_again():
    answer = {"role": "assistant", "content": "Hi"}
    reasoning = {"type": "reasoning", "encrypted_content": "gAAA"}

    estimate = estimate_input({"input": [USER, reasoning, answer, USER]}, "gpt-5", "responses")

    assert estimate is not None
    assert estimate.confidence is Confidence.EXACT
    assert estimate.tokens == responses([USER, answer, USER], "gpt-5")


@pytest.mark.parametrize(
    ("request_", "api"),
    [
        ({}, "chat"),
        ({"messages": []}, "chat"),
        ({"$": "hidden"}, "chat"),
        ({"prompt": {"id": "pmpt_1"}}, "responses"),
        ({}, "completion"),
        ({"count": 3}, "embedding"),
    ],
)
def test_nothing_visible_is_no_estimate(request_: dict[str, Any], api: str):
    assert estimate_input(request_, "gpt-4o", api) is None


def test_the_model_of_the_request_is_taken_where_none_is_given():
    assert estimate_input({"model": "gpt-5", "messages": [USER]}) == estimate_input(
        {"messages": [USER]}, "gpt-5"
    )


def test_plain_requests_to_known_models_are_exact_and_say_nothing_more():
    estimate = estimate_input({"messages": [USER]}, "gpt-4o")

    assert estimate is not None
    assert (estimate.method, estimate.confidence, estimate.reason) == ("tiktoken", "exact", "")


def test_other_vendors_are_guessed_by_word_pieces():
    estimate = estimate_input({"messages": [USER]}, "claude-sonnet-4")

    assert estimate is not None
    assert estimate.method is Method.HEURISTIC
    assert (estimate.confidence, estimate.reason) == (Confidence.GUESS, "foreign_tokenizer")


JUNK: list[Any] = [None, True, 3, "text", [], [None], {"a": 1}, {"$": "cycle"}, [[{"type": 3}]]]


@pytest.mark.parametrize("junk", JUNK, ids=json.dumps)
@pytest.mark.parametrize(
    "place",
    [
        *("messages", "tools", "functions", "tool_choice", "response_format", "input", "text"),
        *("instructions", "prompt", "model"),
    ],
)
def test_no_shape_of_request_raises(place: str, junk: Any):
    request = {"messages": [USER], "input": [USER], place: junk}

    for api in ("chat", "responses", "completion", "embedding"):
        estimate_input(request, None, api)
        estimate_input({"input": [USER], place: junk}, None, api)


@pytest.mark.parametrize("junk", JUNK, ids=json.dumps)
@pytest.mark.parametrize(
    "place",
    ["role", "content", "name", "tool_calls", "function_call", "type", "output", "arguments"],
)
def test_no_shape_of_message_raises(place: str, junk: Any):
    message = {**USER, place: junk}

    estimate_input({"messages": [message]}, "gpt-4o")
    estimate_input({"input": [message]}, "gpt-4o", "responses")
