"""Word pieces stand in where there is no tokenizer."""

import pytest

from spanbook.estimates.wordpieces import count_pieces


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("Hello", 1),
        ("Hello there, friend!", 5),
        ("12345678", 3),
        ("internationalisation", 4),
        ("get_weather_for_city", 5),
        ("a\n\n   b", 3),
        ("東京に行きたい", 5),
    ],
)
def test_a_text_is_worth_its_words_numbers_and_marks(text: str, tokens: int):
    assert count_pieces(text) == tokens
