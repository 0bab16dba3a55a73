"""Functions' arguments are shown to models as TypeScript."""

from textwrap import dedent
from typing import Any

import pytest

from spanbook.estimates.typescript import parameters

STRING = {"type": "string"}


def shown(properties: dict[str, Any], required: list[str] | None = None, **rest: Any) -> str | None:
    schema = {"type": "object", "properties": properties, "required": required or [], **rest}
    return parameters(schema)


@pytest.mark.parametrize(
    ("schema", "type"),
    [
        ({"type": "integer"}, "number"),
        ({"type": "boolean"}, "boolean"),
        ({}, "any"),
        ({"type": "object"}, "object"),
        ({"enum": ["a", "b", 3]}, '"a" | "b" | 3'),
        ({"const": "x"}, '"x"'),
        ({"type": "array", "items": STRING}, "string[]"),
        ({"type": "array"}, "any[]"),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, 'Array<"a" | "b">'),
        ({"type": ["string", "null"]}, "string | null"),
        ({"anyOf": [STRING, {"type": "null"}]}, "string | null"),
        ({"oneOf": [STRING, {"type": "number"}]}, "string | number"),
        ({"allOf": [STRING]}, "string"),
        ({"type": "object", "properties": {"a": STRING}}, "{ a?: string }"),
        ({"type": "array", "items": {"properties": {"a": STRING}}}, "Array<{ a?: string }>"),
    ],
    ids=str,
)
def test_a_property_without_comments_is_on_one_line(schema: dict[str, Any], type: str):
    assert shown({"x": schema}, ["x"]) == f"{{ x: {type} }}"


def test_a_function_without_arguments_has_no_type():
    assert shown({}) is None
    assert parameters({}) is None


def test_one_comment_gives_every_property_its_line():
    properties = {
        "city": {"type": "string", "description": "Where.\n\n  Not how."},
        "unit": {"enum": ["C", "F"], "default": "C"},
    }

    assert shown(properties, ["city"]) == dedent("""\
        {
        // Where.
        //
        // Not how.
        city: string,
        unit?: "C" | "F", // default: "C"
        }""")


def test_a_title_stands_above_the_description_and_above_the_object():
    properties = {"a": {"title": "A", "description": "First", "type": "integer"}}

    assert shown(properties, ["a"], title="add_args") == dedent("""\
        // add_args
        {
        // A
        //
        // First
        a: number,
        }""")


def test_limits_stand_behind_a_property():
    properties = {"n": {"type": "integer", "maximum": 9, "minimum": 1, "default": 2}}

    assert shown(properties) == "{\nn?: number, // default: 2, minimum: 1, maximum: 9\n}"


def test_a_list_of_described_objects_is_spread_over_lines():
    item = {
        "type": "object",
        "title": "Todo",
        "properties": {"id": {**STRING, "description": "Id"}},
    }
    properties = {"todos": {"type": "array", "items": item, "minItems": 2}}

    assert shown(properties, ["todos"]) == dedent("""\
        {
        // minItems: 2
        todos: Array<
        // Todo
        {
        // Id
        id?: string,
        }
        >,
        }""")


def test_a_variant_with_a_limit_gives_every_variant_its_line():
    properties = {"day": {"anyOf": [{**STRING, "format": "date"}, {"type": "null"}]}}

    assert shown(properties) == '{\nday?:\n | string // format: "date"\n | null\n,\n}'


def test_each_of_several_types_repeats_the_description():
    properties = {"day": {"type": ["string", "null"], "description": "When"}}

    assert shown(properties, ["day"]) == dedent("""\
        {
        // When
        day:
        // When
         | string
        // When
         | null
        ,
        }""")


def test_a_reference_is_written_out():
    definitions = {"Unit": {"enum": ["C", "F"]}}

    found = parameters(
        {
            "properties": {"unit": {"$ref": "#/$defs/Unit"}},
            "$defs": definitions,
            "required": ["unit"],
        }
    )

    assert found == '{ unit: "C" | "F" }'


def test_a_schema_that_contains_itself_ends():
    node = {"type": "object", "properties": {"next": {"$ref": "#/definitions/Node"}}}

    found = shown({"first": {"$ref": "#/definitions/Node"}}, definitions={"Node": node})

    assert found is not None
    assert "next?: any" in found


@pytest.mark.parametrize("broken", [None, True, 3, "string", [], {"type": 3}, {"$ref": 1}])
def test_what_is_no_schema_is_any(broken: Any):
    assert shown({"x": broken}, ["x"]) == "{ x: any }"
