"""A model's family is known by its name."""

import pytest

from spanbook.estimates.families import find_family
from spanbook.estimates.ranks import CL100K, O200K


@pytest.mark.parametrize(
    "model",
    [
        *(
            "gpt-4o",
            "gpt-4o-mini-2024-07-18",
            "chatgpt-4o-latest",
            "gpt-4.1-nano",
            "gpt-4.5-preview",
        ),
        *("gpt-5", "gpt-5-mini-2025-08-07", "gpt-5.2_2025-12-11", "gpt-6", "o1-preview", "o3-mini"),
        *("o4-mini-2025-04-16", "openai/gpt-4o", "openrouter/openai/gpt-5.1", "gpt-oss-20b"),
        *("ft:gpt-4o-mini-2024-07-18:us::abc", "computer-use-preview", "GPT-4O", "gpt-audio-mini"),
    ],
)
def test_newer_models_use_o200k(model: str):
    family = find_family(model)

    assert family.table is O200K
    assert family.doubt is None


@pytest.mark.parametrize(
    "model",
    [
        *(
            "gpt-4",
            "gpt-4-0613",
            "gpt-4-turbo",
            "gpt-4-1106-preview",
            "gpt-3.5-turbo",
            "gpt-35-turbo",
        ),
        *("text-embedding-3-small", "text-embedding-ada-002", "gpt-3.5-turbo-instruct"),
        *("davinci-002", "ft:gpt-3.5-turbo-0125:org::id", "azure/gpt-4-32k"),
    ],
)
def test_older_models_use_cl100k(model: str):
    family = find_family(model)

    assert family.table is CL100K
    assert family.doubt is None


@pytest.mark.parametrize("model", ["my-deployment", "", None, "gpt-99-turbo"])
def test_an_unknown_name_is_a_guess(model: str | None):
    doubt = find_family(model).doubt

    assert doubt is not None
    assert doubt[0] == "encoding_guess"


@pytest.mark.parametrize(
    "model",
    ["claude-sonnet-4", "anthropic/claude-3", "gemini-2.0-flash", "mistral-large", "llama3:8b"],
)
def test_other_vendors_have_tokenizers_of_their_own(model: str):
    family = find_family(model)

    assert family.table is None
    assert family.doubt is not None
    assert family.doubt[0] == "foreign_tokenizer"
