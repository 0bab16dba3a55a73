"""Pages as a browser sees them: elements with attributes, and whether they nest."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
OPTIONAL = {"option", "li", "p"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    inside: tuple[str, ...]
    text: str = ""


@dataclass
class Page(HTMLParser):
    """A parsed page; `faults` are end tags that do not fit."""

    source: str
    elements: list[Element] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[Element] = []
        self.feed(self.source)
        self.close()
        self.faults += [f"<{e.tag}> stays open" for e in self._open if e.tag not in OPTIONAL]

    def handle_starttag(self, tag, attrs):
        inside = tuple(e.tag for e in self._open)
        element = Element(tag, {name: value or "" for name, value in attrs}, inside)
        self.elements.append(element)
        if tag not in VOID and not (tag == "option" and "datalist" in inside):
            self._open.append(element)

    def handle_startendtag(self, tag, attrs):
        attributes = {name: value or "" for name, value in attrs}
        self.elements.append(Element(tag, attributes, tuple(e.tag for e in self._open)))

    def handle_endtag(self, tag):
        if self._open and self._open[-1].tag == tag:
            self._open.pop()
        else:
            self.faults.append(f"</{tag}> after {[e.tag for e in self._open[-3:]]}")

    def handle_data(self, data):
        for element in self._open:
            element.text += data

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Return the elements of that tag with these attributes."""
        return [
            element
            for element in self.elements
            if element.tag == tag
            and all(element.attributes.get(name) == value for name, value in attributes.items())
        ]

    def addresses(self) -> list[str]:
        """Return every address that the page points at."""
        names = ("src", "href", "action", "srcset", "poster", "formaction", "data")
        return [e.attributes[name] for e in self.elements for name in names if name in e.attributes]


def found(pattern: str, text: str) -> str:
    """Return what the pattern's group, or the whole of it, matches first; it must match."""
    match = re.search(pattern, text, re.DOTALL)
    assert match, pattern
    return match[match.re.groups and 1]
