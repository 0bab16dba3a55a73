"""Ids, times and headers that come from outside are taken as they are or refused with a reason."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from spanbook.errors import ArgumentError, SpanbookError
from spanbook.references import SpanReference, checked_time

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("header", "sampled"),
    [
        (f"00-{TRACE}-{SPAN}-01", True),
        (f"00-{TRACE}-{SPAN}-00", False),
        (f"00-{TRACE}-{SPAN}-03", True),  # other flags are for others
        (f"00-{TRACE}-{SPAN}-fe", False),
        (f" 00-{TRACE}-{SPAN}-01\t", True),  # space around a header's value is not part of it
        (f"01-{TRACE}-{SPAN}-01", True),  # a version to come reads as ours
        (f"cc-{TRACE}-{SPAN}-01-what-comes-then", True),
    ],
)
def test_a_header_names_a_span(header: str, sampled: bool) -> None:
    assert SpanReference.from_traceparent(header) == SpanReference(TRACE, SPAN, sampled)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01-more",  # version 00 ends there
        f"cc-{TRACE}-{SPAN}-01more",
        f"ff-{TRACE}-{SPAN}-01",  # no version
        f"0-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}g-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-0x",
        f"00_{TRACE}_{SPAN}_01",
        f"00-{TRACE}-{SPAN}-01,00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        "٠٠-" + TRACE + "-" + SPAN + "-01",
    ],
)
def test_a_header_that_is_not_valid_names_none(header: str) -> None:
    assert SpanReference.from_traceparent(header) is None


@pytest.mark.parametrize("flag", ["00", "01"])
def test_a_header_is_written_as_it_was_read(flag: str) -> None:
    header = f"00-{TRACE}-{SPAN}-{flag}"

    reference = SpanReference.from_traceparent(header)

    assert reference is not None
    assert reference.traceparent == header


@pytest.mark.parametrize(
    "headers",
    [
        {"traceparent": f"00-{TRACE}-{SPAN}-01"},
        {"Accept": "*/*", "TraceParent": f"00-{TRACE}-{SPAN}-01"},
        [(b"host", b"here"), (b"traceparent", f"00-{TRACE}-{SPAN}-01".encode())],  # as in ASGI
    ],
)
def test_names_of_headers_have_no_case(headers: Any) -> None:
    assert SpanReference.from_headers(headers) == SpanReference(TRACE, SPAN, True)


def test_headers_without_a_traceparent_name_none() -> None:
    assert SpanReference.from_headers({"accept": "*/*"}) is None


def test_ids_are_kept_in_lower_case() -> None:
    assert SpanReference(TRACE.upper(), SPAN.upper()) == SpanReference(TRACE, SPAN)


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        (("abc", SPAN), "trace id is 'abc'. Give 32 hexadecimal digits"),
        (("0" * 32, SPAN), "not all 0"),
        ((TRACE, "xyz"), "span id is 'xyz'. Give 16 hexadecimal digits"),
        ((TRACE, TRACE), "Give 16"),
        ((7, SPAN), "trace id is 7"),
    ],
)
def test_ids_that_cannot_be_are_refused(ids: tuple[Any, Any], words: str) -> None:
    with pytest.raises(ArgumentError, match=words) as refused:
        SpanReference(*ids)

    assert isinstance(refused.value, ValueError)
    assert isinstance(refused.value, SpanbookError)


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (1_790_000_000_123_456_789, 1_790_000_000_123_456_789),
        (datetime(1970, 1, 1, 0, 0, 1, 5, UTC), 1_000_005_000),
        (datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), 0),
    ],
)
def test_times_are_kept_exactly(given: Any, stored: int) -> None:
    assert checked_time(given) == stored


@pytest.mark.parametrize("given", [1_790_000_000.5, -1, 1 << 63, True, "now", datetime(2026, 1, 1)])  # noqa: DTZ001
def test_times_that_may_be_meant_otherwise_are_refused(given: Any) -> None:
    with pytest.raises(ArgumentError, match="with a time zone, or whole nanoseconds"):
        checked_time(given)
