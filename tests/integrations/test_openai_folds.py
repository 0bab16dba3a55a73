"""Streams folded into the responses that they would have been, provider by provider."""

import json
from decimal import Decimal
from typing import Any

import pytest

from spanbook.pricing.reported import reported_cost
from spanbook.usage import Usage
from spanbook_openai import answers
from spanbook_openai.bodies import EventBody
from spanbook_openai.events import EventReader
from spanbook_openai.folds import ChoiceFold, LastFold, ResponseFold, TextFold
from spanbook_openai.providers import is_openai, provider_of
from tests.integrations.openai_server import USAGE, chunk, response, response_events


def folded(events: list[Any]) -> dict[str, Any]:
    fold = ChoiceFold()
    for event in events:
        fold.add(json.loads(json.dumps(event)))  # a fold owns what it is given
    return fold.response()


def call(arguments: str, **given: Any) -> dict[str, Any]:
    """Return the delta of a tool call; `name` goes into its function."""
    function = {"arguments": arguments}
    if "name" in given:
        function["name"] = given.pop("name")
    return {**given, "function": function}


def calls(*deltas: list[Any]) -> list[tuple[Any, ...]]:
    data = folded([chunk({"tool_calls": delta}) for delta in deltas])
    return [
        (one.get("id"), one["function"].get("name"), one["function"]["arguments"])
        for one in data["choices"][0]["message"]["tool_calls"]
    ]


TWO_CALLS = [("a", "find", '{"x":1}'), ("b", "sum", '{"y":2}')]
TOOL_CALLS = {
    "by index": [
        [call("", index=0, id="a", name="find")],
        [call('{"x"', index=0)],
        [call("", index=1, id="b", name="sum")],
        [call(":1}", index=0), call('{"y":2}', index=1)],
    ],
    "without index": [
        [call('{"x":1}', id="a", name="find")],
        [call('{"y"', id="b", name="sum")],
        [call(":2}")],
    ],
    "both at once without index": [
        [call('{"x":1}', id="a", name="find"), call('{"y":2}', id="b", name="sum")]
    ],
    "index 0 for every call": [
        [call('{"x":1}', index=0, id="a", name="find")],
        [call('{"y":', index=0, id="b", name="sum")],
        [call("2}", index=0)],
    ],
    "an empty id after the first piece": [
        [call('{"x"', index=0, id="a", name="find")],
        [call(":1}", index=0, id="")],
        [call('{"y":2}', index=1, id="b", name="sum")],
    ],
    "id and name repeated with every piece": [
        [call('{"x"', index=0, id="a", name="find")],
        [call(":1}", index=0, id="a", name="find")],
        [call('{"y":2}', index=1, id="b", name="sum")],
    ],
    "repeated id without index": [
        [call('{"x"', id="a", name="find")],
        [call(":1}", id="a")],
        [call('{"y":2}', id="b", name="sum")],
    ],
    "a name in pieces": [
        [call("", index=0, id="a", name="fi")],
        [call('{"x":1}', index=0, name="nd")],
        [call('{"y":2}', index=1, id="b", name="sum")],
    ],
}


@pytest.mark.parametrize("deltas", TOOL_CALLS.values(), ids=TOOL_CALLS)
def test_tool_calls_are_merged_however_a_provider_numbers_them(deltas: list[Any]):
    assert calls(*deltas) == TWO_CALLS


def test_arguments_that_are_no_json_stay_the_text_they_are():
    assert calls([call('{"x": ', index=0, id="a", name="find")]) == [("a", "find", '{"x": ')]


def test_unknown_fields_of_a_tool_call_survive():
    delta = {**call("{}", index=0, id="a", name="f"), "extra_content": {"signature": "s"}}

    data = folded([chunk({"tool_calls": [delta]})])

    made = data["choices"][0]["message"]["tool_calls"][0]
    assert made["extra_content"] == {"signature": "s"}


MESSAGES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "text": (
        [{"role": "assistant", "content": ""}, {"content": "a"}, {"content": "b"}],
        {"content": "ab"},
    ),
    "nothing": ([{"role": "assistant"}, {}], {"content": None}),
    "role repeated": ([{"role": "assistant", "content": "a"}] * 2, {"content": "aa"}),
    "refusal": ([{"refusal": "I "}, {"refusal": "can't"}], {"content": None, "refusal": "I can't"}),
    "reasoning beside": (
        [{"reasoning_content": "hm"}, {"reasoning_content": "m"}, {"content": "a"}],
        {"content": "a", "reasoning_content": "hmm"},
    ),
    "reasoning of another name": (
        [{"reasoning": "hm", "content": ""}, {"content": "a"}],
        {"content": "a", "reasoning": "hm"},
    ),
    "content in blocks": (
        [
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "h"}]}]},
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "m"}]}]},
            {"content": "an"},
            {"content": "swer"},
        ],
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                {"type": "text", "text": "answer"},
            ]
        },
    ),
    "sound": (
        [
            {"audio": {"id": "au", "transcript": "he"}},
            {"audio": {"transcript": "y", "data": "QUJD"}},
            {"audio": {"data": "REVG", "expires_at": 9}},
        ],
        {
            "content": None,
            "audio": {"id": "au", "transcript": "hey", "data": "QUJDREVG", "expires_at": 9},
        },
    ),
    "the older function call": (
        [
            {"function_call": {"name": "f", "arguments": ""}},
            {"function_call": {"arguments": "{}"}},
        ],
        {"content": None, "function_call": {"name": "f", "arguments": "{}"}},
    ),
    "unknown fields": (
        [{"content": "a", "mood": "calm", "notes": [1]}, {"notes": [2]}],
        {"content": "a", "mood": "calm", "notes": [1, 2]},
    ),
}


@pytest.mark.parametrize(("deltas", "message"), MESSAGES.values(), ids=MESSAGES)
def test_deltas_become_the_message(deltas: list[Any], message: dict[str, Any]):
    data = folded([chunk(delta) for delta in deltas])

    assert data["choices"][0]["message"] == {"role": "assistant", **message}


def test_candidates_are_kept_apart():
    events = [
        chunk({"content": text}, index=index) for index, text in ((1, "b"), (0, "a"), (1, "c"))
    ]

    data = folded([*events, chunk(finish="length", index=0)])

    assert [(one["message"]["content"], one["finish_reason"]) for one in data["choices"]] == [
        ("a", "length"),
        ("bc", None),
    ]


def test_events_without_choices_are_no_candidates():
    data = folded([chunk(choices=[]), chunk({"content": "a"}), chunk(choices=[], usage=USAGE)])

    assert [one["message"]["content"] for one in data["choices"]] == ["a"]
    assert data["usage"] == USAGE


def test_texts_of_the_older_api_are_joined():
    data = folded([{"choices": [{"index": 0, "text": text}]} for text in ("a", "b")])

    assert data["choices"] == [{"index": 0, "finish_reason": None, "text": "ab"}]


REPORTS = {
    "on the last event": ([None, None, USAGE], USAGE),
    "then null": ([None, USAGE, None], USAGE),
    "cumulative on every event": ([{**USAGE, "completion_tokens": n} for n in (1, 3, 5)], USAGE),
    "never": ([None, None], None),
}


@pytest.mark.parametrize(("reports", "usage"), REPORTS.values(), ids=REPORTS)
def test_the_last_usage_that_was_reported_counts(reports: list[Any], usage: Any):
    assert folded([chunk({"content": "a"}, usage=one) for one in reports])["usage"] == usage


def test_a_stream_is_complete_when_every_candidate_has_ended():
    fold = ChoiceFold()
    assert not fold.complete
    fold.add(chunk({"content": "a"}, index=0))
    fold.add(chunk({"content": "a"}, index=1, finish="stop"))
    assert not fold.complete
    fold.add(chunk(finish="", index=0))

    assert fold.complete


def test_an_error_after_the_usage_loses_neither():
    fold = ChoiceFold()
    fold.add(chunk({"content": "a"}, usage=USAGE))
    fold.add({"error": {"message": "overloaded"}})

    assert fold.error == {"message": "overloaded"}
    assert fold.response()["usage"] == USAGE


def test_probabilities_of_tokens_are_collected():
    events = [chunk({"content": text}) for text in "ab"]
    for number, event in enumerate(events):
        event["choices"][0]["logprobs"] = {"content": [{"token": number}], "refusal": None}

    assert folded(events)["choices"][0]["logprobs"] == {"content": [{"token": 0}, {"token": 1}]}


LIKE: dict[str, list[Any]] = {
    "words": ["a", "b", "b", "c"],
    "words with escapes": ["a", 'say "b"', "c\n", "\\", "d", "é", "{}"],
    "no words between": ["a", "", "b", None, "c"],
}


@pytest.mark.parametrize("words", LIKE.values(), ids=LIKE)
@pytest.mark.parametrize("padding", [None, "xyz", 'x"y'])
@pytest.mark.parametrize("index", [0, 1])
def test_events_read_from_their_bytes_say_what_parsed_ones_say(
    words: list[Any], padding: Any, index: int
):
    more = {} if padding is None else {"obfuscation": padding}
    events = [chunk({"content": one}, index=index, usage=None, **more) for one in words]
    events += [chunk({"content": "z"}, index=1 - index), chunk({"content": "z"}, index=index)]

    assert skimmed(events) == [folded(events)] * 4


def test_events_that_say_more_than_words_are_parsed():
    beside = {"content": "a", "reasoning_content": "b"}
    probable = chunk({"content": "a"})
    probable["choices"][0]["logprobs"] = {"content": [{"token": "a"}]}
    several = chunk(
        choices=[*chunk({"content": "a"})["choices"], *chunk({"content": "b"}, index=1)["choices"]]
    )

    for event in (chunk(beside), probable, several, chunk({"content": "a"}, usage=USAGE)):
        assert skimmed([event] * 3) == [folded([event] * 3)] * 4


def test_most_events_are_not_parsed(monkeypatch: pytest.MonkeyPatch):
    fold = ChoiceFold()
    parsed: list[Any] = []
    add = fold.add
    monkeypatch.setattr(fold, "add", lambda event: parsed.append(event) or add(event))
    body = EventBody(fold)

    for data in sent([chunk({"content": word}) for word in ("a", "b")]):
        body.feed(data)
    body.feed(b"".join(sent([chunk({"content": word}) for word in "cdef"])))

    assert len(parsed) == 1
    assert body.said == 6
    assert body.finish(at_end=True)["choices"][0]["message"]["content"] == "abcdef"


def sent(events: list[Any]) -> list[bytes]:
    texts = [json.dumps(one, separators=(",", ":"), ensure_ascii=False) for one in events]
    return [f"data: {text}\n\n".encode() for text in texts]


def skimmed(events: list[Any]) -> list[Any]:
    """Return the response as read from the bytes, in pieces of several sizes."""
    data = b"".join(sent(events))
    found: list[Any] = []
    for size in (17, 300, 700, len(data)):
        body = EventBody(ChoiceFold())
        for at in range(0, len(data), size):
            body.feed(data[at : at + size])
        found.append(body.finish(at_end=True))
    return found


# -- the responses API ---------------------------------------------------------------------------


def test_the_last_event_of_a_response_is_believed():
    fold = ResponseFold()
    for event in response_events("hello world"):
        fold.add(event)

    assert fold.complete
    assert fold.response() == response("hello world")


@pytest.mark.parametrize("count", [4, 5])
def test_a_response_that_broke_off_keeps_what_it_said(count: int):
    fold = ResponseFold()
    for event in response_events("hello world")[:count]:
        fold.add(event)

    assert not fold.complete
    text = fold.response()["output"][0]["content"][0]["text"]
    assert text == ("hello" if count == 4 else "hello ")


def test_a_call_that_broke_off_keeps_its_name_and_arguments():
    item = {"type": "function_call", "name": "f", "call_id": "c", "arguments": ""}
    fold = ResponseFold()
    fold.add({"type": "response.output_item.added", "output_index": 0, "item": item})
    for piece in ('{"a"', ":1"):
        fold.add(
            {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": piece}
        )

    assert fold.response()["output"] == [{**item, "arguments": '{"a":1'}]


def test_items_that_were_done_serve_when_the_last_event_is_lost():
    fold = ResponseFold()
    for event in response_events("hello world")[:-1]:
        fold.add(event)

    assert fold.response()["output"] == response("hello world")["output"]


def test_a_failed_response_is_complete():
    fold = ResponseFold()
    fold.add({"type": "response.failed", "response": response(status="failed")})

    assert fold.complete


# -- other streams -------------------------------------------------------------------------------


def test_a_transcript_is_its_last_event_or_else_its_deltas():
    fold = TextFold()
    fold.add({"type": "transcript.text.delta", "delta": "he"})
    fold.add({"type": "transcript.text.delta", "delta": "y"})
    assert fold.response() == {"text": "hey"}
    fold.add({"type": "transcript.text.done", "text": "hey", "usage": {"input_tokens": 1}})

    assert fold.response()["usage"] == {"input_tokens": 1}


def test_other_streams_keep_the_last_event_that_reports_usage():
    fold = LastFold()
    fold.add({"event": "thread.run.created", "data": {"usage": None}})
    fold.add({"event": "thread.run.completed", "data": {"usage": USAGE}})
    fold.add({"event": "done"})

    assert fold.response() == {"usage": USAGE}


# -- events --------------------------------------------------------------------------------------

STREAM = 'data: {"a":"é"}\n\n: comment\n\nevent: x\ndata: 1\ndata: 2\n\ndata:3\n\n'


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_are_found_wherever_the_stream_is_cut(line_end: str, size: int):
    data = STREAM.replace("\n", line_end).encode()
    reader = EventReader()

    found = [
        event for at in range(0, len(data), size) for event in reader.feed(data[at : at + size])
    ]
    found += reader.finish()

    assert [one.decode() for one in found] == ['{"a":"é"}', "1\n2", "3"]


def test_an_event_that_only_lacks_its_last_line_end_counts():
    reader = EventReader()

    assert list(reader.feed(b"data: [DONE]")) == []
    assert list(reader.finish()) == [b"[DONE]"]


# -- usage and cost ------------------------------------------------------------------------------

REPORTED = {
    "details": (
        {
            **USAGE,
            "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 1},
            "completion_tokens_details": {"reasoning_tokens": 2},
        },
        Usage(input=9, output=5, cache_read=4, audio_input=1, reasoning=2),
    ),
    "a gateway that mixes dialects": (
        {**USAGE, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 0},
        Usage(input=9, output=5),
    ),
    "cache at the top": ({**USAGE, "cached_tokens": 4}, Usage(input=9, output=5, cache_read=4)),
    "cache hits": ({**USAGE, "prompt_cache_hit_tokens": 4}, Usage(input=9, output=5, cache_read=4)),
    "more cached than sent": (
        {**USAGE, "prompt_tokens_details": {"cached_tokens": 14}},
        Usage(input=9, output=5, cache_read=14),
    ),
    "no output": ({"prompt_tokens": 4, "total_tokens": 4}, Usage(input=4)),
    "a transcription": (
        {
            "type": "tokens",
            "input_tokens": 8,
            "output_tokens": 2,
            "input_token_details": {"audio_tokens": 7, "text_tokens": 1},
        },
        Usage(input=8, output=2, audio_input=7),
    ),
    "an image": (
        {"input_tokens": 8, "output_tokens": 2, "input_tokens_details": {"image_tokens": 7}},
        Usage(input=8, output=2, image_input=7),
    ),
    "seconds": ({"type": "duration", "seconds": 4}, None),
    "zero": ({"prompt_tokens": 0, "completion_tokens": 0}, Usage()),
}


@pytest.mark.parametrize(("raw", "usage"), REPORTED.values(), ids=REPORTED)
def test_usage_is_read_as_reported(raw: dict[str, Any], usage: Usage | None):
    assert answers.usage(raw) == usage


def test_usage_in_a_providers_own_place_is_found():
    answer = answers.choices({"choices": [], "x_groq": {"usage": USAGE}}, {})

    assert answer.usage == Usage(input=9, output=5)


def test_zero_tokens_beside_an_answer_are_suspect():
    data = {"choices": [{"message": {"content": "a"}}], "usage": {"prompt_tokens": 0}}

    assert answers.choices(data, {}).attributes["usage_suspect"]


COSTS = {
    "a number": ({"cost": 0.00014}, "0.00014"),
    "an object": ({"cost": {"total_cost": 0.005615}}, "0.005615"),
    "ticks": ({"cost_in_usd_ticks": 37_756_000}, "0.0037756000"),
    "the program's own key": (
        {"cost": 0.001, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.02}},
        "0.021",
    ),
    "nothing": ({}, None),
    "nonsense": ({"cost": "free"}, None),
}


@pytest.mark.parametrize(("usage", "cost"), COSTS.values(), ids=COSTS)
def test_a_cost_that_the_provider_reports_is_exact(usage: dict[str, Any], cost: str | None):
    assert reported_cost(usage) == cost
    assert cost is None or Decimal(cost)


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        ("https://api.openai.com/v1/", "openai"),
        ("https://eu.api.openai.com/v1/", "openai"),
        ("https://openai.com.evil.example/v1", "openai.com.evil.example"),
        ("https://my.openai.azure.com/openai/", "azure"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://api.x.ai/v1", "xai"),
        ("http://localhost:11434/v1", "ollama"),
        ("http://localhost:8000/v1", "localhost:8000"),
        ("not a url", None),
        ("http://[broken", None),
    ],
)
def test_the_provider_is_known_by_its_host(url: str, provider: str | None):
    assert provider_of(url) == provider
    assert is_openai(url) == (provider == "openai")
