"""Markdown and code in recorded texts: which are rendered, how, and that nothing in them acts."""

import pytest

from spanbook.reading import queries
from spanbook.reading.rows import Payload
from spanbook_viewer import highlighting, markdown, samples
from spanbook_viewer.renditions import Allowance, rendition
from tests.viewer.markup import Page

TABLE = "| a | b |\n|---|--:|\n| 1 | 2 |"


@pytest.mark.parametrize(
    "text",
    [
        "## Refunds\n\nWithin 30 days.",
        "Refunds take **30 days**.",
        "See [the policy](https://shop.example/policy).",
        "Run this:\n```\nls\n```",
        "Run this:\n```python\nprint(1)\n```",
        TABLE,
        "a | b\n-|-\n1 | 2",
        "# Rules\n\n- be short\n- be kind",
        "Use `lookup`:\n1. ask\n2. wait",
        "An *important* thing:\n\n- one\n\n- two",
        samples.MARKDOWN,
        samples.HOSTILE_MARKDOWN,
    ],
)
def test_what_is_clearly_markdown_is_rendered(text):
    found = rendition(text, Allowance())

    assert found
    assert found.kind == "markdown"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "What changed in the refund policy?",
        "Two lines\nof text.",
        "# a comment of a shell script\nls -l",
        "- name: yaml\n- name: list",
        "1. only\n2. a list",
        "snake_case and __init__ and **kwargs and 2 ** 3 ** 4",
        "2 * 3 * 4 and a*b*c",
        "ps aux | grep x | wc",
        "----\na log\n----",
        "an array[0](call) and [x]",
        "<p>**not**</p>\n<ul><li>Markdown</li></ul>",
        'Traceback (most recent call last):\n  File "<x>", line 1\n    f(**a, **b)\nE: **x**',
        "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-one\n+two",
        "**bold** " + "x" * 4_001,
        "**bold**\n" * 2_500,
    ],
)
def test_what_may_be_something_else_stays_text(text):
    assert rendition(text, Allowance()) is None


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ('{"a": [1, null]}', "json"),
        (' [{"a": 1}]\n', "json"),
        ('{"half": ', None),
        ("[redacted]", None),
        ("[" * 9_000 + "]" * 9_000, None),
        (samples.PYTHON, "python"),
        ("import os\nprint(os.getcwd())", "python"),
        ("import duties are high\nfrom today on", None),
        ("def f(x):\n    return x\nThis is what it does.", None),
        (samples.SQL, "sql"),
        ("Select a plan from the list.", None),
        ("SELECT what you like", None),
        ("{}", None),
    ],
)
def test_a_language_is_known_where_it_is_clear(text, language):
    assert highlighting.language_of(text) == language


def test_code_keeps_every_character():
    code = samples.PYTHON * 20

    halves = highlighting.highlighted(code, "python", 500)

    assert [Page(f"<pre>{half}</pre>").all("pre")[0].text for half in halves] == [
        code[:500],
        code[500:],
    ]


def test_keywords_comments_and_keys_are_marked_and_nothing_else():
    python, _ = highlighting.highlighted("if x:  # why\n    y = 1", "py")
    json, _ = highlighting.highlighted('{"a": true}', "json")

    assert python == (
        '<span class="keyword">if</span> x:  <span class="comment"># why</span>\n    y = 1'
    )
    assert json == '{<span class="key">&#34;a&#34;</span>: true}'


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("int x = 1;", "c"),
        ("if x", "nonsense"),
        ("if " * 300, "python"),
        ("if\n" * 8_000, "python"),
    ],
)
def test_code_is_only_escaped_where_a_lexer_is_unknown_or_could_be_slow(text, language):
    assert highlighting.highlighted(text, language)[0] == text


def test_markdown_becomes_the_elements_that_it_means():
    found = rendition(samples.MARKDOWN, Allowance())

    assert found
    page = Page(str(found.first))
    assert page.faults == []
    assert {"h5", "p", "strong", "em", "code", "ol", "ul", "pre", "blockquote", "table"} <= {
        element.tag for element in page.elements
    }
    assert [cell.text for cell in page.all("td", **{"class": "number"})] == [
        "30",
        "0.00",
        "0",
        "4.50",
    ]
    assert [cell.text for cell in page.all("span", **{"class": "keyword"})] == [
        "def",
        "return",
        "if",
        "else",
    ]


def test_links_and_images_are_text_with_their_addresses():
    first, _, _ = markdown.rendered(
        "[a **bold** link](https://x.example/?a=1&b) ![dot](https://x.example/a.png) "
        "<https://x.example> [mail](mailto:a@x.example)"
    )

    assert first == (
        '<p>a <strong>bold</strong> link <span class="address">(https://x.example/?a=1&amp;b)</span>'
        ' dot <span class="address">(https://x.example/a.png)</span> https://x.example mail '
        '<span class="address">(mailto:a@x.example)</span></p>\n'
    )


def test_long_markdown_is_folded_between_two_blocks():
    found = rendition("".join(f"**Line {number}**\n\n" for number in range(60)), Allowance())

    assert found
    assert found.first.count("<p>") == 10
    assert found.rest.count("<p>") == 50
    assert found.more == "101 more lines"


def test_nothing_in_markdown_vanishes():
    first, _, _ = markdown.rendered("**a**\n<!-- hidden -->\n\n[note]: https://x.example 'b'\n")

    for text in ("&lt;!-- hidden --&gt;", "[note]: https://x.example"):
        assert text in first


def test_a_value_is_rendered_as_far_as_its_allowance_goes():
    allowance = Allowance(40)
    text = "Refunds take **30 days**."

    assert rendition(text, allowance)
    assert rendition(text, allowance) is None
    assert rendition(text, None) is None


SCRIPT = samples.HOSTILE
PAYLOADS = [
    SCRIPT,
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    '<a href="javascript:alert(1)">x</a>',
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt&colon;alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:x)",
    '[x](https://x.example/"onmouseover="alert(1))',
    "[x](<https://x.example/ onclick=alert(1)>)",
    "[x](https://x.example 'a\" onclick=\"b')",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    '![" onerror="alert(1)](https://x.example/a.png)',
    "![<script>alert(1)</script>](https://x.example/a.png)",
    "![x](//x.example/a.png)",
    "<javascript:alert(1)>",
    "[r]: javascript:alert(1)\n\n[r]",
    '```"><script>alert(1)</script>\nx\n```',
    "```html\n</code></pre><script>alert(1)</script>\n```",
    "```python\nx = '</span><script>alert(1)</script>'\n```",
    "`</code><script>alert(1)</script>`",
    "    <script>alert(1)</script>",
    f"| {SCRIPT} | <svg/onload=alert(1)> |\n|---|:-:|\n| <style>*{{}}</style> | [x](data:a) |",
    "> <iframe src=javascript:alert(1)>\n> - <object data=x>",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<math><mtext><style><img src=x onerror=alert(1)>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    '<div style="position:fixed" class="banner" id="main">',
    "<base href=//x.example>",
    "**<b onclick=alert(1)>**",
    "x" * 10_000,
    "**" + "x" * 10_000 + "**",
    "[" * 3_000,
    "> " * 3_000,
    "\ud83d **half** \udc00",
    "\x00<script\x00>alert(1)</script>",
]
ALLOWED = {
    *("p", "br", "hr", "h5", "h6", "strong", "em", "s", "blockquote", "ul", "ol", "li", "pre"),
    *("code", "span", "div", "table", "thead", "tbody", "tr", "th", "td"),
}
CLASSES = {"address", "code", "comment", "key", "keyword", "number", "sheet"}


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize(
    "around", ["{}", "## A\n\n{}", "- a\n- {}\n", "> {}", "**a** {}", "[{}](x)"]
)
def test_no_markdown_becomes_anything_that_acts(payload, around):
    text = around.format(payload).encode("utf-8", "replace").decode()

    page = Page("".join(map(str, markdown.rendered(text)[:2])))

    assert page.faults == []
    assert {element.tag for element in page.elements} <= ALLOWED
    for element in page.elements:
        assert set(element.attributes) <= {"class", "start"}
        assert element.attributes.get("class", "code") in CLASSES


@pytest.mark.parametrize("language", [*highlighting.LEXERS, "html", "<script>"])
@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_code_becomes_anything_that_acts(payload, language):
    code, _ = highlighting.highlighted(payload, language)

    page = Page(str(code))

    assert page.faults == []
    assert {element.tag for element in page.elements} <= {"span"}
    assert {e.attributes["class"] for e in page.elements} <= CLASSES


def shapes_of(text: str) -> Payload:
    """Return a payload that holds `text` wherever a page renders texts."""
    rich = f"## A\n\n{text}\n\n```python\n{text}\n```"
    records = [{"a": text[:200], "b": 1}, {"a": text[:200], "b": 2}]
    frame = {"$": "table", "shape": [1, 1], "columns": [text], "rows": [[rich]]}
    parts = [{"type": "text", "text": rich}, {"type": "reasoning", "text": rich}, {"other": rich}]
    messages = [
        {"role": "assistant", "content": rich, "tool_calls": [{"id": "1", "arguments": rich}]},
        {"role": "user", "content": parts, "tool_calls": [{"arguments": {"code": rich}}]},
        {"role": "tool", "content": records},
        {"role": "tool", "content": f"import os\nprint({text!r})"},
    ]
    output = {"answer": rich, "frame": frame, "records": records, "text": rich}
    documents = [{"text": rich, "metadata": {"rows": records}}]
    both = {"documents": documents, "rest": output, "query": text}
    return Payload({"messages": messages, "frame": frame}, both, True, True, output, (), None)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_path_to_a_page_lets_anything_act(payload, shown, client, monkeypatch):
    monkeypatch.setattr(queries, "get_payload", lambda *_: shapes_of(payload))

    text = client.get(shown.address("overlapping")).text

    page = Page(text)
    assert page.faults == []
    assert ('class="markdown"' in text) == (len(payload) < markdown.LONGEST_LINE)
    assert [e.attributes.get("src") for e in page.all("script")] == ["/static/viewer.js"]
    assert not {"svg", "img", "iframe", "object", "math", "base"} & {e.tag for e in page.elements}
    assert not [n for e in page.elements for n in e.attributes if n.startswith("on")]
    assert [a for a in page.addresses() if not a.startswith(("/", "?", "#"))] == []
    assert page.all("style") == []
    styles = [e.attributes["style"] for e in page.elements if "style" in e.attributes]
    assert [style for style in styles if not style.startswith("--")] == []


def test_the_source_of_markdown_is_in_the_page(shown, client, monkeypatch):
    payload = Payload(None, "A **bold** claim", False, True, {}, (), None)
    monkeypatch.setattr(queries, "get_payload", lambda *_: payload)

    page = Page(client.get(shown.address("overlapping")).text)

    assert [e.text for e in page.all("strong")] == ["bold"]
    (source,) = [e for e in page.all("details") if "source" in e.attributes.get("class", "")]
    assert source.text == "SourceA **bold** claim"


def test_the_table_of_traces_renders_nothing(client):
    assert 'class="markdown"' not in client.get("/traces/?columns=input&columns=output").text
