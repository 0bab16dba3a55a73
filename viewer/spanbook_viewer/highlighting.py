"""Code in colours that the pages already have: keywords bold, comments and keys muted."""

import re
from collections.abc import Iterator

import orjson
from markupsafe import Markup, escape
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name  # pyright: ignore[reportUnknownVariableType] -- its stub leaves the options open
from pygments.token import Token

LIMIT = 20_000  # characters of one text
LONGEST_LINE = 500  # characters; what some lexers do to a line takes the square of its length

# Pygments knows hundreds of languages. These are common in traces, and their lexers take linear
# time for any text of such lines; those of C, C#, Java, HTML and XML can take minutes.
LEXERS = {
    "bash": ("sh", "shell", "zsh", "console"),
    "css": (),
    "diff": ("patch",),
    "go": ("golang",),
    "javascript": ("js", "jsx", "mjs"),
    "json": ("jsonc", "json5"),
    "kotlin": ("kt",),
    "python": ("py", "python3"),
    "rust": ("rs",),
    "sql": ("postgresql", "sqlite", "mysql"),
    "toml": (),
    "typescript": ("ts", "tsx"),
    "yaml": ("yml",),
}
_NAMES = {alias: name for name, aliases in LEXERS.items() for alias in (name, *aliases)}

# The first type that holds a token decides on its class in the page.
_CLASSES = (
    (Token.Comment, "comment"),
    (Token.Keyword.Constant, ""),
    (Token.Keyword, "keyword"),
    (Token.Operator.Word, "keyword"),
    (Token.Name.Tag, "key"),
)


def language_of(text: str) -> str | None:
    """Return the language that the whole of `text` is clearly written in, or None."""
    if _is_json(text):
        return "json"
    if _is_python(text):
        return "python"
    return "sql" if _SQL.match(text) else None


def _is_json(text: str) -> bool:
    stripped = text.strip()
    if stripped[:1] + stripped[-1:] not in ("{}", "[]"):
        return False
    try:
        return bool(orjson.loads(stripped))
    except orjson.JSONDecodeError:
        return False


_SQL = re.compile(
    r"\s*(?:SELECT\b[^;]+?\bFROM\b|INSERT INTO \w|UPDATE \S+ SET\b|DELETE FROM \w"
    r"|CREATE (?:TABLE|INDEX|VIEW) \w|WITH \w+ AS \()"
)
_PYTHON_STATEMENT = re.compile(
    r"^(?:from [\w.]+ import [\w(*]|import [\w.]+(?: as \w+)?$|(?:async )?def \w+\(|class \w+[(:])",
    re.MULTILINE,
)
_PYTHON_LINE = re.compile(
    r"\s|[@#)\]}\"']|(?:from|import|def|async|class|if|elif|else|for|while|with|try|except"
    r"|finally|return|raise|assert|del|pass|print)\b|[\w.]+(?:\[.*\])?(?:[:,] ?[^=]+)? ?[-+*/|]?="
    r"|[\w.]+\("
)


def _is_python(text: str) -> bool:
    if not _has_short_lines(text) or not _PYTHON_STATEMENT.search(text):
        return False
    written = [line for line in text.splitlines() if line.strip()]
    return len(written) > 1 and all(_PYTHON_LINE.match(line) for line in written)


def _has_short_lines(text: str) -> bool:
    return all(len(line) <= LONGEST_LINE for line in text.splitlines())


def highlighted(text: str, language: str, end: int | None = None) -> tuple[Markup, Markup]:
    """Return `text` as markup, up to `end` and from there on.

    It is escaped and nothing more where it is too long, or in a language that is not known.
    """
    end = len(text) if end is None else end
    halves: tuple[list[str], list[str]] = ([], [])
    place = 0
    for name, value in _runs(text, language):
        head = value[: max(0, end - place)]
        for half, piece in zip(halves, (head, value[len(head) :]), strict=True):
            if piece:
                half.append(_span(name, piece))
        place += len(value)
    return _joined(halves[0]), _joined(halves[1])


def _runs(text: str, language: str) -> Iterator[tuple[str, str]]:
    """Yield stretches of `text` that look alike, with their class."""
    lexer = _lexer(text, language)
    if lexer is None:
        yield "", text
        return
    name, run = "", ""
    for token, value in lexer.get_tokens(text):
        own = next((name for type, name in _CLASSES if token in type), "")
        if own != name and run:
            yield name, run
            run = ""
        name, run = own, run + value
    yield name, run


def _lexer(text: str, language: str) -> Lexer | None:
    name = _NAMES.get(language.lower())
    if name is None or len(text) > LIMIT:
        return None
    if name != "json" and not _has_short_lines(text):
        return None
    return get_lexer_by_name(name, stripnl=False, ensurenl=False)


def _span(name: str, text: str) -> Markup:
    return Markup('<span class="{}">{}</span>').format(name, text) if name else escape(text)


def _joined(pieces: list[str]) -> Markup:
    return Markup("").join(pieces)
