"""Preferences: colours and refresh, kept by this browser in cookies."""

from collections.abc import Mapping

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

bp = Blueprint("preferences", __name__, url_prefix="/preferences")
THEMES = ("light", "dark")
REFRESHES = ("off", "3", "10", "30", "60")
YEAR = 31_536_000


@bp.get("")
def keep() -> Response:
    response = redirect(_local(request.args.get("back", "")))
    for name, value in (("theme", theme(request.args)), ("refresh", refresh(request.args))):
        response.set_cookie(f"spanbook-{name}", value, max_age=YEAR, samesite="Lax")
    return response


def _local(address: str) -> str:
    """Return an address on this server, whatever was asked for."""
    own = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if own and address.isprintable() else request.script_root + "/"


def theme(values: Mapping[str, str], prefix: str = "") -> str:
    """Return the colours asked for; empty: those of the system."""
    asked = values.get(f"{prefix}theme", "")
    return asked if asked in THEMES else ""


def refresh(values: Mapping[str, str], prefix: str = "") -> str:
    """Return the seconds after which a page is read again, or off; empty: while something runs."""
    asked = values.get(f"{prefix}refresh", "")
    return asked if asked in REFRESHES else ""
