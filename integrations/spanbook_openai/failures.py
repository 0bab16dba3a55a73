"""Failures: what the client's exceptions and the provider's error objects tell."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

# The only headers that are kept: all others may hold secrets.
_KEPT = {
    b"x-request-id": "request_id",
    b"apim-request-id": "request_id",
    b"openai-processing-ms": "processing_ms",
}
_LIMITS = (b"x-ratelimit-", b"retry-after")
_ATTEMPT = "x-stainless-retry-count"


def told_by_headers(response: Any, *, limits: bool) -> dict[str, Any]:
    """Return request id and processing time; with `limits` also the rate limits."""
    found: dict[str, Any] = {}
    kept = _KEPT.get
    for name, value in response.headers.raw:
        name = name.lower()
        key = kept(name)
        if key is not None:
            found.setdefault(key, _number(value.decode("latin-1")))
        elif limits and name.startswith(_LIMITS):
            found.setdefault("limits", {})[name.decode("latin-1")] = value.decode("latin-1")
    return found


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


def content_type(response: Any) -> str:
    """Return what the response says that its body is, in lower case and without parameters."""
    for name, value in response.headers.raw:
        if name.lower() == b"content-type":
            return value.decode("latin-1").partition(";")[0].strip().lower()
    return ""


def told_by_error(error: BaseException) -> dict[str, Any]:
    """Return HTTP status, request id, code and retries of a failed request."""
    found: dict[str, Any] = {}
    response = getattr(error, "response", None)
    if hasattr(getattr(response, "headers", None), "raw"):
        found.update(told_by_headers(response, limits=True))
    for name, key in (
        ("status_code", "http_status"),
        ("code", "error_code"),
        ("type", "error_type"),
    ):
        value = getattr(error, name, None)
        if isinstance(value, int | str):
            found[key] = value
    request = getattr(error, "request", None)
    retries = getattr(request, "headers", {}).get(_ATTEMPT) if request is not None else None
    if isinstance(retries, str) and retries.isdigit():
        found["retries"] = int(retries)
    return found


def error_of(told: Any, request: Any) -> BaseException:
    """Return what a provider reported inside an answer as the exception that it would have been."""
    message, body = _message(told), told if isinstance(told, Mapping) else None
    openai = sys.modules.get("openai")
    if openai is not None and request is not None:
        return openai.APIError(message, request, body=body)
    return RuntimeError(message)


def _message(told: Any) -> str:
    said = told.get("message") if isinstance(told, Mapping) else told
    return said if isinstance(said, str) and said else "The provider reported an error."


def is_from_client(error: BaseException | None, request: Any) -> bool:
    """Say whether the client raised `error` about this very request."""
    openai = sys.modules.get("openai")
    return (
        openai is not None
        and isinstance(error, openai.OpenAIError)
        and getattr(error, "request", None) is request
    )


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield `error` and what it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__


def closes_streams() -> bool:
    """Say whether this version of the client closes a stream's response when reading it fails."""
    openai = sys.modules.get("openai")
    reader = getattr(getattr(openai, "Stream", None), "__stream__", None)
    return "close" in getattr(getattr(reader, "__code__", None), "co_names", ())
