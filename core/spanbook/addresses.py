"""Addresses: the URL of a store, and where on disk its journal lies."""

import hashlib
import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from spanbook.errors import SettingsError

_SCHEMES = ("sqlite", "postgresql", "clickhousedb")
_SCHEME = re.compile(r"^([a-zA-Z][\w.-]*)(\+[\w.-]+)?://")
_USER_INFO = re.compile(r"(?<=://)(?:[^/?#]*@|[^/?#:@]*:[^@]*@)")
_SECRETS = re.compile(r"(?<=[?&])(user|password|sslpassword|passfile)=[^&]*&?")


def store_url(address: str | os.PathLike[str]) -> str:
    """Return `address`, a URL or the path of a SQLite file, as a URL with an absolute path.

    Raises:
        SettingsError: a scheme that is no store's, or a SQLite database that is not a file.
    """
    text = os.fspath(address)
    match = _SCHEME.match(text)
    if match is None:
        return f"sqlite:///{Path(text).expanduser().absolute()}"
    scheme = match[1].lower()
    if scheme == "postgres":
        raise SettingsError("Write the store's URL as postgresql+psycopg://…, not postgres://….")
    if scheme not in _SCHEMES:
        raise SettingsError(
            f"No store speaks {scheme}:// . Use sqlite:///file.db, postgresql+psycopg://… "
            "or clickhousedb://…."
        )
    if scheme != "sqlite":
        return text
    path = _sqlite_part(text)
    if path in ("", ":memory:") or "mode=memory" in text:
        raise SettingsError(
            "A store must be a file, so that other programs can read it: sqlite:///spanbook.db."
        )
    prefix = text[: text.index("://") + 4]
    query = text.partition("?")[2]
    return f"{prefix}{Path(path).expanduser().absolute()}" + (f"?{query}" if query else "")


def sqlite_path(url: str) -> Path | None:
    """Return the file of a SQLite URL, or None for another store."""
    match = _SCHEME.match(url)
    if match is None or match[1].lower() != "sqlite":
        return None
    return Path(_sqlite_part(url))


def _sqlite_part(url: str) -> str:
    return unquote(url.split("://", 1)[1].removeprefix("/").partition("?")[0])


def journal_directory(url: str) -> Path:
    """Return where records wait for the store at `url`: beside a file, else in the user's state."""
    path = sqlite_path(url)
    if path is not None:
        return path.with_name(path.name + ".journal")
    state = os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA") or "~/.local/state"
    digest = hashlib.sha256(shown(url).encode()).hexdigest()[:16]
    host = re.sub(r"[^\w.-]", "", urlsplit(shown(url)).hostname or "store")
    return Path(state).expanduser() / "spanbook" / f"{host}-{digest}"


def shown(url: str) -> str:
    """Return `url` without user and password, for messages."""
    return _SECRETS.sub("", _USER_INFO.sub("", url, count=1)).rstrip("?&")
