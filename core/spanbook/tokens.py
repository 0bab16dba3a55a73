"""How each provider spells the tokens of a call, as one table, and how to read any of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

from spanbook.usage import INPUT_PARTS, OUTPUT_PARTS, Usage

Paths = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way to spell usage.

    A path is a dotted key, `a+b` the sum of the paths that are there, `#AUDIO` the tokens of that
    modality in a list of counts. Of several paths for one number the first that is there counts.
    Raw usage with any key in `marks` is in this dialect. Parts named in `outside` are counted by
    the provider beside their whole, so they are added to it; those in `outside_if_larger` only
    where together they exceed it. `extra_input` is input that the provider counts apart and that
    is no part of ours.
    """

    name: str
    marks: frozenset[str]
    input: Paths
    output: Paths
    total: Paths = ("total_tokens",)
    parts: Mapping[str, Paths] = field(default_factory=dict[str, Paths])
    outside: frozenset[str] = frozenset()
    outside_if_larger: frozenset[str] = frozenset()
    extra_input: Paths = ()
    buckets: bool = False  # every key that starts with `input` or `output` is its own share


_OPENAI_PARTS: dict[str, Paths] = {
    "cache_read": (
        "prompt_tokens_details.cached_tokens",
        "prompt_cache_hit_tokens",
        "cached_tokens",
    ),
    "cache_write": ("prompt_tokens_details.cache_write_tokens",),
    "audio_input": ("prompt_tokens_details.audio_tokens",),
    "image_input": ("prompt_tokens_details.image_tokens",),
    "reasoning": ("completion_tokens_details.reasoning_tokens", "reasoning_tokens"),
    "audio_output": ("completion_tokens_details.audio_tokens",),
}

_LANGCHAIN_PARTS: dict[str, Paths] = {
    "cache_read": (
        "input_token_details.cache_read"
        "+input_token_details.flex_cache_read"
        "+input_token_details.priority_cache_read",
    ),
    "cache_write": (
        "input_token_details.cache_creation"
        "+input_token_details.flex_cache_creation"
        "+input_token_details.priority_cache_creation"
        "+input_token_details.ephemeral_5m_input_tokens"
        "+input_token_details.ephemeral_1h_input_tokens",
    ),
    "audio_input": ("input_token_details.audio",),
    "image_input": ("input_token_details.image",),
    "reasoning": (
        "output_token_details.reasoning"
        "+output_token_details.flex_reasoning"
        "+output_token_details.priority_reasoning",
    ),
    "audio_output": ("output_token_details.audio",),
}

_CACHE = frozenset({"cache_read", "cache_write"})

# The first row whose marks fit is taken, so rows that share keys stand with the exact one first.
DIALECTS: tuple[Dialect, ...] = (
    Dialect(
        "anthropic",  # cached input is counted beside `input_tokens`
        frozenset({"cache_read_input_tokens", "cache_creation_input_tokens"}),
        input=("input_tokens",),
        output=("output_tokens",),
        total=(),
        parts={
            "cache_read": ("cache_read_input_tokens",),
            "cache_write": ("cache_creation_input_tokens",),
            "reasoning": ("output_tokens_details.thinking_tokens",),
        },
        outside=_CACHE,
    ),
    Dialect(
        "langchain",
        frozenset({"input_token_details", "output_token_details"}),
        input=("input_tokens",),
        output=("output_tokens",),
        parts=_LANGCHAIN_PARTS,
    ),
    Dialect(
        "langchain_bedrock",  # by name only: its older versions count cached input beside the rest
        frozenset(),
        input=("input_tokens",),
        output=("output_tokens",),
        parts=_LANGCHAIN_PARTS,
        outside_if_larger=_CACHE,
    ),
    Dialect(
        "openai",
        frozenset({"prompt_tokens", "completion_tokens"}),
        input=("prompt_tokens",),
        output=("completion_tokens",),
        parts=_OPENAI_PARTS,
    ),
    Dialect(
        "openai_responses",
        frozenset({"input_tokens", "output_tokens", "total_tokens"}),
        input=("input_tokens",),
        output=("output_tokens",),
        parts={
            "cache_read": ("input_tokens_details.cached_tokens",),
            "cache_write": ("input_tokens_details.cache_write_tokens",),
            "audio_input": ("input_tokens_details.audio_tokens",),
            "image_input": ("input_tokens_details.image_tokens",),
            "reasoning": ("output_tokens_details.reasoning_tokens",),
            "audio_output": ("output_tokens_details.audio_tokens",),
        },
    ),
    Dialect(
        "gemini",  # thoughts are counted beside the candidates, tool results beside the prompt
        frozenset({"prompt_token_count", "candidates_token_count"}),
        input=("prompt_token_count",),
        output=("candidates_token_count",),
        total=("total_token_count",),
        parts={
            "cache_read": ("cached_content_token_count",),
            "audio_input": ("prompt_tokens_details.#AUDIO",),
            "image_input": ("prompt_tokens_details.#IMAGE",),
            "reasoning": ("thoughts_token_count",),
            "audio_output": ("candidates_tokens_details.#AUDIO",),
        },
        outside=frozenset({"reasoning"}),
        extra_input=("tool_use_prompt_token_count",),
    ),
    Dialect(
        "gemini_json",
        frozenset({"promptTokenCount", "candidatesTokenCount"}),
        input=("promptTokenCount",),
        output=("candidatesTokenCount",),
        total=("totalTokenCount",),
        parts={
            "cache_read": ("cachedContentTokenCount",),
            "audio_input": ("promptTokensDetails.#AUDIO",),
            "image_input": ("promptTokensDetails.#IMAGE",),
            "reasoning": ("thoughtsTokenCount",),
            "audio_output": ("candidatesTokensDetails.#AUDIO",),
        },
        outside=frozenset({"reasoning"}),
        extra_input=("toolUsePromptTokenCount",),
    ),
    Dialect(
        "bedrock_metrics",
        frozenset({"inputTokenCount", "outputTokenCount"}),
        input=("inputTokenCount",),
        output=("outputTokenCount",),
        total=(),
        parts={
            "cache_read": ("cacheReadInputTokenCount",),
            "cache_write": ("cacheWriteInputTokenCount",),
        },
        outside=_CACHE,
    ),
    Dialect(
        "bedrock_converse",
        frozenset({"inputTokens", "outputTokens"}),
        input=("inputTokens",),
        output=("outputTokens",),
        total=(),
        parts={
            "cache_read": ("cacheReadInputTokens", "cacheReadInputTokenCount"),
            "cache_write": ("cacheWriteInputTokens", "cacheWriteInputTokenCount"),
        },
        outside=_CACHE,
    ),
    Dialect(
        "watsonx",
        frozenset({"input_token_count", "generated_token_count"}),
        input=("input_token_count",),
        output=("generated_token_count",),
        total=(),
    ),
    Dialect(
        "ollama",
        frozenset({"prompt_eval_count", "eval_count"}),
        input=("prompt_eval_count",),
        output=("eval_count",),
        total=(),
    ),
    Dialect(
        "cohere",
        frozenset({"billed_units"}),
        input=("tokens.input_tokens", "billed_units.input_tokens"),
        output=("tokens.output_tokens", "billed_units.output_tokens"),
        total=(),
    ),
    Dialect(
        "openinference",
        frozenset({"llm.token_count.prompt", "llm.token_count.completion"}),
        input=("llm.token_count.prompt",),
        output=("llm.token_count.completion",),
        total=("llm.token_count.total",),
        parts={
            "cache_read": ("llm.token_count.prompt_details.cache_read",),
            "cache_write": ("llm.token_count.prompt_details.cache_write",),
            "audio_input": ("llm.token_count.prompt_details.audio",),
            "reasoning": ("llm.token_count.completion_details.reasoning",),
            "audio_output": ("llm.token_count.completion_details.audio",),
        },
    ),
    Dialect(
        "gen_ai",
        frozenset(
            {
                "gen_ai.usage.input_tokens",
                "gen_ai.usage.output_tokens",
                "gen_ai.usage.prompt_tokens",
                "gen_ai.usage.completion_tokens",
            }
        ),
        input=("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
        output=("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
        total=(),
        parts={
            "cache_read": ("gen_ai.usage.cache_read.input_tokens",),
            "cache_write": ("gen_ai.usage.cache_creation.input_tokens",),
            "reasoning": ("gen_ai.usage.reasoning.output_tokens",),
        },
    ),
    Dialect(
        "langfuse",
        frozenset({"input", "output"}),
        input=("input",),
        output=("output",),
        total=("total",),
        parts={
            "cache_read": (
                "input_cache_read",
                "input_cached_tokens",
                "input_cache_read_input_tokens",
            ),
            "cache_write": ("input_cache_creation", "input_cache_write"),
            "audio_input": ("input_audio", "input_audio_tokens"),
            "image_input": ("input_image", "input_image_tokens"),
            "reasoning": ("output_reasoning", "output_reasoning_tokens"),
            "audio_output": ("output_audio", "output_audio_tokens"),
        },
        buckets=True,
    ),
)

_BY_NAME = {dialect.name: dialect for dialect in DIALECTS}
_MARKED = tuple((mark, dialect) for dialect in DIALECTS for mark in sorted(dialect.marks))


def read_usage(raw: Mapping[str, Any] | None, dialect: str | None = None) -> Usage | None:
    """Return the usage that `raw` reports, or None where it reports none.

    Without a `dialect` the keys tell it. Numbers are taken as reported, also where a part exceeds
    its whole: what does not add up is for the reader to see, not for us to hide.
    """
    if not isinstance(raw, Mapping) or not raw:
        return None
    row = _BY_NAME.get(dialect) if dialect is not None else _recognise(raw)
    return None if row is None else _read(raw, row)


def _recognise(raw: Mapping[str, Any]) -> Dialect | None:
    return next((row for mark, row in _MARKED if raw.get(mark) is not None), None)


def _read(raw: Mapping[str, Any], row: Dialect) -> Usage | None:
    parts: dict[str, int] = {}
    if not raw.keys().isdisjoint(_heads(row.name)):
        parts = {name: _first(raw, paths) or 0 for name, paths in row.parts.items()}
    given_input, given_output = _wholes(raw, row)
    if given_input is None and given_output is None:
        return None
    extra = _first(raw, row.extra_input) or 0
    whole_input = (given_input or 0) + _beside(given_input or 0, parts, row, INPUT_PARTS) + extra
    whole_output = (given_output or 0) + _beside(given_output or 0, parts, row, OUTPUT_PARTS)
    return Usage(input=whole_input, output=whole_output, estimated=False, **parts)


@cache
def _heads(name: str) -> frozenset[str]:
    """Return the keys of which raw usage in this dialect has one if it has any part."""
    return frozenset(
        head
        for paths in _BY_NAME[name].parts.values()
        for path in paths
        for whole, keys in _steps(path)
        for head in (whole, keys[0])
    )


def _wholes(raw: Mapping[str, Any], row: Dialect) -> tuple[int | None, int | None]:
    """Return input and output as reported; a missing one follows from the total."""
    if row.buckets:
        return _bucket(raw, "input"), _bucket(raw, "output")
    given_input, given_output = _first(raw, row.input), _first(raw, row.output)
    total = _first(raw, row.total)
    if total is not None:
        if given_input is None:
            given_input = total - (given_output or 0)
        elif given_output is None:
            given_output = total - given_input
    return given_input, given_output


def _beside(whole: int, parts: Mapping[str, int], row: Dialect, names: Iterable[str]) -> int:
    """Return the parts that `row` counts beside `whole` instead of inside."""
    if not row.outside and not row.outside_if_larger:
        return 0
    names = tuple(names)
    larger = sum(parts.get(name, 0) for name in names if name in row.outside_if_larger)
    always = sum(parts.get(name, 0) for name in names if name in row.outside)
    return always + (larger if larger > whole else 0)


def _bucket(raw: Mapping[str, Any], prefix: str) -> int | None:
    shares = [
        number
        for key, value in raw.items()
        if str(key).startswith(prefix) and (number := _number(value)) is not None
    ]
    return sum(shares) if shares else None


def _first(raw: Mapping[str, Any], paths: Paths) -> int | None:
    for path in paths:
        total: int | None = None
        for whole, keys in _steps(path):
            # A whole key may have dots of its own.
            number = _number(raw[whole]) if whole in raw else _at(raw, keys)
            if number is not None:
                total = number if total is None else total + number
        if total is not None:
            return total
    return None


@cache
def _steps(path: str) -> tuple[tuple[str, Paths], ...]:
    """Return the summands of a path, each as it is written and key by key."""
    return tuple((part, tuple(part.split("."))) for part in path.split("+"))


def _at(raw: Mapping[str, Any], keys: Paths) -> int | None:
    value: Any = raw
    for key in keys:
        if value is None:
            return None
        if key.startswith("#"):
            return _modality(value, key[1:])
        if type(value) is not dict and not isinstance(value, Mapping):
            return None
        value = cast(Mapping[str, Any], value).get(key)
    return _number(value)


def _modality(counts: Any, modality: str) -> int | None:
    if not isinstance(counts, Sequence) or isinstance(counts, str):
        return None
    found = [
        number
        for entry in cast(Sequence[Any], counts)
        if isinstance(entry, Mapping)
        and (number := _of_modality(cast(Mapping[str, Any], entry), modality)) is not None
    ]
    return sum(found) if found else None


def _of_modality(entry: Mapping[str, Any], modality: str) -> int | None:
    given = entry.get("modality")  # a name or an enum member of that name
    if getattr(given, "name", given) != modality:
        return None
    return _number(entry.get("token_count", entry.get("tokenCount")))


def _number(value: Any) -> int | None:
    """Return `value` as a count; a list, as streams give, is summed; what is no count is None."""
    if type(value) is int or value is None:
        return value
    match value:
        case bool():
            return None
        case int():
            return value
        case float():
            return int(value) if value.is_integer() else None
        case str():
            return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None
        case list():
            numbers = [_number(item) for item in cast(list[Any], value)]
            known = [number for number in numbers if number is not None]
            return sum(known) if known else None
        case _:
            return None
