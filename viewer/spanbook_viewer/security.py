"""Who may ask, and what a browser may do with the answer."""

import hashlib
import hmac
import re
from collections.abc import Collection
from urllib.parse import urlencode

from flask import Flask, Request, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from spanbook_viewer.problems import ForeignHostError, MissingTokenError

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
COOKIE = "spanbook-token"
POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "style-src-attr 'unsafe-inline'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def protect(app: Flask, *, token: str | None, allowed_hosts: Collection[str] | None) -> None:
    """Check the host and the token of every request, and set the headers of every answer.

    `allowed_hosts` None lets any name through: with a token, a page of another site that resolves
    to this address (DNS rebinding) has no cookie here and gets nothing.
    """

    @app.before_request
    def check() -> AnyResponse | None:  # pyright: ignore[reportUnusedFunction] -- Flask calls it
        if allowed_hosts is not None and _name(request.host) not in allowed_hosts:
            raise ForeignHostError(request.host)
        if token is None or request.endpoint == "static":
            return None
        return _check_token(request, token)

    @app.after_request
    def harden(response: Response) -> Response:  # pyright: ignore[reportUnusedFunction] -- Flask calls it
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if not response.cache_control.max_age:
            response.headers.setdefault("Cache-Control", "private, no-cache")
        return response


def _name(host: str) -> str:
    """Return the host name without the port; `[::1]` keeps its brackets."""
    found = re.fullmatch(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::\d+)?", host.lower())
    return found[1] if found else ""


def _check_token(request: Request, token: str) -> AnyResponse | None:
    """Let the request through, turn `?token=` into a cookie, or refuse."""
    given = request.args.get("token")
    if given is not None and _same(given, token):
        return _remember(request, token)
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and _same(bearer, token):
        return None
    if _same(request.cookies.get(COOKIE, ""), _fingerprint(token)):
        return None
    raise MissingTokenError(was_given=given is not None)


def _remember(request: Request, token: str) -> AnyResponse:
    rest = [(name, value) for name, value in request.args.items(multi=True) if name != "token"]
    address = request.script_root + request.path
    # One slash only: `//host` would be an address elsewhere.
    target = "/" + address.lstrip("/\\") + ("?" + urlencode(rest) if rest else "")
    response = redirect(target)
    response.set_cookie(
        COOKIE, _fingerprint(token), httponly=True, samesite="Lax", secure=request.is_secure
    )
    return response


def _fingerprint(token: str) -> str:
    return hashlib.sha256(f"spanbook viewer {token}".encode()).hexdigest()


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
