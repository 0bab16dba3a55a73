"""Arguments: single filter values between text in an address and Python."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, TypeVar

from spanbook.errors import FilterError
from spanbook.moments import duration_ns

_Word = TypeVar("_Word", bound=StrEnum)
_LARGEST = 2**63 - 1
_UNITS = {"ms": 1_000, "s": 10**6, "m": 60 * 10**6, "h": 3600 * 10**6, "d": 86400 * 10**6}
_AMOUNT = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(ms|s|m|h|d)?")
_TRUE = {"true", "1", "yes", "on"}
_FALSE = {"false", "0", "no", "off"}


@dataclass(frozen=True, slots=True)
class Argument:
    """How one filter field is read from text and written to it; `many`: it may be given repeatedly.

    `read` raises ValueError with a message that says what is possible.
    """

    read: Callable[[str], Any]
    write: Callable[[Any], str] = str
    many: bool = False


def near(word: str, known: list[str]) -> str:
    """Return a sentence that proposes the known words nearest to `word`, or names them all."""
    matches = get_close_matches(word, known, n=3, cutoff=0.6)
    if matches:
        return f"Did you mean {' or '.join(matches)}?"
    return f"Known are {', '.join(known)}."


def refuse_unknown(given: Iterable[str], known: Sequence[str] = ()) -> None:
    """Refuse arguments of an address that nothing would come of.

    Raises:
        FilterError: with the first of them, and near matches.
    """
    for name in given:
        if name not in known:
            advice = near(name, list(known)) if known else "This address takes no arguments."
            raise FilterError(f"Unknown argument {name!r}. {advice}")


def read_text(text: str) -> str:
    """Return `text`, refusing what a database cannot compare."""
    if "\x00" in text or not _encodes(text):
        raise ValueError("holds a character that no stored text has")
    return text


def _encodes(text: str) -> bool:
    return text.isascii() or not re.search("[\ud800-\udfff]", text)


def choice(words: type[_Word]) -> Callable[[str], _Word]:
    """Return a reader of one of `words`."""

    def read(text: str) -> _Word:
        known = [str(word) for word in words]
        if text not in known:
            raise ValueError(f"is {text!r}. {near(text, known)}")
        return words(text)

    return read


def read_duration(text: str) -> timedelta:
    """Return the span of time: `1.5s`, `200ms`, `2m`, `1h`, `1d`, or plain seconds."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"is {text!r}; give a duration such as 200ms, 1.5s, 2m, or seconds")
    try:
        microseconds = Decimal(match[1]) * _UNITS[match[2] or "s"]
        return timedelta(microseconds=int(microseconds))
    except OverflowError:
        raise ValueError(f"is {text!r}, which is too long") from None


def write_duration(span: timedelta) -> str:
    """Return `span` as `read_duration` reads it, in the largest unit that leaves no rest."""
    microseconds = duration_ns(span) // 1000
    for unit in ("d", "h", "m", "s", "ms"):
        if microseconds % _UNITS[unit] == 0:
            return f"{microseconds // _UNITS[unit]}{unit}"
    return f"{(Decimal(microseconds) / 1000).normalize():f}ms"


def read_time(text: str) -> datetime | timedelta:
    """Return a moment, ISO 8601 and UTC unless it says otherwise, or an age: `15m`, `30d`."""
    if _AMOUNT.fullmatch(text) and text[-1].isalpha():
        age = read_duration(text)
        if age > timedelta(days=36500):
            raise ValueError(f"is {text!r}, which is too long ago")
        return age
    try:
        at = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"is {text!r}; give an age such as 15m, 1d, 30d or a time such as 2026-05-01T12:00Z"
        ) from None


def write_time(at: datetime | timedelta) -> str:
    """Return `at` as `read_time` reads it."""
    if isinstance(at, timedelta):
        return write_duration(at)
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def read_number(text: str) -> int:
    """Return a whole number, 0 or more."""
    if not re.fullmatch(r"\d{1,19}", text.strip(), re.ASCII) or int(text) > _LARGEST:
        raise ValueError(f"is {text!r}; give a whole number, 0 or more")
    return int(text)


def read_money(text: str) -> Decimal:
    """Return US dollars, 0 or more."""
    try:
        amount = Decimal(text.strip().removeprefix("$"))
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or not 0 <= amount <= 9_000_000:
        raise ValueError(f"is {text!r}; give US dollars from 0 to 9000000, such as 0.05")
    return amount


def write_money(amount: Decimal) -> str:
    """Return `amount` without an exponent and without closing zeros."""
    return f"{amount.normalize():f}"


def read_flag(text: str) -> bool:
    """Return whether `text` says yes."""
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(f"is {text!r}; give true or false")
    return word in _TRUE


def write_flag(flag: bool) -> str:
    """Return `true` or `false`."""
    return "true" if flag else "false"


def read_flag_or_text(text: str) -> bool | str:
    """Return what `text` says where it is yes or no, else the text."""
    word = text.strip().lower()
    return word in _TRUE if word in _TRUE | _FALSE else read_text(text)


def write_flag_or_text(value: bool | str) -> str:
    """Return `value` as `read_flag_or_text` reads it."""
    return write_flag(value) if isinstance(value, bool) else value
