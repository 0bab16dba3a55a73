"""How numbers, times and states are written."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from spanbook.usage import Usage
from spanbook_viewer import formats


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (None, "–"),
        (0, "0 ms"),
        (-5, "0 ms"),
        (200, "<1 ms"),
        (500, "1 ms"),
        (468_000, "468 ms"),
        (999_499, "999 ms"),
        (999_500, "1.00 s"),
        (4_210_000, "4.21 s"),
        (59_994_000, "59.99 s"),
        (59_996_000, "1 min 0 s"),
        (125_000_000, "2 min 5 s"),
        (3_599_600_000, "1 h 0 min"),
        (100_000_000_000, "27 h 46 min"),
    ],
)
def test_durations_are_ms_then_seconds_then_minutes_then_hours(microseconds, text):
    value = None if microseconds is None else timedelta(microseconds=microseconds)

    assert formats.duration(value) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "–"),
        ("0", "$0.00"),
        ("0.000000000012", "$0.000000000012"),
        ("0.00123456", "$0.0012"),
        ("0.00996", "$0.01"),
        ("0.01", "$0.01"),
        ("0.125", "$0.13"),
        ("1234.5", "$1,234.50"),
    ],
)
def test_money_has_two_significant_digits_below_a_cent_and_two_decimals_above(amount, text):
    assert formats.money(None if amount is None else Decimal(amount)) == text


def test_money_with_unpriced_calls_besides_is_a_lower_bound():
    assert formats.money(Decimal("0.42"), unpriced=2) == "≥ $0.42"


@pytest.mark.parametrize(
    ("usage", "text"),
    [
        (None, "–"),
        (Usage(), "0 in · 0 out"),
        (Usage(2732, 298, cache_read=2048), "2,732 in · 298 out · 2,048 cached"),
        (Usage(12, 5, reasoning=3, estimated=True), "≈ 12 in · 5 out · 3 reasoning"),
    ],
)
def test_usage_names_its_parts_and_says_when_it_was_estimated(usage, text):
    assert formats.usage_words(usage) == text


def test_unknown_tokens_are_a_dash_and_none_used_is_zero():
    assert (formats.tokens(None), formats.tokens(Usage())) == ("–", "0")


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (34_400, "34 kB"), (999_500, "1.0 MB"), (None, "–")],
)
def test_sizes_are_bytes_then_kilobytes_then_megabytes(size, text):
    assert formats.size(size) == text


def test_a_moment_is_a_time_element_in_utc_with_the_zone_named():
    berlin = timezone(timedelta(hours=2))

    markup = formats.moment(datetime(2026, 5, 4, 11, 30, 0, 250_000, tzinfo=berlin))

    assert markup == '<time datetime="2026-05-04T09:30:00.250Z">2026-05-04 09:30:00 UTC</time>'


def test_an_unknown_moment_is_a_dash():
    assert formats.moment(None) == "–"


def test_a_title_has_milliseconds():
    assert formats.clock(datetime(2026, 5, 4, 9, 30, 0, 4_999, tzinfo=UTC)) == (
        "2026-05-04 09:30:00.004 UTC"
    )
