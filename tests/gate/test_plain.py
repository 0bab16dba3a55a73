"""The gate: bounds, secrets, switches, masks and journal lines."""

import json
import math
import threading
from typing import Any

import numpy as np
import orjson
import pytest

from spanbook.gate.plain import Gate
from spanbook.settings import Limits, Settings


def gate(**settings: Any) -> Any:
    if "limits" in settings:
        settings["limits"] = Limits(**settings["limits"])
    return Gate(Settings(**settings))


def plain(value: Any, **settings: Any) -> Any:
    return gate(**settings).plain(value, "input")


def nest(levels: int, leaf: Any = "end") -> Any:
    value = leaf
    for _ in range(levels):
        value = {"in": value}
    return value


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        1.5,
        "",
        "text",
        [],
        {},
        [1, [2, [3]]],
        {"lc": 1, "type": "constructor", "id": ["langchain", "Foo"], "kwargs": {"x": 1}},
        {"messages": [{"role": "user", "content": "hi", "tool_calls": [{"arguments": {"a": 1}}]}]},
        "NUL \x00 and ünïcode 🎉",
        2**63 - 1,
        -(2**63),
    ],
)
def test_data_stays_as_it_is(value):
    assert plain(value) == value


def test_strings_are_not_copied():
    text = "word " * 1_000

    assert plain({"prompt": text})["prompt"] is text
    assert plain([text])[0] is text


def test_the_result_does_not_change_with_its_source():
    inner: Any = {"b": [1, {"c": 2}]}
    source = {"a": inner, "list": [[1]]}

    data = plain(source)
    inner["b"][1]["c"] = 3
    inner["new"] = 1
    source["list"][0].append(2)

    assert data == {"a": {"b": [1, {"c": 2}]}, "list": [[1]]}


def test_the_source_does_not_change():
    source = {"api_key": "x", "deep": {"n": math.nan, 1: ["a" * 20]}, "$": 1}
    before = repr(source)

    plain(source, limits={"text": 10})

    assert repr(source) == before


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (2**64, "18446744073709551616"),
        (-(2**63) - 1, "-9223372036854775809"),
        pytest.param(10**5000, hex(10**5000)[:500], id="5001 digits"),
    ],
)
def test_numbers_beyond_json_are_strings(value, data):
    assert plain(value) == data
    assert plain([value]) == [data]
    assert plain({"k": value}) == {"k": data}
    assert plain({1: value}) == {"1": data}


def test_a_vector_with_one_bad_number_keeps_the_others():
    assert plain([0.5] * 99 + [math.nan]) == [0.5] * 99 + ["NaN"]


class TestLimits:
    def test_a_long_text_keeps_its_beginning_and_its_size(self):
        assert plain({"t": "a" * 1_000}, limits={"text": 10}) == {
            "t": {"$": "truncated", "text": "a" * 10, "size": 1_000}
        }

    def test_a_text_of_just_the_limit_is_whole(self):
        assert plain("a" * 100, limits={"text": 100}) == "a" * 100

    def test_many_long_texts_are_bounded_together(self):
        data = plain(["x" * 1_000_000] * 50)

        kept = sum(len(t if type(t) is str else t["text"]) for t in data)
        assert kept == 20_000_000
        assert data[-1] == {"$": "truncated", "text": "", "size": 1_000_000}

    def test_a_long_list_says_how_many_are_missing(self):
        assert plain(list(range(200_000)), limits={"items": 3}) == [
            0,
            1,
            2,
            {"$": "more", "count": 199_997},
        ]

    def test_a_large_dict_says_how_many_are_missing(self):
        large = {str(i): i for i in range(100_000)}

        assert plain(large, limits={"items": 2}) == {
            "0": 0,
            "1": 1,
            "…": {"$": "more", "count": 99_998},
        }

    @pytest.mark.parametrize("make", [tuple, set, frozenset, dict.fromkeys])
    def test_other_long_collections_are_cut_too(self, make):
        data = plain(make(range(5_000)))

        last = data["…"] if type(data) is dict else data[-1]
        assert len(data) == 1_001
        assert last == {"$": "more", "count": 4_000}

    def test_the_values_of_one_input_are_bounded_together(self):
        data = plain([[0] * 100 for _ in range(100)], limits={"nodes": 350})

        assert data[1] == [0] * 100
        assert data[2] == [0] * 50 + [{"$": "more", "count": 50}]
        assert data[99] == [{"$": "more", "count": 100}]

    def test_a_value_just_deep_enough_is_whole(self):
        assert plain(nest(32)) == nest(32)

    def test_a_deep_value_stops_at_the_limit(self):
        assert plain(nest(1_000)) == nest(32, {"$": "depth"})
        assert plain(nest(40), limits={"depth": 2}) == nest(2, {"$": "depth"})

    def test_a_limit_beyond_what_json_allows_is_lowered(self):
        g = gate(limits={"depth": 100_000})

        assert json.loads(g.encode({"input": g.plain(nest(900), "input")}))

    def test_a_deep_list_and_tuple_stop_too(self):
        value = ()
        for _ in range(1_000):
            value = [(value,)]

        assert "depth" in json.dumps(plain(value))


class TestCycles:
    def test_a_list_in_itself_is_a_cycle(self):
        value: Any = [1]
        value.append(value)

        assert plain(value) == [1, {"$": "cycle"}]

    def test_a_dict_in_itself_is_a_cycle(self):
        value: Any = {"a": {"b": []}}
        value["a"]["b"].append(value)

        assert plain(value) == {"a": {"b": [{"$": "cycle"}]}}

    def test_a_large_list_in_itself_is_a_cycle(self):
        value: Any = [0] * 5_000
        value[0] = value

        assert plain(value)[0] == {"$": "cycle"}

    def test_the_same_value_twice_is_no_cycle(self):
        shared = {"x": [1]}

        assert plain([shared, shared, {"again": shared}]) == [
            {"x": [1]},
            {"x": [1]},
            {"again": {"x": [1]}},
        ]


class TestKeys:
    @pytest.mark.parametrize(
        ("key", "name"),
        [
            (1, "1"),
            (None, "None"),
            (True, "True"),
            (1.5, "1.5"),
            (b"raw", "raw"),
            (("a", 1), "a, 1"),
            (object(), "object"),
            ("$", "$$"),
            ("$$", "$$$"),
            ("$ref", "$ref"),
            ("", ""),
            ("k" * 5_000, "k" * 500),
            ("https://me:pw@host", "https://[redacted]@host"),
        ],
    )
    def test_every_key_is_a_string(self, key, name):
        assert plain({"a": 1, key: "v", "z": 2}) == {"a": 1, name: "v", "z": 2}

    def test_keys_that_become_equal_are_all_kept(self):
        assert plain({"1": "a", 1: "b", 1.5: "c", b"1": "d"}) == {
            "1": "a",
            "1 (1)": "b",
            "1.5": "c",
            "1 (3)": "d",
        }

    def test_order_is_kept_around_odd_keys(self):
        assert list(plain({"b": 1, 2: 2, "a": 3, "$": 4, "c": 5})) == ["b", "2", "a", "$$", "c"]

    def test_odd_keys_do_not_shield_secrets_or_bad_values(self):
        assert plain({1: 1, "api_key": "x", b"password": "y", "n": math.nan, "d": {2: [3]}}) == {
            "1": 1,
            "api_key": "[redacted]",
            "password": "[redacted]",
            "n": "NaN",
            "d": {"2": [3]},
        }


class TestHide:
    @pytest.mark.parametrize("field", ["input", "output"])
    def test_a_hidden_field_is_hidden_whole(self, field):
        g = gate(hide=frozenset({field}), mask=lambda data: pytest.fail("the mask saw it"))

        assert g.plain({"a": 1}, field) == {"$": "hidden"}

    def test_other_fields_stay(self):
        g = gate(hide=frozenset({"input"}))

        assert g.plain({"a": 1}, "output") == {"a": 1}
        assert g.plain({"a": 1}, "attributes") == {"a": 1}

    def test_hidden_vectors_leave_everything_else(self):
        value = {"v": [0.1] * 64, "mixed": [0, *[0.5] * 80], "short": [0.1] * 3, "ids": [1] * 99}

        assert plain(value, hide=frozenset({"vectors"})) == {
            "v": {"$": "hidden"},
            "mixed": {"$": "hidden"},
            "short": [0.1] * 3,
            "ids": [1] * 99,
        }

    @pytest.mark.parametrize(
        "make", [list, tuple, lambda v: list(np.array(v, "float32")), np.array]
    )
    def test_no_part_of_a_hidden_vector_is_shown(self, make):
        vector = make([0.5] * 200)

        data = plain({"v": vector}, hide=frozenset({"vectors"}), limits={"items": 10})

        assert data == {"v": {"$": "hidden"}}

    def test_vectors_that_are_shown_are_cut(self):
        data = plain([0.25] * 1_536)

        assert data == [0.25] * 1_000 + [{"$": "more", "count": 536}]


class TestMask:
    def test_the_mask_gets_plain_data_without_secrets(self):
        seen = []

        plain({"api_key": "x", "n": {1: (2,)}}, mask=lambda data: seen.append(data) or data)

        assert seen == [{"api_key": "[redacted]", "n": {"1": [2]}}]

    def test_what_the_mask_returns_is_recorded(self):
        assert plain({"a": 1}, mask=lambda data: {**data, "a": "***"}) == {"a": "***"}

    def test_a_failing_mask_loses_the_field_and_is_counted(self):
        g = gate(mask=lambda data: 1 / 0)

        assert g.plain({"secret plan": 1}, "input") == "[mask failed]"
        assert g.failures == 1

    def test_live_objects_from_the_mask_become_data(self):
        assert plain({}, mask=lambda data: {"s": {1}, "o": object(), 5: "e"}) == {
            "s": [1],
            "o": {"$": "object", "type": "object"},
            "5": "e",
        }

    def test_placeholders_survive_the_mask(self):
        value = {
            "t": "a" * 500,
            "l": [1] * 20,
            "d": {str(i): i for i in range(20)},
            "o": object(),
            "$": "mine",
            "deep": nest(40),
        }
        limits = {"text": 100, "items": 10}

        assert plain(value, limits=limits, mask=lambda data: data) == plain(value, limits=limits)

    def test_what_the_mask_keeps_of_a_result_is_its_own(self):
        kept = []
        data = plain({"a": [1]}, mask=lambda data: kept.append(data) or data)

        kept[0]["a"].append(2)

        assert data == {"a": [1]}


class TestEncode:
    def test_a_record_is_one_line_of_json(self):
        line = gate().encode({"type": "end", "output": "two\nlines"})

        assert line == b'{"type":"end","output":"two\\nlines"}\n'

    def test_lone_surrogates_are_replaced_and_pairs_joined(self):
        record = {"a": ["x\ud800y"], "b\udfff": "\ud83c\udf89", "n": [1, None, 2.5, True]}

        data = orjson.loads(gate().encode(record))

        assert data == {"a": ["x�y"], "b�": "🎉", "n": [1, None, 2.5, True]}

    @pytest.mark.parametrize(
        "record", [{"n": 2**70}, {"o": object()}, {1: 2}, {"deep": nest(500)}, {"s": {1, 2}}]
    )
    def test_what_is_no_record_is_encoded_all_the_same(self, record):
        assert type(orjson.loads(gate().encode(record))) is dict

    def test_a_record_that_contains_itself_is_encoded_all_the_same(self):
        record = {}
        record["self"] = record

        assert gate().encode(record).endswith(b"}\n")

    def test_whatever_passes_the_gate_can_be_encoded(self):
        g = gate()
        value = {"s": "\udc00", "n": [math.nan, 2**99], 1: {2}, "o": object(), "z": "\x00"}

        assert orjson.loads(g.encode({"input": g.plain(value, "input")}))["input"]["s"] == "�"


def test_threads_share_a_gate_while_values_change():
    g = gate()
    shared = {"list": [], "dict": {}}
    stop = threading.Event()

    def change():
        i = 0
        while not stop.is_set():
            i += 1
            shared["dict"][i % 300] = i
            shared["list"].append(i)
            if i % 200 == 0:
                shared["dict"].clear()
                shared["list"].clear()

    def read(results):
        for _ in range(200):
            results.append(g.plain(shared, "input"))

    results = []
    readers = [threading.Thread(target=read, args=(results,)) for _ in range(3)]
    writer = threading.Thread(target=change)
    writer.start()
    for thread in readers:
        thread.start()
    for thread in readers:
        thread.join()
    stop.set()
    writer.join()

    assert len(results) == 600
    assert all(type(r["dict"]) is dict and "$" not in r["dict"] for r in results)


def test_a_mask_may_use_the_gate():
    outer = gate(mask=lambda data: inner.plain(data, "output"))
    inner = gate()

    assert outer.plain({"token": "x", "a": [1]}, "input") == {"token": "[redacted]", "a": [1]}


def test_a_program_at_the_end_of_its_stack_gets_something_back():
    def fall():
        try:
            return fall()
        except RecursionError:
            return g.plain(nest(30), "input")

    g = gate()

    assert fall() is not None
