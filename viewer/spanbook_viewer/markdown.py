"""Markdown in recorded texts: whether a text is meant as it, and its markup, made harmless."""

import re
from collections.abc import Iterator, Sequence

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup, escape

from spanbook_viewer.highlighting import highlighted
from spanbook_viewer.long_texts import FIRST_LINES

LIMIT = 20_000  # characters of one text
LONGEST_LINE = 4_000
ADDRESS = 200  # characters of an address that are shown

# One of these is enough: nobody writes them by accident.
_CLEAR = re.compile(
    r"^ {0,3}#{2,6} \S"  # a heading
    r"|^ {0,3}```[\w+#.-]*[ \t]*\n"  # code between fences
    r"|\[[^\]\[\n]{1,200}\]\(https?://[^\s()]{1,2000}\)"  # a link
    r"|(?<![\w*])\*\*[^\s*](?:[^*\n]{0,300}[^\s*])?\*\*(?![\w*])"  # bold
    r"|^[^\n|]*\|[^\n]*\n {0,3}\|? {0,9}:?-+:? {0,9}(?:\| {0,9}:?-+:? {0,9})+\|? {0,9}$",  # a table
    re.MULTILINE,
)
# Two of these are; each alone is found in logs, shell scripts and YAML too.
_LIKELY = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        r"^# \S",
        r"^[ \t]{0,8}[-*+] \S[^\n]*\n(?:[ \t]{2,}[^\n]*\n|\n)*[ \t]{0,8}[-*+] \S",
        r"^[ \t]{0,8}\d{1,3}[.)] \S",
        r"`[^`\n]{1,200}`",
        r"(?<![\w*])\*[^\s*](?:[^*\n]{0,300}[^\s*])?\*(?![\w*])",
        r"^> \S",
    )
)
_OTHER = re.compile(r"\s*(?:<.*>\s*\Z|Traceback \(most recent call last\))", re.DOTALL)


def is_markdown(text: str) -> bool:
    """Tell whether `text` is clearly meant as Markdown, and not too long to be rendered."""
    if len(text) > LIMIT or _OTHER.match(text):
        return False
    if any(len(line) > LONGEST_LINE for line in text.splitlines()):
        return False
    return bool(_CLEAR.search(text)) or sum(bool(one.search(text)) for one in _LIKELY) > 1


def rendered(text: str) -> tuple[Markup, Markup, int]:
    """Return the markup of about the first 20 lines, of the rest, and how many lines that has.

    Nothing in it points anywhere or acts: addresses of links and images are written out, HTML in
    the text is text, and what the renderer made passes through an allow-list besides.
    """
    tokens = [_plain(token) for token in _MARKDOWN.parse(text)]
    lines = text.count("\n") + 1
    end, line = next(_breaks(tokens, lines), (len(tokens), lines))
    return _markup(tokens[:end]), _markup(tokens[end:]), lines - line


def _breaks(tokens: Sequence[Token], lines: int) -> Iterator[tuple[int, int]]:
    """Yield where the text may be folded: the places of blocks that begin late enough."""
    for place, token in enumerate(tokens):
        line = token.map[0] if token.map and token.level == 0 else 0
        if line >= FIRST_LINES and lines - line > 3:
            yield place, line


def _markup(tokens: Sequence[Token]) -> Markup:
    html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return Markup(_CLEANER.clean(html))  # noqa: S704 -- the allow-list made it safe


# From Markdown's tokens to ours


def _plain(token: Token) -> Token:
    """Return a block without addresses and styles, and with headings below those of the page."""
    match token.type:
        case "heading_open" | "heading_close":
            token.tag = "h5" if token.tag in ("h1", "h2") else "h6"
        case "th_open" | "td_open":
            number = token.attrs.get("style") == "text-align:right"
            token.attrs = {"class": "number"} if number else {}
        case "inline":
            token.children = list(_without_addresses(token.children or []))
        case _:
            pass
    return token


def _without_addresses(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield the tokens of a line, with links and images as text and address."""
    address = ""
    for token in tokens:
        match token.type:
            case "link_open":
                address = "" if token.markup == "autolink" else str(token.attrs.get("href", ""))
            case "link_close":
                yield _address(address)
            case "image":
                yield Token("text", "", 0, content=token.content or "image")
                yield _address(str(token.attrs.get("src", "")))
            case _:
                yield token


def _address(text: str) -> Token:
    cut = text if len(text) <= ADDRESS else text[:ADDRESS] + "…"
    return Token("address", "", 0, content=cut)


# From tokens to markup


def _write_address(
    _: RendererHTML, tokens: Sequence[Token], place: int, __: OptionsDict, ___: EnvType
) -> str:
    text = tokens[place].content
    return f' <span class="address">({escape(text)})</span>' if text else ""


def _write_code(
    _: RendererHTML, tokens: Sequence[Token], place: int, __: OptionsDict, ___: EnvType
) -> str:
    token = tokens[place]
    language = (token.info.split() or [""])[0]
    code, _rest = highlighted(token.content.removesuffix("\n"), language)
    return f'<pre class="code"><code>{code}</code></pre>\n'


def _open_table(*_: object) -> str:
    return '<div class="sheet"><table>\n'


def _close_table(*_: object) -> str:
    return "</table></div>\n"


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True})
    parser.enable(["table", "strikethrough"])
    # Definitions of references would vanish, and a line over --- is seldom meant as a heading.
    parser.disable(["reference", "lheading"])
    parser.add_render_rule("address", _write_address)
    parser.add_render_rule("fence", _write_code)
    parser.add_render_rule("code_block", _write_code)
    parser.add_render_rule("table_open", _open_table)
    parser.add_render_rule("table_close", _close_table)
    return parser


_MARKDOWN = _parser()
_CLEANER = nh3.Cleaner(
    tags={
        *("p", "br", "hr", "h5", "h6", "strong", "em", "s", "blockquote", "ul", "ol", "li"),
        *("pre", "code", "span", "div", "table", "thead", "tbody", "tr", "th", "td"),
    },
    attributes={"ol": {"start"}},
    allowed_classes={
        "pre": {"code"},
        "span": {"address", "comment", "key", "keyword"},
        "div": {"sheet"},
        "th": {"number"},
        "td": {"number"},
    },
    url_schemes=set(),
    link_rel=None,
)
