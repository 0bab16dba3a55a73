"""Moments: integer nanoseconds, as stored, into aware UTC datetimes and timedeltas and back."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MONEY_PLACES = 12  # money is stored as integer 10⁻¹² US dollars


def moment(ns: int) -> datetime:
    """Return the moment `ns` nanoseconds after 1970, to the microsecond."""
    return EPOCH + timedelta(microseconds=ns // 1000)


def moment_ns(at: datetime) -> int:
    """Return `at` as nanoseconds since 1970; a datetime without a zone is UTC."""
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return duration_ns(aware - EPOCH)


def written(ns: int) -> str:
    """Return a moment as `2026-05-04T09:30:00.000000001Z`, to the nanosecond."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def read_moment(text: str) -> int:
    """Return the nanoseconds since 1970 of a moment that `written` wrote.

    Raises:
        ValueError: it did not write that.
    """
    seconds, _, rest = text.removesuffix("Z").partition(".")
    whole = datetime.strptime(seconds, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    if not (text.endswith("Z") and len(rest) == 9 and rest.isascii() and rest.isdigit()):
        raise ValueError(f"{text!r} is no moment to the nanosecond.")
    return (whole - EPOCH) // timedelta(seconds=1) * 1_000_000_000 + int(rest)


def duration(ns: int) -> timedelta:
    """Return `ns` nanoseconds as a timedelta, to the microsecond."""
    return timedelta(microseconds=ns // 1000)


def duration_ns(span: timedelta) -> int:
    """Return `span` as nanoseconds."""
    return span // _MICROSECOND * 1000


def money(stored: int) -> Decimal:
    """Return the US dollars that the store holds as an integer."""
    return Decimal(stored).scaleb(-_MONEY_PLACES)


def stored_money(dollars: Decimal) -> int:
    """Return `dollars` as the store holds them; parts below its precision are cut."""
    return int(dollars.scaleb(_MONEY_PLACES))
