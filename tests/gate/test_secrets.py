"""Secrets: by key name, in URLs and in the texts of errors."""

from typing import Any

import pytest

from spanbook.gate.plain import Gate
from spanbook.gate.secrets import KeyNames, is_secret, mask_text, mask_user_info
from spanbook.settings import Limits, Settings


def plain(value: Any) -> Any:
    return Gate(Settings()).plain(value, "input")


SECRET = """
api_key apikey apiKey API_KEY APIKey x-api-key X-Api-Key xApiKey openai_api_key OPENAI_API_KEY
azureOpenaiApiKey api_key_2 apikey2 authorization Authorization proxy-authorization
Proxy-Authorization token Token access_token accessToken accesstoken refresh_token id_token
auth_token authToken bearer_token hf_token session_token x-amz-security-token csrfToken
password Password PASSWORD user_password userPassword passwd pwd db_pwd passphrase password_hash
secret secrets client_secret clientSecret secret_key private_key privateKey access_key
aws_secret_access_key aws_access_key_id account_key cookie Cookie set-cookie Set-Cookie cookies
credential credentials connection_string connectionString
ocp-apim-subscription-key jwt auth basic_auth signing_key
"""


@pytest.mark.parametrize("key", SECRET.split())
def test_a_secret_key_is_known_in_every_spelling(key):
    assert is_secret(key)
    assert plain({"a": [{key: "hunter2"}]}) == {"a": [{key: "[redacted]"}]}


HARMLESS = """
max_tokens maxTokens token_usage tokenUsage input_tokens output_tokens tokens token_count
total_tokens prompt_tokens_details input_variables output_parser tokenizer tokenizer_name
secretary author authors authored passage passenger compass keyboard key keys keyword keywords
monkey cache_key primary_key sort_key eos_token bos_token pad_token next_page_token
continuation_token cost_per_token first_token new_token api_key_env access_token_url
password_policy cookie_policy connection connections bypass content messages id
"""


@pytest.mark.parametrize("key", HARMLESS.split())
def test_what_only_resembles_a_secret_key_stays(key):
    assert not is_secret(key)
    assert plain({key: "seen"}) == {key: "seen"}


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, None),
        (True, True),
        (False, False),
        ("", "[redacted]"),
        (12345, "[redacted]"),
        (b"raw", "[redacted]"),
        (["a", "b"], "[redacted]"),
        ({"user": "u"}, "[redacted]"),
        (object(), "[redacted]"),
    ],
)
def test_under_a_secret_key_only_its_presence_is_told(value, kept):
    assert plain({"password": value}) == {"password": kept}


def test_a_number_of_tokens_is_no_secret():
    assert plain({"token": 3, "tokens": 4}) == {"token": 3, "tokens": 4}
    assert plain({"token": 0.5}) == {"token": 0.5}


def test_a_token_of_text_beside_its_probability_is_no_secret():
    assert plain({"token": "Hel", "logprob": -0.1}) == {"token": "Hel", "logprob": -0.1}


def test_the_memory_for_keys_is_bounded():
    names = KeyNames()

    for i in range(10_000):
        _ = names[f"key-{i}"]

    assert len(names) <= 4_096


def test_a_long_key_is_not_remembered():
    names = KeyNames()

    _ = names["k" * 1_000]

    assert not names


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("postgresql://ada:pw@db/shop", "postgresql://[redacted]@db/shop"),
        ("postgresql+psycopg://u:p@ss@h/d", "postgresql+psycopg://[redacted]@h/d"),
        ("https://ghp_x@github.com/a", "https://[redacted]@github.com/a"),
        ("a http://u:p@x b redis://:pw@y c", "a http://[redacted]@x b redis://[redacted]@y c"),
        ("https://medium.com/@ada/story", "https://medium.com/@ada/story"),
        ("mail ada@example.com or see https://x.y", "mail ada@example.com or see https://x.y"),
        ("https://x.y?to=a@b.c", "https://x.y?to=a@b.c"),
        ("://@", "://@"),
        ("http://[redacted]@x", "http://[redacted]@x"),
    ],
)
def test_a_url_keeps_everything_but_its_user(text, masked):
    assert mask_user_info(text) == masked
    assert plain({"t": [text], "k": text}) == {"t": [masked], "k": masked}


@pytest.mark.parametrize("noise", ["a@b.c ", "https://x.y/z ", "@", "://", "x" * 50])
def test_a_url_is_found_anywhere_in_a_long_text(noise):
    text = noise * 500 + " redis://u:pw@h " + noise * 500

    assert "pw" not in mask_user_info(text)
    assert mask_user_info(text).replace("[redacted]", "u:pw") == text


def test_a_cut_text_does_not_end_in_half_a_password():
    text = "x" * 85 + " http://ada:hunter2hunter2@host" + "y" * 100
    data = Gate(Settings(limits=Limits(text=105))).plain(text, "input")

    assert "hunter" not in str(data)


@pytest.mark.parametrize(
    "prompt",
    [
        "my key is sk-abcdefghijklmnop and api_key=foo",
        "password: hunter2",
        "Bearer abcdefghijklmnop",
    ],
)
def test_prompts_stay_as_they_are(prompt):
    assert plain({"content": prompt})["content"] is prompt


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abcDEF123456_x",
        "sk-ant-api03-abcdefghijkl",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "github_pat_11ABCDEFG0123456789",
        "xoxb-123456789012-abcdefghijkl",
        "AIzaSyA-1234567890abcdefghijklmnopqrstuv",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4",
        "hf_abcdefghijklmnopqrst",
    ],
)
@pytest.mark.parametrize("around", ["{}", "key {} failed", "'{}'", "({})", "x={}\nmore"])
def test_an_error_text_loses_what_looks_like_a_secret(secret, around):
    assert mask_text(around.format(secret)) == around.format("[redacted]")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("api_key=abc123 n=1", "api_key=[redacted] n=1"),
        ("{'api_key': 'abc', 'n': 1}", "{'api_key': '[redacted]', 'n': 1}"),
        ('{"password": "two words"}', '{"password": "[redacted]"}'),
        (r"{\"api_key\": \"abc\"}", r"{\"api_key\": \"[redacted]\"}"),
        ("Authorization: Basic dXNlcjpwYXNz end", "Authorization: [redacted] end"),
        ("Authorization: Bearer abc.def-ghi end", "Authorization: [redacted] end"),
        ("sent bearer abc123def", "sent bearer [redacted]"),
        ("GET https://a.b/c?api_key=12&x=1", "GET https://a.b/c?api_key=[redacted]&x=1"),
        ("postgres://u:p@h/d refused", "postgres://[redacted]@h/d refused"),
        ("password='never closed\nnext", "password='[redacted]'\nnext"),
        ("password = None", "password = None"),
        ("max_tokens=5 is too few", "max_tokens=5 is too few"),
        ("KeyError: 'key'", "KeyError: 'key'"),
        ("task-force risk-averse disk-usage", "task-force risk-averse disk-usage"),
        ("nothing here", "nothing here"),
    ],
)
def test_an_error_text_keeps_the_rest(text, masked):
    assert mask_text(text) == masked
    assert mask_text(masked) == masked
