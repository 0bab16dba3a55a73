"""Secrets: known by the name of their key anywhere, by their shape in error texts and URLs."""

import re
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

REDACTED = "[redacted]"

# What a key asks of the walk: nothing, to redact its value, or to be written differently.
PLAIN, SECRET, ODD = 0, 1, 2
KEY_LENGTH = 500
_REMEMBERED = 4096

_HINTS = (
    "key",
    "token",
    "secret",
    "pass",
    "pwd",
    "auth",
    "cookie",
    "credential",
    "connection",
    "jwt",
    "bearer",
)
_HINT = re.compile("|".join(_HINTS), re.IGNORECASE)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ENDINGS = _words(
    "password passwords passwd pwd passphrase passcode secret secrets token authorization cookie "
    "cookies credential credentials apikey apikeys jwt"
)
_WHOLE = frozenset({"auth", "basic_auth", "http_auth", "proxy_auth", "bearer"})
_PHRASES = (
    "api_key",
    "api_keys",
    "api_token",
    "access_key",
    "access_token",
    "account_key",
    "auth_key",
    "auth_token",
    "client_secret",
    "connection_string",
    "encryption_key",
    "id_token",
    "master_key",
    "password",
    "private_key",
    "refresh_token",
    "secret_key",
    "security_token",
    "service_key",
    "session_token",
    "signing_key",
    "subscription_key",
)
_SQUASHED = tuple(phrase.replace("_", "") for phrase in _PHRASES)
# A phrase before one of these speaks about a secret: access_token_url, password_policy.
_ABOUT = _words(
    "at count details enabled endpoint env expires expiry field file header in length limit limits "
    "name names path policy required type uri url usage var variable"
)
# A token of a text or of a page, not of an authority: eos_token, next_page_token, cost_per_token.
_TEXT_TOKEN = _words(
    "audio bos cached cls completion continuation eos end first image input last mask max min new "
    "next num output pad page per prompt reasoning sep special start stop text total unk"
)


def is_secret(key: str) -> bool:
    """Return whether a value under `key` is to be redacted."""
    if not _HINT.search(key):
        return False
    words = [word.lower() for word in _WORD.findall(key)]
    if not words:
        return False
    if words[-1] == "token":
        return len(words) == 1 or words[-2] not in _TEXT_TOKEN
    name = "_".join(words)
    if words[-1] in _ENDINGS or name in _WHOLE or "".join(words).endswith(_SQUASHED):
        return True
    return words[-1] not in _ABOUT and any(f"_{p}_" in f"_{name}_" for p in _PHRASES)


def redact(key: str, item: Any, siblings: Mapping[Any, Any]) -> Any:
    """Return what may be kept of the value of a secret `key`: a presence, a number of tokens."""
    if item is None or type(item) is bool:
        return item
    if key == "token":
        if type(item) is int or (type(item) is float and isfinite(item)):
            return item
        if type(item) is str and "logprob" in siblings:  # a token of text with its probability
            return item
    return REDACTED


class KeyNames(dict[str, int]):
    """What each key seen lately asks of the walk: `PLAIN`, `SECRET` or `ODD`."""

    def __missing__(self, key: str) -> int:
        if len(key) > KEY_LENGTH:
            return ODD
        odd = (key.startswith("$") and not key.strip("$")) or "://" in key
        asked = ODD if odd else SECRET if is_secret(key) else PLAIN
        if len(self) >= _REMEMBERED:
            self.clear()
        self[key] = asked
        return asked


_USER_INFO = re.compile(r"[^\s/?#\"'<>\\]{1,1024}@")
_REACH = 1_030  # characters from :// to the last @ of the user-info, at most
_LOOKS_BACK = 32


def mask_user_info(text: str) -> str:
    """Return `text` with the user and password of every URL in it redacted."""
    pieces: list[str] = []
    done = 0
    for start in _authorities(text):
        if start >= done and (found := _USER_INFO.match(text, start)):
            pieces += text[done:start], REDACTED, "@"
            done = found.end()
    return "".join(pieces) + text[done:] if pieces else text


def _authorities(text: str) -> Iterator[int]:
    """Yield where a URL with an @ may go on after its ://.

    To look back from an @ costs a fraction of looking for :// in all of a long text; where there
    are many, one search forward is cheaper.
    """
    at = text.find("@")
    for _ in range(_LOOKS_BACK):
        if at < 0:
            return
        start = text.rfind("://", max(0, at - _REACH), at)
        if start >= 0:
            yield start + 3
        at = text.find("@", at + 1)
    start = text.find("://", max(0, at - _REACH)) if at >= 0 else -1
    while start >= 0:
        yield start + 3
        start = text.find("://", start + 3)


# What a secret begins with, and what then follows. A plain search for the beginning comes first.
_SHAPES = {
    "sk-": r"[\w-]{8,}",
    "pk-": r"[\w-]{8,}",
    "sk_": r"\w{8,}",
    "pk_": r"\w{8,}",
    "rk_": r"\w{8,}",
    "AKIA": r"[A-Z0-9]{12,}",
    "ASIA": r"[A-Z0-9]{12,}",
    "AIza": r"[\w-]{20,}",
    "eyJ": r"[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?",
    "xoxa-": r"[\w-]{8,}",
    "xoxb-": r"[\w-]{8,}",
    "xoxp-": r"[\w-]{8,}",
    "xoxr-": r"[\w-]{8,}",
    "xoxs-": r"[\w-]{8,}",
    "ghp_": r"\w{10,}",
    "gho_": r"\w{10,}",
    "ghu_": r"\w{10,}",
    "ghs_": r"\w{10,}",
    "ghr_": r"\w{10,}",
    "github_pat_": r"\w{10,}",
    "glpat-": r"[\w-]{10,}",
    "gsk_": r"\w{16,}",
    "hf_": r"\w{16,}",
    "lsv2_": r"\w{16,}",
    "nvapi-": r"[\w-]{16,}",
    "pcsk_": r"\w{16,}",
    "tvly-": r"[\w-]{16,}",
    "xai-": r"[\w-]{16,}",
    "-----BEGIN": r"[A-Z ]{0,30}PRIVATE KEY-----[\s\S]*?(?:-----END[A-Z ]{0,30}-----|\Z)",
}
# The look behind the beginning, for the start of a word, leaves it a literal, found in no time.
_PATTERNS = {start: re.compile(rf"{start}(?<!\w{start}){rest}") for start, rest in _SHAPES.items()}
_BEARER = re.compile(r"\b(bearer\s+)[\w.~+/=-]{6,}", re.IGNORECASE)
_KEY = re.compile(r"""([A-Za-z][\w.-]{1,80}+)\\?["']?\s{0,4}+(?:=>|[=:])\s{0,4}+""")
_VALUE = re.compile(
    r"""
      [brf]? (\\?["']) .*? (?:\1|$)
    | (?i:basic|bearer|token|digest)\s+[^\s,;'"]+
    | (?!\[redacted\]) [^\s,;&)}\]'"]+
    """,
    re.VERBOSE | re.MULTILINE,
)
_NOTHING = frozenset({"None", "True", "False", "null", "true", "false"})


def mask_text(text: str) -> str:
    """Return `text`, an error's message or stack, without what has the shape of a secret.

    Not for prompts and answers, which stay as they are.
    """
    text = mask_shapes(text)
    lowered = text.lower()
    return _mask_assigned(text) if any(hint in lowered for hint in _HINTS) else text


def mask_shapes(text: str) -> str:
    """Return `text` without what looks like a secret whatever stands around it."""
    text = mask_user_info(text)
    for start, pattern in _PATTERNS.items():
        if start in text:
            text = pattern.sub(REDACTED, text)
    return _BEARER.sub(rf"\1{REDACTED}", text) if "bearer" in text.lower() else text


def _mask_assigned(text: str) -> str:
    pieces: list[str] = []
    done = 0
    for key in _KEY.finditer(text):
        if key.start() < done or not is_secret(key[1]):
            continue
        value = _VALUE.match(text, key.end())
        if value and value[0] not in _NOTHING:
            quote = value[1] or ""
            pieces += text[done : key.end()], quote, REDACTED, quote
            done = value.end()
    return "".join(pieces) + text[done:] if pieces else text
