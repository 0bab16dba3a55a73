"""Every provider's spelling of usage is read into the same numbers."""

from decimal import Decimal
from typing import Any

import pytest

from spanbook.tokens import DIALECTS, read_usage
from spanbook.usage import Usage

ROWS: list[tuple[str, str, dict[str, Any], Usage]] = [
    (
        "openai chat counts cached and reasoning tokens inside",
        "openai",
        {
            "prompt_tokens": 2006,
            "completion_tokens": 300,
            "total_tokens": 2306,
            "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 7},
            "completion_tokens_details": {"reasoning_tokens": 200, "audio_tokens": 5},
        },
        Usage(2006, 300, cache_read=1920, audio_input=7, reasoning=200, audio_output=5),
    ),
    (
        "openai responses",
        "openai_responses",
        {
            "input_tokens": 100,
            "output_tokens": 50,
            "total_tokens": 150,
            "input_tokens_details": {"cached_tokens": 80},
            "output_tokens_details": {"reasoning_tokens": 40},
        },
        Usage(100, 50, cache_read=80, reasoning=40),
    ),
    (
        "anthropic counts cached input beside",
        "anthropic",
        {
            "input_tokens": 86,
            "output_tokens": 300,
            "cache_read_input_tokens": 1900,
            "cache_creation_input_tokens": 20,
        },
        Usage(2006, 300, cache_read=1900, cache_write=20),
    ),
    (
        "langchain counts cached input inside",
        "langchain",
        {
            "input_tokens": 350,
            "output_tokens": 240,
            "total_tokens": 590,
            "input_token_details": {"audio": 10, "cache_creation": 200, "cache_read": 100},
            "output_token_details": {"audio": 10, "reasoning": 200},
        },
        Usage(
            350,
            240,
            cache_read=100,
            cache_write=200,
            audio_input=10,
            reasoning=200,
            audio_output=10,
        ),
    ),
    (
        "langchain's service tiers rename the details",
        "langchain",
        {
            "input_tokens": 100,
            "output_tokens": 20,
            "total_tokens": 120,
            "input_token_details": {"priority": 60, "priority_cache_read": 40},
            "output_token_details": {"flex_reasoning": 8, "flex": 12},
        },
        Usage(100, 20, cache_read=40, reasoning=8),
    ),
    (
        "langchain's ephemeral cache writes are one number of ours",
        "langchain",
        {
            "input_tokens": 1000,
            "output_tokens": 5,
            "total_tokens": 1005,
            "input_token_details": {
                "cache_creation": 0,
                "ephemeral_5m_input_tokens": 300,
                "ephemeral_1h_input_tokens": 400,
            },
        },
        Usage(1000, 5, cache_write=700),
    ),
    (
        "older langchain on bedrock counts cached input beside",
        "langchain_bedrock",
        {
            "input_tokens": 18,
            "output_tokens": 386,
            "total_tokens": 7906,
            "input_token_details": {"cache_read": 7000, "cache_creation": 502},
        },
        Usage(7520, 386, cache_read=7000, cache_write=502),
    ),
    (
        "newer langchain on bedrock counts it inside",
        "langchain_bedrock",
        {
            "input_tokens": 7520,
            "output_tokens": 386,
            "total_tokens": 7906,
            "input_token_details": {"cache_read": 7000, "cache_creation": 502},
        },
        Usage(7520, 386, cache_read=7000, cache_write=502),
    ),
    (
        "gemini counts thoughts beside the candidates",
        "gemini",
        {
            "prompt_token_count": 100,
            "candidates_token_count": 30,
            "thoughts_token_count": 70,
            "cached_content_token_count": 60,
            "tool_use_prompt_token_count": 5,
            "total_token_count": 205,
            "prompt_tokens_details": [
                {"modality": "TEXT", "token_count": 60},
                {"modality": "AUDIO", "token_count": 25},
                {"modality": "IMAGE", "token_count": 15},
            ],
        },
        Usage(105, 100, cache_read=60, audio_input=25, image_input=15, reasoning=70),
    ),
    (
        "gemini in json",
        "gemini_json",
        {
            "promptTokenCount": 10,
            "candidatesTokenCount": 3,
            "thoughtsTokenCount": 7,
            "totalTokenCount": 20,
        },
        Usage(10, 10, reasoning=7),
    ),
    (
        "bedrock's invocation metrics",
        "bedrock_metrics",
        {"inputTokenCount": 16, "outputTokenCount": 337, "cacheReadInputTokenCount": 4},
        Usage(20, 337, cache_read=4),
    ),
    (
        "bedrock's invocation metrics as lists, from a stream",
        "bedrock_metrics",
        {"inputTokenCount": [16, 0], "outputTokenCount": [300, 37]},
        Usage(16, 337),
    ),
    (
        "bedrock converse counts cached input beside",
        "bedrock_converse",
        {
            "inputTokens": 18,
            "outputTokens": 386,
            "totalTokens": 7906,
            "cacheReadInputTokens": 0,
            "cacheWriteInputTokens": 7502,
        },
        Usage(7520, 386, cache_write=7502),
    ),
    (
        "watsonx",
        "watsonx",
        {"input_token_count": 9, "generated_token_count": 4},
        Usage(9, 4),
    ),
    (
        "ollama",
        "ollama",
        {"prompt_eval_count": 26, "eval_count": 298, "done": True},
        Usage(26, 298),
    ),
    (
        "cohere",
        "cohere",
        {
            "billed_units": {"input_tokens": 5.0, "output_tokens": 7.0},
            "tokens": {"input_tokens": 71.0, "output_tokens": 7.0},
        },
        Usage(71, 7),
    ),
    (
        "langfuse keeps exclusive buckets",
        "langfuse",
        {
            "input": 86,
            "input_cached_tokens": 1920,
            "output": 100,
            "output_reasoning_tokens": 200,
            "total": 2306,
        },
        Usage(2006, 300, cache_read=1920, reasoning=200),
    ),
    (
        "openinference",
        "openinference",
        {
            "llm.token_count.prompt": 100,
            "llm.token_count.completion": 50,
            "llm.token_count.prompt_details.cache_read": 60,
            "llm.token_count.completion_details.reasoning": 20,
        },
        Usage(100, 50, cache_read=60, reasoning=20),
    ),
    (
        "gen_ai",
        "gen_ai",
        {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 50},
        Usage(100, 50),
    ),
    (
        "gen_ai by its older names",
        "gen_ai",
        {"gen_ai.usage.prompt_tokens": 100, "gen_ai.usage.completion_tokens": 50},
        Usage(100, 50),
    ),
]


@pytest.mark.parametrize(
    ("dialect", "raw", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_a_named_dialect_is_read(dialect: str, raw: dict[str, Any], expected: Usage) -> None:
    assert read_usage(raw, dialect) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [row[2:] for row in ROWS if row[1] != "langchain_bedrock"],
    ids=[row[0] for row in ROWS if row[1] != "langchain_bedrock"],
)
def test_the_keys_tell_the_dialect(raw: dict[str, Any], expected: Usage) -> None:
    assert read_usage(raw) == expected


def test_every_dialect_has_an_example() -> None:
    assert {dialect.name for dialect in DIALECTS} == {row[1] for row in ROWS}


ALIASES = [
    ({"input_tokens": 7, "output_tokens": 3}),
    ({"prompt_tokens": 7, "completion_tokens": 3}),
    ({"prompt_token_count": 7, "candidates_token_count": 3}),
    ({"inputTokenCount": 7, "outputTokenCount": 3}),
    ({"input_token_count": 7, "generated_token_count": 3}),
    ({"inputTokens": 7, "outputTokens": 3}),
    ({"input": 7, "output": 3}),
    ({"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}),
    ({"prompt_tokens": 7, "total_tokens": 10}),
    ({"completion_tokens": 3, "total_tokens": 10}),
    ({"prompt_tokens": "7", "completion_tokens": "3"}),
    ({"prompt_tokens": 7.0, "completion_tokens": 3.0}),
]


@pytest.mark.parametrize("raw", ALIASES, ids=",".join)
def test_every_alias_gives_the_same_numbers(raw: dict[str, Any]) -> None:
    assert read_usage(raw) == Usage(7, 3)


def test_exclusive_and_inclusive_providers_agree_on_the_same_call() -> None:
    openai = {
        "prompt_tokens": 2006,
        "completion_tokens": 300,
        "prompt_tokens_details": {"cached_tokens": 1920},
    }
    anthropic = {
        "input_tokens": 86,
        "output_tokens": 300,
        "cache_read_input_tokens": 1920,
        "cache_creation_input_tokens": 0,
    }

    assert read_usage(openai) == read_usage(anthropic)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            {"prompt_tokens": 9, "completion_tokens": 2, "prompt_cache_hit_tokens": 4},
            Usage(9, 2, cache_read=4),
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 2, "cached_tokens": 4},
            Usage(9, 2, cache_read=4),
        ),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 2,
                "prompt_cache_hit_tokens": 4,
                "prompt_tokens_details": {"cached_tokens": 4},
            },
            Usage(9, 2, cache_read=4),
        ),
    ],
    ids=["deepseek", "together", "deepseek twice"],
)
def test_cached_tokens_are_found_once_wherever_they_stand(
    raw: dict[str, Any], expected: Usage
) -> None:
    assert read_usage(raw) == expected


def test_numbers_that_do_not_add_up_stay_as_reported() -> None:
    raw = {
        "prompt_tokens": 208,
        "completion_tokens": 5,
        "total_tokens": 999,
        "prompt_tokens_details": {"cached_tokens": 314},
    }

    assert read_usage(raw) == Usage(208, 5, cache_read=314)


def test_reported_zero_is_not_unknown() -> None:
    assert read_usage({"prompt_tokens": 0, "completion_tokens": 0}) == Usage()


@pytest.mark.parametrize(
    "raw",
    [
        None,
        {},
        [],
        "12 tokens",
        {"total_cost": 0},
        {"prompt_tokens": None, "completion_tokens": None},
        {"prompt_tokens": "many"},
        {"prompt_tokens": True},
        {"input_tokens": float("nan")},
        {"input_tokens": []},
        {"input_tokens": {"count": 3}},
        {1: 2, None: 3},
        {"prompt_tokens": Decimal("3")},
    ],
    ids=repr,
)
def test_what_reports_nothing_is_unknown(raw: Any) -> None:
    assert read_usage(raw) is None


def test_an_unknown_dialect_reads_nothing() -> None:
    assert read_usage({"prompt_tokens": 1}, "klingon") is None


@pytest.mark.parametrize(
    "details", [None, 3, "x", [], ["x"], [{"modality": "AUDIO"}], {"cached_tokens": object()}]
)
def test_odd_details_never_spoil_the_whole(details: Any) -> None:
    raw = {"prompt_tokens": 3, "completion_tokens": 4, "prompt_tokens_details": details}

    assert read_usage(raw) == Usage(3, 4)
