"""SVG: text that cannot break out, the colours of both schemes, and the frame of a drawing."""

import re
from html import escape

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# The colours of the viewer: name, light, dark.
COLOURS = (
    ("bg", "#ffffff", "#101318"),
    ("surface", "#f6f7f9", "#171b22"),
    ("text", "#1c2128", "#e6e9ee"),
    ("muted", "#57606b", "#9aa4b1"),
    ("link", "#0b5cad", "#7db4f5"),
    ("edge", "#7f8793", "#6f7987"),
    ("line", "#d5dae1", "#2b313b"),
    ("error", "#b3131f", "#ff7871"),
    ("ok", "#1b7539", "#6fc884"),
    ("busy", "#855800", "#eeb154"),
    ("structure", "#5b5f6a", "#9398a4"),
    ("agent", "#8a0e74", "#e37dc9"),
    ("model", "#7e49d1", "#ac8af4"),
    ("prompt", "#5d5400", "#b4a737"),
    ("tool", "#a25737", "#ffa986"),
    ("retrieval", "#025955", "#82d5ce"),
    ("judge", "#337648", "#71cf8c"),
    ("vector", "#364fb9", "#b5c9fe"),
)
FONT = "system-ui, sans-serif"


def text(value: object) -> str:
    """Return `value` as text of XML or HTML: escaped, without characters that XML forbids."""
    return escape(_FORBIDDEN.sub("\ufffd", str(value)))


def cut(value: str, length: int) -> str:
    """Return `value` in at most `length` characters, escaped."""
    return text(value if len(value) <= length else value[: max(length - 1, 1)] + "…")


def colours(where: str) -> str:
    """Return the style rules that give `where` the colours of the scheme that the reader uses."""
    light = "".join(f"--{name}:{colour};" for name, colour, _ in COLOURS)
    dark = "".join(f"--{name}:{colour};" for name, _, colour in COLOURS)
    return f"{where}{{{light}}}@media (prefers-color-scheme:dark){{{where}{{{dark}}}}}"


def drawing(title: str, width: int, height: int, rules: str, shapes: list[str]) -> str:
    """Return an SVG file of its own, with its style, that asks nobody for anything."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img"><title>{text(title)}</title>'
        f"<style>{colours('svg')}svg{{background:var(--bg);font:12px {FONT}}}"
        f"text{{fill:var(--text);unicode-bidi:isolate}}.muted{{fill:var(--muted)}}{rules}</style>"
        f"{''.join(shapes)}</svg>"
    )


def part(title: str, kind: str, width: int, height: int, shapes: list[str]) -> str:
    """Return a drawing as a part of a page that has the styles of its `kind`."""
    return (
        f'<svg class="{kind}" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' role="group" aria-label="{text(title)}">{"".join(shapes)}</svg>'
    )
