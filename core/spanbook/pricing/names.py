"""Names: which provider and which model of a price list a call's own words mean.

A name is matched whole. Lists say `starts with` or `contains` where a model has many dated names;
taken at its word, that would give `gemini-2.5-pro-of-ours` the price of somebody else's model. So
what stands around the part that a list knows must be a date, a version or a known path.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genai_prices.types import MatchLogic

# How integrations and OpenTelemetry call providers, and how the list does.
_PROVIDERS = {
    "alibaba_cloud": "alibaba",
    "amazon": "aws",
    "amazon_bedrock": "aws",
    "anthropic_bedrock": "aws",
    "aws.bedrock": "aws",
    "aws_bedrock": "aws",
    "az.ai.inference": "azure",
    "az.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "azure_ai": "azure",
    "azure_openai": "azure",
    "bedrock": "aws",
    "bedrock_converse": "aws",
    "fireworks_ai": "fireworks",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "gemini": "google",
    "google_genai": "google",
    "google_vertexai": "google",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "moonshot": "moonshotai",
    "together_ai": "together",
    "vertex_ai": "google",
    "vertexai": "google",
    "x_ai": "x-ai",
    "xai": "x-ai",
}

_DATE = re.compile(r"[-@](?:\d{4}-\d\d-\d\d|\d{8})$")
_VERSION = re.compile(
    r"(?:[-@:._](?:\d{4}-\d\d-\d\d|\d{8}|\d{6}|\d{3,4}|\d\d-\d\d(?:-\d{4})?"
    r"|latest|preview|exp|experimental|v\d+(?:[.:]\d+)*)|:\d+)*"
)
_PATH = re.compile(r"(?:.+/)?(?:models|foundation-model|inference-profile)/")
_AT_AWS = re.compile(
    r"(?:(?:us|us-gov|eu|apac|au|jp|ca|in|sa|me|global)\.)?"
    r"(?:(?:ai21|amazon|anthropic|cohere|deepseek|google|luma|meta|minimax|mistral|moonshotai"
    r"|nvidia|openai|qwen|stability|twelvelabs|writer|zai)\.)?"
)
_SEPARATORS = "-@:._"


def provider_name(given: str) -> str:
    """Return what a list calls the provider `given`."""
    name = given.strip().lower()
    return _PROVIDERS.get(name, name)


def candidates(model: str, provider: str) -> list[str]:
    """Return the names under which a list of `provider` may have `model`, the exact one first.

    Whoever tuned a model pays another price than for the model it was made of, so `ft:` stays.
    """
    name = model.strip().lower()
    names = [name, _PATH.sub("", name)]
    head, slash, rest = name.partition("/")
    if slash and provider_name(head) == provider:
        names.append(rest)
    if name.startswith("ft:"):
        names.append(":".join(name.split(":")[:2]))  # without the owner and the name it gave
    names += [_DATE.sub("", one) for one in names]
    return list(dict.fromkeys(filter(None, names)))


def split_provider(model: str) -> tuple[str, str] | None:
    """Return provider and model of a name like `openai/gpt-4o`."""
    head, slash, rest = model.strip().partition("/")
    return (provider_name(head), rest) if slash and head and rest else None


def is_named(clause: "MatchLogic", name: str, provider: str) -> bool:
    """Say whether `clause`, which matches `name`, speaks of the whole of it."""
    from genai_prices import types

    match clause:
        case types.ClauseEquals():
            return True
        case types.ClauseStartsWith(starts_with=known):
            return _is_version(name[len(known) :], known.lower())
        case types.ClauseContains(contains=known):
            start = name.find(known.lower())
            return _is_place(name[:start], provider) and _is_version(
                name[start + len(known) :], known.lower()
            )
        case types.ClauseEndsWith(ends_with=known):
            return _is_place(name[: len(name) - len(known)], provider)
        case types.ClauseRegex(regex=known):
            found = re.match(known, name)
            if found is None or not found[0]:
                return False
            return _is_version(name[found.end() :], found[0])
        case types.ClauseOr(or_=several) | types.ClauseAnd(and_=several):
            return any(one.is_match(name) and is_named(one, name, provider) for one in several)


def _is_version(rest: str, known: str) -> bool:
    """Say whether `rest`, which follows what is `known`, only tells which edition it is."""
    if known.endswith(tuple(_SEPARATORS)):
        rest = known[-1] + rest
    elif known[-1:].isdigit():  # a list may know the head of a date
        head = re.search(r"\d+$", known)
        more = re.match(r"\d+", rest)
        if head and more and len(head[0]) + len(more[0]) in (3, 4, 8):
            rest = rest[more.end() :]
    return _VERSION.fullmatch(rest) is not None


def _is_place(before: str, provider: str) -> bool:
    """Say whether what stands `before` a name only tells where the model is to be found."""
    before = _PATH.sub("", before)
    return not before or (provider == "aws" and _AT_AWS.fullmatch(before) is not None)
