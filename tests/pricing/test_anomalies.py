"""What does not add up in reported usage is named."""

import pytest

from spanbook.usage import Usage, anomaly

STRANGE = [
    (Usage(208, 10, cache_read=314), None, "cache_read 314 of input 208"),
    (Usage(10, 5, reasoning=6), None, "reasoning 6 of output 5"),
    (Usage(10, 5, audio_input=11), None, "audio_input 11 of input 10"),
    (Usage(10, 5, image_input=11, audio_output=6), None, "image_input 11"),
    (Usage(10, 5, cache_read=6, cache_write=6), None, "cache_read and cache_write 12 of input 10"),
    (Usage(-5, 5), None, "input is negative (-5)"),
    (Usage(5, 5, cache_read=-1), None, "cache_read is negative (-1)"),
    (Usage(10, 5), 40, "total 40 is not input 10 and output 5"),
]


@pytest.mark.parametrize(("usage", "total", "words"), STRANGE)
def test_what_does_not_add_up_is_named(usage: Usage, total: int | None, words: str):
    assert words in (anomaly(usage, total) or "")


@pytest.mark.parametrize(
    ("usage", "total"),
    [
        (Usage(), None),
        (Usage(10, 5), 15),
        (Usage(10, 5, 4, 6, 10, 10, 5, 5), None),  # cached sound is both cached and sound
    ],
)
def test_what_adds_up_is_no_anomaly(usage: Usage, total: int | None):
    assert anomaly(usage, total) is None
